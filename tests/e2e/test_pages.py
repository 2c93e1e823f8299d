"""Every page and tab draws this machine, stays what it was when values move, and has no error in the console."""

from __future__ import annotations

import re
from collections.abc import Callable

import psutil
import pytest

from tests.e2e.harness import Server
from tests.e2e.visit import Visitor, drawn, frames, newest, points, ready

pytestmark = pytest.mark.e2e
PAGES = ("/", "/monitoring", "/monitoring?tab=gpu", "/monitoring?tab=processes", "/settings")
MAIN = "#react-entry-point #main"


def test_the_overview_shows_this_machine(any_server: Server, visitor: Visitor) -> None:
    page = visitor.open(any_server)
    ready(page)
    text = page.inner_text(MAIN)
    memory = psutil.virtual_memory().total / 2**30
    assert re.search(r"\d+([.,]\d+)?\s*%", text), text
    assert f"{memory:.0f}"[:2] in text or f"{memory:.1f}" in text, "the memory of this machine is not on the page"
    page.wait_for_selector(f"{MAIN} .top-table tr")
    clock = page.inner_text("#react-entry-point #shell-clock")
    page.wait_for_function(
        "clock => document.querySelector('#react-entry-point #shell-clock').textContent !== clock", arg=clock
    )


def test_the_overview_moves_by_itself(server: Server, visitor: Visitor) -> None:
    page = visitor.open(server)
    ready(page)
    before = page.locator(f"{MAIN} [data-value], {MAIN} svg path").evaluate_all("e => e.map(x => x.outerHTML).join()")
    page.wait_for_function(
        """([main, before]) => [...document.querySelectorAll(`${main} [data-value], ${main} svg path`)]
            .map(x => x.outerHTML).join() !== before""", arg=[MAIN, before],
    )


def test_every_system_chart_draws_or_says_why_not(any_server: Server, visitor: Visitor) -> None:
    page = visitor.open(any_server, "/monitoring")
    ready(page)
    charts = page.locator(f"{MAIN} [data-chart]")
    names = charts.evaluate_all("all => all.map(c => c.dataset.chart)")
    assert "cpu" in names
    shown = 0
    for name in names:
        panel = page.locator(f'{MAIN} [data-chart="{name}"]')
        panel.scroll_into_view_if_needed()
        page.wait_for_function(
            """id => { const c = vigie.charts.all().get(id); const s = c && c.section.dataset;
                return s && (s.drawn === '1' || s.state === 'no_data' && c.section.innerText.length > 20); }""",
            arg=name,
        )
        if panel.get_attribute("data-drawn"):
            values = page.evaluate(
                """id => vigie.charts.all().get(id).gd.data
                    .flatMap(t => (t.z ? t.z.flat() : t.orientation === 'h' ? t.x : t.y))
                    .filter(v => typeof v === 'number').length""", name,
            )
            assert values > 0, f"{name} is drawn without a value"
            shown += 1
    assert shown >= 6, f"only {shown} of {len(names)} charts have data"


def test_the_processes_are_those_of_this_machine(any_server: Server, visitor: Visitor) -> None:
    page = visitor.open(any_server, "/monitoring?tab=processes")
    ready(page)
    page.wait_for_selector(".ag-row")
    page.fill("input[type=search]", f"--port {any_server.port}")
    page.wait_for_function("() => { const n = document.querySelectorAll('.ag-row').length; return n > 0 && n < 15; }")
    assert "app.py" in page.inner_text(".ag-center-cols-container")


def test_the_gpu_tab_says_what_there_is(any_server: Server, visitor: Visitor) -> None:
    page = visitor.open(any_server, "/monitoring?tab=gpu")
    ready(page)
    page.wait_for_function("() => document.querySelector('#react-entry-point #panel-gpu').innerText.length > 20")
    text = page.inner_text("#react-entry-point #panel-gpu")
    assert "GPU" in text


def test_the_demo_shows_gpus_and_says_that_it_is_simulated(
    start_server: Callable[..., Server], visitor: Visitor
) -> None:
    server = start_server("--demo")
    page = visitor.open(server, "/monitoring?tab=gpu")
    ready(page)
    assert page.locator("#react-entry-point .banner").inner_text()
    page.wait_for_selector(f"{MAIN} #panel-gpu [data-chart][data-drawn]")
    page.goto(f"{server.url}/")
    ready(page)
    assert "GPU" in page.inner_text(MAIN)


