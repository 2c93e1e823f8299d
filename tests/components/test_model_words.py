"""Models and their requests in words."""

from __future__ import annotations

import pytest

from components import model_words
from serving.wire import ERROR_CLASSES, FAILURES

pytestmark = pytest.mark.usefixtures("english")


@pytest.mark.parametrize("code", ERROR_CLASSES)
def test_each_class_of_errors_has_words_and_is_a_failure_or_the_clients_doing(code: str) -> None:
    assert " " in model_words.error(code), "not the raw class"
    assert (code in FAILURES) != (code in model_words.CLIENT_DID)
