"""Hands and eyes on charts: zoom, brush, keys, touch, and the table behind a chart, in a real browser."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.harness import Server
from tests.e2e.visit import Visitor, drawn, frames, ready

pytestmark = pytest.mark.e2e
MAIN = "#react-entry-point #main"
UPDATE = "**/_dash-update-component*"


@pytest.fixture
def page(demo: Server, visitor: Visitor) -> Page:
    """Monitoring, drawn, live."""
    opened = visitor.open(demo, "/monitoring")
    ready(opened)
    settled(opened)
    return opened


def settled(page: Page, least: int = 4) -> None:
    """Waits until every chart in sight shows what the view says."""
    page.wait_for_function(
        """least => { const seen = [...vigie.charts.all().values()].filter(c => c.visible);
            const view = [vigie.charts.view.window, vigie.charts.view.from, vigie.charts.view.to].join('|');
            const there = c => c.section.dataset.state === 'ok' ? c.gd && c.gd._fullLayout
                : c.section.dataset.state !== 'loading';
            return seen.length >= least && seen.every(c => !c.loading && c.view === view && there(c));
        }""",
        arg=least,
    )


def spans(page: Page) -> dict[str, list[float]]:
    """[from, to] in epoch seconds of every chart in sight, as Plotly shows it."""
    found: dict[str, list[float]] = page.evaluate(
        """() => Object.fromEntries([...vigie.charts.all().values()].filter(c => c.visible && c.gd && c.meta.timed)
            .map(c => [c.id, c.gd._fullLayout.xaxis.range.map(x => vigie.time.moment(
                typeof x === 'number' ? new Date(x).toISOString().replace('Z', '') : x) / 1000)]))"""
    )
    return found


def view(page: Page) -> tuple[float, float]:
    """What is shown, epoch seconds."""
    start, end = page.evaluate("() => vigie.charts.span()")
    return start / 1000, end / 1000


def together(page: Page) -> None:
    """Waits until all charts in sight show the view."""
    page.wait_for_function(
        """() => { const [from, to] = vigie.charts.span(); const seen = [...vigie.charts.all().values()]
            .filter(c => c.visible && c.gd && c.meta && c.meta.timed);
            return seen.length >= 4 && seen.every(c => Math.abs(c.range[0] - vigie.time.shift(from)) < 1500 &&
                Math.abs(c.range[1] - vigie.time.shift(to)) < 1500); }"""
    )


def place(page: Page, chart: str = "cpu") -> tuple[float, float, float, float]:
    """The plot area of a chart: x, y of its middle, width, height."""
    page.locator(f'{MAIN} [data-chart="{chart}"]').scroll_into_view_if_needed()
    box = page.locator(f'{MAIN} [data-chart="{chart}"] .nsewdrag').first.bounding_box()
    assert box is not None
    return box["x"], box["y"] + box["height"] / 2, box["width"], box["height"]


def drag(page: Page, start: float, end: float, chart: str = "cpu") -> None:
    """Drags over a chart from one share of its width to another."""
    x, y, width, _height = place(page, chart)
    page.mouse.move(x + width * start, y)
    page.mouse.down()
    page.mouse.move(x + width * (start + end) / 2, y, steps=4)
    page.mouse.move(x + width * end, y, steps=4)
    page.mouse.up()


def zoomed(page: Page, before: str = "") -> None:
    """Waits until the address has a zoom, another than ``before``."""
    page.wait_for_function("before => location.search.includes('from=') && location.href !== before", arg=before)


def live(page: Page) -> None:
    """Waits until the address has no zoom."""
    page.wait_for_function("() => !location.search.includes('from=')")


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


# -- zooming


def test_a_deep_zoom_shows_each_second_as_the_store_has_it(demo: Server, page: Page):
    drag(page, 0.9, 1)
    zoomed(page)
    once = page.url
    drag(page, 0.3, 0.7)
    zoomed(page, once)
    settled(page)
    start, end = view(page)
    assert 8 <= end - start <= 14
    rows = demo.login().get(
        f"{demo.url}/api/metrics/history",
        params={"metric": "cpu_usage_ratio", "from": round(start * 1000), "to": round(end * 1000)},
    ).json()["data"]
    shown = page.evaluate(
        """() => { const c = vigie.charts.all().get('cpu'), t = c.gd.data[0];
            return {mode: t.mode, points: t.x.map((x, i) => [vigie.time.back(x), t.y[i] / c.meta.scale])}; }"""
    )
    assert shown["mode"] == "lines+markers"
    assert len(rows) >= 8, (start, end, page.url)
    assert len(shown["points"]) == len(rows)
    for (at, value), row in zip(shown["points"], rows, strict=True):
        assert time.strftime("%H:%M:%S", time.gmtime(at / 1000)) == row["timestamp"][11:19]
        assert value == pytest.approx(row["cpu_usage_ratio"], rel=1e-3)


BLANKS = """() => {
    window.blanks = []; window.polls = 0; window.polling = true;
    const look = () => {
        window.polls += 1;
        for (const c of vigie.charts.all().values()) {
            if (!c.visible || !c.section.dataset.drawn || c.kind === 'bars') continue;
            const box = c.section.getBoundingClientRect();
            if (box.bottom < 0 || box.top > innerHeight) continue;
            const cover = getComputedStyle(c.section.querySelector('.chart-cover')).display;
            const drawn = c.section.querySelector('.heatmaplayer image') ||
                [...c.section.querySelectorAll('.js-line, .js-fill')].some(p => (p.getAttribute('d') || '').length > 8);
            if (cover !== 'none' || !drawn) window.blanks.push([c.id, cover, Boolean(drawn)]);
        }
        if (window.polling) requestAnimationFrame(look);
    };
    look();
}"""


class Held:
    """Questions of charts that the server does not get before `let`."""

    def __init__(self, page: Page) -> None:
        self.on, self.routes = True, list[Route]()
        page.route(UPDATE, self._take)

    def _take(self, route: Route) -> None:
        if self.on and "chart-want" in (route.request.post_data or ""):
            self.routes.append(route)
        else:
            route.continue_()

    def let(self) -> None:
        self.on = False
        for route in self.routes:
            route.continue_()


def test_zooming_moves_all_charts_at_once_and_shows_no_blank(page: Page):
    page.evaluate(BLANKS)
    held = Held(page)
    before = spans(page)
    drag(page, 0.3, 0.6)
    zoomed(page)
    together(page)  # though no answer has come
    assert held.routes
    after = spans(page)
    assert len(after) >= 4
    assert all(after[chart] != before[chart] for chart in after)
    polls = page.evaluate("window.polls")
    page.wait_for_function("polls => window.polls > polls + 10", arg=polls)
    held.let()
    settled(page)
    press(page, "-", "ArrowLeft", "0", "0", "0")
    live(page)
    settled(page)
    page.evaluate("() => { window.polling = false; }")
    assert page.evaluate("window.blanks") == []


def test_an_answer_that_comes_late_changes_nothing(page: Page):
    held = Held(page)
    drag(page, 0.2, 0.7)
    zoomed(page)
    together(page)
    held.on = False
    first = page.url
    drag(page, 0.4, 0.6)
    zoomed(page, first)
    settled(page)
    wanted, data = view(page), page.evaluate("() => vigie.charts.all().get('cpu').gd.data[0].x.length")
    held.let()
    frames(page, 2)
    together(page)
    assert view(page) == wanted
    assert page.evaluate("() => vigie.charts.all().get('cpu').gd.data[0].x.length") == data


def test_the_legend_says_the_newest_values_in_sight(page: Page):
    drag(page, 0.2, 0.4)
    zoomed(page)
    settled(page)
    frames(page, 3)
    said = page.locator(f'{MAIN} [data-chart="cpu"] .legend-value').all_inner_texts()
    assert said == page.evaluate("""() => {
        const c = vigie.charts.all().get('cpu'), newest = trace => trace.y[trace.y.length - 1] / c.meta.scale;
        const lines = c.gd.data.filter((_, i) => c.meta.series[i]);
        return lines.map(trace => vigie.format.human(newest(trace), c.meta.unit));
    }""")


def test_a_double_click_goes_back_step_by_step_to_live(page: Page):
    drag(page, 0.2, 0.8)
    zoomed(page)
    first = view(page)
    once = page.url
    drag(page, 0.4, 0.6)
    zoomed(page, once)
    second = view(page)
    assert second[1] - second[0] < first[1] - first[0]
    settled(page)
    x, y, width, _height = place(page)
    page.mouse.dblclick(x + width / 2, y)
    page.wait_for_function("from => vigie.charts.view.from === from", arg=round(first[0] * 1000))
    together(page)
    settled(page)
    page.mouse.dblclick(x + width / 2, y)
    live(page)
    assert page.evaluate("() => vigie.charts.view.live")
    assert not page.locator(f"{MAIN} .zoom-chip").is_visible()


def test_the_chip_goes_back_to_now_at_once_and_the_browser_step_by_step(page: Page):
    drag(page, 0.2, 0.8)
    zoomed(page)
    once = page.url
    drag(page, 0.4, 0.6)
    zoomed(page, once)
    page.go_back()
    page.wait_for_function("once => location.href === once && vigie.charts.view.from === Number(new URL(once)"
                           ".searchParams.get('from'))", arg=once)
    page.click(f"{MAIN} .zoom-chip")
    live(page)


def test_shift_drags_and_the_wheel_move_and_zoom_all_charts(page: Page):
    page.keyboard.down("Shift")
    drag(page, 0.2, 0.6)
    page.keyboard.up("Shift")
    zoomed(page)
    together(page)
    start, end = view(page)
    assert end - start == pytest.approx(300, abs=2)
    x, y, width, _height = place(page)
    page.mouse.move(x + width * 0.25, y)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -300)
    page.keyboard.up("Control")
    page.wait_for_function("n => { const [a, b] = vigie.charts.span(); return b - a < n; }", arg=(end - start) * 990)
    new = view(page)
    at = start + 0.25 * (end - start)
    assert (at - new[0]) / (new[1] - new[0]) == pytest.approx(0.25, abs=0.02)  # what is under the pointer stays there
    together(page)
    scrolled = page.evaluate("scrollY")
    page.mouse.wheel(0, 200)  # alone it scrolls the page
    page.wait_for_function("y => scrollY > y", arg=scrolled)


def test_a_click_on_a_cell_goes_to_that_moment(page: Page):
    x, y, width, _height = place(page, "cpu-cores")
    start, end = view(page)
    page.mouse.move(x + width * 0.5, y)
    page.wait_for_selector(f'{MAIN} [data-chart="cpu-cores"] .hoverlayer .hovertext')
    page.mouse.click(x + width * 0.5, y)
    zoomed(page)
    new = view(page)
    assert new[0] < start + 0.5 * (end - start) < new[1]
    assert new[1] - new[0] < 60


def test_a_double_click_on_a_heat_map_goes_back_and_to_no_cell(page: Page):
    drag(page, 0.2, 0.8)
    zoomed(page)
    settled(page)
    x, y, width, _height = place(page, "cpu-cores")
    page.mouse.move(x + width * 0.5, y)
    page.wait_for_selector(f'{MAIN} [data-chart="cpu-cores"] .hoverlayer .hovertext')
    page.mouse.dblclick(x + width * 0.5, y)
    live(page)
    frames(page, 2)  # longer than a click waits for a second one
    live(page)


# -- the brush


def test_the_brush_shows_where_one_is_and_moves_all_charts(page: Page):
    page.wait_for_function("() => vigie.brush.line().t.length > 50")
    top = page.locator(f"{MAIN} [data-chart] ").first.bounding_box()
    part = page.locator(f"{MAIN} [data-handle=part]")
    box, track = part.bounding_box(), page.locator(f"{MAIN} .brush-track").bounding_box()
    assert box
    assert track
    assert box["width"] / track["width"] == pytest.approx(300 / 3600, abs=0.02)
    assert box["x"] + box["width"] == pytest.approx(track["x"] + track["width"], abs=3)
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, y)
    page.mouse.down()
    page.mouse.move(box["x"] - 200, y, steps=8)
    together(page)  # while the hand still holds it
    page.mouse.up()
    zoomed(page)
    start, end = view(page)
    moved = (box["x"] + box["width"] / 2 - (box["x"] - 200)) / track["width"] * 3600
    assert end - start == pytest.approx(300, abs=2)
    assert page.evaluate("() => vigie.charts.now()") / 1000 - end == pytest.approx(moved, abs=15)
    settled(page)
    edge = page.locator(f"{MAIN} [data-handle=from]").bounding_box()
    assert edge
    page.mouse.move(edge["x"] + edge["width"] / 2, y)
    page.mouse.down()
    page.mouse.move(edge["x"] - 150, y, steps=6)
    page.mouse.up()
    page.wait_for_function(
        "end => { const [a, b] = vigie.charts.span(); return b - a > 600000 && Math.abs(b - end) < 5; }",
        arg=round(end * 1000),
    )
    together(page)
    assert page.locator(f"{MAIN} [data-chart] ").first.bounding_box() == top  # nothing has jumped
    words = part.get_attribute("aria-valuetext") or ""
    assert re.search(r"\d\d:\d\d:\d\d – \d\d:\d\d:\d\d", words)


def test_the_brush_is_for_the_keyboard_too(page: Page):
    part = page.locator(f"{MAIN} [data-handle=part]")
    assert part.get_attribute("role") == "slider"
    part.focus()
    page.keyboard.press("ArrowLeft")
    zoomed(page)
    start, end = view(page)
    page.locator(f"{MAIN} [data-handle=from]").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("start => vigie.charts.span()[0] > start", arg=start * 1000)
    assert view(page)[1] == pytest.approx(end, abs=0.01)
    part.focus()
    page.keyboard.press("End")
    live(page)


def test_the_brush_is_not_there_among_processes(demo: Server, visitor: Visitor):
    page = visitor.open(demo, "/monitoring?tab=processes")
    ready(page)
    assert not page.locator(f"{MAIN} .brush").is_visible()


# -- the keyboard


def test_keys_pan_zoom_and_go_back(page: Page):
    page.keyboard.press("ArrowLeft")
    zoomed(page)
    first = view(page)
    now = page.evaluate("() => vigie.charts.now()") / 1000
    assert now - first[1] == pytest.approx(75, abs=5)
    page.keyboard.press("Shift+ArrowLeft")
    page.wait_for_function("to => Math.abs(vigie.charts.view.to - to) < 1500", arg=(first[1] - 300) * 1000)
    second = view(page)
    page.keyboard.press("-")
    assert view(page)[1] - view(page)[0] == pytest.approx(600, abs=2)
    page.keyboard.press("Backspace")
    assert view(page) == second
    page.keyboard.press("0")
    assert view(page) == first
    page.keyboard.press("l")
    live(page)
    page.keyboard.press("3")
    page.wait_for_url("**window=1h")
    settled(page)


def test_the_list_of_keys_opens_and_closes_and_takes_the_keys(page: Page):
    page.keyboard.press("?")
    box = page.locator("#react-entry-point #keys-help[open]")
    box.wait_for()
    assert "Backspace" in box.inner_text()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("+")
    assert "from=" not in page.url
    page.keyboard.press("Escape")
    box.wait_for(state="detached")
    page.click("#react-entry-point [data-keys-help]")
    box.wait_for()


def test_keys_are_left_to_who_types_or_chooses(demo: Server, page: Page):
    page.locator(f"{MAIN} [data-window='5m']").focus()
    page.keyboard.press("+")
    page.locator(f"{MAIN} [data-tab=system]").focus()
    page.keyboard.press("Backspace")
    page.keyboard.press("Control+-")
    page.keyboard.press("Control+0")
    page.locator(f'{MAIN} [data-chart="cpu"] .legend-item').first.focus()
    page.keyboard.press("ArrowLeft")
    page.goto(f"{demo.url}/monitoring?tab=processes")
    ready(page)
    page.wait_for_selector(".ag-row")
    page.click("input[type=search]")
    page.keyboard.type("l0+-3/?g")
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("() => document.querySelector('input[type=search]').value.length === 8")
    assert sorted(page.input_value("input[type=search]")) == sorted("l0+-3/?g")  # Dash may move the caret between two
    assert "from=" not in page.url
    assert "window=" not in page.url
    assert page.locator("dialog[open]").count() == 0


def test_g_and_a_letter_goes_to_a_page(page: Page):
    press(page, "g", "s")
    page.wait_for_url("**/settings")
    ready(page)
    press(page, "g", "m")
    page.wait_for_url("**/monitoring")
    drawn(page, "cpu")


# -- the menu of a chart


def test_the_menu_goes_along_with_its_chart_and_closes_when_that_is_out_of_sight(page: Page):
    button, menu = page.locator(f'{MAIN} [data-chart="cpu-cores"] .chart-more'), page.locator("#shell-chart-menu")
    page.set_viewport_size({"width": 1440, "height": 700})
    drawn(page, "cpu-cores")
    button.scroll_into_view_if_needed()
    button.click()
    expect(menu).to_be_visible()
    before = page.evaluate("() => scrollY")
    page.evaluate("() => scrollBy(0, 60)")
    page.wait_for_function("before => scrollY !== before", arg=before)
    page.wait_for_function("""() => {
        const frame = what => document.querySelector(what).getBoundingClientRect();
        const at = frame('#react-entry-point [data-chart="cpu-cores"] .chart-more'), box = frame('#shell-chart-menu');
        return Math.min(Math.abs(box.top - at.bottom), Math.abs(box.bottom - at.top)) < 12;
    }""")
    expect(menu).to_be_visible()
    page.evaluate("() => scrollTo(0, document.documentElement.scrollHeight)")
    expect(menu).to_be_hidden()


# -- the table behind a chart


def table(page: Page, chart: str) -> tuple[list[str], list[list[str]]]:
    """Heads and rows of a chart's table, as its dialog shows them."""
    page.locator(f'{MAIN} [data-chart="{chart}"] .chart-more').click()
    page.click("#react-entry-point #shell-chart-menu [data-action=table]")
    page.wait_for_selector("#chart-table[open] tbody tr")
    more = page.locator("#chart-table .chart-table-more")
    while more.is_visible():
        more.click()
    heads = page.locator("#chart-table thead th").all_inner_texts()
    rows = page.evaluate("() => [...document.querySelectorAll('#chart-table[open] tbody tr')].map(r => "
                         "[...r.children].map(c => c.textContent))")
    return heads, rows


