"""(n) How long after a save the configuration has taken effect in another viewer's browser.

``python -m bench.reload [RUNS]``: the real server, a viewer's overview in Chromium. Each run replaces the file as an
editor does (a new one, renamed), or posts to ``/api/v1/config``, with another limit for the CPU; the times are from
then until the page has its toast, and until its gauge has that limit. And what the watcher costs while nothing happens.

"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright

from bench.usage import table
from config.secret import Cipher
from config.store import ConfigStore
from config.watch import Watcher
from tests.e2e.harness import Server
from tests.support import CHROMIUM_ARGS, need

MARK = """
window.marks = {};
new MutationObserver(() => {
    const note = document.querySelector('#shell-toasts .toast-note:last-child');
    const node = document.querySelector("#react-entry-point #overview-gauges [data-judge='cpu_usage_ratio']");
    const limit = node && node.dataset.limits.split(',')[0];
    if (note && !note.dataset.seen) { note.dataset.seen = '1'; window.marks.toast = Date.now(); }
    if (limit && limit !== window.marks.limit) { window.marks.limit = limit; window.marks.gauge = Date.now(); }
}).observe(document, {childList: true, subtree: true, attributes: true, characterData: true});
"""

SETTLE, WATCHED = 1.0, 20.0
"""Seconds until a fresh watcher rests, and seconds over which it is measured at rest."""


def one(page: Page, server: Server, limit: int, by_file: bool) -> tuple[float, float]:
    """Milliseconds from the save to the toast and to the gauge, in the page."""
    page.evaluate("() => { window.marks.toast = window.marks.gauge = 0; }")
    file = server.data_dir / "config" / "dashboard_config.json"
    if by_file:
        document = json.loads(file.read_text())
        document["monitoring"]["alertThresholds"]["cpuPercent"] = limit
        fresh = file.with_suffix(".swp")
        fresh.write_text(json.dumps(document))
        started = time.time()
        fresh.replace(file)
    else:
        session = server.login()
        version = session.get(f"{server.url}/api/v1/config", timeout=10).json()["version"]
        patch = {"monitoring": {"alertThresholds": {"cpuPercent": limit}}}
        headers = {
            "X-CSRFToken": next(c.value or "" for c in session.cookies if "csrf" in c.name), "Referer": server.url,
        }
        started = time.time()
        session.post(f"{server.url}/api/v1/config", json={"version": version, "patch": patch}, headers=headers,
                     timeout=10).raise_for_status()
    page.wait_for_function(
        "limit => window.marks.limit === limit && window.marks.toast && window.marks.gauge", arg=str(limit),
    )
    marks = page.evaluate("window.marks")
    return marks["toast"] - started * 1000, marks["gauge"] - started * 1000


def idle() -> float:
    """Percent of a core that the watcher takes while nothing happens."""
    with tempfile.TemporaryDirectory() as folder:
        watcher = Watcher(ConfigStore(Path(folder) / "config", Cipher("k" * 43)))
        watcher.start()
        time.sleep(SETTLE)
        before = time.process_time()
        time.sleep(WATCHED)
        used = time.process_time() - before
        watcher.stop()
    return used / WATCHED * 100


def main(runs: int) -> int:
    """Prints the table."""
    rows: list[tuple[object, ...]] = []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        server = Server(Path(folder) / "data").start()
        browser = driver.chromium.launch(executable_path=need("chromium"), args=list(CHROMIUM_ARGS))
        try:
            context = browser.new_context(viewport={"width": 1440, "height": 900})
            context.add_init_script(MARK)
            context.add_cookies([
                {"name": c.name, "value": c.value or "", "domain": "127.0.0.1", "path": "/"}
                for c in server.login().cookies
            ])
            page = context.new_page()
            page.goto(server.url)
            page.wait_for_function("() => document.body.dataset.live === 'live'")
            for way in (True, False):
                found = np.array([one(page, server, 30 + 2 * n + way, way) for n in range(runs)])
                name = "edit of the file" if way else "`POST /api/v1/config`"
                for what, column in (("toast", 0), ("effect", 1)):
                    low, high = np.percentile(found[:, column], [50, 95])
                    rows.append((name, what, f"{low:.0f}", f"{high:.0f}", f"{found[:, column].max():.0f}"))
        finally:
            browser.close()
            server.stop()
    print(table(("saved by", "in the other browser", "p50, ms", "p95, ms", "most, ms"), rows))
    print(f"\nThe watcher, idle: {idle():.2f} % of a core.")
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 15))
