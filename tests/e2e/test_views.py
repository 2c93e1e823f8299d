"""Saved views in a browser: saved from a chart's menu, edited, shared, pinned, as files, in turn on a wall screen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
from playwright.sync_api import Page

from tests.e2e.harness import PASSWORD, Server
from tests.e2e.visit import Visitor, drawn, frames, ready

pytestmark = pytest.mark.e2e
MAIN = "#react-entry-point #main"


@pytest.fixture
def someone(server: Server) -> tuple[str, str]:
    """Somebody new, so that nobody else's views are in the way."""
    return server.person("viewer")


def session(server: Server, person: tuple[str, str]) -> requests.Session:
    return server.api_login(*person)


def save(server: Server, person: tuple[str, str], name: str, *charts: str, **more: Any) -> dict[str, Any]:
    """A view of somebody, made by the API."""
    body = {"charts": list(charts), **more.pop("body", {})}
    answer = session(server, person).post(f"{server.url}/api/v1/views", json={"name": name, "body": body, **more})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def add_from_menu(page: Page, chart: str) -> None:
    drawn(page, chart)
    page.click(f'{MAIN} [data-chart="{chart}"] [data-chart-menu]')
    page.click("#shell-chart-menu [data-action=view]")
    page.wait_for_selector("#views-add[open]")


def shown(page: Page) -> list[str]:
    """Ids of the charts of the view that is shown, in order."""
    found: list[str] = page.locator(f"{MAIN} .view-item:not([hidden])").evaluate_all(
        "all => all.map(e => e.dataset.itemChart)"
    )
    return found


def name() -> str:
    return f"view {uuid4().hex[:6]}"


def test_charts_of_monitoring_become_a_view(server: Server, visitor: Visitor, someone: tuple[str, str]) -> None:
    page, called = visitor.open(server, "/monitoring?window=15m", *someone), name()
    ready(page)
    add_from_menu(page, "cpu")
    page.click("#views-add [data-confirm=add]")
    assert "name" in page.inner_text("#views-add .dialog-say"), "a view without a name is not saved"
    page.fill("#views-add [name=name]", called)
    page.keyboard.press("Enter")
    page.wait_for_selector("#views-add", state="hidden")
    assert called in page.inner_text("#shell-toasts .toast-note")
    add_from_menu(page, "memory")
    page.wait_for_function("() => document.querySelector('#views-add select').value !== ''")
    page.click("#views-add [data-confirm=add]")
    page.wait_for_selector("#views-add", state="hidden")
    add_from_menu(page, "cpu")
    page.wait_for_function("() => document.querySelector('#views-add select').value !== ''")
    page.click("#views-add [data-confirm=add]")
    page.wait_for_selector("#shell-toasts .toast-note:has-text('already')")
    page.click("#shell-toasts .toast-note:last-child a")
    page.wait_for_url("**/views/*")
    page.wait_for_selector(f"{MAIN} .view-item")  # until then Monitoring is still drawn
    drawn(page, "memory")
    assert shown(page) == ["cpu", "memory"]
    assert page.inner_text(f"{MAIN} h1") == called
    assert page.title() == f"{called} – Vigie"
    assert page.get_attribute(f"{MAIN} [data-window='15m']", "aria-checked") == "true"
    frames(page, 2)
    page.click(f"{MAIN} [data-window='1h']")
    page.wait_for_url("**window=1h")
    page.go_back()
    page.wait_for_function("() => vigie.charts.view.window === '15m'")


def test_what_explore_hands_over_becomes_a_view(server: Server, visitor: Visitor, someone: tuple[str, str]) -> None:
    page, called = visitor.open(server, "/monitoring", *someone), name()
    ready(page)
    page.evaluate(
        "ids => document.dispatchEvent(new CustomEvent('vigie:chart-action', {detail: {action: 'view', ids}}))",
        ["q:cpu_load1!area", "q:memory_used_ratio"],
    )
    page.wait_for_selector("#views-add[open]")
    page.fill("#views-add [name=name]", called)
    page.check("#views-add [name=shared][value='1']", force=True)
    page.click("#views-add [data-confirm=add]")
    page.click(f"#shell-toasts .toast-note:has-text('{called}') a")
    page.wait_for_url("**/views/*")
    drawn(page, "q:cpu_load1!area")
    assert "Shared" in page.inner_text(f"{MAIN} .view-facts")


