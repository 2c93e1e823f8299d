"""Events and notes on charts, as people see and write them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.e2e.harness import Server
from tests.e2e.visit import Visitor, drawn, points, ready
from tests.support import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]
CHARTS = ("cpu", "cpu-modes", "load", "memory")
FLAG = '#react-entry-point [data-chart="{chart}"] .mark-flag'
PLACES = """
([chart, id]) => {
    const entry = vigie.charts.all().get(chart);
    const flag = [...entry.section.querySelectorAll('.mark-flag')].find(f => f.flag.marks.some(m => m.id === id));
    if (!flag) return null;
    const mark = flag.flag.marks.find(m => m.id === id), axis = entry.gd._fullLayout.xaxis;
    const at = ms => axis.l2p(axis.d2l(vigie.time.shift(ms)));
    const plot = entry.gd.getBoundingClientRect().left + axis._offset;
    const box = flag.getBoundingClientRect();
    return {
        seen: box.left + box.width / 2 - plot, count: flag.flag.marks.length, length: axis._length,
        wanted: at(flag.flag.marks[0].at), start: at(mark.at), end: at(mark.end),
        band: entry.section.querySelector('.mark-band').getAttribute('d'),
    };
}
"""
"""Where the flag of a mark is in a chart, and where Plotly's axis has the first that it flies for; px from the plot's
left."""


@pytest.fixture
def page(server: Server, visitor: Visitor) -> Iterator[Page]:
    """Monitoring with a few charts drawn; notes that a test leaves are deleted after it."""
    page = visitor.open(server, "/monitoring?window=15m")
    ready(page)
    for chart in CHARTS:
        drawn(page, chart)
    yield page
    page.evaluate(
        """async () => {
            const all = await vigie.api('GET', '/api/v1/marks?from=0&kinds=note');
            for (const mark of all.data) await vigie.api('DELETE', '/api/v1/notes/' + mark.note);
        }"""
    )


def add(page: Page, start: float, text: str, end: float | None = None) -> dict[str, Any]:
    """A note as a program adds it."""
    body = {"start": round(start), "text": text} | ({"end": round(end)} if end else {})
    found: dict[str, Any] = page.evaluate("body => vigie.api('POST', '/api/v1/notes', body)", body)
    return found


def now(page: Page) -> float:
    return float(page.evaluate("vigie.charts.now()"))


def free(page: Page) -> float:
    """A moment in the chart with no mark near it, whatever other tests have left."""
    at = page.evaluate("""async () => {
        const now = vigie.charts.now(), all = await vigie.api('GET', '/api/v1/marks?from=' + Math.round(now - 900_000));
        for (let at = now - 300_000; at > now - 800_000; at -= 20_000)
            if (!all.data.some(mark => mark.at < at + 60_000 && mark.end > at - 60_000)) return at;
    }""")
    assert at is not None, "the chart is full of marks"
    return float(at)


def flown(page: Page, chart: str, mark: str) -> dict[str, Any]:
    """The place of a mark in a chart, once its flag is there and stands where the axis says."""
    drawn(page, chart)
    page.wait_for_function(f"args => {{ const p = ({PLACES})(args); return p && Math.abs(p.seen - p.wanted) <= 2; }}",
                           arg=[chart, mark])
    place: dict[str, Any] = page.evaluate(PLACES, [chart, mark])
    return place


def open_dialog(page: Page, chart: str) -> None:
    """"Add a note" of a chart's menu."""
    button = page.locator(f'#react-entry-point [data-chart="{chart}"] [data-chart-menu]')
    button.click()
    page.click("#shell-chart-menu [data-action=note]")


def write(page: Page, chart: str, text: str) -> str:
    """Adds a note through a chart's menu; its mark's id."""
    open_dialog(page, chart)
    page.fill("#shell-note textarea", text)
    with page.expect_response("**/api/v1/notes") as answered:
        page.click("#shell-note [data-note=save]")
    assert answered.value.status == 201
    page.wait_for_selector("#shell-note", state="hidden")
    return str(answered.value.json()["id"])


def test_a_note_from_a_menu_is_on_every_chart_at_its_moment(page: Page) -> None:
    page.click("#react-entry-point .marks-menu summary")
    for others in page.locator("#react-entry-point input[data-marks]:not([data-marks=note])").all():
        others.uncheck()  # the server has just started: its marks would share the note's flag
    mark = write(page, "memory", "Fans cleaned\nby the night shift")
    for chart in CHARTS:
        place = flown(page, chart, mark)
        assert 0 <= place["wanted"] <= place["length"]
    at = page.evaluate("id => vigie.api('GET', '/api/v1/marks?from=0&kinds=note').then(a => a.data[0].at)", mark)
    page.evaluate("at => vigie.charts.look({from: at - 100000, to: at + 20000})", at)
    page.wait_for_function("() => document.querySelector('#react-entry-point .is-zoomed')")
    for chart in CHARTS:
        place = flown(page, chart, mark)
        assert place["wanted"] == pytest.approx(place["length"] * 100 / 120, abs=3)
    page.evaluate("at => vigie.charts.look({from: at - 500000, to: at - 300000})", at)  # no data there
    drawn(page, "cpu")
    page.wait_for_function(
        "selector => [...document.querySelectorAll(selector)].every(f => f.offsetParent === null)",
        arg=FLAG.format(chart="cpu"),
    )


