"""SGLang, by its Prometheus metrics (it needs ``--enable-metrics``).

Why looking is harmless: GETs of ``/metrics``, ``/model_info`` and ``/server_info`` (``/get_...`` in older versions),
which are answered from what the server knows. Neither ``/health_generate`` nor ``/health`` is asked: both write a
token, the latter unless ``SGLANG_ENABLE_HEALTH_ENDPOINT_GENERATION`` is off.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from collectors.engines.base import Look, Model, NotThis, count, table, text
from collectors.engines.client import Client, Unanswered
from collectors.engines.prometheus import Deltas, Exposition, add_each, add_histograms, read
from collectors.pace import Pace
from metrics.models import (
    CACHE_HITS,
    CACHED_TOKENS,
    DURATION,
    FINISHED,
    ITL,
    KV_USED,
    LIVE_TOKENS,
    OUTPUT_TOKENS,
    PREEMPTIONS,
    PROMPT_TOKENS,
    QUEUE,
    REQUESTS,
    RUNNING,
    TTFT,
    WAITING,
)

FACTS_FOR = 60.0
"""Seconds after which the facts of the server are read anew."""
NO_METRICS = "Its metrics are off: start SGLang with --enable-metrics."
MODEL_INFO, SERVER_INFO = ("/model_info", "/get_model_info"), ("/server_info", "/get_server_info")
_SUMS = (
    (RUNNING, "sglang:num_running_reqs"), (WAITING, "sglang:num_queue_reqs"), (LIVE_TOKENS, "sglang:gen_throughput"),
    (PROMPT_TOKENS, "sglang:prompt_tokens_total"), (CACHED_TOKENS, "sglang:cached_tokens_total"),
    (OUTPUT_TOKENS, "sglang:generation_tokens_total"), (REQUESTS, "sglang:num_requests_total"),
    (PREEMPTIONS, "sglang:num_retracted_requests_total"),
)
_MOST = ((KV_USED, "sglang:token_usage"), (CACHE_HITS, "sglang:cache_hit_rate"))
_HISTOGRAMS = (
    (TTFT, ("sglang:time_to_first_token_seconds",)),
    (ITL, ("sglang:inter_token_latency_seconds", "sglang:time_per_output_token_seconds")),
    (DURATION, ("sglang:e2e_request_latency_seconds",)),
    (QUEUE, ("sglang:queue_time_seconds",)),
)
_WANTED = (
    *(name for _, name in (*_SUMS, *_MOST)), *(name for _, names in _HISTOGRAMS for name in names),
    "sglang:num_aborted_requests_total",
)
"""What is parsed of an exposition."""


def _model(labels: dict[str, str]) -> str:
    return text(labels.get("model_name"))


class Sglang:
    """Reads one SGLang."""

    engine: ClassVar[str] = "sglang"

    def __init__(self, server: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._server, self._clock = server, clock
        self._deltas = Deltas()
        self._pace, self._version, self._model = Pace(FACTS_FOR), "", Model("")
        self._told: dict[str, Any] = {}
        self._named = set[str]()

    def look(self, client: Client, command: Sequence[str]) -> Look:  # noqa: ARG002 - the contract's
        """As `Adapter.look`."""
        if self._pace.due(self._clock()):
            self._facts(client)
        told = read(client, _WANTED)
        if (names := set(told.grouped(_model, "sglang:num_running_reqs")) if told else set()) and names != self._named:
            if self._named:  # it was started again, with another model
                self._told = {}
                self._facts(client)
            self._named = names
        look = Look(self._server, self.engine, self._version)
        if told is None:
            look.message = NO_METRICS
        else:
            told = told.without({"tp_rank": ("", "0"), "pp_rank": ("", "0"), "priority": ("",)})
            self._traffic(look, told)
        look.models = [self._model]
        return look

    def _facts(self, client: Client) -> None:
        about = _first(client, MODEL_INFO)
        if not text(about.get("model_path")):
            raise NotThis(f"It does not answer as SGLang does: {MODEL_INFO[0]} tells no model.")
        server = self._told = self._told or self._server_info(client)
        self._version = text(server.get("version"))
        self._model = Model(
            text(server.get("served_model_name")) or text(about.get("model_path")), "running", loaded=True,
            quantisation=text(server.get("quantization")), context_size=count(server.get("context_length")),
            slots=count(server.get("max_running_requests")),
            capabilities=("embedding",) if about.get("is_generation") is False else (),
        )

    def _server_info(self, client: Client) -> dict[str, Any]:
        """Read until it was told once: a scheduler that is busy may be slow to tell, and is not down for it."""
        try:
            return _first(client, SERVER_INFO)
        except Unanswered:
            return {}

    def _traffic(self, look: Look, told: Exposition) -> None:
        for metric, name in _SUMS:
            add_each(look, metric, told.summed(_model, name))
        for metric, name in _MOST:
            add_each(look, metric, {model: max(values) for model, values in told.grouped(_model, name).items()})
        for model, value in told.summed(_model, "sglang:num_aborted_requests_total").items():
            look.add(FINISHED, value, model, {"reason": "abort"})
        add_histograms(look, self._deltas, told, _model, _HISTOGRAMS)


def _first(client: Client, paths: tuple[str, ...]) -> dict[str, Any]:
    """The first of ``paths`` that answers with a JSON object; older versions have the later ones."""
    return next((found for path in paths if (found := table(client.json(path)))), {})
