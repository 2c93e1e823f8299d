"""A browser at a server: pages opened as somebody, watched for every error."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Response, expect

from tests.e2e.harness import Server

PATIENCE = 20_000
"""Milliseconds for what a page is to do by itself; a busy machine is slow."""
expect.set_options(timeout=PATIENCE)
SPY = """
document.addEventListener('securitypolicyviolation', event =>
    console.error(['Content-Security-Policy', event.violatedDirective, event.blockedURI, event.sourceFile].join(' ')));
window.framesSeen = 0;
document.addEventListener('vigie:frame', () => { window.framesSeen += 1; });
"""
"""In every page before its own scripts: a refused resource is an error, and live frames are counted."""


@dataclass
class Visitor:
    """Opens pages; `check` fails on any error that one of them had."""

    browser: Browser
    contexts: list[BrowserContext] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)

    def context(self, **options: Any) -> BrowserContext:
        """A browser of its own: no cookie, nothing stored."""
        made = self.browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
        made.add_init_script(SPY)
        made.set_default_timeout(PATIENCE)
        made.on("console", self._listen)
        made.on("weberror", lambda e: self._note(f"script: {e.error}"))
        made.on("response", self._judge)
        self.contexts.append(made)
        return made

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._note(f"console: {message.text} ({message.location.get('url')})")

    def _judge(self, response: Response) -> None:
        if response.status >= 500:
            self._note(f"{response.status}: {response.url}")

    def _note(self, text: str) -> None:
        self.errors.append(text)

    def allow(self, pattern: str) -> None:
        """Errors that this test causes on purpose."""
        self.allowed.append(pattern)

    def check(self) -> None:
        """Fails when a page had an error, then forgets them."""
        found = [e for e in self.errors if not any(re.search(pattern, e) for pattern in self.allowed)]
        self.errors.clear()
        assert not found, "\n".join(found)

    def open(self, server: Server, path: str = "/", name: str = "admin", password: str = "", **options: Any) -> Page:
        """A page of the server, signed in as ``name`` (the form itself has its own test)."""
        context = self.context(**options)
        session = server.login(name, password) if password else server.login()
        context.add_cookies([
            {"name": c.name, "value": c.value or "", "domain": "127.0.0.1", "path": "/"} for c in session.cookies
        ])
        page = context.new_page()
        page.goto(server.url + path)
        return page

    def close(self) -> None:
        for context in self.contexts:
            context.close()


def ready(page: Page) -> None:
    """Waits until Dash has drawn the page and its live feed runs."""
    page.wait_for_selector("#react-entry-point #main > *", state="attached")
    page.wait_for_function("() => document.documentElement.classList.contains('ready')")
    page.wait_for_function("() => document.body.dataset.live === 'live'")


def points(page: Page, chart: str) -> int:
    """Numbers in the first trace of a chart that is drawn."""
    return int(page.evaluate(
        "id => { const c = vigie.charts.all().get(id); return c.gd.data[0].y.filter(v => v !== null).length; }", chart
    ))


def newest(page: Page, chart: str) -> float:
    """Epoch milliseconds of a chart's newest point."""
    return float(page.evaluate("id => vigie.charts.all().get(id).lastT", chart))


def drawn(page: Page, chart: str) -> None:
    """Waits until a chart in sight is on the screen."""
    panel = f"document.querySelector('#react-entry-point [data-chart=\"{chart}\"]')"
    page.wait_for_function(f"() => {panel} && ({panel}.scrollIntoView(), true)")
    page.wait_for_selector(f'#react-entry-point [data-chart="{chart}"][data-drawn]')


def frames(page: Page, count: int) -> None:
    """Waits for that many more live frames."""
    seen = page.evaluate("window.framesSeen")
    page.wait_for_function(f"() => window.framesSeen >= {seen + count}", timeout=(count + 20) * 1000)