def test_the_zoomed_span_is_what_a_note_is_about(page: Page) -> None:
    drawn(page, "cpu")  # in sight again: only there it goes on
    wait_until(lambda: points(page, "cpu") > 15, 60, "the server has values of some seconds")
    end = now(page) - 2_000
    page.evaluate("([from, to]) => vigie.charts.look({from, to})", [round(end - 8_000), round(end)])
    page.wait_for_function("() => document.querySelector('#react-entry-point .is-zoomed')")
    open_dialog(page, "cpu")
    assert page.is_checked("#shell-note [name=reach][value=span]")
    page.fill("#shell-note textarea", "load test")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#shell-note", state="hidden")
    (mark,) = page.evaluate("vigie.api('GET', '/api/v1/marks?from=0&kinds=note').then(a => a.data)")
    assert (mark["at"], mark["end"]) == (round(end - 8_000), round(end)), "milliseconds were lost"
    page.evaluate("([from, to]) => vigie.charts.look({from, to})", [round(end - 12_000), round(end + 1_000)])
    place = flown(page, "cpu", mark["id"])
    bands = [[float(part) for part in one.split("V")[0].split(" 0H")] for one in place["band"].split("M")[1:]]
    assert pytest.approx([place["start"], place["end"]], abs=2) in bands
    page.evaluate("([from, to]) => vigie.charts.look({from, to})", [round(end - 4_000), round(end - 1_000)])
    page.wait_for_function(f"args => {{ const p = ({PLACES})(args); return p && Math.abs(p.seen) <= 2; }}",
                           arg=["cpu", mark["id"]])  # it began before: the flag waits at the edge


def test_a_restart_shows_and_the_filter_hides_it_for_good(page: Page) -> None:
    started = page.evaluate("vigie.api('GET', '/api/v1/marks?from=0&kinds=restart').then(a => a.data[0])")
    page.evaluate("at => vigie.charts.look({from: at - 60000, to: at + 60000})", started["at"])
    flown(page, "cpu", started["id"])
    flag = page.locator(FLAG.format(chart="cpu") + "[data-kinds~=restart]")
    flag.hover()
    assert "Vigie started." in page.inner_text(".marks-tip")
    flag.focus()
    page.keyboard.press("Escape")
    page.wait_for_selector(".marks-tip", state="detached")
    count = page.locator("#react-entry-point .marks-count")
    assert int(count.inner_text()) >= 1
    page.click("#react-entry-point .marks-menu summary")
    page.uncheck("#react-entry-point [data-marks=restart]")
    page.wait_for_function(f"args => ({PLACES})(args) === null", arg=["cpu", started["id"]])
    page.reload()
    ready(page)
    drawn(page, "cpu")
    page.wait_for_function("() => document.querySelector('#react-entry-point .marks-menu.is-filtered')")
    assert page.evaluate(PLACES, ["cpu", started["id"]]) is None
    page.click("#react-entry-point .marks-menu summary")
    assert not page.is_checked("#react-entry-point [data-marks=restart]")
    page.check("#react-entry-point [data-marks=restart]")
    flown(page, "cpu", started["id"])


def only_notes(page: Page) -> None:
    """Hides marks of other kinds: one that lies beside a note would share its flag."""
    page.click("#react-entry-point .marks-menu summary")
    for box in page.locator("#react-entry-point .marks-menu [data-marks]:not([data-marks~=note])").all():
        box.uncheck()
    page.click("#react-entry-point .marks-menu summary")


