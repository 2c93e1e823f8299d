"""What else moved? in a real browser: a zoom, the button, the ranking, the way into Explore."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from playwright.sync_api import Page

from metrics.series import SeriesInfo
from storage.ring.base import step_number
from storage.ring.file import FileRing
from tests.e2e.harness import Server
from tests.e2e.visit import Visitor, drawn, ready

pytestmark = pytest.mark.e2e
ROOT = "#react-entry-point"
CARD = f"{ROOT} .move"
PAST, AGO, SPAN = 3000, 400, 60
"""Seconds of planted past; how long ago something happened, and for how long."""


def planted() -> tuple[list[SeriesInfo], np.ndarray]:
    """CPU use that rose, eight queues that grew together, tokens that stopped, and a hundred that did nothing."""
    chance = np.random.default_rng(1)
    infos = [SeriesInfo("cpu_usage_ratio", (), "ratio", "gauge", "CPU in use")]
    infos += [SeriesInfo("queue_things", (("model", f"m{i}"),), "", "gauge", "Requests that wait") for i in range(8)]
    infos += [SeriesInfo("tokens_per_second", (), "per_second", "gauge", "Tokens made")]
    infos += [SeriesInfo("calm_things", (("n", str(i)),), "", "gauge", "Calm") for i in range(100)]
    values = 20 + chance.standard_normal((len(infos), PAST))
    values[0] = 0.06 + 0.01 * chance.standard_normal(PAST)
    during = slice(PAST - AGO, PAST - AGO + SPAN)
    values[0, during] += 0.7
    values[1:9, during] += 30 + 5 * np.sin(np.arange(SPAN) / 5)
    values[9, during] = np.nan
    return infos, values.astype(np.float32)


@pytest.fixture(scope="module")
def happened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, float]]:
    """A server whose ring holds the planted past, and when something began to happen, epoch seconds."""
    folder: Path = tmp_path_factory.mktemp("moved") / "data"
    folder.mkdir()
    ring = FileRing(folder, 1, 1.0, 21_600)
    infos, values = planted()
    handles = np.array([ring.handle(info) for info in infos])
    now = int(time.time())
    for column in range(PAST):
        there = ~np.isnan(values[:, column])
        ring.write(step_number(now - PAST + column, 1.0), handles[there], values[there, column])
    ring.close()
    running = Server(folder)
    try:
        yield running.start(), float(now - AGO)
    finally:
        running.stop()


def asked(visitor: Visitor, happened: tuple[Server, float], more: str = "", **options: Any) -> Page:
    server, begun = happened
    page = visitor.open(
        server, f"/moved?from={round(1000 * begun)}&to={round(1000 * (begun + SPAN))}{more}", **options)
    page.wait_for_selector(f"{ROOT} .moved-summary")
    return page


def series(page: Page, where: str = f"{CARD}:not([hidden])") -> list[str]:
    found: list[str] = page.eval_on_selector_all(where, "all => all.map(one => one.dataset.series)")
    return found


def test_a_zoom_and_one_press_rank_everything(visitor: Visitor, happened: tuple[Server, float]):
    server, begun = happened
    page = visitor.open(server, "/monitoring?window=15m")
    ready(page)
    drawn(page, "cpu")
    assert page.locator(f"{ROOT} .moved-button").is_hidden()
    page.locator(f'{ROOT} [data-chart="cpu"]').scroll_into_view_if_needed()
    box = page.locator(f'{ROOT} [data-chart="cpu"] .nsewdrag').first.bounding_box()
    assert box is not None
    start, end = page.evaluate("() => { const c = vigie.charts.all().get('cpu'); return [c.start, c.end]; }")
    at = [box["x"] + box["width"] * (1000 * when - start) / (end - start) for when in (begun - 3, begun + SPAN + 3)]
    y = box["y"] + box["height"] / 2
    page.mouse.move(at[0], y)
    page.mouse.down()
    page.mouse.move(at[1], y, steps=6)
    page.mouse.up()
    page.wait_for_function("() => vigie.charts.view.from !== null")
    page.locator(f"{ROOT} .moved-button").click()
    page.wait_for_selector(f"{ROOT} .moved-summary")
    assert urlsplit(page.url).path == "/moved"
    query = parse_qs(urlsplit(page.url).query)
    assert abs(int(query["from"][0]) / 1000 - begun) < 15 and "part" not in query
    found = series(page)
    assert {"cpu_usage_ratio", "tokens_per_second"} <= set(found[:4])
    assert sum(key.startswith("queue_things") for key in found) == 1
    assert not any(key.startswith("calm_things") for key in found)
    assert "and 7 alike" in page.locator(f"{ROOT} .moves").inner_text()
    page.go_back()
    page.wait_for_function("() => location.pathname === '/monitoring' && vigie.timebar.here() !== null")
    assert page.evaluate("() => vigie.charts.view.from !== null")


def test_a_card_tells_in_words_and_opens_explore(visitor: Visitor, happened: tuple[Server, float]):
    page = asked(visitor, happened, "&chart=cpu")
    card = page.locator(f'{CARD}[data-series="cpu_usage_ratio"]')
    said = card.inner_text()
    assert "CPU use was 7" in said and "in this window" in said and "In the chart you came from" in said
    assert int(card.get_attribute("data-score") or 0) >= 50
    assert "stand out" in page.locator(f"{ROOT} .moved-verdict").inner_text()
    card.locator(".move-link").click()
    page.wait_for_function("() => location.pathname === '/explore'")
    ready(page)
    drawn(page, "q:cpu_usage_ratio")
    start, end = page.evaluate("() => [vigie.charts.view.from, vigie.charts.view.to]")
    assert start / 1000 < happened[1] < happened[1] + SPAN < end / 1000


def test_ticked_cards_open_together(visitor: Visitor, happened: tuple[Server, float]):
    page = asked(visitor, happened)
    opener = page.locator(f"{ROOT} [data-moved-open]")
    assert opener.is_hidden()
    page.locator(f'{CARD}[data-series="cpu_usage_ratio"] .move-tick').check()
    page.locator(f'{CARD}[data-series="tokens_per_second"] .move-link').click(modifiers=["Shift"])
    assert page.locator(f"{CARD}.is-ticked").count() == 2
    opener.click()
    page.wait_for_function("() => location.pathname === '/explore'")
    ready(page)
    page.wait_for_function("() => document.querySelectorAll('#react-entry-point [data-chart^=\"q:\"]').length === 2")


def test_filters_leave_what_was_asked_for_and_all_can_be_ranked(visitor: Visitor, happened: tuple[Server, float]):
    page = asked(visitor, happened)
    before = series(page)
    page.locator(f'{ROOT} [data-filter=way][data-value=stopped]').click()
    assert series(page) == ["tokens_per_second"]
    page.locator(f'{ROOT} [data-filter=way][data-value="*"]').click()
    assert series(page) == before
    page.locator(f"{ROOT} [data-moved-all]").click()
    page.wait_for_selector(f"{ROOT} .rank")
    ranked = series(page, f"{ROOT} .rank")
    assert len(ranked) >= 100 and set(before) <= set(ranked[:30])


def test_a_quiet_window_says_that_nothing_stands_out(visitor: Visitor, happened: tuple[Server, float]):
    server, begun = happened
    end = round(1000 * (begun - 600))
    page = visitor.open(server, f"/moved?from={end - 60_000}&to={end}")
    page.wait_for_selector(f"{ROOT} .moved-summary")
    assert "Nothing stands out" in page.locator(f"{ROOT} .moved-verdict").inner_text()
    assert page.locator(CARD).count() == 0
    page.goto(f"{server.url}/moved")
    page.wait_for_selector(f"{ROOT} .moved-state")
    assert "Choose a window first" in page.locator(f"{ROOT} #moved-result").inner_text()


def test_the_menu_of_a_chart_asks_about_its_newest_fifth(visitor: Visitor, happened: tuple[Server, float]):
    page = visitor.open(happened[0], "/monitoring?window=15m")
    ready(page)
    drawn(page, "cpu")
    page.locator(f'{ROOT} [data-chart="cpu"] [data-chart-menu]').click()
    page.locator("#shell-chart-menu [data-action=moved]").click()
    page.wait_for_selector(f"{ROOT} .moved-summary")
    query = parse_qs(urlsplit(page.url).query)
    assert query["chart"] == ["cpu"] and query["part"] == ["fifth"]
    assert int(query["to"][0]) - int(query["from"][0]) == pytest.approx(180_000, abs=5)
    assert "newest fifth" in page.locator(f"{ROOT} .moved-summary").inner_text()


@pytest.mark.parametrize("role", ["viewer", "admin"])
def test_on_a_phone_nothing_is_cut_off(visitor: Visitor, happened: tuple[Server, float], role: str):
    name, password = happened[0].person(role)
    page = asked(visitor, happened, name=name, password=password, viewport={"width": 390, "height": 844})
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    assert len(series(page)) >= 3


def test_nobody_gets_there_without_signing_in(visitor: Visitor, happened: tuple[Server, float]):
    context = visitor.context()
    page = context.new_page()
    page.goto(f"{happened[0].url}/moved")
    assert urlsplit(page.url).path == "/login"
