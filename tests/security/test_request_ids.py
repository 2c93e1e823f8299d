"""The number of a request: in its answer, in problems, on error pages, and from a proxy only when one is trusted."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.security.conftest import BROWSER, Site

GIVEN = "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.parametrize("proxies", [0, 1])
def test_a_number_counts_from_a_trusted_proxy_only(make_site: Callable[..., Site], proxies: int) -> None:
    site = make_site(trusted_proxies=proxies)
    answer = site.client().get("/api/metrics/latest", headers={"X-Request-ID": GIVEN})
    assert (answer.headers["X-Request-ID"] == GIVEN) is bool(proxies)
    assert answer.json["request"] == answer.headers["X-Request-ID"]


@pytest.mark.parametrize("given", ["", "short", "x" * 65, "<script>alert(1)</script>", "a b c d e f g h", "-" * 12])
def test_a_number_that_makes_no_sense_is_replaced(make_site: Callable[..., Site], given: str) -> None:
    answer = make_site(trusted_proxies=1).client().get("/login", headers={**BROWSER, "X-Request-ID": given})
    assert answer.headers["X-Request-ID"] != given and len(answer.headers["X-Request-ID"]) == 12


def test_an_error_page_says_which_number_to_tell(site: Site) -> None:
    site.server.config["PROPAGATE_EXCEPTIONS"] = False
    page = site.signed_in().get("/broken", headers=BROWSER)
    assert page.status_code == 500 and page.headers["X-Request-ID"] in page.text
    assert "a secret detail" not in page.text and "tell your administrator this number" in page.text