def test_somebody_else_sees_it_within_seconds_and_cannot_change_it(
    server: Server, page: Page, visitor: Visitor,
) -> None:
    name, password = server.person("viewer")
    theirs = visitor.open(server, "/monitoring?window=15m", name, password)
    ready(theirs)
    drawn(theirs, "cpu")
    for one in (page, theirs):
        only_notes(one)
    mark = write(page, "cpu", "Driver 570 installed")
    flown(theirs, "cpu", mark)
    flag = theirs.locator(FLAG.format(chart="cpu") + "[data-kinds=note]").last
    flag.click()
    tip = theirs.locator(".marks-tip")
    assert "Driver 570 installed" in tip.inner_text() and "admin" in tip.inner_text()
    assert tip.locator("button").count() == 0
    assert not theirs.is_visible("#shell-note")

    flag = page.locator(FLAG.format(chart="load") + "[data-kinds=note]").last
    flag.click()
    assert page.input_value("#shell-note textarea") == "Driver 570 installed"
    page.fill("#shell-note textarea", "Driver 575 installed")
    page.click("#shell-note [data-note=save]")
    page.wait_for_selector("#shell-note", state="hidden")
    theirs.wait_for_function(
        """selector => [...document.querySelectorAll(selector)].some(f => f.ariaLabel === 'Driver 575 installed')""",
        arg=FLAG.format(chart="cpu"),
    )
    flag.click()
    page.click("#shell-note [data-note=delete]")
    page.click("#shell-note [data-note=delete]")
    page.wait_for_selector("#shell-note", state="hidden")
    for one in (page, theirs):
        one.wait_for_function(f"args => ({PLACES})(args) === null", arg=["cpu", mark])


def test_many_at_one_place_are_one_flag_with_their_number(page: Page) -> None:
    page.click("#react-entry-point [data-live]")
    at = free(page)
    marks = [add(page, at + i, f"note {i}") for i in range(12)]
    page.wait_for_function(f"args => {{ const p = ({PLACES})(args); return p && p.count === 12; }}",
                           arg=["cpu", marks[0]["id"]])
    flag = page.locator(FLAG.format(chart="cpu")).filter(has_text="12")
    assert flag.get_attribute("aria-label") == "12 events"
    flag.click()
    tip = page.locator(".marks-tip")
    assert tip.locator(".marks-row").count() == 8 and "and 4 more" in tip.inner_text()
    tip.locator("button").first.click()
    assert page.input_value("#shell-note textarea") == "note 11"
    page.keyboard.press("Escape")


def test_marks_cost_charts_no_drawing(page: Page) -> None:
    page.click("#react-entry-point [data-live]")
    page.evaluate("""() => {
        window.asked = [];
        for (const name of ['relayout', 'redraw', 'restyle', 'update', 'react', 'newPlot', 'extendTraces']) {
            const own = Plotly[name];
            Plotly[name] = (...all) => {
                if (new Error().stack.includes('/marks')) window.asked.push(name);
                return own(...all);
            };
        }
    }""")
    mark = add(page, now(page) - 200_000, "quiet")
    flown(page, "cpu", mark["id"])
    page.click("#react-entry-point .marks-menu summary")
    page.uncheck("#react-entry-point [data-marks=note]")
    page.wait_for_function(f"args => ({PLACES})(args) === null", arg=["cpu", mark["id"]])
    assert page.evaluate("window.asked") == []


def test_what_is_not_written_is_told_in_the_dialog(page: Page, visitor: Visitor) -> None:
    visitor.allow("status of 400")
    open_dialog(page, "cpu")
    page.click("#shell-note [data-note=save]")
    assert page.inner_text("#shell-note .dialog-say") == "Please write something."
    page.fill("#shell-note textarea", "backwards")
    page.check("#shell-note [name=reach][value=span]", force=True)
    page.fill("#shell-note [name=end]", "2024-01-01T00:00:00")
    page.click("#shell-note [data-note=save]")
    page.wait_for_function(
        "() => document.querySelector('#react-entry-point #shell-note .dialog-say').textContent.includes('end')"
    )


def test_on_a_phone_there_are_flags_only(server: Server, page: Page, visitor: Visitor) -> None:
    add(page, now(page) - 100_000, "small", now(page) - 50_000)
    phone = visitor.open(server, "/monitoring?window=15m", viewport={"width": 390, "height": 844}, has_touch=True)
    ready(phone)
    drawn(phone, "cpu")
    flag = phone.locator(FLAG.format(chart="cpu") + "[data-kinds~=note]").first
    flag.wait_for()
    assert phone.eval_on_selector("#react-entry-point .mark-note", "e => getComputedStyle(e).display") == "none"
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_note_is_written_in_the_viewers_zone(server: Server, page: Page, visitor: Visitor) -> None:
    tokyo = visitor.open(server, "/monitoring?window=15m", timezone_id="Asia/Tokyo")
    ready(tokyo)
    drawn(tokyo, "cpu")
    open_dialog(tokyo, "cpu")
    zone = tokyo.inner_text("#shell-note .note-zone")
    assert "Asia/Tokyo" in zone
    tokyo.fill("#shell-note textarea", "morning")
    tokyo.fill("#shell-note [name=start]", "2026-11-01T09:00:00")
    with tokyo.expect_response("**/api/v1/notes") as answered:
        tokyo.click("#shell-note [data-note=save]")
    assert answered.value.json()["at"] == 1_793_491_200_000  # midnight in UTC


