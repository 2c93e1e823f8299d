"""The Alerts page on a real engine: a rule fires by itself, people act on it, and a threshold is dragged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from playwright.sync_api import Locator, Page, Route, expect

from tests.e2e.harness import Server
from tests.e2e.visit import Visitor, drawn, ready
from tests.support import wait_until

pytestmark = pytest.mark.e2e
PAGE = "#react-entry-point .alerts"
MEMORY = {
    "id": "memory_used_at_all", "name": "Memory used at all", "selectors": ["memory_used_ratio"], "comparison": ">",
    "threshold": 0.0001, "severity": "error", "category": "high_resource_usage",
    "message": "{what} is at {value} (limit {limit}).",
}


@pytest.fixture(scope="module")
def lookout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose rules these tests change."""
    running = Server(tmp_path_factory.mktemp("alerts") / "data")
    try:
        yield running.start()
    finally:
        running.stop()


def api(server: Server, name: str = "admin") -> requests.Session:
    return server.api_login(name, "a lookout keeps watch")


def add(server: Server, **more: Any) -> None:
    answer = api(server).post(f"{server.url}/api/v1/alerts/rules", json=MEMORY | more, timeout=10)
    assert answer.status_code == 201, answer.text


def firing(server: Server, rule: str) -> dict[str, Any]:
    session, found = api(server), []

    def there() -> bool:
        data = session.get(f"{server.url}/api/v1/alerts", timeout=10).json()["data"]
        found[:] = [one for one in data if one["rule"] == rule]
        return bool(found)

    wait_until(there, what=f"{rule} fires")
    return found[0]


def opened(visitor: Visitor, server: Server, query: str = "", name: str = "admin", **more: Any) -> Page:
    page = visitor.open(server, f"/alerts{query}", name=name, password="a lookout keeps watch", **more)
    ready(page)
    page.wait_for_selector(f"{PAGE}[data-page=alerts]")
    return page


def card(page: Page, name: str) -> Locator:
    return page.locator(f"{PAGE} .al-card:not([hidden])", has=page.locator(".al-name", has_text=name))


def test_a_rule_fires_by_itself_and_people_act_on_its_card(lookout: Server, visitor: Visitor) -> None:
    operator, _ = lookout.person("operator")
    page = opened(visitor, lookout, name=operator)
    page.wait_for_selector(f"{PAGE} .al-state-words:text('Nothing is wrong.')")
    assert "rules watch" in page.inner_text(f"{PAGE} .al-state")
    page.evaluate("window.stays = true")
    add(lookout)
    one = card(page, "Memory used at all")
    one.wait_for()
    assert page.evaluate("window.stays"), "the page was not loaded anew"
    assert "error" in one.inner_text() and "limit > 0.0 %" in one.inner_text()
    page.wait_for_function(f"() => document.querySelector('{PAGE} .al-card [data-chart][data-drawn]')")
    page.wait_for_selector(f"{PAGE} .al-card .limits .limit-error", state="attached")
    page.wait_for_selector(f"{PAGE} .al-card .mark-flag[data-kinds*=alert]")

    one.locator("[data-al-act=acknowledge]").click()
    page.fill("#alerts-acknowledge textarea", "Somebody looks")
    page.click("#alerts-acknowledge [data-al-acknowledge]")
    one.locator(".al-note", has_text="Somebody looks").wait_for()
    assert f"taken up by {operator}" in one.locator(".al-chips").inner_text()
    one.locator("[data-al-act=own]").click()
    one.locator("[data-fact=owner]", has_text=operator).wait_for()

    one.locator("[data-al-act=silence]").click()
    page.wait_for_selector("#alerts-silence .al-preview:text('It would mute 1 alert now')")
    page.click("#alerts-silence [data-al-save-silence]")
    one.locator(".al-chips", has_text="silenced").wait_for()
    page.click(f"{PAGE} [data-al-tab=silences]")
    page.wait_for_selector(f"{PAGE} .al-silences code:text('memory_used_at_all')")
    page.click(f"{PAGE} [data-al-end-silence]")
    page.wait_for_selector(f"{PAGE} .al-silences:has-text('Nothing is silenced.')")


def test_what_is_over_stays_until_it_is_cleared_and_is_in_the_history(lookout: Server, visitor: Visitor) -> None:
    add(lookout, id="short_lived", name="Short lived", severity="warning")
    firing(lookout, "short_lived")
    page = opened(visitor, lookout)
    one = card(page, "Short lived")
    one.wait_for()
    api(lookout).put(f"{lookout.url}/api/v1/alerts/rules/short_lived", json={"enabled": False}, timeout=10)
    one.locator(".al-chips", has_text="over since").wait_for()
    page.click(f"{PAGE} [data-al-clear]")
    one.wait_for(state="hidden")

    page.click(f"{PAGE} [data-al-tab=history]")
    page.select_option(f"{PAGE} .al-filters [name=severity]", "warning")
    page.wait_for_function(f"() => document.querySelectorAll('{PAGE} .al-row').length === 1")
    assert "severity=warning" in page.url and "Short lived" in page.inner_text(f"{PAGE} .al-row")
    page.click(f"{PAGE} [data-al-row]")
    page.wait_for_selector(f"{PAGE} .al-detail:has-text('is over')")
    with page.expect_download() as got:
        page.click(f"{PAGE} .al-csv")
    text = got.value.path().read_text()
    assert text.startswith("fired,resolved") and "short_lived" in text and "memory_used_at_all" not in text