@pytest.mark.parametrize("chart", ["cpu", "cpu-cores", "cpu-modes"])
def test_the_table_holds_exactly_what_is_drawn(page: Page, chart: str):
    press(page, "ArrowLeft", "+", "+")
    zoomed(page)
    settled(page)
    drawn(page, chart)
    settled(page)
    found: dict[str, Any] = page.evaluate(
        """id => { const c = vigie.charts.all().get(id), gd = c.gd; const flat = gd.data[0].z;
            const traces = gd.data.filter(t => t.name && t.hoverinfo !== 'skip');
            return {names: flat ? gd.data[0].y : traces.map(t => t.name),
                x: gd.data[0].x.map(x => vigie.format.clock(vigie.time.back(x))),
                y: flat || traces.map(t => t.y)}; }""", chart,
    )
    heads, rows = table(page, chart)
    assert heads[1:] == [f"{name} (%)" for name in found["names"]]
    assert [row[0].partition(".")[0] for row in rows] == found["x"]
    for column, values in enumerate(found["y"], 1):
        for row, value in zip(rows, values, strict=True):
            if value is None:
                assert row[column] == "–"
            else:
                assert float(row[column].replace(",", "")) == pytest.approx(value, abs=0.06)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.click("#chart-table [data-copy-table]")
    page.wait_for_function("() => document.querySelector('#chart-table .dialog-say').textContent.length > 3")
    lines = page.evaluate("() => navigator.clipboard.readText()").split("\n")
    assert len(lines) == len(rows) + 1
    assert lines[0].split("\t") == heads
    first = [line.split("\t")[1] for line in lines[1:]]
    assert [float(cell) if cell else None for cell in first] == pytest.approx(found["y"][0])


