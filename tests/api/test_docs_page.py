"""The page to try the API in a real browser, under the real Content-Security-Policy."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, ConsoleMessage

from tests.api.house import House


@pytest.mark.e2e
def test_a_route_can_be_tried(served: tuple[House, str], browser: Browser) -> None:
    house, address = served
    token = house.token("browser", "metrics:read")
    errors: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error":
            errors.append(message.text)

    context = browser.new_context(extra_http_headers={"Authorization": f"Bearer {token}"})
    page = context.new_page()
    page.on("console", note)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"http://{address}/api/docs")
    page.locator(".opblock").first.wait_for()
    page.locator(".opblock-summary-path", has_text="latest").click()
    page.locator("button.execute").click()
    answer = page.locator(".live-responses-table .response .highlight-code").first
    answer.wait_for()
    assert "cpu_percent" in answer.inner_text()
    context.close()
    assert errors == []