def test_a_chart_gains_points_by_itself(any_server: Server, visitor: Visitor) -> None:
    page = visitor.open(any_server, "/monitoring")
    ready(page)
    drawn(page, "cpu")
    before, at = points(page, "cpu"), newest(page, "cpu")
    frames(page, 4)
    page.wait_for_function("at => vigie.charts.all().get('cpu').lastT >= at + 3000", arg=at)
    assert points(page, "cpu") > before or before >= 290  # a full window drops as many as it gains


def drag(page, chart: str) -> None:
    """Zooms into the middle of a chart with the mouse."""
    page.locator(f'{MAIN} [data-chart="{chart}"]').scroll_into_view_if_needed()
    box = page.locator(f'{MAIN} [data-chart="{chart}"] .nsewdrag').first.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.3, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, y, steps=4)
    page.mouse.move(box["x"] + box["width"] * 0.7, y, steps=4)
    page.mouse.up()
    page.wait_for_url("**from=*")


def test_a_zoom_survives_ten_live_updates(server: Server, visitor: Visitor) -> None:
    page = visitor.open(server, "/monitoring")
    ready(page)
    drawn(page, "cpu")
    drag(page, "cpu")
    page.wait_for_function(
        """() => { const r = vigie.charts.all().get('cpu').gd._fullLayout.xaxis.range.map(x => +new Date(x));
            return r[1] - r[0] < 200000; }"""
    )
    zoomed = page.evaluate("() => vigie.charts.all().get('cpu').gd._fullLayout.xaxis.range.map(String)")
    address = page.url
    frames(page, 10)
    assert page.evaluate("() => vigie.charts.all().get('cpu').gd._fullLayout.xaxis.range.map(String)") == zoomed
    assert page.url == address
    page.keyboard.press("Escape")
    page.evaluate("() => vigie.charts.follow()")
    page.wait_for_function("() => !location.search.includes('from=')")


def test_scroll_menu_and_search_survive_live_updates(server: Server, visitor: Visitor) -> None:
    page = visitor.open(server, "/monitoring?tab=processes")
    ready(page)
    page.wait_for_selector(".ag-row")
    page.fill("input[type=search]", "py")
    page.evaluate("() => { document.querySelector('#react-entry-point details.menu:last-of-type').open = true; }")
    scroll = "document.querySelector('.ag-body-horizontal-scroll-viewport').scrollLeft"
    page.evaluate(f"() => {{ {scroll} = 60; }}")
    scrolled = page.evaluate(scroll)
    frames(page, 5)
    assert page.input_value("input[type=search]") == "py"
    assert page.evaluate("() => document.querySelector('#react-entry-point details.menu:last-of-type').open")
    assert page.evaluate(scroll) == scrolled


def theme(page) -> str:
    return str(page.evaluate("() => document.documentElement.dataset.bsTheme"))


def test_theme_and_window_survive_a_reload(server: Server, visitor: Visitor) -> None:
    page = visitor.open(server, "/monitoring", *server.person())
    ready(page)
    before = theme(page)
    page.click("#react-entry-point #shell-theme")
    page.wait_for_function("before => document.documentElement.dataset.bsTheme !== before", arg=before)
    page.click(f"{MAIN} [data-window='1h']")
    page.wait_for_url("**window=1h")
    page.reload()
    ready(page)
    assert theme(page) != before
    assert page.get_attribute(f"{MAIN} [data-window='1h']", "aria-checked") == "true"
    page.click("#react-entry-point #shell-theme")
    page.wait_for_function("before => document.documentElement.dataset.bsTheme === before", arg=before)
    drawn(page, "cpu")


def test_a_choice_is_kept_and_the_word_about_it_leaves_by_itself(server: Server, visitor: Visitor) -> None:
    page = visitor.open(server, "/settings", *server.person())
    ready(page)
    other = "light" if theme(page) == "dark" else "dark"
    page.select_option("#settings-theme", other)
    page.wait_for_selector("#shell-toasts .toast-note:not(.gone)")
    assert theme(page) == other
    page.wait_for_selector("#shell-toasts .toast-note.gone", state="attached")


