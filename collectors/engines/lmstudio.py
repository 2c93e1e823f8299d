"""LM Studio, by its API v1 (0.4.0 and later), else v0.

Why looking is harmless: only GETs of the list of models; LM Studio loads a model when it is asked to answer or by POST.
It tells no version and no traffic.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from collectors.engines.base import Look, Model, NotThis, count, rows, table, text, words
from collectors.engines.client import Client

V1, V0 = "/api/v1/models", "/api/v0/models"
_STATES = {"loaded": "running", "loading": "loading"}


class LmStudio:
    """Reads one LM Studio."""

    engine: ClassVar[str] = "lmstudio"

    def __init__(self, server: str, clock: Callable[[], float] = time.monotonic) -> None:  # noqa: ARG002 - the contract's
        self._server, self._api = server, ""

    def look(self, client: Client, command: Sequence[str]) -> Look:  # noqa: ARG002 - the contract's
        """As `Adapter.look`."""
        look = Look(self._server, self.engine)
        models = self._models(client)
        if models is None:
            self._api = ""
            raise NotThis(f"It does not answer as LM Studio does: neither {V1} nor {V0} lists models.")
        look.models = [model for model in models if model.name]
        return look

    def _models(self, client: Client) -> list[Model] | None:
        for api in (self._api,) if self._api else (V1, V0):
            told = client.json(api)
            if is_v1(told) if api == V1 else is_v0(told):
                self._api = api
                if api == V0:
                    return [_of_v0(row) for row in rows(told, "data")]
                return [model for row in rows(told, "models") for model in _of_v1(row)]
        return None


def is_v1(told: object) -> bool:
    """True for a list of models as LM Studio's API v1 gives it."""
    models = table(told).get("models")
    return isinstance(models, list) and all("key" in table(row) for row in models)


def is_v0(told: object) -> bool:
    """True for a list of models as LM Studio's API v0 gives it."""
    models = table(told).get("data")
    return isinstance(models, list) and all({"id", "state"} <= table(row).keys() for row in models)


def _of_v1(row: dict[str, Any]) -> list[Model]:
    """A model once for each of its instances, and once when it has none."""
    abilities = table(row.get("capabilities"))
    known = {"vision": "vision", "trained_for_tool_use": "tools", "reasoning": "reasoning"}
    kind = ("embedding",) if row.get("type") == "embedding" else ()

    def made(name: str, instance: dict[str, Any] | None) -> Model:
        settings = table((instance or {}).get("config"))
        return Model(
            name, "running" if instance else "stopped", loaded=instance is not None,
            quantisation=text(table(row.get("quantization")).get("name")), architecture=text(row.get("architecture")),
            parameters=text(row.get("params_string")), size=count(row.get("size_bytes")),
            loaded_bytes=count(row.get("size_bytes")) if instance else None,
            context_size=count(settings.get("context_length") if instance else row.get("max_context_length")),
            slots=count(settings.get("parallel")),
            capabilities=tuple(word for key, word in known.items() if abilities.get(key)) + kind,
        )

    key, instances = text(row.get("key")), list(rows(row, "loaded_instances"))
    return [made(text(one.get("id")) or key, one) for one in instances] or [made(key, None)]


def _of_v0(row: dict[str, Any]) -> Model:
    told = text(row.get("state"))
    loaded = told == "loaded"
    return Model(
        text(row.get("id")), _STATES.get(told, "stopped"), loaded=loaded,  # type: ignore[arg-type]
        quantisation=text(row.get("quantization")), architecture=text(row.get("arch")),
        context_size=count(row.get("loaded_context_length") if loaded else row.get("max_context_length")),
        capabilities=words(row.get("capabilities")) + (("vision",) if row.get("type") == "vlm" else ()),
    )
