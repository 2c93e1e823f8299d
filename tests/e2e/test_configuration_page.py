"""The Configuration page: edited, refused, saved, fought over, restored, brought from a file, and only read."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.e2e.harness import Server
from tests.e2e.visit import Visitor, ready

pytestmark = pytest.mark.e2e
Starter = Callable[..., Server]
PAGE = "#react-entry-point .configuration"
CPU = "monitoring.alertThresholds.cpuPercent"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A server whose configuration these tests change."""
    running = Server(tmp_path_factory.mktemp("configuration") / "data")
    try:
        yield running.start()
    finally:
        running.stop()


def opened(
    visitor: Visitor, server: Server, tab: str = "", name: str = "admin", password: str = "", **more: Any,
) -> Page:
    """The page, with its form in hand."""
    page = visitor.open(server, "/configuration" + (f"?tab={tab}" if tab else ""), name, password, **more)
    ready(page)
    page.wait_for_function("() => vigie.configuration.page() !== null")
    return page


def row(path: str) -> str:
    """A field by the path of its key within its card."""
    *_, part, key = path.split(".")
    return f"{PAGE} [data-kind=group][data-key={part}] > [data-key={key}]"


def put(page: Page, path: str, value: str) -> None:
    page.fill(f"{row(path)} input:not([type=range])", value)


def value(page: Page, path: str) -> str:
    return page.input_value(f"{row(path)} input:not([type=range])")


def shows(page: Page, path: str, wanted: str) -> None:
    page.wait_for_function("([at, wanted]) => document.querySelector(at).value === wanted", arg=[
        f"{row(path)} input:not([type=range])", wanted,
    ])


def save(page: Page) -> None:
    page.click(f"{PAGE} [data-cf=review]")
    page.click("#configuration-diff[open] [data-cf-confirm=go]")
    page.wait_for_selector("#configuration-diff", state="hidden")
    page.wait_for_selector(f"{PAGE} .cf-bar", state="hidden")


def config(server: Server) -> dict[str, Any]:
    found: dict[str, Any] = server.login().get(f"{server.url}/api/v1/config", timeout=10).json()
    return found


def by_program(server: Server, patch: dict[str, Any]) -> None:
    """Somebody else changes something meanwhile."""
    session = server.api_login("admin", "a lookout keeps watch")
    version = config(server)["version"]
    answer = session.post(f"{server.url}/api/v1/config", json={"version": version, "patch": patch}, timeout=10)
    assert answer.status_code == 200, answer.text


def test_an_edit_is_shown_saved_and_in_force(desk: Server, visitor: Visitor) -> None:
    page = opened(visitor, desk, "models")
    assert page.locator(f"{PAGE} .cf-bar").is_hidden()
    put(page, "models.defaultParameters.temperature", "1.3")
    assert page.input_value(f"{row('models.defaultParameters.temperature')} input[type=range]") == "1.3"
    page.click(f"{PAGE} [data-cf-tab=ui]")
    page.wait_for_url("**/configuration?tab=ui")
    page.select_option(f"{row('ui.chartsHistoryMinutes')} select", "15")
    page.wait_for_selector(f"{PAGE} .cf-bar >> text=2 changes")
    page.click(f"{PAGE} [data-cf=review]")
    page.wait_for_selector("#configuration-diff[open] .cf-change")
    shown = page.inner_text("#configuration-diff[open] .cf-diff")
    assert "Temperature" in shown and "0.7" in shown and "1.3" in shown and "15 min" in shown
    page.click("#configuration-diff [data-cf-confirm=go]")
    page.wait_for_selector(f"{PAGE} .cf-bar", state="hidden")
    kept = config(desk)["config"]
    assert (kept["models"]["defaultParameters"]["temperature"], kept["ui"]["chartsHistoryMinutes"]) == (1.3, 15)
    page.click(f"{PAGE} [data-cf-tab=models]")
    page.click(f"{row('models.defaultParameters.temperature')} [data-cf=reset]")
    assert value(page, "models.defaultParameters.temperature") == "0.7"
    save(page)


