"""LiteLLM's proxy.

Why looking is harmless: GETs of ``/health/readiness``, ``/v1/models`` and ``/metrics``, which ask no model. ``/health``
is not asked: it sends a request to every model behind it, which costs money.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import ClassVar

from collectors.engines.base import MODELS_AT_MOST, Look, Model, NotThis, table, text
from collectors.engines.client import Client, KeyAsked
from collectors.engines.openai import MODELS, is_list, listed
from collectors.engines.prometheus import Deltas, Exposition, add_each, add_histograms, read
from collectors.pace import Pace
from metrics.models import (
    DURATION,
    ERRORS,
    OUTPUT_TOKENS,
    PROMPT_TOKENS,
    QUEUE,
    REQUESTS,
    RUNNING,
    TTFT,
)

READINESS = "/health/readiness"
FACTS_FOR = 60.0
"""Seconds after which the version and the list of models are read anew."""
NO_METRICS = 'Its metrics are off: LiteLLM needs callbacks: ["prometheus"].'
NO_KEY = "Its models are not listed: it asks for an API key."
_OUTAGE = 2.0
"""``litellm_deployment_state``: 0 healthy, 1 partial outage, 2 outage."""
_COUNTERS = (
    (REQUESTS, ("litellm_proxy_total_requests_metric_total",)),
    (PROMPT_TOKENS, ("litellm_input_tokens_metric_total", "litellm_input_tokens_total")),
    (OUTPUT_TOKENS, ("litellm_output_tokens_metric_total", "litellm_output_tokens_total")),
)
_HISTOGRAMS = (
    (DURATION, ("litellm_request_total_latency_metric",)),
    (TTFT, ("litellm_llm_api_time_to_first_token_metric",)),
    (QUEUE, ("litellm_request_queue_time_seconds",)),
)
_WANTED = (
    *(name for _, names in (*_COUNTERS, *_HISTOGRAMS) for name in names),
    "litellm_proxy_failed_requests_metric_total", "litellm_in_flight_requests", "litellm_deployment_state",
)
"""What is parsed of an exposition."""


def _model(labels: dict[str, str]) -> str:
    """What clients ask for, which is what LiteLLM lists; some series have just the model behind it."""
    names = (text(labels.get(name)) for name in ("requested_model", "model_group", "model", "litellm_model_name"))
    return next((name for name in names if name and name != "None"), "")


def _outcome(labels: dict[str, str]) -> str:
    """What was wrong itself (4xx) has not failed, as at a proxy of Vigie's; what got no status has."""
    return "answered" if text(labels.get("status_code"))[:1] in ("2", "3", "4") else "failed"


class LiteLlm:
    """Reads one LiteLLM proxy."""

    engine: ClassVar[str] = "litellm"

    def __init__(self, server: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._server, self._clock = server, clock
        self._deltas = Deltas()
        self._pace, self._version, self._names, self._message = Pace(FACTS_FOR), "", list[str](), ""

    def look(self, client: Client, command: Sequence[str]) -> Look:  # noqa: ARG002 - the contract's
        """As `Adapter.look`."""
        if self._pace.due(self._clock()):
            self._facts(client)
        look = Look(self._server, self.engine, self._version, self._message)
        told = read(client, _WANTED)
        if told is None:
            look.message = look.message or NO_METRICS
            look.models = [Model(name) for name in self._names]
        else:
            self._traffic(look, told)
            states = told.grouped(_model, "litellm_deployment_state")
            names = dict.fromkeys([*self._names, *states])
            look.models = [_described(name, states.get(name, [])) for name in list(names)[:MODELS_AT_MOST] if name]
        return look

    def _facts(self, client: Client) -> None:
        told = table(client.json(READINESS))
        if not is_readiness(told):
            raise NotThis(f"It does not answer as LiteLLM does: {READINESS} tells no version.")
        self._version, self._message = text(told.get("litellm_version")), ""
        try:
            models = client.json(MODELS)
        except KeyAsked as asked:
            self._names, self._message = [], str(asked) if client.has_key else NO_KEY
        else:
            self._names = [model.name for model in listed(models, "LiteLLM")] if is_list(models) else []

    def _traffic(self, look: Look, told: Exposition) -> None:
        for _nobody, value in told.summed(lambda _: "", "litellm_in_flight_requests").items():
            look.add(RUNNING, value)
        for metric, names in _COUNTERS:
            add_each(look, metric, told.summed(_model, *names))
        failed = told.summed(
            lambda labels: (text(labels.get("exception_class")) or "other", _model(labels)),
            "litellm_proxy_failed_requests_metric_total",
        )
        for (kind, model), value in failed.items():
            look.add(ERRORS, value, model, {"class": kind})
        self._outcomes(look, told)
        add_histograms(look, self._deltas, told, _model, _HISTOGRAMS)

    @staticmethod
    def _outcomes(look: Look, told: Exposition) -> None:
        (_requests, names), *_others = _COUNTERS
        if all("status_code" in labels for labels, _value in told.lines(*names)):
            outcomes = told.summed(lambda labels: (_outcome(labels), _model(labels)), *names)
            look.add_outcomes(told.summed(_model, *names), {
                model: value for (outcome, model), value in outcomes.items() if outcome == "failed"
            })


def _described(name: str, states: list[float]) -> Model:
    """A model is in an error when everything that could serve it is out. LiteLLM tells that of what it has asked
    already; of the others nothing is known."""
    if not states:
        return Model(name)
    out = min(states) >= _OUTAGE
    return Model(name, "error" if out else "running", message="Everything that serves it is out." if out else "")


def is_readiness(told: object) -> bool:
    """True for what LiteLLM answers to ``/health/readiness``."""
    return bool(text(table(told).get("litellm_version")))
