"""Exports from a chart in a real browser: data that pandas reads back, pictures, a job with progress and cancel."""

from __future__ import annotations

import base64
import struct
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page

from tests.e2e.harness import Server
from tests.e2e.visit import Visitor, drawn, ready
from tests.support import wait_until

pytestmark = pytest.mark.e2e
CHART = "cpu"


def choose(page: Page, name: str, value: str) -> None:
    page.locator(f"#shell-export label:has(input[name={name}][value='{value}'])").click()


def open_dialog(page: Page, chart: str = CHART) -> None:
    """Opens the dialog by a chart's menu and waits until it has counted."""
    drawn(page, chart)
    page.evaluate("""id => {
        const section = document.querySelector(`[data-chart='${id}']`);
        section.scrollIntoView({block: 'center', behavior: 'instant'});
        requestAnimationFrame(() => requestAnimationFrame(() => section.querySelector('[data-chart-menu]').click()));
    }""", chart)
    page.locator("#shell-chart-menu [data-action=export]").click()
    page.wait_for_selector("#shell-export[open]")
    page.wait_for_function("() => document.querySelectorAll('#shell-export .export-series input').length")


def fetched(page: Page, folder: Path) -> Path:
    """Presses Download; where the file lies."""
    with page.expect_download() as found:
        page.locator("#shell-export [data-export-go]").click()
    path = folder / found.value.suggested_filename
    found.value.save_as(path)
    return path


def test_data_of_a_chart_equals_the_chart(demo: Server, visitor: Visitor, tmp_path: Path) -> None:
    to = round(time.time() - 20) * 1000  # zoomed into the past: what is compared must stand still
    page = visitor.open(demo, f"/monitoring?from={to - 300_000}&to={to}", timezone_id="Asia/Kathmandu")
    ready(page)
    open_dialog(page)
    shown = page.evaluate("""id => {
        const c = vigie.charts.all().get(id);
        const lines = c.meta.series.map((key, i) => [key, c.gd.data[i]]).filter(pair => pair[0]);
        return {start: c.start, end: c.end, scale: c.meta.scale, zone: vigie.timezone,
            lines: lines.map(([key, trace]) => [key, Array.from(trace.x), Array.from(trace.y)])};
    }""", CHART)
    path = fetched(page, tmp_path)
    assert path.name.startswith("vigie-gpu-box-cpu-") and path.suffix == ".csv"
    found = pd.read_csv(path, index_col="time_utc", parse_dates=["time_utc"])
    assert found.columns[0] == f"time_local [{shown['zone']}]"
    assert len(found.columns) == 1 + len(shown["lines"])
    for key, x, y in shown["lines"]:
        column = found[f"{key} [ratio]"].dropna()
        points = [(t, v) for t, v in zip(x, y, strict=True) if v is not None]
        points = [(t, v) for t, v in points if shown["start"] <= t <= shown["end"]]
        times = (column.index.as_unit("ms").asi8).tolist()
        assert len(points) > 100 and times == [t for t, _ in points]
        np.testing.assert_allclose(column.to_numpy() * shown["scale"], [v for _, v in points], atol=6e-4)
    assert not page.locator("#shell-export").is_visible()
    visitor.check()


