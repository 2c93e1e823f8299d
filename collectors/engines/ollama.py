"""Ollama.

Why looking is harmless: only GETs that read what Ollama knows (``/api/version``, ``/api/ps``, ``/api/tags``); a model's
expiry moves with requests to it alone. ``/api/show`` is left out: its facts are in the other two.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from collectors.engines.base import Look, Model, NotThis, count, number, rows, table, text, words
from collectors.engines.client import Client
from collectors.pace import Pace

FACTS_FOR = 30.0
"""Seconds after which the version and the models on disk are read anew."""


class Ollama:
    """Reads one Ollama."""

    engine: ClassVar[str] = "ollama"

    def __init__(self, server: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._server, self._clock = server, clock
        self._pace, self._version, self._on_disk = Pace(FACTS_FOR), "", list[Model]()

    def look(self, client: Client, command: Sequence[str]) -> Look:  # noqa: ARG002 - the contract's
        """As `Adapter.look`. A model that is told by ``/api/ps`` lies in memory, the others do not."""
        told = client.json("/api/ps")
        if not isinstance(table(told).get("models"), list):
            raise NotThis("It does not answer as Ollama does: /api/ps has no models.")
        loaded = [model for row in rows(told, "models") if (model := _loaded(row)).name]
        names = {model.name for model in loaded}
        if self._pace.due(self._clock()) or names - {model.name for model in self._on_disk}:
            self._version = text(table(client.json("/api/version")).get("version"))
            self._on_disk = [one for row in rows(client.json("/api/tags"), "models") if (one := _described(row)).name]
        known = {model.name: model for model in self._on_disk}
        for model in loaded:
            if known_one := known.get(model.name):
                model.size, model.capabilities = known_one.size, model.capabilities or known_one.capabilities
        look = Look(self._server, self.engine, self._version)
        look.models = loaded + [model for model in self._on_disk if model.name not in names]
        return look


def _described(row: dict[str, Any]) -> Model:
    details = table(row.get("details"))
    return Model(
        text(row.get("name")) or text(row.get("model")), "stopped", loaded=False,
        quantisation=text(details.get("quantization_level")), architecture=text(details.get("family")),
        parameters=text(details.get("parameter_size")), size=count(row.get("size")),
        digest=text(row.get("digest")).removeprefix("sha256:"),
        context_size=count(details.get("context_length")),
        capabilities=words(row.get("capabilities")) + (("remote",) if row.get("remote_host") else ()),
    )


def _loaded(row: dict[str, Any]) -> Model:
    model = _described(row)
    model.state, model.loaded, model.size = "running", True, None
    model.loaded_bytes, model.gpu_bytes = count(row.get("size")), number(row.get("size_vram"))
    model.context_size = count(row.get("context_length"))
    model.expires = text(row.get("expires_at"))
    return model
