"""The measuring proxies on the Models page."""

from __future__ import annotations

from components.model_proxies import proxies
from live.models import Proxy


def test_a_proxy_says_of_what_time_its_numbers_are(english: None) -> None:
    proxy = Proxy("lmstudio", "healthy", "", "", {"requests": 819, "errors": 32, "mean": 0.436, "uptime": 7200})
    words = str(proxies([proxy]))
    assert "819 requests since the start, 32 failed" in words and "436 ms on average in the last minute" in words
    assert "since the serving process started" in words
    assert "1 request since the start" in str(proxies([Proxy("a", "healthy", "", "", {"requests": 1})]))