def test_a_view_is_edited_on_its_page(server: Server, visitor: Visitor, someone: tuple[str, str]) -> None:
    view = save(server, someone, name(), "cpu", "memory", "q:cpu_load1", "network")
    page = visitor.open(server, f"/views/{view['id']}", *someone)
    ready(page)
    drawn(page, "network")
    item = MAIN + " [data-item-chart='{}'] [data-item={}]"
    page.click(f"{MAIN} [data-edit=begin]")
    page.click(item.format("memory", "back"))
    page.click(item.format("network", "remove"))
    assert shown(page) == ["memory", "cpu", "q:cpu_load1"]
    page.click(f"{MAIN} [data-edit=discard]")
    assert shown(page) == ["cpu", "memory", "q:cpu_load1", "network"]
    page.click(f"{MAIN} [data-edit=begin]")
    page.click(item.format("q:cpu_load1", "back"))
    assert page.evaluate("() => document.activeElement.dataset.item") == "back", "the hand stays on its button"
    page.keyboard.press("Enter")
    page.click(item.format("network", "remove"))
    onto = page.locator(f"{MAIN} [data-item-chart='cpu']")
    page.locator(f"{MAIN} [data-item-chart='memory'] .item-grip").drag_to(onto)
    assert shown(page) == ["q:cpu_load1", "memory", "cpu"]
    page.check(f"{MAIN} .view-editor [name=columns][value='3']", force=True)
    page.fill(f"{MAIN} .view-editor [name=name]", "edited")
    page.click(f"{MAIN} .view-editor [type=submit]")
    page.wait_for_selector(f"{MAIN} .view-page:not(.is-editing)")
    page.wait_for_function("() => document.querySelector('#react-entry-point #main h1').textContent === 'edited'")
    page.reload()
    ready(page)
    drawn(page, "cpu")
    assert shown(page) == ["q:cpu_load1", "memory", "cpu"]
    assert page.inner_text(f"{MAIN} h1") == "edited"
    assert page.locator(f"{MAIN} .view-grid.columns-3").count() == 1


def test_who_was_slower_is_told_and_loses_nothing(server: Server, visitor: Visitor, someone: tuple[str, str]) -> None:
    visitor.allow("status of 409")
    view = save(server, someone, "mine", "cpu", "memory")
    page = visitor.open(server, f"/views/{view['id']}", *someone)
    ready(page)
    page.click(f"{MAIN} [data-edit=begin]")
    page.fill(f"{MAIN} .view-editor [name=name]", "slower")
    session(server, someone).put(f"{server.url}/api/v1/views/{view['id']}", json={"name": "quicker"})
    page.click(f"{MAIN} .view-editor [type=submit]")
    page.wait_for_selector("#shell-toasts .toast-error:has-text('quicker')")
    assert page.input_value(f"{MAIN} .view-editor [name=name]") == "slower"
    assert page.locator(f"{MAIN} .view-page.is-editing").count() == 1


def test_a_shared_view_is_there_for_others_and_not_theirs_to_change(
    server: Server, visitor: Visitor, someone: tuple[str, str]
) -> None:
    called = name()
    view = save(server, someone, called, "cpu", "memory")
    page = visitor.open(server, "/views", *someone)
    ready(page)
    card = f"{MAIN} .view-card[data-view='{view['id']}']"
    page.click(f"{card} summary")
    page.click(f"{card} [data-act=share]")
    page.wait_for_selector(f"{card}[data-shared=true]")
    other = visitor.open(server, "/views", *server.person("viewer"))
    ready(other)
    other.click(f"{card} .view-open")
    other.wait_for_url(f"**/views/{view['id']}")
    drawn(other, "cpu")
    assert other.locator(f"{MAIN} [data-edit=begin]").count() == 0
    other.click(f"{MAIN} .view-menu summary")
    assert other.locator(f"{MAIN} [data-act=delete]").count() == 0
    other.click(f"{MAIN} [data-act=copy]")
    other.wait_for_selector(f"#shell-toasts .toast-note:has-text('{called}') a")
    page.click(f"{card} summary")
    page.click(f"{card} [data-act=share]")
    page.wait_for_selector(f"{card}[data-shared=false]")
    visitor.allow("status of 404")
    other.reload()
    other.wait_for_selector(f"{MAIN} .error-page")
    assert f"Copy of {called}" in [v["name"] for v in other.evaluate("vigie.api('GET', '/api/v1/views')")["data"]]


