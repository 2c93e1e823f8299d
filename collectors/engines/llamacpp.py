"""llama.cpp's ``llama-server``, with one model or as a router of several.

Why looking is harmless:

- ``GET /props`` and ``GET /models`` count as no task: they neither wake a model nor move its idle clock.
- ``GET /slots`` does both, so it is read only while a request is being answered, which keeps the model awake anyway.
- ``GET /metrics`` did both until llama.cpp PR 27376 (August 2026; issues 20227, 23096). It is not read while a model
  sleeps, and in versions between the invention of sleep (``is_sleeping`` in /props) and `HARMLESS_BUILD` only where the
  command line is known and lets no model sleep.
- A router loads the model that ``/metrics?model=X`` names, but not with ``autoload=false``, and only models that
  ``/models`` tells as loaded are asked about.
- ``llamacpp:prompt_tokens_seconds`` and ``predicted_tokens_seconds`` start anew at each scrape, which another scraper
  would feel; nothing can be done about that, but they are not used here.

A long prompt may block /metrics and /slots for seconds in older versions; then they are absent, and the server is up.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, ClassVar
from urllib.parse import quote

from collectors.engines.base import Look, Model, NotThis, count, number, rows, table, text, words
from collectors.engines.client import Answer, Client, Unanswered
from collectors.engines.prometheus import Deltas, Exposition, parse
from collectors.pace import Pace
from metrics.models import (
    CACHE_HITS,
    CACHED_TOKENS,
    CONTEXT_USED,
    LIVE_TOKENS,
    OUTPUT_TOKENS,
    PHASE,
    PROMPT_TOKENS,
    RUNNING,
    WAITING,
)

HARMLESS_BUILD = 11_000
"""From this build on reading /metrics is harmless (seen with b11549)."""
FACTS_FOR = 60.0
"""Seconds after which /v1/models is read anew, when /props names the same model as before."""
SLEEP_OPTION = "--sleep-idle-seconds"
NO_METRICS = "Its metrics are off: start llama-server with --metrics."
TOO_OLD = "Reading the metrics of this version would keep its model from sleeping: llama.cpp b11000 or later is needed."
_STATES = {"loading": "loading", "loaded": "running", "sleeping": "running", "downloading": "loading"}


class LlamaCpp:
    """Reads one llama-server."""

    engine: ClassVar[str] = "llamacpp"

    def __init__(self, server: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._server, self._clock = server, clock
        self._traffic: dict[str, _Traffic] = {}
        self._facts: Model | None = None
        self._pace, self._named = Pace(FACTS_FOR), list[str]()

    def look(self, client: Client, command: Sequence[str]) -> Look:
        """As `Adapter.look`."""
        look = Look(self._server, self.engine)
        answer = client.get("/props")
        if is_loading(answer):
            look.models = [Model(self._facts.name, "loading", loaded=False)] if self._facts else []
            look.message = "It is loading its model."
            return look
        props = table(answer.json())
        if answer.status != 200 or not ("build_info" in props or "total_slots" in props):
            raise NotThis(f"It does not answer as llama.cpp does: /props gives HTTP {answer.status}.")
        look.version = text(props.get("build_info"))
        if props.get("role") == "router":
            self._router(look, client)
        else:
            self._single(look, client, props, command)
        return look

    def _single(self, look: Look, client: Client, props: dict[str, Any], command: Sequence[str]) -> None:
        named = [text(props.get(key)) for key in ("model_alias", "model_path", "build_info")]
        if self._pace.due(self._clock()) or self._facts is None or named != self._named:
            self._facts, self._named = _facts(client, props), named
        model = self._facts
        model.slots, model.sleeping = count(props.get("total_slots")), _sleeping(props)
        model.state, model.loaded = "running", not model.sleeping
        model.loaded_bytes = model.size if model.loaded else None
        model.context_size = count(table(props.get("default_generation_settings")).get("n_ctx")) or model.context_size
        look.models = [model]
        self._read(look, client, model, props, command, "")

    def _router(self, look: Look, client: Client) -> None:
        for row in rows(client.json("/models"), "data"):
            status = table(row.get("status"))
            told, arguments = text(status.get("value")), words_of(status.get("args"))
            model = _described(Model(text(row.get("id"))), row)
            if not model.name:
                continue
            failed = bool(status.get("failed"))
            model.state = "error" if failed else _STATES.get(told, "stopped")  # type: ignore[assignment]
            model.port = _port(arguments)
            if failed:
                model.message = f"It ended with exit code {status.get('exit_code')}."
            look.models.append(model)
            query = f"?model={quote(model.name, safe='')}&autoload=false"
            props: dict[str, Any] = {}
            if told == "loaded":
                try:
                    props = table(client.json(f"/props{query}"))
                except Unanswered:
                    look.message = f"{model.name} does not answer in time."
                model.slots = count(props.get("total_slots"))
                model.context_size = count(table(props.get("default_generation_settings")).get("n_ctx"))
            model.sleeping = told == "sleeping" or _sleeping(props)
            model.loaded = told == "loaded" and not model.sleeping
            model.loaded_bytes = model.size if model.loaded else None
            if props:
                self._read(look, client, model, props, arguments, query)

    def _read(self, look: Look, client: Client, model: Model, props: dict[str, Any], command: Sequence[str],
              query: str) -> None:
        """What /metrics and /slots tell of a model, as far as asking is harmless."""
        traffic = self._traffic.setdefault(model.name, _Traffic())
        if model.sleeping:
            traffic.asleep(look, model.name)
            return
        if not props.get("endpoint_metrics", True):
            look.message = NO_METRICS
            return
        if not _harmless(props, command):
            look.message = TOO_OLD
            return
        try:
            answer = client.get(f"/metrics{query}")
            if answer.status != 200:
                look.message = NO_METRICS if answer.status in (404, 501) else "Its metrics cannot be read now."
                return
            told = parse(answer.text(), ("llamacpp:",))
            busy = _one(told, "llamacpp:requests_processing")
            slots: list[dict[str, Any]] | None = [] if busy == 0 else None
            if busy and props.get("endpoint_slots", True):
                slots = _slots(client, f"/slots{query}")
        except Unanswered:
            look.message = "Its metrics do not come in time: it may be reading a long prompt."
            return
        traffic.told(look, model.name, told, slots, self._clock())


class _Traffic:
    """What the counters and slots of one model said."""

    def __init__(self) -> None:
        self._deltas = Deltas()
        self._written: tuple[float, float, float] | None = None
        """By requests that ended, by them and those that went on, and when."""
        self._counters: list[tuple[Any, float | None, dict[str, str]]] = []

    def told(self, look: Look, model: str, told: Exposition, slots: list[dict[str, Any]] | None, at: float) -> None:
        look.add(RUNNING, _one(told, "llamacpp:requests_processing"), model)
        look.add(WAITING, _one(told, "llamacpp:requests_deferred"), model)
        read, cached = _one(told, "llamacpp:prompt_tokens_total"), _one(told, "llamacpp:prompt_tokens_cached_total")
        written = _one(told, "llamacpp:tokens_predicted_total")
        prompt = read + cached if read is not None and cached is not None else None
        self._counters = [
            (PROMPT_TOKENS, prompt, {}), (CACHED_TOKENS, cached, {}), (OUTPUT_TOKENS, written, {}),
            (PHASE, _one(told, "llamacpp:prompt_seconds_total"), {"phase": "prefill"}),
            (PHASE, _one(told, "llamacpp:tokens_predicted_seconds_total"), {"phase": "decode"}),
        ]
        self._add_counters(look, model)
        hits, asked = self._deltas.grown("cached", cached), self._deltas.grown("prompt", prompt)
        if hits is not None and asked:
            look.add(CACHE_HITS, min(hits / asked, 1.0), model)
        if slots is None:
            self._written = None
            return
        busy = [slot for slot in slots if slot.get("is_processing") is True]
        used = [
            tokens / size for slot in busy
            if (tokens := number(slot.get("n_prompt_tokens"))) is not None and (size := count(slot.get("n_ctx")))
        ]
        if used:
            look.add(CONTEXT_USED, min(max(used), 1.0), model)
        going = [tokens for slot in busy if (tokens := _decoded(slot)) is not None]
        if written is None or len(going) < len(busy):
            self._written = None
        else:
            self._live(look, model, written, sum(going), at)

    def asleep(self, look: Look, model: str) -> None:
        """Nothing runs in a model that sleeps, and its counters stay as they are."""
        look.add(RUNNING, 0.0, model)
        look.add(WAITING, 0.0, model)
        self._add_counters(look, model)
        self._written = None

    def _add_counters(self, look: Look, model: str) -> None:
        for metric, value, more in self._counters:
            look.add(metric, value, model, more)

    def _live(self, look: Look, model: str, ended: float, going: float, at: float) -> None:
        """Tokens written now: by requests that ended (a counter that moves only then) and by those that go on. A
        request that ends between the two answers is in neither; then the time goes on to the next look."""
        if self._written is None or ended < self._written[0]:
            self._written = (ended, ended + going, at)
            return
        _, before, since = self._written
        if at > since and ended + going >= before:
            look.add(LIVE_TOKENS, (ended + going - before) / (at - since), model)
            self._written = (ended, ended + going, at)


def _facts(client: Client, props: dict[str, Any]) -> Model:
    """What /v1/models says of the one model; it is answered from memory and wakes nothing."""
    row = next(rows(client.json("/v1/models"), "data"), {})
    file = text(props.get("model_path")).rpartition("/")[2]
    model = _described(Model(text(row.get("id")) or text(props.get("model_alias")) or file or "model"), row)
    model.quantisation = model.quantisation or text(props.get("model_ftype"))
    return model


def _described(model: Model, row: dict[str, Any]) -> Model:
    meta = table(row.get("meta"))
    parameters = count(meta.get("n_params"))
    model.size = count(meta.get("size"))
    model.parameters = f"{parameters:.0f}" if parameters else ""
    model.quantisation = text(meta.get("ftype"))
    model.context_size = count(meta.get("n_ctx"))
    modalities = table(row.get("architecture")).get("input_modalities")
    model.capabilities = tuple(word for word in words(modalities) if word != "text")
    return model


def is_loading(answer: Answer) -> bool:
    """True for what llama-server answers to everything while it loads its model."""
    error = table(table(answer.json()).get("error")) if answer.status == 503 else {}
    return (error.get("message"), error.get("type")) == ("Loading model", "unavailable_error")


def _sleeping(props: dict[str, Any]) -> bool | None:
    told = props.get("is_sleeping")
    return told if isinstance(told, bool) else None


def _harmless(props: dict[str, Any], command: Sequence[str]) -> bool:
    """Whether reading /metrics cannot keep a model from sleeping."""
    if "is_sleeping" not in props:
        return True
    build = re.match(r"b(\d+)", text(props.get("build_info")))
    number_of_build = int(build.group(1)) if build else 0
    # A build without a number (b0, from a source archive) goes by what its /props tells: video came in 2026.
    new = number_of_build >= HARMLESS_BUILD or (not number_of_build and "video" in table(props.get("modalities")))
    return new or bool(command and not any(word.startswith(SLEEP_OPTION) for word in command))


def _one(told: Exposition, name: str) -> float | None:
    lines = told.lines(name)
    return number(lines[0].value) if lines else None


def _slots(client: Client, path: str) -> list[dict[str, Any]] | None:
    told = client.json(path)
    return list(rows({"slots": told}, "slots")) if isinstance(told, list) else None


def _decoded(slot: dict[str, Any]) -> float | None:
    """Tokens that a slot has written for the request in hand; ``next_token`` was an object once and is a list now."""
    told = slot.get("next_token")
    first = told[0] if isinstance(told, list) and told else told
    return number(table(first).get("n_decoded"))


def words_of(value: object) -> tuple[str, ...]:
    """The words of a command line that an engine tells."""
    return tuple(one for one in (value if isinstance(value, list) else []) if isinstance(one, str))


def _port(arguments: Sequence[str]) -> int | None:
    for word, following in pairwise(arguments):
        if word == "--port" and following.isdecimal() and 0 < int(following) < 65_536:
            return int(following)
    return None
