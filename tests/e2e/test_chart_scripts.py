"""What the charts' scripts reckon, in a real browser: time zones, and axes that hold still."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

SCRIPT = Path(__file__).parents[2] / "assets" / "chart_tools.js"
BROWSER_ZONE = "America/New_York"
INSTANTS = [
    1_767_225_600_000,  # 1 January 2026
    1_774_745_999_000,  # Europe goes to summer time one second later
    1_774_746_000_000,
    1_792_890_000_000,  # Europe goes back
    1_783_000_123_456,
]


@pytest.fixture(scope="module")
def tools(browser: Browser) -> Iterator[Page]:
    """An empty page with the charts' tools in it, in a browser that lives in New York."""
    context = browser.new_context(timezone_id=BROWSER_ZONE)
    page = context.new_page()
    page.add_script_tag(content=SCRIPT.read_text(encoding="utf-8"))
    yield page
    context.close()


@pytest.mark.parametrize("zone", ["UTC", BROWSER_ZONE, "Europe/Paris", "Asia/Kathmandu", "Pacific/Apia"])
def test_a_chart_shows_the_clock_of_the_viewers_zone(tools: Page, zone: str):
    # Plotly writes a number as the browser's own clock shows it.
    shown, wanted = tools.evaluate("""([zone, instants]) => {
        vigie.timezone = zone;
        const clock = (ms, timeZone) => new Intl.DateTimeFormat('en-GB', {timeZone, dateStyle: 'short',
            timeStyle: 'medium'}).format(ms);
        return [instants.map(ms => clock(vigie.time.shift(ms))), instants.map(ms => clock(ms, zone))];
    }""", [zone, INSTANTS])
    assert shown == wanted


@pytest.mark.parametrize("zone", ["UTC", "Europe/Paris", "Asia/Kathmandu"])
def test_a_zoom_is_read_back_in_the_viewers_zone(tools: Page, zone: str):
    back = tools.evaluate("""([zone, instants]) => {
        vigie.timezone = zone;
        return instants.map(ms => {
            const wall = new Intl.DateTimeFormat('sv-SE', {timeZone: zone, dateStyle: 'short',
                timeStyle: 'medium'}).format(ms);
            return vigie.time.moment(wall + '.' + String(ms % 1000).padStart(3, '0'));
        });
    }""", [zone, INSTANTS])
    assert back == INSTANTS


def test_many_times_are_shifted_as_one_by_one(tools: Page):
    same = tools.evaluate("""instants => {
        vigie.timezone = 'Europe/Paris';
        return JSON.stringify(vigie.time.shiftAll(instants)) === JSON.stringify(instants.map(vigie.time.shift))
            && vigie.time.shiftAll([]).length === 0;
    }""", sorted(INSTANTS))
    assert same


def settle(tools: Page, values: list[float | None], before: list[float] | None = None, **meta: Any) -> dict[str, Any]:
    """The axis and the drawn values after `settle`, for values in bytes per second drawn as KiB/s."""
    meta = {"kind": "lines", "unit": "bytes_per_second", "scale": 1 / 1024, "suffix": " KiB/s", "digits": 1,
            "top": None, "scales": [[1, " B/s"], [1 / 1024, " KiB/s"], [1 / 1024**2, " MiB/s"]], "series": ["a"]} | meta
    result: dict[str, Any] = tools.evaluate("""([values, before, meta]) => {
        const data = [{x: values.map((_, i) => i), y: values.map(v => v === null ? null : v * meta.scale),
            hovertemplate: 'x'}];
        const layout = {meta, yaxis: {range: before, autorange: !before}};
        vigie.chartTools.settle(data, layout, 0);
        return {range: layout.yaxis.range, suffix: layout.meta.suffix, y: data[0].y, hover: data[0].hovertemplate};
    }""", [values, before, meta])
    return result


def test_the_axis_begins_at_zero_and_ends_at_a_round_number(tools: Page):
    assert settle(tools, [0, None, 90 * 1024])["range"] == [0, 100]


def test_the_axis_holds_still_while_it_fits(tools: Page):
    for top in (51, 80, 98):
        assert settle(tools, [top * 1024], [0, 100])["range"] == [0, 100]


def test_the_axis_grows_at_once_and_shrinks_when_half_of_it_is_empty(tools: Page):
    assert settle(tools, [130 * 1024], [0, 100])["range"] == [0, 150]
    assert settle(tools, [20 * 1024], [0, 100])["range"] == [0, 25]


def test_the_unit_follows_the_values(tools: Page):
    grown = settle(tools, [5 * 1024**2], [0, 100])
    assert (grown["suffix"], grown["y"], grown["range"]) == (" MiB/s", [5], [0, 6])
    assert grown["hover"] == "%{y:.1f} MiB/s"


def test_a_series_read_every_few_seconds_keeps_its_value_beside_its_name(tools: Page):
    said = tools.evaluate("""() => {
        vigie.format = {human: value => String(value)};
        const item = {key: 'a', value: {textContent: ''}};
        const chart = {items: [item], meta: {series: ['a'], unit: 'celsius', scale: 1}, data: [{y: [40, 41]}],
            from: 100000, seen: new Map()};
        const at = (value, t) => {
            vigie.chartTools.newest(chart, t ? new Map([['a', value]]) : null, t);
            return item.value.textContent;
        };
        return [at(null, 0), at(null, 101000), at(42, 104000), at(null, 105000), at(null, 119000)];
    }""")
    assert said == ["41", "41", "42", "42", "–"]


def test_a_duration_is_told_as_its_axis_has_it_or_finer_where_that_would_hide_it(tools: Page):
    said = tools.evaluate("""() => {
        vigie.format = {number: (value, digits) => value.toFixed(digits)};
        const meta = {unit: 'seconds', scale: 1, suffix: ' s', scales: [[1e6, ' µs'], [1e3, ' ms'], [1, ' s']]};
        return [1.5, 0.1, 0.0097, 0.00002, 0].map(value => vigie.chartTools.said(value, meta));
    }""")
    assert said == ["1.50 s", "0.10 s", "9.70 ms", "20.00 µs", "0.00 s"]


def test_a_click_on_a_percentile_asks_for_all_that_may_lie_in_its_bucket(tools: Page):
    tools.add_script_tag(content=(SCRIPT.parent / "zoom.js").read_text(encoding="utf-8"))
    asked = tools.evaluate("""() => {
        vigie.format = {number: (value, digits) => value.toFixed(digits)};
        vigie.timebar = {between: () => 'then'};
        const chart = {meta: {spikes: [0.01, 0.02, 0.04], scale: 1e3, unit: 'seconds', suffix: ' ms', step: 2,
            measure: 'itl_max'}};
        const found = [];
        document.addEventListener('vigie:bucket', event => { event.preventDefault(); found.push(event.detail); });
        [29.5, 20, 5, 40].forEach(y => vigie.zoom.cell(chart, {points: [{x: 0, y, data: {name: 'p99'}}]}));
        return found;
    }""")
    assert [one["above"] for one in asked] == [0.02, 0.01, 0, 0.02]
    assert {(one["upTo"], one["measure"], one["to"] - one["from"]) for one in asked} == {(None, "itl_max", 2000)}
    assert asked[0]["words"] == "then, p99, > 20.00 ms"


def test_a_fixed_axis_is_left_alone(tools: Page):
    assert settle(tools, [500], [0, 100], top=1)["range"] == [0, 100]
