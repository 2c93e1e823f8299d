"""First load of the pages by Lighthouse, desktop and mobile, with plotly's own file and with the small bundle.

``python -m bench.first_load [RUNS]``: medians of that many runs (default 3). Lighthouse and the Node it needs come from
npm into .build/lighthouse; the bundle from `make assets`.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from bench import usage
from tests.e2e.harness import Server
from tests.support import CHROMIUM_ARGS, free_port, need, wait_until

ROOT = Path(__file__).parents[1]
TOOLS = ROOT / ".build" / "lighthouse"
BUNDLE = ROOT / ".build" / "plotly"
PACKAGES = ("lighthouse@13.5.0", "node@22")
PAGES = ("/", "/monitoring")
PRESETS = ("desktop", "mobile")
HEAD = ("page", "plotly.js", "preset", "score", "FCP s", "LCP s", "blocked ms", "shift", "KB")


def install() -> bool:
    """Puts Lighthouse under .build; False where npm is missing."""
    if (TOOLS / "node_modules" / "lighthouse").is_dir():
        return True
    if shutil.which("npm") is None:
        return False
    command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(TOOLS), *PACKAGES]
    return subprocess.run(command, check=False).returncode == 0


def audit(url: str, preset: str, browser: int) -> dict[str, Any]:
    """One Lighthouse report of ``url``, performance only, in the browser that is signed in and listens on a port."""
    binaries = TOOLS / "node_modules" / ".bin"
    command = [
        str(binaries / "node"), str(TOOLS / "node_modules" / "lighthouse" / "cli" / "index.js"), url, "--quiet",
        "--output=json", "--only-categories=performance", f"--port={browser}",
        *(["--preset=desktop"] if preset == "desktop" else []),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"Lighthouse failed on {url}: {done.stderr[-2000:]}")
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def figures(report: dict[str, Any]) -> tuple[float, ...]:
    """Score, first and largest paint in s, blocked ms, layout shift and KB on the wire of a report."""
    audits = report["audits"]
    value = {name: audits[name]["numericValue"] for name in (
        "first-contentful-paint", "largest-contentful-paint", "total-blocking-time", "cumulative-layout-shift",
        "total-byte-weight",
    )}
    score = report["categories"]["performance"]["score"]
    paints = (value["first-contentful-paint"] / 1000, value["largest-contentful-paint"] / 1000)
    rest = (value["total-blocking-time"], value["cumulative-layout-shift"], value["total-byte-weight"] / 1024)
    return (100 * score, *paints, *rest)


@contextmanager
def signed_in(server: Server, folder: str) -> Iterator[int]:
    """A Chromium with the cookies of a sign-in, as a person has them; its debugging port."""
    port = free_port()
    with sync_playwright() as play:
        context = play.chromium.launch_persistent_context(
            folder, executable_path=need("chromium"), args=[*CHROMIUM_ARGS, f"--remote-debugging-port={port}"]
        )
        context.add_cookies([
            {"name": c.name, "value": c.value or "", "domain": "127.0.0.1", "path": "/"}
            for c in server.login().cookies
        ])
        yield port
        context.close()


@contextmanager
def bundle(there: bool) -> Iterator[None]:
    """With the built bundle, or with it hidden for as long as this lasts."""
    hidden = BUNDLE.with_name("plotly-hidden")
    if hidden.exists() and not BUNDLE.exists():  # a run before this one was killed
        hidden.rename(BUNDLE)
    if there or not BUNDLE.exists():
        yield
        return
    BUNDLE.rename(hidden)
    try:
        yield
    finally:
        hidden.rename(BUNDLE)


def serve_and_audit(name: str, runs: int) -> Iterator[tuple[object, ...]]:
    """The rows of one kind of plotly.js."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder) / "data").start()
        try:
            cache = Path(folder) / "data"
            before = -1

            def packed() -> bool:  # what is compressed once is ready: a first visitor of a fresh server is another case
                nonlocal before
                size = sum(1 for _ in cache.rglob("*.br"))
                steady, before = size == before and size > 0, size
                return steady

            with signed_in(server, f"{folder}/browser") as browser:
                for page in PAGES:
                    audit(f"{server.url}{page}", "desktop", browser)
                wait_until(packed, 120, what="the static files are compressed", every=10.0)
                for page in PAGES:
                    for preset in PRESETS:
                        all_runs = [figures(audit(f"{server.url}{page}", preset, browser)) for _ in range(runs)]
                        yield (page, name, preset, *(float(statistics.median(column)) for column in zip(*all_runs)))
        finally:
            server.stop()


def main() -> None:
    """Measures and prints the table."""
    if not install():
        print("npm is not installed: first load is left out")
        return
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    rows: list[tuple[object, ...]] = []
    with bundle(there=False):
        rows += serve_and_audit("plotly's own", runs)
    if any(BUNDLE.glob("plotly-*.min.js")):
        rows += serve_and_audit("small bundle", runs)
    print(usage.table(HEAD, rows))


if __name__ == "__main__":
    main()
