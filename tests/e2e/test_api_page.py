"""The page to try the API in a real browser, under the real Content-Security-Policy."""

from __future__ import annotations

import pytest

from tests.e2e.harness import Server
from tests.e2e.visit import Visitor

pytestmark = pytest.mark.e2e


def test_a_route_can_be_tried(server: Server, visitor: Visitor) -> None:
    page = visitor.open(server, "/api/docs")
    page.locator(".opblock").first.wait_for()
    page.locator(".opblock-summary-path", has_text="latest").click()
    page.locator("button.execute").click()
    answer = page.locator(".live-responses-table .response .highlight-code").first
    answer.wait_for()
    assert "cpu_percent" in answer.inner_text()
    visitor.check()
