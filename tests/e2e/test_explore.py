"""Explore in a real browser: search, charts, edits, the address, hands on the keyboard and on a phone."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

import pytest
from playwright.sync_api import Page, Route

from tests.e2e.harness import Server
from tests.e2e.visit import Visitor, drawn, ready

pytestmark = pytest.mark.e2e
ROOT = "#react-entry-point"
BOX = f"{ROOT} [data-search]"
CORES, MEMORY = "cpu_core_usage_ratio", "memory_used_bytes"


def opened(visitor: Visitor, server: Server, address: str = "", **options: Any) -> Page:
    page = visitor.open(server, f"/explore{address}", **options)
    ready(page)
    page.wait_for_function("() => window.vigie && vigie.explore && vigie.timebar.here() !== null")
    page.evaluate("vigie.exploreSearch.load()")
    return page


def texts(page: Page) -> list[str]:
    found: list[str] = page.evaluate("vigie.explore.list().map(pair => pair[1])")
    return found


def become(page: Page, *wanted: str) -> None:
    """Waits until the charts are these, in this order, in the address and on the page."""
    page.wait_for_function(
        """wanted => {
            const shown = [...document.querySelectorAll('#react-entry-point .explore-block')].map(b => b.dataset.text);
            const q = new URLSearchParams(location.search).get('q') || '';
            return JSON.stringify(shown) === JSON.stringify(wanted) && q === wanted.join(';');
        }""", arg=list(wanted),
    )


def options(page: Page) -> list[str]:
    return page.locator(f"{ROOT} .explore-option .option-name").all_inner_texts()


def find(page: Page, text: str) -> list[str]:
    page.fill(BOX, text)
    page.wait_for_selector(f"{ROOT} .explore-options:not([hidden])")
    return options(page)


def control(page: Page, chart: int, selector: str) -> Any:
    return page.locator(f"{ROOT} .explore-block").nth(chart).locator(selector)


def test_a_metric_is_found_by_name_help_and_label(demo: Server, visitor: Visitor) -> None:
    page = opened(visitor, demo)
    assert page.evaluate("document.activeElement.matches('[data-search]')"), "an empty page begins with the search"
    assert find(page, "core usage")[0] == CORES
    assert find(page, "not available")[0] == MEMORY  # its help
    hit = find(page, "iowait")[0]
    assert hit.startswith("cpu_mode_ratio") and "mode = iowait" in hit  # the value of a label
    assert page.locator(f"{ROOT} .option-value mark").first.inner_text() == "iowait"
    assert "network_receive_bytes_per_second" in find(page, "network_receive_bytes_total")  # a counter by its rate
    assert "vigie_cpu_ratio" in find(page, "vigie cpu")
    assert find(page, "nosuchthing") == []
    assert "No metric has this" in page.inner_text(f"{ROOT} .explore-options")
    groups = page.locator(f"{ROOT} .explore-group")
    find(page, "usage")
    assert {"CPU", "NVIDIA GPUs"} <= set(groups.locator(".option-group").all_inner_texts())


def test_a_choice_is_drawn_narrowed_to_what_was_searched(demo: Server, visitor: Visitor) -> None:
    page = opened(visitor, demo)
    find(page, "iowait")
    page.keyboard.press("Enter")
    become(page, "cpu_mode_ratio{mode=iowait}")
    drawn(page, "q:cpu_mode_ratio{mode=iowait}")
    find(page, f'{CORES}{{core=~"0|1"}}!area')
    page.keyboard.press("Enter")  # spelled by hand
    become(page, "cpu_mode_ratio{mode=iowait}", f'{CORES}{{core=~"0|1"}}!area')
    find(page, "memory_used_bytes")
    page.keyboard.press("Shift+Enter")
    become(page, "cpu_mode_ratio{mode=iowait}", f'{CORES}{{core=~"0|1"}},{MEMORY}!area')


def test_suggestions_are_one_click_away(demo: Server, visitor: Visitor) -> None:
    page = opened(visitor, demo)
    page.click(f"{ROOT} .start-card:has-text('GPUs')")
    become(page, "gpu_usage_ratio", "gpu_power_watts", "gpu_temperature_celsius")
    drawn(page, "q:gpu_usage_ratio")
    assert page.locator(f"{ROOT} .explore-start").is_hidden()


def test_edits_change_one_chart_and_keep_the_others_and_the_zoom(demo: Server, visitor: Visitor) -> None:
    page = opened(visitor, demo, f"?q={CORES};{MEMORY}&window=15m")
    drawn(page, f"q:{CORES}")
    drawn(page, f"q:{MEMORY}")
    page.evaluate("""() => { const now = Date.now();
        vigie.charts.look({from: now - 400000, to: now - 100000}); }""")
    zoom = page.evaluate("[vigie.charts.view.from, vigie.charts.view.to]")
    page.evaluate(f"document.querySelector('[data-chart=\"q:{MEMORY}\"] .js-plotly-plot').marked = true")
    control(page, 0, "[data-edit=kind][data-value=heat]").click()
    become(page, f"{CORES}!heat", MEMORY)
    control(page, 0, "select[data-edit=aggregate]").select_option("p95")
    become(page, f"{CORES}!heat!p95", MEMORY)
    control(page, 0, "[data-edit=by][data-value=core]").click()
    become(page, f"{CORES}!heat!p95=core", MEMORY)
    control(page, 0, "[data-edit=kind][data-value=lines]").click()
    become(page, f"{CORES}!p95=core", MEMORY)
    control(page, 0, "select[data-edit=compare]").select_option("before")
    become(page, f"{CORES}!p95=core!before", MEMORY)
    control(page, 0, "[data-edit=rate]").click()
    become(page, f"{CORES}!p95=core!rate!before", MEMORY)
    drawn(page, f"q:{CORES}!p95=core!rate!before")
    assert page.evaluate("[vigie.charts.view.from, vigie.charts.view.to]") == zoom
    address = unquote(page.evaluate("location.search"))
    assert f"from={zoom[0]}" in address and f"to={zoom[1]}" in address
    assert page.evaluate(f"document.querySelector('[data-chart=\"q:{MEMORY}\"] .js-plotly-plot').marked"), \
        "the chart that nobody edited was drawn anew"
    shown = f"(c => [c.start, c.end])(vigie.charts.all().get('q:{CORES}!p95=core!rate!before'))"
    assert page.evaluate(shown) == zoom


def test_a_second_metric_gets_an_axis_of_its_unit(demo: Server, visitor: Visitor) -> None:
    page = opened(visitor, demo, f"?q={MEMORY}&window=15m")
    control(page, 0, "[data-edit=metric]").click()
    assert "Into" in page.inner_text(f"{ROOT} .explore-into")
    assert page.locator(f"{ROOT} .option-keys").count() == 0, "Enter adds no chart here"
    page.keyboard.type("cpu_usage_ratio")
    page.keyboard.press("Enter")
    become(page, f"{MEMORY},cpu_usage_ratio")
    drawn(page, f"q:{MEMORY},cpu_usage_ratio")
    page.wait_for_function(
        "id => { const c = vigie.charts.all().get(id); return c && c.gd && c.gd._fullLayout.yaxis2 !== undefined; }",
        arg=f"q:{MEMORY},cpu_usage_ratio",
    )
    control(page, 0, "[data-edit=drop]").nth(0).click()
    become(page, "cpu_usage_ratio")


def test_values_of_a_label_are_ticked_on_and_off(demo: Server, visitor: Visitor) -> None:
    page = opened(visitor, demo, f"?q={CORES}!heat")
    control(page, 0, ".explore-filter summary").click()
    control(page, 0, "[data-edit=filter][data-value='3']").click()
    become(page, f"{CORES}{{core=3}}!heat")
    control(page, 0, "[data-edit=filter][data-value='4'][aria-pressed=false]").click()  # still open
    become(page, f'{CORES}{{core=~"3|4"}}!heat')
    page.fill(f"{ROOT} .explore-value-search", "63")
    assert control(page, 0, "[data-edit=filter]").all_inner_texts() == ["63"]
    page.keyboard.press("Escape")
    assert control(page, 0, ".explore-pop").is_hidden()
    control(page, 0, "[data-edit=unfilter]").click()
    become(page, f"{CORES}!heat")


def test_charts_are_moved_duplicated_and_removed_without_a_redraw(demo: Server, visitor: Visitor) -> None:
    page = opened(visitor, demo, f"?q={MEMORY};cpu_usage_ratio&window=15m")
    drawn(page, f"q:{MEMORY}")
    drawn(page, "q:cpu_usage_ratio")
    page.evaluate("document.querySelectorAll('#react-entry-point .js-plotly-plot').forEach(p => { p.marked = true; })")
    assert control(page, 0, "[data-edit=up]").is_disabled()
    control(page, 1, "[data-edit=up]").click()
    become(page, "cpu_usage_ratio", MEMORY)
    control(page, 0, "[data-edit=duplicate]").click()
    become(page, "cpu_usage_ratio", "cpu_usage_ratio!area", MEMORY)
    control(page, 1, "[data-edit=remove]").click()
    become(page, "cpu_usage_ratio", MEMORY)
    assert page.evaluate("[...document.querySelectorAll('#react-entry-point .js-plotly-plot')].every(p => p.marked)")


def test_the_address_shows_somebody_else_the_same(demo: Server, visitor: Visitor) -> None:
    page = opened(visitor, demo)
    find(page, CORES)
    page.keyboard.press("Enter")
    become(page, CORES)
    control(page, 0, "select[data-edit=aggregate]").select_option("mean")
    become(page, f"{CORES}!mean")
    page.click(f"{ROOT} [data-window='6h']")
    address = page.evaluate("location.pathname + location.search")
    assert len(address) < 80, address
    other = opened(visitor, demo, address.removeprefix("/explore"))
    become(other, f"{CORES}!mean")
    assert other.get_attribute(f"{ROOT} [data-window='6h']", "aria-checked") == "true"
    drawn(other, f"q:{CORES}!mean")


def test_back_and_forward_go_through_the_edits(demo: Server, visitor: Visitor) -> None:
    page = opened(visitor, demo, f"?q={CORES}!heat;{MEMORY}")
    drawn(page, f"q:{MEMORY}")
    page.evaluate(f"document.querySelector('[data-chart=\"q:{MEMORY}\"] .js-plotly-plot').marked = true")
    control(page, 0, "[data-edit=kind][data-value=hist]").click()
    become(page, f"{CORES}!hist", MEMORY)
    control(page, 0, "[data-edit=remove]").click()
    become(page, MEMORY)
    page.go_back()
    become(page, f"{CORES}!hist", MEMORY)
    page.go_back()
    become(page, f"{CORES}!heat", MEMORY)
    page.go_forward()
    become(page, f"{CORES}!hist", MEMORY)
    assert page.evaluate(f"document.querySelector('[data-chart=\"q:{MEMORY}\"] .js-plotly-plot').marked")


def test_what_is_wrong_in_an_address_is_said(demo: Server, visitor: Visitor) -> None:
    page = opened(visitor, demo, f"?q={MEMORY}!pie;cpu_usage_ratio")
    said = page.inner_text(f"{ROOT} .explore-wrong")
    assert "“pie” is not an option" in said and "heat" in said
    assert texts(page) == ["cpu_usage_ratio"]
    drawn(page, "q:cpu_usage_ratio")
    find(page, "cpu_usage_ratio{core")
    page.fill(BOX, "cpu_usage_ratio{core=~\"(((\"}")
    page.keyboard.press("Enter")
    page.wait_for_selector(".toast-error")
    assert texts(page) == ["cpu_usage_ratio"]


def test_everything_can_be_done_with_the_keyboard(demo: Server, visitor: Visitor) -> None:
    page = opened(visitor, demo)
    page.keyboard.type("gpu power")
    page.wait_for_selector(f"{ROOT} .explore-option.is-at")
    assert page.get_attribute(BOX, "aria-activedescendant") == "explore-option-0"
    page.keyboard.press("ArrowDown")
    second = options(page)[1]
    assert page.locator(f"{ROOT} .explore-option[aria-selected=true] .option-name").inner_text() == second
    page.keyboard.press("Enter")
    become(page, second)
    page.keyboard.press("Escape")
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('.explore-kind')"):
            break
    page.keyboard.press("ArrowRight")
    become(page, f"{second}!area")
    page.wait_for_function("() => document.activeElement.matches('.explore-kind[data-value=area]')")
    page.keyboard.press("ArrowRight")
    become(page, f"{second}!bars")
    page.wait_for_function("() => document.activeElement.matches('.explore-kind[data-value=bars]')")


def test_five_thousand_metrics_are_searched_within_a_frame(demo: Server, visitor: Visitor) -> None:
    metrics = [
        {"name": f"app_{part}_{i}_seconds", "help": f"Time that {part} number {i} took to answer a request",
         "unit": "seconds", "source": "", "count": 2,
         "labels": {"instance": [f"host-{i}", f"spare-{i}"], "path": ["/a", "/b"]}}
        for i in range(1000) for part in ("queue", "cache", "model", "proxy", "store")
    ]

    def answer(route: Route) -> None:
        route.fulfill(status=200, content_type="application/json", body=json.dumps({"metrics": metrics}))

    page = visitor.open(demo, "/explore")
    page.route("**/api/metrics/catalogue", answer)
    page.reload()
    ready(page)
    page.wait_for_function(
        "() => window.vigie && vigie.exploreSearch && vigie.exploreSearch.metric('app_queue_1_seconds')"
    )
    took = page.evaluate("""() => {
        const all = [];
        for (const text of ['a', 'ap', 'app', 'time', 'host-77', 'queue 9', 'model answer', 'zzz', 'path store 12'])
            for (let i = 0; i < 7; i += 1) {
                const begun = performance.now();
                vigie.exploreSearch.find(text);
                all.push(performance.now() - begun);
            }
        return all.sort((a, b) => a - b)[Math.floor(all.length * 0.5)];
    }""")
    assert took < 16, f"{took} ms"
    assert find(page, "host-77 queue")[0].startswith("app_queue_77_seconds")
    assert page.locator(f"{ROOT} .explore-option").count() <= 40


def test_a_chart_of_monitoring_opens_here_with_its_window(demo: Server, visitor: Visitor) -> None:
    page = visitor.open(demo, "/monitoring?window=15m")
    ready(page)
    drawn(page, "cpu-cores")
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")  # the scroll is over
    page.locator(f'{ROOT} [data-chart="cpu-cores"] [data-chart-menu]').evaluate("button => button.click()")
    page.click("[data-action=explore]")
    page.wait_for_url("**/explore?*")
    become(page, f"{CORES}!heat")
    assert "window=15m" in page.evaluate("location.search")
    drawn(page, f"q:{CORES}!heat")
    page.go_back()
    page.wait_for_selector(f"{ROOT} .monitoring")


def test_all_charts_are_offered_to_a_view(demo: Server, visitor: Visitor) -> None:
    page = opened(visitor, demo, f"?q={MEMORY};cpu_usage_ratio")
    page.evaluate("document.addEventListener('vigie:chart-action', e => { window.asked = e.detail; })")
    page.click(f"{ROOT} [data-save-view]")
    asked = page.evaluate("({action: asked.action, ids: asked.ids})")
    assert asked == {"action": "view", "ids": [f"q:{MEMORY}", "q:cpu_usage_ratio"]}


def test_the_search_has_room_and_the_bar_is_not_wider_than_the_page(demo: Server, visitor: Visitor) -> None:
    address, width = f"?q={CORES}!mean&window=15m", "document.querySelector('.explore-search').offsetWidth"
    page = opened(visitor, demo, address)
    become(page, f"{CORES}!mean")
    assert page.evaluate(width) > 400
    assert find(page, "gpu power")
    tall = page.evaluate("[...document.querySelectorAll('.option-name')].map(name => name.getClientRects().length)")
    assert set(tall) == {1}, "names are not broken"
    page.keyboard.press("Escape")
    page.evaluate("vigie.zoom.to(vigie.charts.now() - 600000, vigie.charts.now() - 300000)")
    page.wait_for_selector(f"{ROOT} .is-zoomed")
    for wide in (1440, 1280, 1000, 800, 725):
        page.set_viewport_size({"width": wide, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), wide
        assert page.evaluate(width) > 180, wide


def test_it_fits_a_phone(demo: Server, visitor: Visitor) -> None:
    page = opened(visitor, demo, f"?q={CORES}!heat!mean=core;{MEMORY},cpu_usage_ratio",
                  viewport={"width": 390, "height": 844}, has_touch=True)
    drawn(page, f"q:{CORES}!heat!mean=core")
    assert control(page, 0, ".explore-row").is_hidden()
    control(page, 0, "[data-pencil]").tap()
    assert control(page, 0, ".explore-row").is_visible()
    control(page, 0, ".explore-filter summary").tap()
    overflow = "document.documentElement.scrollWidth > window.innerWidth"
    assert not page.evaluate(overflow)
    title = page.locator(f"{ROOT} .chart-head .card-title").first
    assert title.evaluate("e => getComputedStyle(e).display") == "block", "only a block ends in an ellipsis"
    control(page, 0, "[data-edit=kind][data-value=lines]").tap()
    become(page, f"{CORES}!mean=core", f"{MEMORY},cpu_usage_ratio")
    assert control(page, 0, ".explore-row").is_visible(), "the controls fold while one uses them"
    page.fill(BOX, "gpu")
    page.wait_for_selector(f"{ROOT} .explore-option")
    assert not page.evaluate(overflow)


def test_a_viewer_explores_in_french(server: Server, visitor: Visitor) -> None:
    name, password = server.person("viewer")
    page = opened(visitor, server, f"?q={MEMORY}", name=name, password=password, locale="fr-FR")
    become(page, MEMORY)
    drawn(page, f"q:{MEMORY}")
