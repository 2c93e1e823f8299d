"""An answer in OpenAI's dialect, said in Ollama's, as it comes.

The times of the last part are computed as Ollama itself does from its own llama.cpp: prompt_eval_count = cache_n +
prompt_n, prompt_eval_duration = prompt_ms, eval_count = predicted_n, eval_duration = predicted_ms, in nanoseconds; what
is 0 is left out. Where an engine tells no times, they are those that were seen: until the first token, and since.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from serving.proxy.body import parsed
from serving.proxy.dialect import Refusal
from serving.proxy.exchange import Exchange
from serving.proxy.gathering import LARGEST_GATHERED, Calls, Pieces, cut_short, delta_of, dumped, logprobs_of, too_large
from serving.proxy.lines import Lines
from serving.proxy.meter import now
from serving.proxy.told import Told, error_words

NDJSON = "application/x-ndjson"
REASONS = {"tool_calls": "stop", "function_call": "stop", "content_filter": "stop"}
"""Why an answer ended, where Ollama has another word for it."""


def created() -> str:
    """The time now, as Ollama writes it."""
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def _whole(calls: Calls) -> list[dict[str, Any]]:
    """Calls of tools as Ollama sends them: each whole, its arguments as an object."""
    made = []
    for call in calls.whole():
        text = call["function"]["arguments"]
        try:
            arguments = orjson.loads(text) if text else {}
        except orjson.JSONDecodeError:
            arguments = {"arguments": text}
        made.append({"function": {"name": call["function"]["name"], "arguments": arguments}})
    return made


class _Answer:
    """What chat and generate share. ``chat`` tells them apart."""

    def __init__(self, exchange: Exchange, chat: bool, loaded_in: float = 0.0) -> None:
        self._exchange, self._chat, self._loaded_in = exchange, chat, loaded_in
        self._told = Told()
        self._first: float | None = None

    def _part(self, text: str = "", thinking: str = "", calls: list[dict[str, Any]] | None = None) -> dict[str, Any]:
        part: dict[str, Any] = {"model": self._exchange.model, "created_at": created()}
        said: dict[str, Any] = {"role": "assistant", "content": text} if self._chat else {"response": text}
        if thinking:
            said["thinking"] = thinking
        if calls:
            said["tool_calls"] = calls
        return {**part, "message": said, "done": False} if self._chat else {**part, **said, "done": False}

    def _numbers(self) -> dict[str, Any]:
        told, ended = self._told, now()
        first, sent = self._first or ended, self._exchange.sent or self._exchange.started
        read = told.prefill if told.prefill is not None else first - sent
        written = told.decode if told.decode is not None else ended - first
        numbers = {
            "total_duration": round((ended - self._exchange.started) * 1e9),
            "load_duration": round(self._loaded_in * 1e9),
            "prompt_eval_count": told.prompt_tokens, "prompt_eval_duration": round(read * 1e9),
            "eval_count": told.output_tokens, "eval_duration": round(written * 1e9),
        }
        return {name: value for name, value in numbers.items() if value}

    def _end(self, part: dict[str, Any]) -> dict[str, Any]:
        reason = self._told.finish or "stop"
        return part | {"done": True, "done_reason": REASONS.get(reason, reason)} | self._numbers()


class StreamedAnswer(_Answer):
    """Server-sent events in, lines of JSON out."""

    content_type: str | None = NDJSON
    gathers = False

    def __init__(self, exchange: Exchange, chat: bool, loaded_in: float = 0.0) -> None:
        super().__init__(exchange, chat, loaded_in)
        self._lines, self._over, self._calls = Lines(), False, Calls()

    def feed(self, chunk: bytes) -> bytes:
        """The lines that the new events make.

        Raises:
            Refusal: 502, a line is too long, or what is to be put together too large.
        """
        return b"".join(self._line(line) for line in self._lines.feed_all(chunk))

    def _line(self, line: bytes) -> bytes:
        if not line.startswith((b"data:", b"error:")) or self._over:
            return b""
        text = line.partition(b":")[2].strip()
        if text == b"[DONE]":
            return self._last()
        event = parsed(text)
        self._told.read(event)
        if event.get("error") or line.startswith(b"error:"):
            self._over = True
            return orjson.dumps({"error": error_words(event) or "The engine reported an error."}) + b"\n"
        delta = delta_of(event)
        self._calls.add(delta.calls)
        if self._first is None and (delta.text or delta.thought or delta.calls):
            self._first = now()
        if not delta.text and not delta.thought:
            return b""
        part, logprobs = self._part(delta.text, delta.thought), logprobs_of(event)
        return dumped(part | {"logprobs": logprobs} if logprobs else part) + b"\n"

    def end(self) -> bytes:
        """The last line, which carries the numbers, unless it was given.

        Raises:
            Refusal: 502, the answer was not whole.
        """
        rest = self._line(self._lines.rest())
        if self._over:
            return rest
        if self._told.finish is None:
            raise cut_short()
        return rest + self._last()

    def _last(self) -> bytes:
        self._over = True
        calls = _whole(self._calls)
        before = dumped(self._part(calls=calls)) + b"\n" if calls else b""
        return before + orjson.dumps(self._end(self._part())) + b"\n"


class WholeAnswer(_Answer):
    """Server-sent events in, one JSON object out."""

    content_type: str | None = "application/json; charset=utf-8"
    gathers = True

    def __init__(self, exchange: Exchange, chat: bool, loaded_in: float = 0.0) -> None:
        super().__init__(exchange, chat, loaded_in)
        self._pieces = Pieces()

    def feed(self, chunk: bytes) -> bytes:
        """Nothing before the end."""
        self._pieces.feed(chunk)
        if self._first is None and self._pieces.texts:
            self._first = now()
        return b""

    def end(self) -> bytes:
        """The object.

        Raises:
            Refusal: 502, the answer was not whole.
        """
        pieces = self._pieces
        pieces.whole()
        self._told.read(pieces.envelope)
        self._told.finish = pieces.finish
        part = self._part("".join(pieces.texts), "".join(pieces.thoughts), _whole(pieces.calls))
        return dumped(self._end(part) | ({"logprobs": pieces.logprobs} if pieces.logprobs else {}))


class Embeddings:
    """The answer to /api/embed, or with ``single`` to the older /api/embeddings."""

    content_type: str | None = "application/json; charset=utf-8"
    gathers = False

    def __init__(self, exchange: Exchange, single: bool, loaded_in: float = 0.0) -> None:
        self._exchange, self._single, self._loaded_in, self._body = exchange, single, loaded_in, bytearray()

    def feed(self, chunk: bytes) -> bytes:
        """Nothing before the end.

        Raises:
            Refusal: 502, the answer is too large.
        """
        self._body += chunk
        if len(self._body) > LARGEST_GATHERED:
            raise too_large()
        return b""

    def end(self) -> bytes:
        """The object.

        Raises:
            Refusal: 502, what the upstream answered is none.
        """
        document = parsed(bytes(self._body))
        rows = document.get("data")
        if not isinstance(rows, list) or not all(isinstance(one, Mapping) and "embedding" in one for one in rows):
            raise Refusal(502, "upstream", "The server's answer holds no embeddings.")
        vectors = [one["embedding"] for one in rows]
        if self._single:
            return dumped({"embedding": vectors[0] if vectors else []})
        told = Told()
        told.read(document)
        numbers = {
            "total_duration": round((now() - self._exchange.started) * 1e9),
            "load_duration": round(self._loaded_in * 1e9), "prompt_eval_count": told.prompt_tokens,
        }
        kept = {name: value for name, value in numbers.items() if value}
        return dumped({"model": self._exchange.model, "embeddings": vectors} | kept)


def loaded(exchange: Exchange, chat: bool, unload: bool) -> bytes:
    """The answer to a request without a prompt, by which Ollama's clients have a model loaded or unloaded."""
    said: dict[str, Any] = {"message": {"role": "assistant", "content": ""}} if chat else {"response": ""}
    head = {"model": exchange.model, "created_at": created()}
    return orjson.dumps(head | said | {"done": True, "done_reason": "unload" if unload else "load"})