def test_a_threshold_is_dragged_and_the_words_follow(lookout: Server, visitor: Visitor) -> None:
    add(lookout, id="to_drag", name="To drag", threshold=0.95)
    page = opened(visitor, lookout, "?tab=rules")
    page.click(f"{PAGE} [data-al-rule=to_drag]")
    words = page.locator(f"{PAGE} .th-words")
    page.wait_for_selector(f"{PAGE} .th-words:has-text('No alert in the last')")
    assert page.input_value(f"{PAGE} .al-form [name=threshold]") == "95"
    line = page.locator(f"{PAGE} .th-line")
    line.scroll_into_view_if_needed()
    box, plot = line.bounding_box(), page.locator(f"{PAGE} .th-plot").bounding_box()
    assert box is not None and plot is not None
    page.mouse.move(box["x"] + 200, box["y"] + 12)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, plot["y"] + plot["height"] - 22, steps=12)
    page.wait_for_selector(f"{PAGE} .th-words:has-text('1 alert')")
    page.mouse.up()
    assert "with today's rule: 0" in words.inner_text()
    assert float(page.input_value(f"{PAGE} .al-form [name=threshold]")) < 10
    line.press("ArrowUp")
    page.click(f"{PAGE} [data-al-save]")
    page.wait_for_selector(f"{PAGE} .al-rule[data-rule=to_drag]")
    rule = api(lookout).get(f"{lookout.url}/api/v1/alerts/rules/to_drag", timeout=10).json()
    assert 0 <= rule["threshold"] < 0.1
    assert firing(lookout, "to_drag")["severity"] == "error"


def test_a_rule_is_made_from_a_chart_and_its_mistakes_are_said_beside_the_fields(
    lookout: Server, visitor: Visitor,
) -> None:
    visitor.allow("400 .*alerts/rules")  # a label that every alert has by itself
    page = visitor.open(lookout, "/monitoring")
    ready(page)
    drawn(page, "load")
    page.click("#react-entry-point [data-chart=load] [data-chart-menu]")
    page.click("#shell-chart-menu [data-action=alert]")
    page.wait_for_selector(f"{PAGE} .al-selector input")
    assert page.input_value(f"{PAGE} .al-selector >> nth=0 >> input") == "cpu_load1"
    page.fill(f"{PAGE} .al-form [name=name]", "Much to do")
    page.select_option(f"{PAGE} .al-form [name=function]", "mean")
    assert page.input_value(f"{PAGE} .al-form [name=window_seconds]") == "5"
    page.fill(f"{PAGE} .al-form [name=threshold]", "1000")
    page.fill(f"{PAGE} .al-form [name=labels]", "rule=x")
    page.click(f"{PAGE} [data-al-save]")
    page.wait_for_selector(f"{PAGE} [data-error=labels]:not(:empty)")
    page.click(f"{PAGE} [data-al-back]")
    page.wait_for_selector("#alerts-sure[open]")  # what was typed is not lost by one press
    page.click("#alerts-sure [data-close].button")
    page.fill(f"{PAGE} .al-form [name=labels]", "team=ops")
    page.click(f"{PAGE} [data-al-save]")
    page.wait_for_selector(f"{PAGE} .al-rule-name:text('Much to do')")
    assert page.locator(f"{PAGE} .al-rule.is-off").count() <= 1


def test_a_viewer_only_looks_and_the_overview_leads_there(lookout: Server, visitor: Visitor) -> None:
    viewer, _ = lookout.person("viewer")
    firing(lookout, "memory_used_at_all")
    page = visitor.open(lookout, "/", name=viewer, password="a lookout keeps watch")
    ready(page)
    line = page.locator("#react-entry-point .firing-link", has_text="Memory used at all")
    line.wait_for()
    assert "firing" in page.inner_text("#react-entry-point .verdict-sentence")
    line.click()
    one = card(page, "Memory used at all")
    one.wait_for()
    assert one.locator("[data-al-act=explore]").count() == 1
    assert page.locator(f"{PAGE} [data-al-act=acknowledge], {PAGE} [data-al-act=silence]").count() == 0
    page.click(f"{PAGE} [data-al-tab=rules]")
    page.wait_for_selector(f"{PAGE} .al-rule")
    assert page.locator(f"{PAGE} [data-al-new]").count() == 0
    assert page.locator(f"{PAGE} .al-switch input:not(:disabled)").count() == 0
    page.click(f"{PAGE} [data-al-rule=high_cpu]")
    page.wait_for_selector(f"{PAGE} .threshold.is-readonly .th-words:not(:empty)")
    assert page.locator(f"{PAGE} .al-fields[disabled]").count() == 1
    assert requests.get(f"{lookout.url}/alerts", timeout=10, allow_redirects=False).status_code == 302


