"""Takes the README's picture: the overview of the demo, as a real browser shows it.

``python -m tools.screenshot [FILE] [PATH]``, by default docs/img/overview.png of ``/``.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.e2e.harness import Server, wait_for_past
from tests.e2e.visit import Visitor, frames, ready
from tests.support import need

ROOT = Path(__file__).parents[1]
MOST_MS = 900_000
"""Half of the demo's period: there is traffic in each."""


def main() -> None:
    """Starts the demo, opens the page, waits for live values, and writes the picture."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "img" / "overview.png"
    path = sys.argv[2] if len(sys.argv) > 2 else "/"
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        server = Server(Path(folder) / "data", "--demo").start()
        browser = play.chromium.launch(executable_path=need("chromium"), args=["--no-sandbox"])
        try:
            wait_for_past(server)
            page = Visitor(browser).open(
                server, path, color_scheme="dark", viewport={"width": 1440, "height": 960}, locale="en-GB"
            )
            ready(page)
            # The demo's models rest now and then: a picture of them shows them at work.
            page.wait_for_function("() => !document.body.innerText.includes('no traffic')", timeout=MOST_MS)
            frames(page, 4)
            target.parent.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=target)
        finally:
            browser.close()
            server.stop()
    print(f"{target} ({target.stat().st_size // 1024} KB)")


if __name__ == "__main__":
    main()
