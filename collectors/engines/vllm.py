"""vLLM, by its Prometheus metrics (0.33 and the older names).

Why looking is harmless: GETs of ``/metrics``, ``/v1/models`` and ``/version``, which are answered by the API server
from what it has counted; nothing is generated, and an engine that sleeps is not woken (only POST /wake_up does).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import ClassVar

from collectors.engines.base import MODELS_AT_MOST, Look, Model, NotThis, table, text
from collectors.engines.client import Client, KeyAsked
from collectors.engines.openai import MODELS, is_list, listed
from collectors.engines.prometheus import Deltas, Exposition, add_each, add_histograms, ratios, read
from collectors.pace import Pace
from metrics.models import (
    CACHE_HITS,
    CACHED_TOKENS,
    DECODE,
    DURATION,
    ERRORS,
    FINISHED,
    ITL,
    KV_USED,
    LIVE_TOKENS,
    OUTPUT_TOKENS,
    PHASE,
    PREEMPTIONS,
    PREFILL,
    PROMPT_TOKENS,
    QUEUE,
    REQUESTS,
    RUNNING,
    TTFT,
    WAITING,
)

FACTS_FOR = 60.0
"""Seconds after which the version and the list of models are read anew."""
NO_METRICS = "Its metrics cannot be read: /metrics has no series of vLLM."
_PREFIX = "vllm:"
_COUNTERS = (
    (PROMPT_TOKENS, ("prompt_tokens_total",)),
    (CACHED_TOKENS, ("prompt_tokens_cached_total",)),
    (OUTPUT_TOKENS, ("generation_tokens_total",)),
    (PREEMPTIONS, ("num_preemptions_total",)),
    (REQUESTS, ("request_success_total",)),
)
_HISTOGRAMS = (
    (TTFT, ("time_to_first_token_seconds",)),
    (ITL, ("inter_token_latency_seconds", "time_per_output_token_seconds")),
    (DURATION, ("e2e_request_latency_seconds",)),
    (QUEUE, ("request_queue_time_seconds",)),
    (PREFILL, ("request_prefill_time_seconds",)),
    (DECODE, ("request_decode_time_seconds",)),
)
_ENDED = ("vllm:request_success_total",)
_PHASES = (
    ("queue", "request_queue_time_seconds_sum"), ("prefill", "request_prefill_time_seconds_sum"),
    ("decode", "request_decode_time_seconds_sum"),
)
_WANTED = tuple(
    _PREFIX + name for name in (
        "num_requests_running", "num_requests_waiting", "kv_cache_usage_perc", "gpu_cache_usage_perc",
        "engine_sleep_state", "prefix_cache_", "gpu_prefix_cache_",
        *(name for _, names in (*_COUNTERS, *_HISTOGRAMS) for name in names),
    )
)
"""What is parsed: the rest of an exposition costs as much again."""


def _model(labels: dict[str, str]) -> str:
    return text(labels.get("model_name"))


def _ours(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(_PREFIX + name for name in names)


class Vllm:
    """Reads one vLLM."""

    engine: ClassVar[str] = "vllm"

    def __init__(self, server: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._server, self._clock = server, clock
        self._deltas = Deltas()
        self._pace, self._version, self._message, self._models = Pace(FACTS_FOR), "", "", list[Model]()
        self._named = list[str]()
        self._looked_at: float | None = None

    def look(self, client: Client, command: Sequence[str]) -> Look:  # noqa: ARG002 - the contract's
        """As `Adapter.look`."""
        if self._pace.due(self._clock()):
            self._facts(client)
        told = read(client, _WANTED)
        if (names := _names(told)) and names != self._named:
            if self._named:  # it was started again, with another model
                self._facts(client)
            self._named = names
        look = Look(self._server, self.engine, self._version, self._message)
        if told is None:
            look.message = NO_METRICS
        else:
            self._traffic(look, told)
        look.models = self._models or [Model(name) for name in _names(told)]
        asleep = _asleep(told) if told else None
        for model in look.models:
            model.state, model.sleeping, model.loaded = "running", asleep, not asleep
        return look

    def _facts(self, client: Client) -> None:
        self._version, self._message = text(table(client.json("/version")).get("version")), ""
        try:
            told = client.json(MODELS)
        except KeyAsked as asked:  # vLLM's key guards /v1 alone
            self._models, self._message = [], f"Its models are not listed. {asked}"
            return
        if not is_list(told) and not self._version:
            raise NotThis(f"It does not answer as vLLM does: neither {MODELS} nor /version.")
        self._models = listed(told, "vLLM") if is_list(told) else []

    def _traffic(self, look: Look, told: Exposition) -> None:
        add_each(look, RUNNING, told.summed(_model, "vllm:num_requests_running"))
        add_each(look, WAITING, told.summed(_model, "vllm:num_requests_waiting"))
        used = told.grouped(_model, "vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc")
        add_each(look, KV_USED, {model: max(values) for model, values in used.items()})
        for metric, names in _COUNTERS:
            add_each(look, metric, told.summed(_model, *_ours(names)))
        ended = told.summed(lambda labels: (text(labels.get("finished_reason")), _model(labels)), *_ENDED)
        for (reason, model), value in ended.items():
            look.add(FINISHED, value, model, {"reason": reason})
            if reason == "error":
                look.add(ERRORS, value, model, {"class": "engine"})
        # Older versions know no such reason: what failed there is not told.
        failed = {model: value for (reason, model), value in ended.items() if reason == "error"}
        every = told.summed(_model, *_ENDED)
        look.add_outcomes({model: every[model] for model in failed}, failed)
        add_histograms(look, self._deltas, told, _model, [(metric, _ours(names)) for metric, names in _HISTOGRAMS])
        for phase, name in _PHASES:
            for model, seconds in told.summed(_model, _PREFIX + name).items():
                look.add(PHASE, seconds, model, {"phase": phase})
        hits = told.summed(_model, "vllm:prefix_cache_hits_total", "vllm:gpu_prefix_cache_hits_total")
        asked = told.summed(_model, "vllm:prefix_cache_queries_total", "vllm:gpu_prefix_cache_queries_total")
        add_each(look, CACHE_HITS, dict(ratios(hits, asked, self._deltas, "prefix")))
        self._live(look, told.summed(_model, "vllm:generation_tokens_total"))

    def _live(self, look: Look, written: dict[str, float]) -> None:
        """vLLM counts tokens as it writes them, so the growth of its counter is what is written now."""
        now, before = self._clock(), self._looked_at
        self._looked_at = now
        for model, total in written.items():
            grown = self._deltas.grown(("written", model), total)
            if grown is not None and before is not None and now > before:
                look.add(LIVE_TOKENS, grown / (now - before), model)


def _names(told: Exposition | None) -> list[str]:
    names = told.grouped(_model, "vllm:num_requests_running") if told else {}
    return [name for name in names if name][:MODELS_AT_MOST]


def _asleep(told: Exposition) -> bool | None:
    """True when every engine sleeps; None where vLLM does not tell."""
    awake = [value for labels, value in told.lines("vllm:engine_sleep_state") if labels.get("sleep_state") == "awake"]
    return not any(awake) if awake else None
