"""From a sample taken to its point on the screen, and what a live page costs the browser.

``python -m bench.latency [TICKS]``: Chromium shows the System charts, all in sight, for that many ticks (default 40).
The sample's time is the tick's nominal time; *arrived* is when the page has the frame, *drawn* two animation frames
after the last chart was redrawn. Server and browser share a clock here.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from bench import usage
from tests.e2e.harness import PASSWORD, Server
from tests.support import CHROMIUM_ARGS, need

WATCH = """
() => {
  window.benchTicks = [];
  let tick = null;
  document.addEventListener('vigie:frame', event => {
    tick = {sample: event.detail.t, arrived: Date.now(), drawn: null, charts: 0};
    window.benchTicks.push(tick);
  });
  document.querySelectorAll('.js-plotly-plot').forEach(chart => chart.on('plotly_afterplot', () => {
    const mine = tick;
    if (!mine) return;
    mine.charts += 1;
    requestAnimationFrame(() => requestAnimationFrame(() => { mine.drawn = Date.now(); }));
  }));
}
"""


def percentile(values: list[float], share: float) -> float:
    """The value below which ``share`` of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def main() -> None:
    """Measures and prints the table."""
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        server = Server(Path(folder) / "data").start()
        browser = play.chromium.launch(executable_path=need("chromium"), args=list(CHROMIUM_ARGS))
        try:
            page = browser.new_page(viewport={"width": 1440, "height": 2600})
            page.goto(f"{server.url}/login")
            page.fill("input[name=username]", "admin")
            page.fill("input[name=password]", PASSWORD)
            page.click("[type=submit]")
            page.goto(f"{server.url}/monitoring")
            page.wait_for_selector("[data-drawn]")
            page.wait_for_function("() => vigie.live.state === 'live'")
            charts = "[...document.querySelectorAll('[data-chart]')]"
            page.wait_for_function(f"() => {charts}.every(c => c.dataset.drawn || c.dataset.state !== 'ok')")
            page.evaluate(WATCH)
            page.wait_for_function("() => window.benchTicks.length > 5", timeout=60_000)
            chromium = [pid for pid in usage.tree([os.getpid()]) if _is_chromium(pid)]
            used = usage.over(wanted, chromium)
            ticks = [t for t in page.evaluate("window.benchTicks") if t["drawn"]][5:]
        finally:
            browser.close()
            server.stop()
    arrived = [t["arrived"] - t["sample"] for t in ticks]
    drawn = [t["drawn"] - t["sample"] for t in ticks]
    charts_drawn = sum(t["charts"] for t in ticks) / len(ticks)
    print(f"{len(ticks)} ticks, {charts_drawn:.1f} charts redrawn a tick; browser {used.cpu:.1f} % of a core\n")
    rows = [
        (name, percentile(values, 0.5), percentile(values, 0.95), max(values))
        for name, values in (("sample to page, ms", arrived), ("sample to screen, ms", drawn))
    ]
    print(usage.table(("", "p50", "p95", "max"), [(n, float(a), float(b), float(c)) for n, a, b, c in rows]))


def _is_chromium(pid: int) -> bool:
    try:
        return "chromium" in Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return False


if __name__ == "__main__":
    main()
