"""An answer in OpenAI's dialect, said in LM Studio's own.

Sources: LM Studio's developer docs, ``POST /api/v1/chat``, "Streaming events", and the REST API v0. Of the statistics
that stands which is known: by the engine's own word, else by what was seen. Times in seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from serving.proxy.body import parsed
from serving.proxy.exchange import Exchange
from serving.proxy.gathering import (
    LARGEST_GATHERED,
    BoundedLines,
    GatheredAnswer,
    Pieces,
    cut_short,
    delta_of,
    dumped,
    too_large,
)
from serving.proxy.meter import now
from serving.proxy.told import Told, error_words

JSON = "application/json; charset=utf-8"
A_LOAD = 0.02
"""Seconds of waiting for a model from which on it was loaded: one that is there is had at once."""
STOPPED = {
    "stop": "eosFound", "length": "maxPredictedTokensReached", "tool_calls": "toolCalls", "function_call": "toolCalls",
}
"""Why an answer ended, in the words of v0."""


def event(name: str, **more: Any) -> bytes:
    """One named event of a stream."""
    return b"event: " + name.encode() + b"\ndata: " + dumped({"type": name, **more}) + b"\n\n"


class _Chat:
    """What streams and whole answers share. ``loaded_in``: seconds that were waited for the model."""

    def __init__(self, exchange: Exchange, loaded_in: float) -> None:
        self._exchange, self._loaded_in = exchange, loaded_in if loaded_in >= A_LOAD else None
        self._told = Told()
        self._first: float | None = None
        self._reasoned: int | None = None

    def _read(self, document: Mapping[str, Any]) -> None:
        self._told.read(document)
        usage = document.get("usage")
        details = usage.get("completion_tokens_details") if isinstance(usage, Mapping) else None
        count = details.get("reasoning_tokens") if isinstance(details, Mapping) else None
        self._reasoned = count if isinstance(count, int) else self._reasoned

    def _result(self, output: list[dict[str, str]]) -> dict[str, Any]:
        told, ended = self._told, now()
        first, sent = self._first or ended, self._exchange.sent or self._exchange.started
        written = told.decode if told.decode is not None else ended - first
        reasoned = any(one["type"] == "reasoning" for one in output)
        stats = {
            "input_tokens": told.prompt_tokens, "total_output_tokens": told.output_tokens,
            "reasoning_output_tokens": self._reasoned if reasoned else 0,
            "tokens_per_second": told.output_tokens / written if told.output_tokens and written else None,
            "time_to_first_token_seconds": told.prefill if told.prefill is not None else first - sent,
            "model_load_time_seconds": self._loaded_in,
        }
        return {
            "model_instance_id": self._exchange.model, "output": output or [{"type": "message", "content": ""}],
            "stats": {name: value for name, value in stats.items() if value is not None},
        }


class StreamedChat(_Chat):
    """OpenAI's events in, LM Studio's named ones out."""

    content_type: str | None = "text/event-stream"
    gathers = False

    def __init__(self, exchange: Exchange, loaded_in: float = 0.0) -> None:
        super().__init__(exchange, loaded_in)
        self._lines, self._begun, self._over = BoundedLines(), False, False
        self._output: list[tuple[str, list[str]]] = []

    def feed(self, chunk: bytes) -> bytes:
        """The events that the new ones make.

        Raises:
            Refusal: 502, a line is too long, or the answer too large to be told again at its end.
        """
        lines = self._lines.feed(chunk)
        return self._begin() + b"".join(self._line(line) for line in lines)

    def end(self) -> bytes:
        """The last event, which carries it all again, unless it was given.

        Raises:
            Refusal: 502, the answer was not whole.
        """
        rest = self._begin() + self._line(self._lines.rest())
        if self._over:
            return rest
        if self._told.finish is None:
            raise cut_short()
        return rest + self._last()

    def _begin(self) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        name = self._exchange.model
        made = event("chat.start", model_instance_id=name)
        if self._loaded_in is not None:
            made += event("model_load.start", model_instance_id=name)
            made += event("model_load.end", model_instance_id=name, load_time_seconds=self._loaded_in)
        return made + event("prompt_processing.start")

    def _line(self, line: bytes) -> bytes:
        if not line.startswith((b"data:", b"error:")) or self._over:
            return b""
        text = line.partition(b":")[2].strip()
        if text == b"[DONE]":
            return self._last()
        document = parsed(text)
        self._read(document)
        if document.get("error") or line.startswith(b"error:"):
            words = error_words(document) or "The engine reported an error."
            return event("error", error={"type": "internal_error", "message": words}) + self._last()
        delta = delta_of(document)
        return self._say("reasoning", delta.thought) + self._say("message", delta.text)

    def _say(self, kind: str, text: str) -> bytes:
        if not text:
            return b""
        made = b""
        if self._first is None:
            self._first = now()
            made = event("prompt_processing.end")
        if not self._output or self._output[-1][0] != kind:
            made += self._close() + event(f"{kind}.start")
            self._output.append((kind, []))
        self._output[-1][1].append(text)
        return made + event(f"{kind}.delta", content=text)

    def _close(self) -> bytes:
        return event(f"{self._output[-1][0]}.end") if self._output else b""

    def _last(self) -> bytes:
        self._over = True
        output = [{"type": kind, "content": "".join(texts)} for kind, texts in self._output]
        return (self._close() or event("prompt_processing.end")) + event("chat.end", result=self._result(output))


class WholeChat(_Chat):
    """OpenAI's events in, one object out."""

    content_type: str | None = JSON
    gathers = True

    def __init__(self, exchange: Exchange, loaded_in: float = 0.0) -> None:
        super().__init__(exchange, loaded_in)
        self._pieces = Pieces()

    def feed(self, chunk: bytes) -> bytes:
        """Nothing before the end."""
        self._pieces.feed(chunk)
        if self._first is None and (self._pieces.texts or self._pieces.thoughts):
            self._first = now()
        return b""

    def end(self) -> bytes:
        """The object.

        Raises:
            Refusal: 502, the answer was not whole.
        """
        pieces = self._pieces
        pieces.whole()
        self._read(pieces.envelope)
        parts = {"reasoning": "".join(pieces.thoughts), "message": "".join(pieces.texts)}
        return dumped(self._result([{"type": kind, "content": text} for kind, text in parts.items() if text]))


