"""An edit of the configuration file reaches the page that somebody else looks at, and one that is no good does not."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.e2e.harness import PASSWORD, Server
from tests.e2e.visit import Visitor, ready
from tests.support import wait_until

pytestmark = pytest.mark.e2e
Starter = Callable[..., Server]


def config_file(server: Server) -> Path:
    return server.data_dir / "config" / "dashboard_config.json"


def edit(server: Server, change: Callable[[dict[str, Any]], None]) -> None:
    """Changes the file as an editor does that writes a new one in its place."""
    file = config_file(server)
    document = json.loads(file.read_text())
    change(document)
    fresh = file.with_suffix(".swp")
    fresh.write_text(json.dumps(document, indent=2))
    fresh.replace(file)


def test_an_edit_of_the_file_takes_effect_in_the_page_of_another(start_server: Starter, visitor: Visitor) -> None:
    server = start_server()
    name, password = server.person("viewer")
    page = visitor.open(server, "/", name=name, password=password)
    ready(page)
    gauge = page.locator("#react-entry-point #overview-gauges [data-judge='cpu_usage_ratio']").first
    assert gauge.get_attribute("data-limits") == "85,95,100"
    page.wait_for_function("() => vigie.live.state === 'live'")
    page.evaluate("window.stays = true")

    def stricter(document: dict[str, Any]) -> None:
        document["monitoring"]["alertThresholds"] |= {"cpuPercent": 41, "cpuCriticalPercent": 82}
        document["ui"] |= {"theme": "light", "compactMode": True}

    edit(server, stricter)
    toast = page.locator("#shell-toasts .toast-note")
    toast.wait_for()
    assert "CPU use, warning" in toast.inner_text() and "State" in toast.inner_text()
    page.wait_for_selector("#overview-gauges [data-judge='cpu_usage_ratio'][data-limits='41,82,100']")
    page.wait_for_function("() => document.documentElement.dataset.bsTheme === 'light'")
    assert page.evaluate("document.documentElement.classList.contains('compact')")
    assert page.evaluate("window.stays"), "the page was not loaded anew"
    values = server.login().get(f"{server.url}/metrics", timeout=10).text
    assert "vigie_config_valid 1" in values

    edit(server, lambda document: document["monitoring"]["alertThresholds"].update(cpuPercent=400))
    session = server.login()

    def refused() -> bool:
        return "vigie_config_valid 0" in session.get(f"{server.url}/metrics", timeout=10).text

    wait_until(refused, what="the file is refused")
    assert page.locator("[data-judge='cpu_usage_ratio'][data-limits='41,82,100']").count(), "what was good stays"
    assert requests.get(f"{server.url}/api/health", timeout=10).status_code == 200
    edit(server, lambda document: document["monitoring"]["alertThresholds"].update(cpuPercent=42))
    page.wait_for_selector("#overview-gauges [data-judge='cpu_usage_ratio'][data-limits='42,82,100']")
    wait_until(lambda: not refused(), what="the file is good again")


def test_a_sign_in_leads_to_the_first_page_as_configured(start_server: Starter) -> None:
    server = start_server()
    edit(server, lambda document: document["ui"].update(defaultDashboardTab="monitoring"))
    name, _ = server.person("viewer")

    def lands() -> bool:
        return server.login(name, PASSWORD).get(f"{server.url}/login", timeout=10).url.endswith("/monitoring")

    wait_until(lands, what="the first page is Monitoring")


def test_a_slower_refresh_loses_no_sample(start_server: Starter, visitor: Visitor) -> None:
    server = start_server()
    page = visitor.open(server, "/monitoring")
    ready(page)
    page.wait_for_function("() => [...vigie.charts.all().values()].some(chart => chart.section.dataset.drawn === '1')")
    edit(server, lambda document: document["ui"].update(refreshRateMs=5000))
    page.wait_for_function("() => vigie.live.refresh === 5000")
    page.evaluate("""() => {
        window.batches = [];
        document.addEventListener('vigie:frame', event => window.batches.push((event.detail.back || []).length));
    }""")
    page.wait_for_function("() => window.batches.some(count => count >= 3)", timeout=30_000)
    drawn = page.evaluate("() => vigie.charts.all().get('cpu').gd.data[0].x.slice(-8).map(x => vigie.time.back(x))")
    history = server.login().get(
        f"{server.url}/api/metrics/history", params={"metric": "cpu_usage_ratio", "last": 60}, timeout=10,
    ).json()["data"]
    taken = {datetime.fromisoformat(row["timestamp"]).timestamp() * 1000 for row in history}
    assert {at for at in taken if drawn[0] <= at <= drawn[-1]} <= set(drawn)


def test_broken_files_are_refused_while_the_server_runs_on(start_server: Starter) -> None:
    server = start_server()
    session, file = server.login(), config_file(server)

    def told() -> dict[str, Any]:
        answer: dict[str, Any] = session.get(f"{server.url}/api/v1/config", timeout=10).json()
        return answer

    def link(path: Path) -> None:
        path.unlink()
        path.symlink_to("/etc/hostname")

    def cut(path: Path) -> None:
        path.unlink()
        path.write_text('{"ui": {"theme": "da')

    ways: dict[str, Callable[[Path], object]] = {
        "ends in line 1": cut,
        "is not UTF-8 text": lambda path: path.write_bytes('{"ui": "é"}'.encode("latin-1")),
        "more than 1024 KiB": lambda path: path.write_bytes(b" " * 2_000_000),
        "did you mean theme?": lambda path: path.write_text('{"ui": {"tehme": "dark"}}'),
        "is a symbolic link": link,
    }
    for says, break_it in ways.items():
        break_it(file)
        wait_until(lambda says=says: says in json.dumps(told()["file"]["problems"]), what=says)  # type: ignore[misc]
        assert told()["version"] == 1 and told()["config"]["ui"]["theme"] == "auto"
        assert requests.get(f"{server.url}/api/health", timeout=10).status_code == 200
    assert "Traceback" not in server.output()
    saved = session.post(
        f"{server.url}/api/v1/config", json={"version": 1, "patch": {"ui": {"theme": "dark"}}}, timeout=10,
        headers={
            "X-CSRFToken": next(c.value or "" for c in session.cookies if "csrf" in c.name), "Referer": server.url,
        },
    )
    assert saved.status_code == 200, saved.text
    assert not file.is_symlink() and json.loads(file.read_text())["ui"]["theme"] == "dark"
    assert told()["file"]["valid"]