def test_a_view_is_renamed_and_deleted_from_the_list(
    server: Server, visitor: Visitor, someone: tuple[str, str]
) -> None:
    view = save(server, someone, "before", "cpu")
    page = visitor.open(server, "/views", *someone)
    ready(page)
    card = f"{MAIN} .view-card[data-view='{view['id']}']"
    page.click(f"{card} summary")
    page.click(f"{card} [data-act=rename]")
    page.fill("#views-edit [name=name]", "after")
    page.fill("#views-edit [name=description]", "what it is for")
    page.click("#views-edit [data-confirm=rename]")
    page.wait_for_selector(f"{card}:has-text('what it is for')")
    page.click(f"{card} summary")
    page.click(f"{card} [data-act=delete]")
    assert "after" in page.inner_text("#views-delete")
    page.click("#views-delete [data-close] >> nth=1")
    assert page.locator(card).count() == 1
    page.click(f"{card} summary")
    page.click(f"{card} [data-act=delete]")
    page.click("#views-delete [data-confirm=delete]")
    page.wait_for_selector(card, state="detached")


def test_a_pinned_view_is_on_the_overview(server: Server, visitor: Visitor, someone: tuple[str, str]) -> None:
    called = name()
    view = save(server, someone, called, "cpu", "q:cpu_load1!area")
    page = visitor.open(server, "/", *someone)
    ready(page)
    assert page.locator(f"{MAIN} .pinned:has-text('{called}')").count() == 0
    page.goto(f"{server.url}/views")
    ready(page)
    page.click(f"{MAIN} .view-card[data-view='{view['id']}'] [data-act=pin]")
    page.wait_for_selector(f"{MAIN} .view-card[data-pinned=true]")
    page.click("#react-entry-point nav a[href='/']")
    page.wait_for_selector(f"{MAIN} .pinned:has-text('{called}')")
    drawn(page, "cpu")
    drawn(page, "q:cpu_load1!area")
    frames(page, 3)
    assert page.locator(f"{MAIN} #overview-gauges .gauge").count() > 0
    page.click(f"{MAIN} .pinned-name a:has-text('{called}')")
    page.wait_for_url(f"**/views/{view['id']}")
    drawn(page, "cpu")


def test_a_file_goes_out_and_comes_back(
    server: Server, visitor: Visitor, someone: tuple[str, str], tmp_path: Path
) -> None:
    view = save(server, someone, "to a file", "cpu", "q:cpu_load1!area", body={"window": "6h", "columns": 3})
    page = visitor.open(server, "/views", *someone)
    ready(page)
    card = f"{MAIN} .view-card[data-view='{view['id']}']"
    page.click(f"{card} summary")
    with page.expect_download() as coming:
        page.click(f"{card} [download]")
    assert coming.value.suggested_filename == "vigie-view-to-a-file.json"
    file = tmp_path / "view.json"
    coming.value.save_as(file)
    kept = json.loads(file.read_text())
    assert kept["type"] == "vigie-view"
    file.write_text(json.dumps({**kept, "name": "from a file"}))
    page.set_input_files(f"{MAIN} .view-file", file)
    page.wait_for_selector(f"{MAIN} .view-card:has-text('from a file')")
    found = {v["name"]: v["body"] for v in session(server, someone).get(f"{server.url}/api/v1/views").json()["data"]}
    assert found["from a file"] == found["to a file"] == view["body"]
    visitor.allow("status of 400")
    wrong = tmp_path / "wrong.json"
    wrong.write_text(json.dumps({**kept, "body": {**kept["body"], "charts": ["cpu", "nonsense"]}}))
    page.set_input_files(f"{MAIN} .view-file", wrong)
    page.wait_for_selector(f"{MAIN} .views-problem:has-text('nonsense')")
    assert "body.charts" in page.inner_text(f"{MAIN} .views-problem")
    wrong.write_text("no json")
    page.set_input_files(f"{MAIN} .view-file", wrong)
    page.wait_for_selector(f"{MAIN} .views-problem:has-text('JSON')")