def test_a_rule_with_nothing_to_watch_does_not_say_that_all_is_well(lookout: Server, visitor: Visitor) -> None:
    add(lookout, id="elsewhere", name="Elsewhere", selectors=["no_such_thing_used_ratio"], threshold=0.9)
    page = opened(visitor, lookout, "?tab=rules")
    row = page.locator(f"{PAGE} .al-rule[data-rule=elsewhere]")
    row.wait_for()
    assert row.locator(".al-rule-state").inner_text().split("\n")[0] == "nothing to watch"
    assert "90 %" in row.locator(".al-rule-if").inner_text()
    page.click(f"{PAGE} [data-al-tab=history]")
    page.fill(f"{PAGE} .al-panel-history [name=text]", "no alert has this in its name")
    sums = page.locator(f"{PAGE} .al-sums strong")
    expect(sums.first).to_have_text("0")
    expect(sums.nth(1)).to_have_text("–")


def test_a_rule_half_changed_is_not_left_without_asking(lookout: Server, visitor: Visitor) -> None:
    page = opened(visitor, lookout, "?tab=rules")
    page.click(f"{PAGE} [data-al-rule=high_cpu]")
    name = page.locator(f"{PAGE} .al-fields [name=name]")
    name.fill("Quite a high CPU use")
    asks = page.locator("#alerts-sure[open]")
    for leave in (
        lambda: page.click(".rail-link[href='/monitoring']"),
        lambda: page.click(f"{PAGE} [data-al-tab=history]"),
        page.go_back,
    ):
        leave()
        asks.wait_for()
        asks.locator("[data-close]").last.click()
        asks.wait_for(state="hidden")
        assert "rule=high_cpu" in page.url and name.input_value() == "Quite a high CPU use"
    page.click(".rail-link[href='/monitoring']")
    asks.locator("[data-al-sure]").click()
    page.wait_for_url("**/monitoring*")


def test_a_rule_cannot_be_typed_into_before_it_is_there(lookout: Server, visitor: Visitor) -> None:
    page = opened(visitor, lookout, "?tab=rules")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/api/v1/alerts/rules/high_cpu", hold)
    page.click(f"{PAGE} [data-al-rule=high_cpu]")
    page.locator(f"{PAGE} .al-editor[aria-busy]").wait_for()
    name = page.locator(f"{PAGE} .al-fields [name=name]")
    expect(name).to_be_hidden()
    wait_until(lambda: page.evaluate("1") and held, what="the rule is asked for")
    held[0].continue_()
    expect(name).to_have_value("High CPU use")
    expect(name).to_be_visible()


def test_nothing_moves_under_a_hand_that_types(lookout: Server, visitor: Visitor) -> None:
    page = opened(visitor, lookout)
    card(page, "Memory used at all").wait_for()
    card(page, "Memory used at all").locator("[data-al-act=acknowledge]").click()
    page.fill("#alerts-acknowledge textarea", "half a sen")
    add(lookout, id="meanwhile", name="Meanwhile", severity="critical")
    card(page, "Meanwhile").wait_for(state="attached")
    assert page.input_value("#alerts-acknowledge textarea") == "half a sen"
    assert page.evaluate("document.activeElement.name") == "note"
    order = page.locator(f"{PAGE} .al-card:not([hidden]) .al-name").all_inner_texts()
    assert order.index("Meanwhile") > order.index("Memory used at all"), "it comes below while somebody types"


def test_a_threshold_of_the_configuration_is_drawn_and_moved(lookout: Server, visitor: Visitor) -> None:
    page = visitor.open(lookout, "/configuration?tab=alerts")
    ready(page)
    field = "#react-entry-point [data-key=memoryPercent] input[type=number]"
    page.focus(field)
    page.wait_for_selector("#react-entry-point .cf-consequences-of:has-text('High memory use')")
    page.wait_for_selector("#react-entry-point .cf-consequences .th-words:not(:empty)")
    line = page.locator("#react-entry-point .cf-consequences .th-line")
    line.press("PageDown")
    page.wait_for_function(f"() => Number(document.querySelector('{field}').value) === 80")
    page.wait_for_selector("#react-entry-point .cf-bar:not([hidden])")
    page.fill(field, "70")
    page.wait_for_selector("#react-entry-point .cf-consequences .th-label:text('70 %')")
