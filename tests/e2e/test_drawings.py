"""Every kind of chart that people can draw, and the statistics under it, in a real browser."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Page

from tests.e2e.harness import Server
from tests.e2e.visit import Visitor, drawn, frames, ready

pytestmark = pytest.mark.e2e
ROOT = "#react-entry-point"
POWER = "gpu_power_watts"
KINDS = (
    f"{POWER},gpu_temperature_celsius", 'cpu_core_usage_ratio{core=~"0|1|2"}!area', f"{POWER}!bars",
    "cpu_core_usage_ratio!heat", f"{POWER}!hist", "cpu_usage_ratio!hours", "cpu_core_usage_ratio!p95",
    "memory_used_bytes!rate", f"{POWER}!before", f"{POWER}{{gpu=0}}!vs={POWER}{{gpu=1}}",
)


def explore(visitor: Visitor, server: Server, *texts: str, window: str = "15m", **options: Any) -> Page:
    page = visitor.open(server, f"/explore?window={window}&q={quote(';'.join(texts))}", **options)
    ready(page)
    return page


def chart(page: Page, expression: str, text: str) -> Any:
    """Something of a drawn chart: ``c`` in ``expression``."""
    return page.evaluate(f"id => {{ const c = vigie.charts.all().get(id); return {expression}; }}", f"q:{text}")


def shown(page: Page, text: str) -> str:
    """Waits until a drawing is on the screen; the selector of its panel."""
    panel = f"{ROOT} [data-chart={json.dumps('q:' + text)}]"
    page.locator(panel).scroll_into_view_if_needed()
    page.wait_for_selector(f"{panel}[data-drawn][data-state=ok]")
    return panel


def test_every_kind_is_drawn(visitor: Visitor, demo: Server):
    page = explore(visitor, demo, *KINDS)
    for text in KINDS:
        shown(page, text)
        assert chart(page, "c.gd.data.some(t => (t.z || [t.y]).flat().some(v => v !== null))", text), text
        assert chart(page, "c.section.querySelector('.chart-text').textContent", text), text
    assert chart(page, "c.gd.layout.yaxis2.side", KINDS[0]) == "right"
    assert chart(page, "c.gd.data.map(t => t.line.dash || '')", KINDS[8]) == ["", "", "dash", "dash", "", ""]
    visitor.check()


def test_the_table_of_statistics_says_what_the_store_holds(visitor: Visitor, demo: Server):
    end = int(time.time()) * 1000 - 60_000
    start = end - 600_000
    page = visitor.open(demo, f"/explore?q={POWER}&from={start}&to={end}")
    ready(page)
    panel = shown(page, POWER)
    page.wait_for_selector(f"{panel} .chart-stats tbody tr")
    cells = page.locator(f"{panel} .chart-stats tbody tr").first.locator("td").all_inner_texts()
    key = f'{POWER}{{gpu="0"}}'
    answer = demo.login().get(f"{demo.url}/api/metrics/history", timeout=20, params={
        "metric": key, "from": start, "to": end, "points": 5000})
    (column,) = answer.json()["data"]
    values = column["value"]
    assert len(values) == 601
    assert float(cells[0]) == pytest.approx(min(values), abs=0.06)
    assert float(cells[1]) == pytest.approx(sum(values) / len(values), abs=0.06)
    assert float(cells[2]) == pytest.approx(max(values), abs=0.06)
    assert float(cells[-1]) == pytest.approx(values[-1], abs=0.06)
    visitor.check()


def test_the_table_follows_and_what_is_closed_stays_closed(visitor: Visitor, demo: Server):
    page = explore(visitor, demo, POWER, "cpu_usage_ratio!mean", window="5m")
    panel = shown(page, POWER)
    note = page.locator(f"{panel} .stats-note")
    note.wait_for()
    last = page.locator(f"{panel} .chart-stats tbody td:last-child").first
    before = chart(page, "c.statsAt", POWER)
    frames(page, 7)
    assert chart(page, "c.statsAt", POWER) > before
    assert last.inner_text()
    button = page.locator(f"{panel} [data-stats]")
    assert button.get_attribute("aria-expanded") == "true"
    button.click()
    assert page.locator(f"{panel} .chart-stats").is_hidden()
    page.reload()
    ready(page)
    shown(page, POWER)
    assert page.locator(f"{panel} [data-stats]").get_attribute("aria-expanded") == "false"
    visitor.check()


def test_an_aggregate_goes_on_by_being_asked_for_anew(visitor: Visitor, demo: Server):
    text = "cpu_core_usage_ratio!mean"
    page = explore(visitor, demo, text, window="5m")
    shown(page, text)
    first = chart(page, "c.lastT", text)
    page.wait_for_function(
        "([id, t]) => vigie.charts.all().get(id).lastT > t + 3000", arg=[f"q:{text}", first], timeout=30_000)
    assert chart(page, "c.section.dataset.state", text) == "ok"
    visitor.check()


def test_what_is_computed_keeps_its_own_values_beside_what_is_live(visitor: Visitor, demo: Server):
    text = f"{POWER}!rate"
    page = explore(visitor, demo, text, POWER, window="5m")
    shown(page, POWER)  # has the page follow the power itself
    shown(page, text)
    frames(page, 3)
    values = page.locator(f"{ROOT} [data-chart={json.dumps('q:' + text)}] .legend-value").all_inner_texts()
    drawn_last = chart(page, "c.gd.data.map(t => vigie.format.human(t.y.at(-1) / c.meta.scale, c.meta.unit))", text)
    assert values == drawn_last
    visitor.check()


def test_an_hour_of_the_week_leads_to_its_newest_moment(visitor: Visitor, demo: Server):
    text = "cpu_usage_ratio!hours"
    page = explore(visitor, demo, text, window="24h")
    panel = shown(page, text)
    row, column, begin, end = chart(
        page, "c.gd.data[0].customdata.flatMap((r, i) => r.flatMap((v, j) => v ? [[i, j, ...v]] : []))[0]", text)
    pixel = "(axis, name) => axis.d2p(name) + axis._offset"
    place = chart(page, f"(at => ({{x: at(c.gd._fullLayout.xaxis, c.gd.data[0].x[{column}]), "
                        f"y: at(c.gd._fullLayout.yaxis, c.gd.data[0].y[{row}])}}))({pixel})", text)
    page.locator(f"{panel} .js-plotly-plot").click(position=place)
    page.wait_for_function("() => vigie.charts.view.from !== null")
    assert page.evaluate("[vigie.charts.view.from, vigie.charts.view.to]") == [begin, end]
    visitor.check()


def test_vigies_own_charts_keep_the_table_that_was_opened(visitor: Visitor, demo: Server):
    page = visitor.open(demo, "/monitoring?window=5m")
    ready(page)
    drawn(page, "memory")
    panel = f'{ROOT} [data-chart="memory"]'
    button = page.locator(f"{panel} [data-stats]")
    assert button.get_attribute("aria-expanded") == "false"
    button.click()
    page.wait_for_selector(f"{panel} .chart-stats tbody tr")
    name = page.locator(f"{panel} .chart-stats .stats-name").first
    assert "Used" in name.inner_text()
    assert page.locator(f"{panel} .chart-stats .legend-swatch").first.evaluate("e => e.style.backgroundColor")
    page.reload()
    ready(page)
    drawn(page, "memory")
    page.wait_for_selector(f"{panel} .chart-stats tbody tr")
    visitor.check()


def test_what_cannot_be_drawn_says_so_on_its_panel(visitor: Visitor, demo: Server):
    text = f"{POWER},cpu_usage_ratio!area"
    page = explore(visitor, demo, text)
    page.wait_for_selector(f"{ROOT} [data-chart={json.dumps('q:' + text)}][data-state=failed]")
    assert "Several units" in page.locator(f"{ROOT} .chart-cover").first.inner_text()
    visitor.check()
