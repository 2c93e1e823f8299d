"""Hugging Face's Text Generation Inference.

Why looking is harmless: GETs of ``/info`` and ``/metrics``, which are answered by the router from memory. ``/health``
is not asked: it generates a token when nothing else has.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import ClassVar

from collectors.engines.base import Look, Model, NotThis, count, table, text
from collectors.engines.client import Client
from collectors.engines.prometheus import Deltas, Exposition, add_histograms, read
from metrics.models import (
    DURATION,
    ERRORS,
    OUTPUT_TOKENS,
    PROMPT_TOKENS,
    QUEUE,
    REQUESTS,
    RUNNING,
    WAITING,
)

NO_METRICS = "Its metrics cannot be read: /metrics has no series of TGI."
_HISTOGRAMS = ((DURATION, ("tgi_request_duration",)), (QUEUE, ("tgi_request_queue_duration",)))
_SUMS = (
    (RUNNING, ("tgi_batch_current_size",)), (WAITING, ("tgi_queue_size",)),
    (PROMPT_TOKENS, ("tgi_request_input_length_sum",)), (OUTPUT_TOKENS, ("tgi_request_generated_tokens_sum",)),
)
_SUCCESS = ("tgi_request_success", "tgi_request_success_total")
_FAILURE = ("tgi_request_failure", "tgi_request_failure_total")
_WRONG = "validation"
"""The class of requests that were wrong themselves, which a proxy does not count as failed either."""


class Tgi:
    """Reads one TGI, which serves one model."""

    engine: ClassVar[str] = "tgi"

    def __init__(self, server: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._server, self._clock = server, clock
        self._deltas = Deltas()
        self._version, self._model = "", Model("")

    def look(self, client: Client, command: Sequence[str]) -> Look:  # noqa: ARG002 - the contract's
        """As `Adapter.look`."""
        self._facts(client)  # each time: no metric says of which model it is
        look = Look(self._server, self.engine, self._version)
        told = read(client, ("tgi_",))
        if told is None:
            look.message = NO_METRICS
        else:
            self._traffic(look, told)
        look.models = [self._model]
        return look

    def _facts(self, client: Client) -> None:
        told = table(client.json("/info"))
        if not is_info(told):
            raise NotThis("It does not answer as TGI does: /info tells no model.")
        self._version = text(told.get("version"))
        self._model = Model(
            text(told.get("model_id")), "running", loaded=True, quantisation=text(told.get("model_dtype")),
            context_size=count(told.get("max_total_tokens")), slots=count(told.get("max_concurrent_requests")),
        )

    def _traffic(self, look: Look, told: Exposition) -> None:
        name = self._model.name

        def model(_labels: dict[str, str]) -> str:
            return name

        for metric, names in _SUMS:
            look.add(metric, told.summed(model, *names).get(name), name)
        good = told.summed(model, *_SUCCESS).get(name)
        bad = told.summed(lambda labels: text(labels.get("err")) or "other", *_FAILURE)
        if good is not None:
            look.add(REQUESTS, good + sum(bad.values()), name)
        if good is not None or bad:
            failed = sum(value for kind, value in bad.items() if kind != _WRONG)
            look.add_outcomes({name: (good or 0.0) + sum(bad.values())}, {name: failed})
        for kind, value in bad.items():
            look.add(ERRORS, value, name, {"class": kind})
        add_histograms(look, self._deltas, told, model, _HISTOGRAMS)


def is_info(told: object) -> bool:
    """True for what TGI answers to ``/info``."""
    return bool(text(table(told).get("model_id"))) and "max_total_tokens" in table(told)