def test_a_link_shows_what_another_saw_and_back_goes_back(server: Server, visitor: Visitor) -> None:
    page = visitor.open(server, "/monitoring")
    ready(page)
    page.click(f"{MAIN} [data-window='6h']")
    page.wait_for_url("**window=6h")
    page.click(f"{MAIN} [data-tab=processes]")
    page.wait_for_url("**tab=processes*")
    other = visitor.open(server, page.url.removeprefix(server.url))
    ready(other)
    assert other.get_attribute(f"{MAIN} [data-tab=processes]", "aria-selected") == "true"
    assert other.get_attribute(f"{MAIN} [data-window='6h']", "aria-checked") == "true"
    page.go_back()
    page.go_back()
    page.wait_for_selector(f"{MAIN} [data-tab=system][aria-selected=true]")
    page.click("#react-entry-point a[href='/settings'] >> nth=0")
    page.wait_for_url("**/settings")
    page.go_back()
    page.wait_for_url("**/monitoring")
    drawn(page, "cpu")


def test_an_answer_for_a_page_that_was_left_changes_nothing(server: Server, visitor: Visitor) -> None:
    page = visitor.open(server, "/monitoring")
    drawn(page, "cpu")
    page.click("#react-entry-point a[href='/settings'] >> nth=0")
    page.wait_for_url("**/settings")
    ready(page)
    page.evaluate(
        "() => vigie.props({type: 'chart-graph', chart: 'cpu'},"
        " {figure: new dash_clientside.Patch().assign(['data'], []).build()})"
    )
    ready(page)


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_no_page_has_an_error_and_none_is_wider_than_a_phone(
    server: Server, visitor: Visitor, path: str, scheme: str
) -> None:
    page = visitor.open(server, path, viewport={"width": 390, "height": 844}, color_scheme=scheme, has_touch=True)
    ready(page)
    frames(page, 2)
    width = page.evaluate("() => document.documentElement.scrollWidth")
    assert width <= 390, f"{path} is {width} px wide"
    assert theme(page) == scheme


@pytest.mark.parametrize("locale", ["en-GB", "fr-FR"])
@pytest.mark.parametrize("path", ["/", "/monitoring"])
def test_no_title_is_cut_on_a_phone_in_either_language(
    server: Server, visitor: Visitor, path: str, locale: str
) -> None:
    page = visitor.open(server, path, locale=locale, viewport={"width": 390, "height": 844}, has_touch=True)
    ready(page)
    cut = page.locator(f"{MAIN} .card-title").evaluate_all(
        "all => all.filter(e => e.scrollWidth > e.clientWidth).map(e => e.textContent)"
    )
    assert not cut
    beyond = page.locator("#react-entry-point .rail-link span").evaluate_all(
        "all => all.filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth)"
        ".map(e => e.textContent)"
    )
    assert not beyond
    assert all(h < 200 for h in page.locator(".metric-empty").evaluate_all("all => all.map(e => e.clientHeight)"))


@pytest.mark.parametrize("locale", ["en-GB", "fr-FR"])
def test_no_column_of_the_process_table_is_cut(server: Server, visitor: Visitor, locale: str) -> None:
    page = visitor.open(server, "/monitoring?tab=processes", locale=locale)
    ready(page)
    page.wait_for_selector(".ag-row")
    cut = page.locator(".ag-header-cell-text").evaluate_all(
        "all => all.filter(e => e.scrollWidth > e.clientWidth).map(e => e.textContent)"
    )
    assert not cut
    wide = page.evaluate(
        "() => { const b = document.querySelector('.ag-body-horizontal-scroll-viewport');"
        " return b.scrollWidth - b.clientWidth; }"
    )
    assert wide <= 0, "the table scrolls sideways"


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_there_in_french(server: Server, visitor: Visitor, path: str) -> None:
    page = visitor.open(server, path, locale="fr-FR")
    ready(page)
    assert page.evaluate("() => document.documentElement.lang") == "fr"
    navigation = page.inner_text("#react-entry-point nav")
    assert "Réglages" in navigation or "Paramètres" in navigation


def test_the_whole_navigation_is_on_a_phone_in_french_too(server: Server, visitor: Visitor) -> None:
    page = visitor.open(server, "/monitoring", viewport={"width": 390, "height": 844}, locale="fr-FR", has_touch=True)
    ready(page)
    names = page.locator("#react-entry-point .rail-link span")
    assert names.count() > 4
    for name in names.all():
        right, cut = name.evaluate("e => [e.getBoundingClientRect().right, e.scrollWidth - e.clientWidth]")
        assert right <= 390 and cut <= 0, name.inner_text()


def test_a_wrong_address_is_a_useful_page(server: Server, visitor: Visitor) -> None:
    visitor.allow("status of 404")
    page = visitor.open(server, "/no-such-page")
    page.wait_for_selector(f"{MAIN} a[href='/']")