def test_what_is_not_right_is_said_beside_its_field_and_nothing_typed_is_lost(desk: Server, visitor: Visitor) -> None:
    page = opened(visitor, desk, "proxies")
    put(page, "proxies.ollama.port", "70000")
    put(page, "proxies.lmstudio.host", "10.0.0.7")
    page.click(f"{PAGE} [data-cf-tab=paths]")
    page.click(f"{PAGE} [data-cf=review]")
    wrong = page.locator(f"{row('proxies.ollama.port')} .cf-error")
    wrong.filter(has_text="65535").wait_for()
    assert "70000" in wrong.inner_text()
    assert page.get_attribute(f"{row('proxies.ollama.port')} input", "aria-invalid") == "true"
    assert page.evaluate("document.activeElement.closest('.cf-row').dataset.key") == "port"
    assert value(page, "proxies.lmstudio.host") == "10.0.0.7"
    page.click(f"{PAGE} [data-cf=discard]")
    assert value(page, "proxies.ollama.port") == "11434"


def test_limits_in_the_wrong_order_are_said_by_their_names(desk: Server, visitor: Visitor) -> None:
    page = opened(visitor, desk, "alerts")
    put(page, CPU, "97")
    page.click(f"{PAGE} [data-cf=review]")
    wrong = "CPU use, warning (97) must not be above CPU use, critical (95)"
    page.wait_for_selector(f"{row(CPU)} .cf-error >> text={wrong}")
    page.wait_for_selector(f"{PAGE} .cf-bar >> text=one field is not right")
    put(page, CPU, "85")
    page.wait_for_selector(f"{PAGE} .cf-bar", state="hidden")


def test_secrets_go_in_and_never_come_out(desk: Server, visitor: Visitor) -> None:
    page = opened(visitor, desk, "proxies")
    box = row("proxies.ollama.apiKey")
    page.click(f"{box} [data-cf=secret]")
    page.fill(f"{box} input", "swordfish")
    page.click(f"{PAGE} [data-cf=review]")
    page.wait_for_selector("#configuration-diff[open] .cf-change")
    assert "swordfish" not in page.inner_text("#configuration-diff[open]")
    page.click("#configuration-diff [data-cf-confirm=go]")
    page.wait_for_selector(f"{box} [data-state=set]")
    assert "swordfish" not in page.content()
    page.reload()
    page.wait_for_selector(f"{box} [data-state=set]")
    page.click(f"{box} [data-cf=secret-clear]")
    save(page)
    assert config(desk)["config"]["proxies"]["ollama"]["apiKey"] == ""


def test_lists_and_channels_grow_and_shrink(desk: Server, visitor: Visitor, tmp_path: Path) -> None:
    page = opened(visitor, desk, "notifications")
    targets = f"{PAGE} [data-key=targets]"
    page.click(f"{targets} [data-cf=add]")
    page.click(f"{PAGE} [data-cf=review]")
    page.wait_for_selector(f"{targets} [data-item] .cf-error >> text=name")
    page.fill(f"{targets} .cf-entry-name >> nth=0", "ops")
    page.click(f"{targets} [data-item] [data-cf=secret]")
    page.fill(f"{targets} [data-item] [data-key=url] input", "json://localhost:9/")
    page.click(f"{PAGE} [data-kind=group][data-key=configChanged] .cf-chip:has-text('ops')")
    page.click(f"{PAGE} [data-cf-tab=paths]")
    page.click(f"{PAGE} [data-key=watchedDirectories] [data-cf=add]")
    page.fill(f"{PAGE} [data-key=watchedDirectories] [data-item] [data-key=path] input", str(tmp_path))
    visitor.allow("403")  # it lies outside of the folders that may be looked at, and may be configured all the same
    page.press(f"{PAGE} [data-key=watchedDirectories] [data-item] [data-key=path] input", "Tab")
    page.wait_for_selector(f"{PAGE} [data-key=watchedDirectories] [data-key=path] .cf-amount >> text=outside")
    save(page)
    kept = config(desk)["config"]
    assert kept["notifications"]["targets"]["ops"]["url"] == "********"
    assert kept["notifications"]["alertTypes"]["configChanged"]["channels"] == ["toast", "ops"]
    assert kept["paths"]["watchedDirectories"] == [
        {"path": str(tmp_path), "recursive": True, "extensions": [".gguf", ".safetensors", ".bin"]},
    ]
    page.click(f"{PAGE} [data-key=watchedDirectories] [data-cf=remove]")
    page.click(f"{PAGE} [data-cf-tab=notifications]")
    page.fill(f"{targets} .cf-entry-name >> nth=0", "night")
    save(page)
    kept = config(desk)["config"]["notifications"]
    assert kept["targets"]["night"]["url"] == "********", "the secret goes with the new name"
    assert kept["alertTypes"]["configChanged"]["channels"] == ["toast", "night"]
    page.click(f"{targets} [data-cf=remove]")
    page.click(f"{PAGE} [data-kind=group][data-key=configChanged] .cf-chip:has-text('night')")
    save(page)
    assert config(desk)["config"]["notifications"]["targets"] == {}


