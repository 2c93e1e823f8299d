"""Models and their requests in words."""

from __future__ import annotations

import pytest

from components import model_page, model_requests, model_words
from live.models import Model
from serving.wire import ERROR_CLASSES, FAILURES

pytestmark = pytest.mark.usefixtures("english")


@pytest.mark.parametrize("code", ERROR_CLASSES)
def test_each_class_of_errors_has_words_and_is_a_failure_or_the_clients_doing(code: str) -> None:
    assert " " in model_words.error(code), "not the raw class"
    assert (code in FAILURES) != (code in model_words.CLIENT_DID)


def test_a_proxy_that_is_on_need_not_be_switched_on() -> None:
    assert "Switch one on" in str(model_requests.nothing(filtered=False))
    said = str(model_requests.nothing(filtered=False, proxied=True))
    assert "Switch one on" not in said and "Point your clients at the address of a proxy." in said


def test_how_limits_are_held_is_said_in_words() -> None:
    process = {"name": "own", "limits": {"way": "watched", "memory": 2**30, "cpu": None}}
    said = str(model_page.facts(Model("own", "own", "llamacpp", "running", process=process), 0.0))
    assert "1.0 GiB of memory, watched by Vigie" in said
