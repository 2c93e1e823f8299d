"""Models in a real browser: a real engine, a request through the proxy, what is seen of it, and what may be done."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import TimeoutError, expect

from tests.e2e.harness import Server
from tests.e2e.visit import Visitor, ready
from tests.engine.run import SERVE, engine
from tests.support import free_port, wait_until

pytestmark = pytest.mark.e2e
MAIN = "#react-entry-point"
CELL = """gd => {
    const trace = gd.data[0], row = trace.z.findIndex(one => one.some(cell => cell > 0));
    const column = trace.z[row].findIndex(cell => cell > 0), box = gd.getBoundingClientRect();
    const {xaxis, yaxis} = gd._fullLayout;
    return [box.left + xaxis._offset + xaxis.d2p(trace.x[column]), box.top + yaxis._offset + yaxis.d2p(row)];
}"""
"""Where a cell of a heat map lies that has requests."""


@dataclass
class Box:
    """A Vigie that watches one engine, with a proxy before it and a model of its own."""

    server: Server
    proxy: str

    def ask(self, model: str = "tiny", tokens: int = 20) -> dict[str, Any]:
        answer = requests.post(f"{self.proxy}/v1/chat/completions", json={
            "model": model, "max_tokens": tokens, "messages": [{"role": "user", "content": "hello there"}],
        }, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def rows(self) -> dict[str, dict[str, Any]]:
        found = self.server.login().get(f"{self.server.url}/api/v1/models", timeout=10).json()["data"]
        return {row["model"]: row for row in found}

    def logged(self) -> list[dict[str, Any]]:
        """The newest in the log of the model that is watched."""
        address = f"{self.server.url}/api/v1/models/requests?model=tiny&server=box"
        found: list[dict[str, Any]] = self.server.login().get(address, timeout=10).json()["data"]
        return found

    def slowest(self) -> str:
        """What the request that took longest is called."""
        return str(max(self.logged(), key=lambda one: one["duration"])["request"])


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[Box]:
    folder = tmp_path_factory.mktemp("models") / "data"
    port = free_port()
    with engine(tiny_model, "-c", "4096", "-np", "2") as running:
        config = {
            "version": "1.0.0",
            "models": {
                "discover": False, "servers": {"box": {"url": running.url, "engine": "llamacpp"}},
                "command": SERVE,
                "processes": [{"name": "own", "file": str(tiny_model), "onDemand": False}],
            },
            "proxies": {"lmstudio": {"enabled": True, "port": port}},
        }
        server = Server(folder).configured(config).start()
        made = Box(server, f"http://127.0.0.1:{port}")
        try:
            wait_until(lambda: made.rows().get("tiny", {}).get("state") == "running", 60, "the model is seen")
            wait_until(lambda: _lists(made.proxy), 30, "the proxy knows the model")
            yield made
        finally:
            server.stop()


def _lists(proxy: str) -> bool:
    try:
        return "tiny" in requests.get(f"{proxy}/v1/models", timeout=2).text
    except requests.RequestException:
        return False


def test_a_request_is_seen_with_its_numbers_and_why_it_took_as_long(box: Box, visitor: Visitor) -> None:
    said = box.ask()
    page = visitor.open(box.server, "/models")
    ready(page)
    row = page.locator(f'{MAIN} .model-table:not(.energy-table) tr[data-model="tiny"]')
    expect(row).to_contain_text("running")
    expect(row).to_contain_text("llama.cpp")
    request = page.locator(f"{MAIN} .model-request").first
    expect(request).to_contain_text("tiny")
    expect(request).to_contain_text(f"{said['usage']['prompt_tokens']} in, {said['usage']['completion_tokens']} out")
    request.locator("summary").click()
    # On a busy machine there may be a cause.
    expect(request.locator(".model-autopsy")).to_contain_text(re.compile("stands out|Likeliest cause"))
    expect(request.locator(".model-moment")).to_contain_text(re.compile("First token.*Processor"))
    expect(page.locator(f"{MAIN} .proxy-strip")).to_contain_text("healthy")


def test_a_models_page_shows_its_charts_and_the_requests_behind_a_cell(box: Box, visitor: Visitor) -> None:
    for _ in range(5):
        box.ask()
    page = visitor.open(box.server, "/models/one?server=box&model=tiny")
    ready(page)  # charts that the first requests bring come by themselves
    expect(page.locator(f"{MAIN} .model-name")).to_have_text("tiny")
    expect(page.locator(f"{MAIN} .model-objective")).to_contain_text("Held")
    heat = page.locator(f'{MAIN} [data-chart*="request_duration"][data-chart$="!buckets"]')
    heat.scroll_into_view_if_needed()
    expect(heat).to_have_attribute("data-drawn", "1")
    chip = page.locator(f"{MAIN} #models-cell-said button")

    def chosen() -> bool:
        """Clicks a cell with requests; the chart moves on by itself, so that a click may miss."""
        page.mouse.click(*heat.locator(".js-plotly-plot").evaluate(CELL))
        with suppress(TimeoutError):
            chip.wait_for(timeout=3000)
        return chip.is_visible()

    wait_until(chosen, what="the requests behind a cell are listed")
    expect(page.locator(f"{MAIN} .model-request").first).to_be_visible()
    chip.click()
    expect(chip).to_be_hidden()


def test_a_click_on_a_spike_tells_why_the_slowest_request_behind_it_was_slow(box: Box, visitor: Visitor) -> None:
    for tokens in (5, 200, 5):
        box.ask(tokens=tokens)
    wait_until(lambda: len(box.logged()) >= 3, what="the requests are in the log")
    page = visitor.open(box.server, "/models/one?server=box&model=tiny")
    ready(page)
    expect(page.locator(f"{MAIN} .model-request").nth(2)).to_be_visible()
    page.evaluate("""() => document.dispatchEvent(new CustomEvent('vigie:bucket', {cancelable: true, detail: {
        from: Date.now() - 600000, to: Date.now() + 60000, above: 0, upTo: null, measure: 'duration', words: 'p99',
    }}))""")
    opened = page.locator(f"{MAIN} .model-request[open]")
    expect(opened).to_have_count(1)
    expect(opened).to_contain_text(box.slowest())
    expect(opened.locator(".model-autopsy")).to_contain_text(re.compile("stands out|Likeliest cause"))


def test_an_operator_starts_and_stops_a_model_and_a_viewer_only_looks(box: Box, visitor: Visitor) -> None:
    name, password = box.server.person("operator")
    page = visitor.open(box.server, "/models", name=name, password=password)
    ready(page)
    row = page.locator(f'{MAIN} .model-table:not(.energy-table) tr[data-model="own"]')
    row.get_by_role("button", name="Start").click()
    expect(page.locator("#shell-toasts")).to_contain_text("own is being started")
    expect(row).to_contain_text("running", timeout=60_000)
    row.get_by_role("button", name="Stop").click()
    expect(row).to_contain_text("stopped", timeout=60_000)

    name, password = box.server.person("viewer")
    page = visitor.open(box.server, "/models", name=name, password=password)
    ready(page)
    expect(page.locator(f'{MAIN} .model-table:not(.energy-table) tr[data-model="own"]')).to_be_visible()
    assert page.locator(f"{MAIN} [data-model-do]").count() == 0
    assert page.locator(f"{MAIN} .model-log").count() == 0


def test_a_model_that_nobody_knows_is_a_404(box: Box, visitor: Visitor) -> None:
    visitor.allow("404")
    page = visitor.open(box.server, "/models/one?server=box&model=nobody")
    expect(page.locator(f"{MAIN} h1").first).to_contain_text("no such model")


def test_the_proxy_goes_on_when_the_web_part_is_killed(box: Box) -> None:
    import signal

    before = box.ask()
    box.server.stop(signal.SIGKILL)
    assert box.ask()["usage"]["completion_tokens"] == before["usage"]["completion_tokens"]
    box.server.start()
    wait_until(lambda: "tiny" in box.rows(), 60, "the next web part sees it again")
    session = box.server.login()

    def logged() -> list[int] | None:
        found = session.get(f"{box.server.url}/api/v1/models/requests", timeout=10).json()
        return [one["request"] for one in found["data"]] if found["count"] >= 2 else None

    numbers = wait_until(logged, 30, "what went on meanwhile is in the log")
    assert len(numbers) == len(set(numbers)), "once"