def test_dropping_a_file_on_the_list_imports_it(server: Server, visitor: Visitor, someone: tuple[str, str]) -> None:
    page = visitor.open(server, "/views", *someone)
    ready(page)
    file = json.dumps({"type": "vigie-view", "name": "dropped", "body": {"version": 1, "charts": ["cpu"]}})
    page.evaluate(
        """text => {
            const carried = new DataTransfer();
            carried.items.add(new File([text], 'view.json', {type: 'application/json'}));
            const at = document.querySelector('#react-entry-point .views-page');
            for (const kind of ['dragover', 'drop'])
                at.dispatchEvent(new DragEvent(kind, {bubbles: true, cancelable: true, dataTransfer: carried}));
        }""", file,
    )
    page.wait_for_selector(f"{MAIN} .view-card:has-text('dropped')")


# -- the wall screen


def bar(page: Page, part: str) -> str:
    return page.inner_text(f".kiosk-bar .kiosk-{part}")


def turn(page: Page, called: str) -> None:
    page.wait_for_function("name => document.querySelector('.kiosk-title').textContent === name", arg=called)


def test_a_wall_screen_shows_views_in_turn_and_frees_what_has_gone(
    server: Server, visitor: Visitor, someone: tuple[str, str]
) -> None:
    a = save(server, someone, "a wall", "cpu", "memory", pinned=True)
    b = save(server, someone, "b wall", "cpu", "q:cpu_load1", "network", body={"window": "1h"})
    chosen = f"{a['id']},{b['id']},999999"
    page = visitor.open(
        server, f"/views?kiosk&every=3&views={chosen}", *someone, viewport={"width": 1920, "height": 1080}
    )
    ready(page)
    turn(page, "a wall")
    drawn(page, "memory")
    assert bar(page, "count") == "1 / 2"
    assert not page.locator("#react-entry-point nav").is_visible()
    assert not page.locator("#react-entry-point .topbar").is_visible()
    page.wait_for_function("() => document.documentElement.classList.contains('is-idle')")
    size = page.evaluate("() => [document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    assert size[0] <= 1920
    assert size[1] <= 1080, "no scroll bars: the charts share the height there is"
    turn(page, "b wall")
    drawn(page, "network")
    page.wait_for_function("() => vigie.charts.all().size === 3", timeout=10_000)
    assert page.evaluate("() => vigie.charts.view.window") == "1h"
    assert page.evaluate("() => document.querySelectorAll('#react-entry-point .js-plotly-plot').length") == 3
    height = page.evaluate("() => vigie.charts.all().get('cpu').section.getBoundingClientRect().height")
    assert height > 400, "two rows of a screen of 1080"
    turn(page, "a wall")
    drawn(page, "cpu")
    page.wait_for_function("() => [...vigie.charts.all().keys()].sort().join() === 'cpu,memory'")
    page.wait_for_function(
        "() => document.querySelectorAll('#react-entry-point .js-plotly-plot').length === 2"
    )
    session(server, someone).delete(f"{server.url}/api/v1/views/{b['id']}")
    page.wait_for_function("() => document.querySelector('.kiosk-count').textContent === ''", timeout=20_000)
    assert bar(page, "title") == "a wall"


def test_a_wall_screen_obeys_the_keys_and_waits_for_a_hand(
    server: Server, visitor: Visitor, someone: tuple[str, str]
) -> None:
    for called in ("a", "b", "c"):
        save(server, someone, called, "cpu", pinned=True)
    page = visitor.open(server, "/views?kiosk&every=3600", *someone)
    ready(page)
    turn(page, "a")
    for key, called in (("ArrowRight", "b"), ("ArrowRight", "c"), ("ArrowRight", "a"), ("ArrowLeft", "c")):
        page.keyboard.press(key)
        turn(page, called)
    page.keyboard.press(" ")
    assert bar(page, "said")
    page.keyboard.press(" ")
    assert not bar(page, "said")
    page.mouse.move(300, 300)
    page.mouse.move(320, 320)
    page.wait_for_function("() => !document.documentElement.classList.contains('is-idle')")
    page.click(".kiosk-bar .kiosk-next")
    turn(page, "a")
    page.keyboard.press("Escape")
    page.wait_for_url(f"{server.url}/views")
    ready(page)
    assert page.locator("#react-entry-point nav").is_visible()


def test_a_view_fills_the_screen_and_comes_back(server: Server, visitor: Visitor, someone: tuple[str, str]) -> None:
    view = save(server, someone, "whole", "cpu", "memory")
    page = visitor.open(server, f"/views/{view['id']}", *someone)
    ready(page)
    drawn(page, "cpu")
    page.click(f"{MAIN} [data-full]")
    page.wait_for_url("**kiosk*")
    page.wait_for_selector(".kiosk-bar:not([hidden])")
    turn(page, "whole")
    drawn(page, "cpu")
    page.wait_for_function(
        """() => { const c = vigie.charts.all().get('cpu');
            return c && c.gd && c.gd.isConnected && c.section.getBoundingClientRect().height > 500
                && Math.abs(c.gd.querySelector('.main-svg').getBoundingClientRect().height
                    - c.section.querySelector('.chart-body').getBoundingClientRect().height) < 4; }"""
    )
    page.keyboard.press("Escape")
    page.wait_for_url(f"{server.url}/views/{view['id']}")
    ready(page)
    drawn(page, "cpu")


@pytest.mark.parametrize("path", ["/?kiosk", "/monitoring?kiosk", "/settings?kiosk", "/views?kiosk"])
def test_any_page_is_shown_without_frame(server: Server, visitor: Visitor, path: str) -> None:
    page = visitor.open(server, path)
    ready(page)
    page.wait_for_selector(".kiosk-bar:not([hidden])")
    assert not page.locator("#react-entry-point nav").is_visible()
    frames(page, 1)
    assert bar(page, "clock")
    assert bar(page, "title")


def test_a_wall_screen_outlives_a_restart_of_the_server(start_server: Any, visitor: Visitor) -> None:
    visitor.allow("WebSocket|ERR_CONNECTION|ERR_EMPTY|Failed to (load|fetch)|status of 503|did not respond")
    server = start_server()
    admin = ("admin", PASSWORD)
    for called in ("a", "b"):
        save(server, admin, called, "cpu" if called == "a" else "memory", pinned=True)
    page = visitor.open(server, "/views?kiosk&every=2")
    ready(page)
    turn(page, "a")
    turn(page, "b")
    server.stop()
    page.wait_for_selector(".kiosk-bar.is-off", timeout=60_000)
    assert page.locator(f"{MAIN} .view-item").count() == 1, "what was shown stays"
    server.start()
    page.wait_for_selector(".kiosk-bar:not(.is-off)", timeout=60_000)
    now = bar(page, "title")
    turn(page, "b" if now == "a" else "a")
    turn(page, now)
    drawn(page, "cpu" if now == "a" else "memory")
    page.wait_for_function("() => vigie.charts.all().size === 1")  # the one that has gone leaves with the next frame


def test_a_page_that_stays_open_keeps_no_old_frames(server: Server, visitor: Visitor) -> None:
    page = visitor.open(server, "/monitoring")
    ready(page)
    drawn(page, "cpu")
    frames(page, 3)
    past = "() => window.dash_stores[0].getState().history.past.length"
    assert page.evaluate(past) > 0, "Dash keeps what scripts set, or this test and its remedy are not needed any more"
    page.evaluate("() => { for (let i = 0; i < 150; i++) vigie.props('live-want', {data: [i]}); }")
    page.evaluate("() => vigie.kiosk.forget()")
    assert page.evaluate(past) < 100
    frames(page, 2)


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_views_fit_a_phone(server: Server, visitor: Visitor, someone: tuple[str, str], scheme: str) -> None:
    view = save(server, someone, "a name that is rather long for a phone " * 2, "cpu", "memory", pinned=True)
    page = visitor.open(
        server, "/views", *someone, viewport={"width": 390, "height": 844}, color_scheme=scheme, has_touch=True,
    )
    for path in ("/views", f"/views/{view['id']}", "/", "/views?kiosk", f"/views/{view['id']}?kiosk"):
        page.goto(server.url + path)
        ready(page)
        frames(page, 1)
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 390, path
    page.goto(f"{server.url}/views/{view['id']}")
    ready(page)
    page.click(f"{MAIN} [data-edit=begin]")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390


def test_views_are_there_in_french(server: Server, visitor: Visitor, someone: tuple[str, str]) -> None:
    page = visitor.open(server, "/views", *someone, locale="fr-FR")
    ready(page)
    assert page.inner_text(f"{MAIN} h1") == "Vues"