# -- eyes


def test_every_drawn_chart_says_what_it_shows(page: Page):
    page.wait_for_function(
        "() => document.querySelector('#main [data-chart=cpu] .chart-text').textContent.includes('highest')"
    )
    text = page.locator(f'{MAIN} [data-chart="cpu"] .chart-text').text_content() or ""
    assert re.match(r"\d\d:\d\d:\d\d – \d\d:\d\d:\d\d\. All cores: newest \d", text)
    low, high = page.evaluate(
        """() => { const c = vigie.charts.all().get('cpu'), y = c.gd.data[0].y.filter(v => v !== null);
            return [Math.min(...y), Math.max(...y)]; }"""
    )
    said = re.search(r"lowest ([\d.]+) %, highest ([\d.]+) %", text)
    assert said
    assert float(said[1]) >= low - 0.6
    assert float(said[2]) <= high + 0.6
    assert page.locator(f'{MAIN} [data-chart="cpu"]').get_attribute("aria-describedby")


# -- fingers


def swipe(page: Page, x: float, y: float, dx: float, dy: float, steps: int = 12) -> None:
    """One finger on the screen, as the browser itself feels it."""
    client = page.context.new_cdp_session(page)
    client.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for step in range(1, steps + 1):
        at = {"x": x + dx * step / steps, "y": y + dy * step / steps}
        client.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [at]})
    client.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_a_finger_on_a_chart_scrolls_the_page_and_sideways_moves_the_time(demo: Server, visitor: Visitor):
    page = visitor.open(demo, "/monitoring", viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    ready(page)
    drawn(page, "cpu")
    page.evaluate("() => scrollTo(0, 0)")
    box = page.locator(f'{MAIN} [data-chart="cpu"] .nsewdrag').first.bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    swipe(page, x, y, 0, -220)
    page.wait_for_function("() => scrollY > 120")
    assert "from=" not in page.url
    # The first swipe may roll on for a while: a finger set down in that would only stop it.
    page.evaluate("""() => new Promise(done => {
        let calm = 0;
        (function look() {
            if (scrollY) { scrollTo(0, 0); calm = 0; } else calm += 1;
            if (calm > 20) done(); else requestAnimationFrame(look);
        })();
    })""")
    swipe(page, x, y, 110, 0)
    zoomed(page)
    start, end = view(page)
    assert end - start == pytest.approx(300, abs=2)
    assert page.evaluate("() => vigie.charts.now()") / 1000 - end > 30
    assert page.evaluate("scrollY") == 0
    width = page.evaluate("() => document.documentElement.scrollWidth")
    assert width <= 390
