"""What is done with models in a real browser: files, will it fit, defining a process, a load test, comparing."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import expect

from tests.e2e.harness import Server
from tests.e2e.visit import Visitor, ready
from tests.engine.run import SERVE, engine
from tests.support import free_port, wait_until

pytestmark = pytest.mark.e2e
MAIN = "#react-entry-point"


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[Server]:
    """A Vigie that watches an engine, and a folder with a model and a cut one."""
    folder = tmp_path_factory.mktemp("work")
    models, data = folder / "models", folder / "data"
    models.mkdir()
    shutil.copy(tiny_model, models / "tiny.gguf")
    (models / "cut.gguf").write_bytes(tiny_model.read_bytes()[:60])
    with engine(tiny_model, "-c", "4096", "-np", "2") as running:
        server = Server(data).configured({
            "version": "1.0.0", "paths": {"modelsDirectory": str(models)},
            "models": {"discover": False, "servers": {"box": {"url": running.url, "engine": "llamacpp"}},
                       "command": SERVE},
            "proxies": {"lmstudio": {"enabled": True, "port": free_port()}},
        }).start()
        try:
            session = server.login()
            wait_until(lambda: "tiny" in session.get(f"{server.url}/api/v1/models", timeout=10).text, 60, "it is seen")
            yield server
        finally:
            server.stop()


def _asked(port: int) -> bool:
    body = {"model": "tiny", "max_tokens": 8, "messages": [{"role": "user", "content": "hello"}]}
    try:
        return requests.post(f"http://127.0.0.1:{port}/v1/chat/completions", json=body, timeout=30).status_code == 200
    except requests.ConnectionError:
        return False


def test_a_file_is_found_fits_and_becomes_a_process_that_is_changed_and_removed(box: Server, visitor: Visitor) -> None:
    visitor.allow("400")
    visitor.allow("409")
    page = visitor.open(box, "/models")
    ready(page)
    files = page.locator(f"{MAIN} #models-files")
    row = files.locator("tr", has_text="tiny.gguf")
    expect(row).to_contain_text("fine", timeout=30_000)
    expect(files.locator("tr", has_text="cut.gguf")).to_contain_text("broken")
    row.get_by_role("button", name="Will it fit?").click()
    fit = page.locator("#models-fit")
    expect(fit.locator(".fit-sentence")).to_contain_text("It fits")
    needed = fit.locator(".fit-total").inner_text()
    fit.get_by_label("Requests at once").fill("0")
    expect(fit.get_by_label("Requests at once")).to_have_js_property("validity.valid", False)
    assert fit.locator(".fit-total").inner_text() == needed, "what cannot be is not asked"
    fit.get_by_label("Requests at once").fill("1")
    fit.locator('[name="context"]').fill("100000")
    expect(fit.locator(".fit-total")).not_to_have_text(needed)
    fit.locator('[name="context"]').fill("512")
    fit.get_by_role("button", name="Run this model").click()

    define = page.locator("#models-define")
    expect(define.locator('[name="contextSize"]')).to_have_value("512")
    define.locator('[name="name"]').fill("chat")
    define.locator("summary").click()
    define.locator('[name="command"]').fill("serve --api-key hunter2 --port {port}")
    define.get_by_role("button", name="Save").click()
    expect(define.locator('[data-error="command"]')).to_contain_text("may hold no key")
    define.locator('[name="command"]').fill("")
    define.get_by_role("button", name="Save").click()
    expect(page.locator("#shell-toasts")).to_contain_text("chat")
    table = page.locator(f'{MAIN} .model-table:not(.energy-table) tr[data-model="chat"]')
    expect(table).to_contain_text("stopped")

    table.get_by_role("link", name="chat").click()
    page.locator(f"{MAIN} [data-define-edit]").click()
    define = page.locator("#models-define")
    define.locator('[name="idleMinutes"]').fill("30")
    define.get_by_role("button", name="Save").click()
    expect(define).to_be_hidden()
    found = box.login().get(f"{box.url}/api/v1/models/definitions", timeout=10).json()["data"]
    assert [(one["name"], one["definition"]["idleMinutes"]) for one in found] == [("chat", 30)]

    page.locator(f"{MAIN} .model-actions").get_by_role("button", name="Start").click()
    expect(page.locator(f"{MAIN} .model-state")).to_contain_text("running", timeout=60_000)
    page.locator(f"{MAIN} [data-define-edit]").click()
    define.locator('[name="name"]').fill("talk")
    define.get_by_role("button", name="Save").click()
    expect(define.locator('[data-error="name"]')).to_contain_text("chat runs")
    expect(define.locator('[name="name"]')).to_have_value("talk")
    define.get_by_role("button", name="Cancel").click()
    page.locator(f"{MAIN} [data-define-remove]").click()
    page.locator("#models-remove").get_by_role("button", name="Remove").click()
    page.wait_for_url(re.compile(r"/models$"))
    assert box.login().get(f"{box.url}/api/v1/models/definitions", timeout=10).json()["data"] == []


def test_a_load_test_is_refused_run_cancelled_and_kept(box: Server, visitor: Visitor) -> None:
    visitor.allow("400")
    name, password = box.person("operator")
    page = visitor.open(box, "/models/one?server=box&model=tiny", name=name, password=password)
    ready(page)
    bench = page.locator(f"{MAIN} #model-bench")
    bench.scroll_into_view_if_needed()
    bench.locator('[name="concurrency"]').fill("1000")
    bench.get_by_role("button", name="Start").click()
    whole = "Allowed: whole numbers from 1 to 64, at most 6 of them, each larger than the one before."
    expect(bench.locator(".bench-said")).to_have_text(f"Requests at once: “1000” is not possible. {whole}")
    bench.locator('[name="concurrency"]').fill("abc")
    bench.get_by_role("button", name="Start").click()
    expect(bench.locator(".bench-said")).to_have_text(f"Requests at once: “abc” is not possible. {whole}")
    bench.locator('[name="concurrency"]').fill("1, 2, 3, 4, 5, 6")
    bench.locator('[name="prompt_tokens"]').fill("16, 32")
    bench.locator('[name="seconds"]').fill("60")
    bench.get_by_role("button", name="Start").click()
    expect(bench.locator(".bench-said")).to_contain_text("Seconds a step: 12 steps of 60 s")
    bench.locator('[name="prompt_tokens"]').fill("32")
    bench.locator('[name="concurrency"]').fill("1, 2")
    bench.locator('[name="answer_tokens"]').fill("8")
    bench.locator('[name="seconds"]').fill("1")
    bench.get_by_role("button", name="Start").click()
    expect(bench.locator(".bench-now")).to_be_visible()
    expect(bench.locator(".bench-now")).to_have_count(0, timeout=60_000)
    expect(bench.locator(".bench-results")).to_contain_text("Tokens a second")
    bench.locator('[name="seconds"]').fill("60")
    bench.get_by_role("button", name="Start").click()
    bench.get_by_role("button", name="Cancel").click()
    expect(bench.locator(".bench-now")).to_have_count(0, timeout=30_000)

    name, password = box.person("viewer")
    page = visitor.open(box, "/models/one?server=box&model=tiny", name=name, password=password)
    ready(page)
    expect(page.locator(f"{MAIN} #model-bench")).to_be_visible()
    assert page.locator(f"{MAIN} .bench-form").count() == 0


def test_a_model_is_put_beside_another_time(box: Server, visitor: Visitor) -> None:
    page = visitor.open(box, "/models/one?server=box&model=tiny")
    ready(page)
    compare = page.locator(f"{MAIN} #model-compare")
    compare.scroll_into_view_if_needed()
    compare.locator("select").nth(1).select_option(label="The time before")
    expect(compare.locator(".compare-heads")).to_contain_text("tiny")
    expect(compare).to_contain_text("No requests in this window")
    proxy = box.login().get(f"{box.url}/api/v1/config", timeout=10).json()["config"]["proxies"]["lmstudio"]
    wait_until(lambda: _asked(proxy["port"]), 30, "the proxy passes a request on")
    page.reload()
    ready(page)
    compare.locator("select").nth(1).select_option(label="The time before")
    expect(compare.locator(".compare-table")).to_contain_text("End to end")
    expect(compare.locator(".compare-chart svg")).to_be_visible()
