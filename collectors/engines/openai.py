"""Any server that speaks OpenAI's API and tells nothing more.

Why looking is harmless: only ``GET /v1/models``, which lists names. That a listed model lies in memory is not known, so
it is not told. ``/health`` is not asked: LiteLLM, SGLang and TGI generate text to answer it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from collectors.engines.base import Look, Model, NotThis, count, rows, table, text
from collectors.engines.client import Client

MODELS = "/v1/models"


class OpenAi:
    """Reads one server that speaks OpenAI's API."""

    engine: ClassVar[str] = "openai"

    def __init__(self, server: str, clock: Callable[[], float] = time.monotonic) -> None:  # noqa: ARG002 - the contract's
        self._server = server

    def look(self, client: Client, command: Sequence[str]) -> Look:  # noqa: ARG002 - the contract's
        """As `Adapter.look`."""
        look = Look(self._server, self.engine)
        look.models = listed(client.json(MODELS), "OpenAI's API")
        return look


def is_list(told: object) -> bool:
    """True for a list of models as OpenAI's API gives it."""
    models = table(told).get("data")
    return isinstance(models, list) and all(isinstance(table(row).get("id"), str) for row in models)


def listed(told: Any, what: str) -> list[Model]:
    """The models of an answer to ``/v1/models``; LoRA adapters are models of their own, as clients ask for them.

    Raises:
        NotThis: it is none; ``what`` says what was expected to answer.
    """
    if not is_list(told):
        raise NotThis(f"It does not answer as {what} does: {MODELS} lists no models.")
    found = (Model(text(row.get("id")), context_size=count(row.get("max_model_len"))) for row in rows(told, "data"))
    return [model for model in found if model.name]