class WithStats:
    """An answer of the older API (v0) in one piece: OpenAI's, and what LM Studio adds to it. ``about`` is the model's
    description, ``gathered`` puts the answer together where it comes as a stream."""

    content_type: str | None = JSON

    def __init__(self, exchange: Exchange, about: Mapping[str, Any], gathered: GatheredAnswer | None) -> None:
        self._exchange, self._about, self._gathered = exchange, about, gathered
        self._body, self._first = bytearray(), 0.0
        self.gathers = gathered is not None

    def feed(self, chunk: bytes) -> bytes:
        """Nothing before the end.

        Raises:
            Refusal: 502, the answer is too large.
        """
        self._first = self._first or now()
        if self._gathered is not None:
            return self._gathered.feed(chunk)
        self._body += chunk
        if len(self._body) > LARGEST_GATHERED:
            raise too_large()
        return b""

    def end(self) -> bytes:
        """The object; what is none is given on as it is.

        Raises:
            Refusal: 502, the answer was not whole.
        """
        body = bytes(self._body) if self._gathered is None else self._gathered.end()
        document = parsed(body)
        return dumped(document | self._added(document)) if "choices" in document else body

    def _added(self, document: Mapping[str, Any]) -> dict[str, Any]:
        told = Told()
        told.read(document)
        first, written = told.prefill, told.decode
        if self._gathered is not None:
            first = first if first is not None else self._first - (self._exchange.sent or self._exchange.started)
            written = written if written is not None else now() - self._first
        stats = {
            "tokens_per_second": told.output_tokens / written if told.output_tokens and written else None,
            "time_to_first_token": first, "generation_time": written,
            "stop_reason": STOPPED.get(told.finish, told.finish) if told.finish else None,
        }
        engine = self._exchange.target.engine if self._exchange.target is not None else ""
        added = {
            "stats": {name: value for name, value in stats.items() if value is not None},
            "model_info": dict(self._about), "runtime": {"name": engine} if engine else {},
        }
        return {name: value for name, value in added.items() if value and name not in document}


class Loaded:
    """An Ollama was asked to load or unload a model: its answer, as LM Studio gives it."""

    content_type: str | None = JSON
    gathers = False

    def __init__(self, exchange: Exchange, unload: bool) -> None:
        self._exchange, self._unload = exchange, unload

    def feed(self, chunk: bytes) -> bytes:  # noqa: ARG002 - it says nothing that is not known
        """Nothing before the end."""
        return b""

    def end(self) -> bytes:
        """The object."""
        took = now() - (self._exchange.sent or self._exchange.started)
        return unloaded(self._exchange.model) if self._unload else loaded(self._exchange.model, False, took)


def loaded(model: str, embeds: bool, took: float) -> bytes:
    """The answer to ``POST /api/v1/models/load``; ``took`` in seconds."""
    kind = "embedding" if embeds else "llm"
    return orjson.dumps({"type": kind, "instance_id": model, "load_time_seconds": round(took, 3), "status": "loaded"})


def unloaded(model: str) -> bytes:
    """The answer to ``POST /api/v1/models/unload``."""
    return orjson.dumps({"instance_id": model})