class _Hook(BaseHTTPRequestHandler):
    """The other side of a channel: takes messages, and says so."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_args: Any) -> None:
        return


def test_a_channel_is_tested_as_it_stands_in_the_form(desk: Server, visitor: Visitor) -> None:
    page = opened(visitor, desk, "notifications")
    item = f"{PAGE} [data-key=targets] [data-item]"
    page.click(f"{PAGE} [data-key=targets] [data-cf=add]")
    page.fill(f"{item} .cf-entry-name", "hook")
    page.click(f"{item} [data-cf=secret]")
    with HTTPServer(("127.0.0.1", 0), _Hook) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        page.fill(f"{item} [data-key=url] input", f"json://127.0.0.1:{other.server_port}/")
        page.click(f"{item} [data-cf=test]")
        page.wait_for_selector(f"{item} .cf-entry-say.is-good >> text=Delivered")
        other.shutdown()
    page.click(f"{item} [data-cf=test]")
    page.wait_for_selector(f"{item} .cf-entry-say.is-bad >> text=Not delivered")
    page.fill(f"{item} [data-key=titleTemplate] :is(input, textarea)", "{{ alert.server }} in trouble")
    page.fill(f"{item} [data-key=bodyTemplate] :is(input, textarea)", "It is at {{ alert.value }}.")
    page.click(f"{item} [data-cf=preview]")
    page.wait_for_selector(f"{item} .cf-entry-say.is-preview >> text=gpu-1 in trouble")
    assert "It is at 97 %." in page.inner_text(f"{item} .cf-entry-say")
    visitor.allow("400 .*notifications/preview")
    page.fill(f"{item} [data-key=bodyTemplate] :is(input, textarea)", "{{ nope }}")
    page.click(f"{item} [data-cf=preview]")
    page.wait_for_selector(f"{item} .cf-entry-say.is-bad >> text=Template of the text")
    assert config(desk)["config"]["notifications"]["targets"] == {}
    page.click(f"{PAGE} [data-cf=discard]")


def test_leaving_asks_first_and_an_unfinished_edit_comes_back(desk: Server, visitor: Visitor) -> None:
    page = opened(visitor, desk, "logging")
    put(page, "logging.maxFiles", "7")
    page.wait_for_selector(f"{PAGE} .cf-bar:not([hidden])")
    page.click(".rail a[href='/configuration']")
    page.wait_for_selector(f"{PAGE} #cf-tab-paths[aria-selected=true]")
    page.click(f"{PAGE} [data-cf-tab=logging]")
    assert value(page, "logging.maxFiles") == "7", "the same page again is not drawn anew"
    page.click(".rail a[href='/views']")
    page.wait_for_selector("#configuration-leave[open]")
    page.click("#configuration-leave [data-close]:has-text('Stay')")
    assert page.url.endswith("/configuration?tab=logging") and value(page, "logging.maxFiles") == "7"
    page.click(".rail a[href='/views']")
    page.click("#configuration-leave [data-cf-confirm=leave]")
    page.wait_for_selector("#react-entry-point .views-page")
    page.click(".rail a[href='/configuration']")
    page.wait_for_selector(f"{PAGE} [data-notice=draft]")
    page.click(f"{PAGE} [data-cf-tab=logging]")
    assert value(page, "logging.maxFiles") == "7"
    page.go_back()
    page.wait_for_selector("#configuration-leave[open]")
    assert "/configuration" in page.url and value(page, "logging.maxFiles") == "7"
    page.click("#configuration-leave [data-close]:has-text('Stay')")
    assert not page.evaluate("window.dispatchEvent(new Event('beforeunload', {cancelable: true}))"), "closing asks"
    page.click(f"{PAGE} [data-notice=draft] >> text=Discard it")
    assert value(page, "logging.maxFiles") == "10"
    page.click(".rail a[href='/views']")
    page.wait_for_selector("#react-entry-point .views-page")


def test_two_admins_are_told_of_each_other_and_nothing_is_lost(desk: Server, visitor: Visitor) -> None:
    page = opened(visitor, desk, "alerts")
    put(page, CPU, "71")
    put(page, "monitoring.alertThresholds.latencyMs", "4000")
    by_program(desk, {"monitoring": {"alertThresholds": {"memoryPercent": 64}}})
    page.wait_for_selector(f"{PAGE} [data-notice=news]")
    assert value(page, "monitoring.alertThresholds.memoryPercent") == "64", "what is not touched follows"
    assert value(page, CPU) == "71", "what is typed stays"
    by_program(desk, {"monitoring": {"alertThresholds": {"cpuPercent": 60}}})
    page.wait_for_selector(f"{row(CPU)} .cf-meanwhile >> text=60")
    page.click(f"{PAGE} [data-cf=review]")
    clash = page.locator("#configuration-diff[open] .cf-clash")
    clash.wait_for()
    assert "71" in clash.inner_text() and "60" in clash.inner_text()
    clash.locator("input[value=theirs]").check(force=True)
    page.click("#configuration-diff [data-cf-confirm=go]")
    page.wait_for_selector("#configuration-diff[open] .cf-change[data-path$=latencyMs]")
    page.click("#configuration-diff [data-cf-confirm=go]")
    page.wait_for_selector(f"{PAGE} .cf-bar", state="hidden")
    kept = config(desk)["config"]["monitoring"]["alertThresholds"]
    assert (kept["cpuPercent"], kept["latencyMs"], kept["memoryPercent"]) == (60, 4000, 64)


def test_a_save_that_meets_another_asks_what_shall_hold(desk: Server, visitor: Visitor) -> None:
    page = opened(visitor, desk, "ui")
    page.select_option(f"{row('ui.refreshRateMs')} select", "2000")
    page.click(f"{PAGE} [data-cf=review]")
    page.wait_for_selector("#configuration-diff[open] .cf-change")
    page.evaluate("vigie.configuration.state.saving = true")  # its news come later than the answer
    by_program(desk, {"ui": {"refreshRateMs": 5000}})
    visitor.allow("409")
    page.click("#configuration-diff [data-cf-confirm=go]")
    page.wait_for_selector("#configuration-diff[open] .cf-clash")
    page.click("#configuration-diff [data-cf-confirm=go]")
    page.wait_for_selector("#configuration-diff[open] .cf-change")
    page.click("#configuration-diff [data-cf-confirm=go]")
    page.wait_for_selector(f"{PAGE} .cf-bar", state="hidden")
    assert config(desk)["config"]["ui"]["refreshRateMs"] == 2000


def test_versions_are_seen_compared_and_restored(desk: Server, visitor: Visitor) -> None:
    before = config(desk)["version"]
    by_program(desk, {"logging": {"maxFiles": 33}})
    page = opened(visitor, desk, "backup")
    rows = page.locator(f"{PAGE} .cf-versions > li")
    assert "in force" in rows.first.inner_text() and "Files kept" in rows.first.inner_text()
    page.check(f"{PAGE} [data-version='{before}'] .cf-pick")
    page.check(f"{PAGE} [data-version='{before + 1}'] .cf-pick")
    page.click(f"{PAGE} [data-cf=compare]")
    page.wait_for_selector("#configuration-diff[open] .cf-diff >> text=33")
    page.keyboard.press("Escape")
    page.click(f"{PAGE} [data-version='{before}'] [data-cf=see]")
    page.wait_for_selector("#configuration-diff[open] .cf-whole")
    page.keyboard.press("Escape")
    page.click(f"{PAGE} [data-version='{before}'] [data-cf=restore]")
    page.click("#configuration-diff[open] [data-cf-confirm=go]")
    page.wait_for_selector(f"{PAGE} [data-version='{before + 2}']")
    assert config(desk)["config"]["logging"]["maxFiles"] != 33


def test_a_file_is_checked_shown_and_taken_over(desk: Server, visitor: Visitor, tmp_path: Path) -> None:
    page = opened(visitor, desk, "backup")
    with page.expect_download() as got:
        page.click(f"{PAGE} a[download]")
    document = json.loads(Path(got.value.path()).read_text())
    document["models"]["defaultParameters"]["topK"] = 12
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(json.dumps(document))
    document["models"]["defaultParameters"]["topK"] = "many"
    bad.write_text(json.dumps(document))
    page.set_input_files(f"{PAGE} .cf-file", bad)
    page.wait_for_selector(f"{PAGE} .cf-import-problem >> text=topK")
    page.set_input_files(f"{PAGE} .cf-file", good)
    page.wait_for_selector("#configuration-diff[open] .cf-change >> text=12")
    page.click("#configuration-diff [data-cf-confirm=go]")
    page.wait_for_selector("#configuration-diff", state="hidden")
    assert config(desk)["config"]["models"]["defaultParameters"]["topK"] == 12
    page.click(f"{PAGE} [data-cf-tab=models]")
    shows(page, "models.defaultParameters.topK", "12")


def test_a_preset_is_shown_and_only_fills_the_form(desk: Server, visitor: Visitor) -> None:
    page = opened(visitor, desk, "models")
    page.click(f"{PAGE} [data-card='models.defaultParameters'] summary")
    page.click(f"{PAGE} [data-preset=precise]")
    page.wait_for_selector("#configuration-diff[open] .cf-change")
    page.click("#configuration-diff [data-cf-confirm=go]")
    page.wait_for_selector(f"{PAGE} .cf-bar:not([hidden])")
    assert float(value(page, "models.defaultParameters.temperature")) < 0.5
    assert config(desk)["config"]["models"]["defaultParameters"]["temperature"] == 0.7
    page.click(f"{PAGE} [data-cf=discard]")


def test_an_edit_of_the_file_appears_in_an_open_page(desk: Server, visitor: Visitor) -> None:
    page = opened(visitor, desk, "logging")
    file = desk.data_dir / "config" / "dashboard_config.json"
    good = json.loads(file.read_text())
    good["logging"]["maxFiles"] = 21
    file.write_text(json.dumps(good))
    shows(page, "logging.maxFiles", "21")
    file.write_text(json.dumps({**good, "logging": {**good["logging"], "maxFiles": 0}}))
    banner = page.locator(f"{PAGE} .cf-banner")
    banner.wait_for()
    assert "logging.maxFiles" in banner.inner_text() and "1000" in banner.inner_text()
    page.click(f"{PAGE} [data-cf=overwrite]")
    banner.wait_for(state="hidden")
    assert json.loads(file.read_text())["logging"]["maxFiles"] == 21


def test_a_viewer_reads_and_cannot_change(desk: Server, visitor: Visitor) -> None:
    page = opened(visitor, desk, "proxies", *desk.person("viewer"))
    assert page.is_disabled(f"{row('proxies.ollama.port')} input")
    for action in ("review", "preset", "import", "restore"):
        assert page.locator(f"{PAGE} [data-cf={action}]").count() == 0, action
    visitor.allow("403")
    assert page.evaluate("vigie.api('POST', '/api/v1/config', {version: 1, patch: {}}).catch(e => e.status)") == 403


@pytest.mark.parametrize("width", [1440, 390])
def test_every_control_has_a_name_and_nothing_overflows(desk: Server, visitor: Visitor, width: int) -> None:
    page = opened(visitor, desk, viewport={"width": width, "height": 900})
    nameless = page.evaluate("""() => {
        const labelled = e => e.labels && Array.from(e.labels).some(label => label.textContent.trim());
        return Array.from(document.querySelectorAll('.configuration :is(input, select, textarea, button)'))
            .filter(e => !e.closest('template, datalist, #first-paint'))
            .filter(e => !labelled(e) && !e.getAttribute('aria-label') && !e.textContent.trim()).map(e => e.outerHTML);
    }""")
    assert nameless == []
    for tab in page.locator(f"{PAGE} [data-cf-tab]").all():
        tab.click()
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