def test_chosen_series_as_parquet(demo: Server, visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.open(demo, "/monitoring")
    ready(page)
    open_dialog(page)
    page.locator("#shell-export .export-series input").first.uncheck()
    choose(page, "export-format", "parquet")
    choose(page, "export-raw", "1")
    page.wait_for_selector("#shell-export .export-estimate:has-text('one sample a second')")
    found = pd.read_parquet(fetched(page, tmp_path))
    assert "cpu_usage_ratio" not in found and 'cpu_mode_ratio{mode="user"}' in found and len(found) > 250
    visitor.check()


def test_a_picture_for_paper(demo: Server, visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.open(demo, "/monitoring")
    ready(page)
    open_dialog(page)
    choose(page, "export-what", "picture")
    body = fetched(page, tmp_path).read_bytes()
    assert struct.unpack(">II", body[16:24]) == (3200, 1800)
    # The browser decodes it too: the colours of its rows and columns, without a decoder of ours.
    seen = page.evaluate("""async data => {
        const image = new Image();
        image.src = 'data:image/png;base64,' + data;
        await image.decode();
        const canvas = document.createElement('canvas');
        canvas.width = image.naturalWidth; canvas.height = image.naturalHeight;
        const pen = canvas.getContext('2d');
        pen.drawImage(image, 0, 0);
        const all = pen.getImageData(0, 0, canvas.width, canvas.height).data, count = new Map();
        for (let i = 0; i < all.length; i += 4) {
            const key = all[i] + ',' + all[i + 1] + ',' + all[i + 2];
            count.set(key, (count.get(key) || 0) + 1);
        }
        return {corner: Array.from(all.slice(0, 4)), colours: count.size, line: count.get('2,132,199') || 0};
    }""", base64.b64encode(body).decode())
    assert seen["corner"] == [255, 255, 255, 255]
    assert seen["colours"] > 50
    assert seen["line"] > 1000, "the line of all cores is not there in the colour it has on white"
    visitor.check()


def test_a_drawing_that_scales_says_what_it_shows(demo: Server, visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.open(demo, "/monitoring")
    ready(page)
    open_dialog(page, "cpu-cores")
    choose(page, "export-what", "picture")
    choose(page, "export-picture", "svg")
    choose(page, "export-paper", "screen")
    window = page.locator("#shell-export .dialog-aside").inner_text()
    text = fetched(page, tmp_path).read_text()
    assert text.startswith("<svg") and 'width="1600"' in text
    assert "CPU use by core" in text and "gpu-box" in text and "Vigie" in text and window.rsplit("(", 1)[1][:-1] in text
    assert window.split(",")[0] in text, "the window is not in the picture"
    visitor.check()


def test_a_large_export_is_a_job_that_can_be_left_alone(demo: Server, visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.open(demo, "/monitoring?window=1h")
    ready(page)
    open_dialog(page, "cpu-cores")
    choose(page, "export-raw", "1")
    choose(page, "export-format", "xlsx")
    button = page.locator("#shell-export [data-export-go]")
    page.wait_for_selector("#shell-export [data-export-go]:has-text('background')")
    with page.expect_download(timeout=120_000) as found:
        button.click()
        page.wait_for_selector("#shell-jobs:not([hidden])")
        page.wait_for_selector("#shell-export .export-progress:not([hidden])")
        page.locator("#shell-export .dialog-close").click()
    path = tmp_path / found.value.suggested_filename
    found.value.save_as(path)
    frame = pd.read_excel(path, sheet_name="Data")
    assert frame.shape[1] == 66 and frame.shape[0] > 3000
    page.locator("#shell-jobs summary").click()
    page.locator("#shell-jobs .jobs-list button", has_text="Remove").click()
    page.wait_for_selector("#shell-jobs", state="hidden")
    visitor.check()


def test_a_job_that_is_cancelled_leaves_nothing(demo: Server, visitor: Visitor) -> None:
    page = visitor.open(demo, "/monitoring?window=1h")
    ready(page)
    open_dialog(page, "cpu-cores")
    choose(page, "export-raw", "1")
    choose(page, "export-format", "xlsx")
    page.wait_for_selector("#shell-export [data-export-go]:has-text('background')")
    others = page.evaluate("""async () => {  // both workers are busy: it can be cancelled at leisure
        const chart = ['cpu-cores', 'cpu', 'network', 'disk-throughput'];
        const body = {chart, window: '1h', raw: true, format: 'xlsx'};
        const made = await Promise.all([1, 2, 3].map(() => vigie.api('POST', '/api/v1/exports', body)));
        return made.map(job => job.id);
    }""")
    page.locator("#shell-export [data-export-go]").click()
    page.wait_for_selector("#shell-export .export-progress:not([hidden])")
    page.locator("#shell-export [data-export-stop]").click()
    page.wait_for_selector("#shell-export .export-progress", state="hidden")
    page.evaluate("ids => Promise.all(ids.map(id => vigie.jobs.remove(id)))", others)
    jobs = demo.data_dir / "cache" / "jobs"
    wait_until(lambda: not list((jobs / "work").glob("*")), 10, what="the folder of the job is gone")
    assert [p.name for p in jobs.rglob("*.val")] == []
    page.wait_for_selector("#shell-jobs", state="hidden")
    page.keyboard.press("Escape")
    page.wait_for_selector("#shell-export", state="hidden")
    visitor.check()


def test_on_a_phone_the_dialog_is_a_sheet(demo: Server, visitor: Visitor) -> None:
    page = visitor.open(demo, "/monitoring", viewport={"width": 390, "height": 800})
    ready(page)
    open_dialog(page)
    page.wait_for_function("() => document.getElementById('shell-export').getAnimations().length === 0")
    box = page.locator("#shell-export").bounding_box()
    assert box is not None
    assert box["x"] == 0 and box["y"] + box["height"] == pytest.approx(800, abs=1)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.mouse.click(195, 20)  # on the backdrop
    page.wait_for_selector("#shell-export", state="hidden")
    visitor.check()
