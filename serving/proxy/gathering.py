"""An answer in one piece, gathered from a stream behind the proxy.

llama.cpp does not notice that a client has left that waits for an answer in one piece, and writes on to its end; of a
stream it does notice. So it is asked for a stream, and the client gets what it would have got.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from serving.proxy.body import parsed
from serving.proxy.dialect import Refusal
from serving.proxy.lines import Lines
from serving.proxy.told import STOP_TYPES, error_words

OBJECTS = {
    "/v1/chat/completions": "chat.completion", "/chat/completions": "chat.completion",
    "/v1/completions": "text_completion",
}
OWN = frozenset({"/completion", "/completions"})
"""Where llama.cpp answers in its own form: one object, of which each event of a stream is a part."""
PLAIN = frozenset({
    "model", "messages", "prompt", "stream", "max_tokens", "max_completion_tokens", "n_predict", "temperature", "top_p",
    "top_k", "min_p", "typical_p", "repeat_penalty", "repeat_last_n", "presence_penalty", "frequency_penalty", "seed",
    "stop", "user", "tools", "tool_choice", "parallel_tool_calls", "response_format", "json_schema", "grammar",
    "cache_prompt", "id_slot", "chat_template_kwargs", "reasoning_effort", "reasoning_format", "logit_bias", "samplers",
    "suffix", "metadata", "store",
})
"""Keys of a request whose answer is all in its stream. With another one the request is passed on as it is; also with
several prompts, whose answers come mixed."""
TYPED = frozenset({"/v1/responses", "/v1/messages"})
"""Answered as a stream of typed events (`gathering_events`); no key of a request changes what such a stream tells."""
DEFAULTS: Mapping[str, Any] = {"n": 1, "best_of": 1, "logprobs": False, "top_logprobs": 0, "echo": False}
"""Keys beyond `PLAIN` that change nothing with these values."""
LARGEST_GATHERED = 128 << 20
"""Bytes of a stream that are put together for a client that wants its answer in one piece."""
_NOTHING = object()
PART = 64
"""Bytes that a part of a call takes beside its text."""


def too_large() -> Refusal:
    """What ends an answer that is too large to be put together."""
    return Refusal(502, "upstream", f"The server's answer is larger than {LARGEST_GATHERED >> 20} MiB.")


def cut_short() -> Refusal:
    """What ends an answer that did not say why it ended."""
    return Refusal(502, "midstream", "The server ended its answer before it was over.")


def dumped(document: Any) -> bytes:
    """JSON of what a server sent.

    Raises:
        Refusal: 502, it is nested too deeply: more can be read than written.
    """
    try:
        return orjson.dumps(document)
    except orjson.JSONEncodeError:
        raise Refusal(502, "upstream", "The server's answer is nested too deeply.") from None


def asking_for_stream(path: str, engine: str, document: Mapping[str, Any]) -> bytes | None:
    """The body that asks for the same as a stream; None where the request is to be passed on as it is."""
    if engine != "llamacpp" or not document or document.get("stream"):
        return None
    if path in TYPED:
        return orjson.dumps({**document, "stream": True})
    if path not in OBJECTS and path not in OWN:
        return None
    further = (key for key, value in document.items() if key not in PLAIN and value is not None)
    if any(document[key] != DEFAULTS.get(key, _NOTHING) for key in further):
        return None
    if not isinstance(document.get("prompt", ""), str):
        return None
    return orjson.dumps({**document, "stream": True, "stream_options": {"include_usage": True}})


class Delta(NamedTuple):
    """What one event of a stream adds."""

    text: str
    thought: str
    calls: Any
    finish: str | None


def delta_of(event: Mapping[str, Any]) -> Delta:
    """What an event of a chat or a completion adds to its first choice; what has a wrong type adds nothing."""
    if "choices" not in event:  # llama.cpp's own form
        reason = STOP_TYPES.get(_text(event.get("stop_type")), "stop")  # older ones have no such word
        return Delta(_text(event.get("content")), "", None, reason if event.get("stop") is True else None)
    choices = event["choices"]
    choice = _object(choices[0]) if isinstance(choices, list) and choices else {}
    delta = _object(choice.get("delta")) or _object(choice.get("message")) or {"content": choice.get("text")}
    thought = _text(delta.get("reasoning_content")) or _text(delta.get("reasoning"))
    finish = _text(choice.get("finish_reason")) or None
    return Delta(_text(delta.get("content")), thought, delta.get("tool_calls"), finish)


def logprobs_of(event: Mapping[str, Any]) -> list[Any]:
    """The likelihoods of the tokens that an event of a chat adds."""
    choices = event.get("choices")
    choice = _object(choices[0]) if isinstance(choices, list) and choices else {}
    found = _object(choice.get("logprobs")).get("content")
    return found if isinstance(found, list) else []


def as_event(answer: bytes) -> bytes:
    """An answer in one piece as the one event of a stream."""
    return b"data:" + answer.replace(b"\n", b" ") + b"\n"  # within JSON, a bare line end is only white space


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


@dataclass(slots=True)
class _Call:
    names: list[str] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)
    id: str = ""


class Calls:
    """Calls of tools by their number, put together from their parts."""

    def __init__(self) -> None:
        self._calls: dict[int, _Call] = {}
        self._size = 0

    def add(self, given: Any) -> None:
        """Takes up the parts that one event brings. Arguments that are no text but an object, as servers after Ollama's
        manner send them, become the text of one.

        Raises:
            Refusal: 502, they are too large.
        """
        for place, call in enumerate(given if isinstance(given, list) else ()):
            if not isinstance(call, Mapping):
                continue
            index, function = call.get("index"), _object(call.get("function"))
            known = self._calls.setdefault(index if isinstance(index, int) else place, _Call())
            name, arguments = _text(function.get("name")), function.get("arguments")
            arguments = dumped(arguments).decode() if isinstance(arguments, Mapping) else _text(arguments)
            known.names.append(name)
            known.arguments.append(arguments)
            known.id = _text(call.get("id")) or known.id
            self._size += PART + len(name) + len(arguments)
            if self._size > LARGEST_GATHERED:
                raise too_large()

    def whole(self) -> list[dict[str, Any]]:
        """The calls, as OpenAI's API has them."""
        return [{
            "type": "function", "function": {"name": "".join(one.names), "arguments": "".join(one.arguments)},
            "id": one.id,
        } for one in self._calls.values()]


class BoundedLines:
    """The lines of a stream that is put together, as many as memory is given for."""

    def __init__(self) -> None:
        self._lines, self._size = Lines(), 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that are whole now.

        Raises:
            Refusal: 502, the stream is too large, or has a line that is.
        """
        self._size += len(chunk)
        if self._size > LARGEST_GATHERED:
            raise too_large()
        return self._lines.feed_all(chunk)

    def rest(self) -> bytes:
        """A last line without its end."""
        return self._lines.rest()


class Pieces:
    """The events of a stream, put together."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.thoughts: list[str] = []
        self.calls = Calls()
        self.logprobs: list[Any] = []
        self.finish: str | None = None
        self.envelope: dict[str, Any] = {}
        """What stands beside the choices, the newest of each."""
        self.error: dict[str, Any] | None = None
        self._lines = BoundedLines()

    def feed(self, chunk: bytes) -> None:
        """Takes up bytes of the stream.

        Raises:
            Refusal: 502, it is too large, or has a line that is.
        """
        for line in self._lines.feed(chunk):
            self._line(line)

    def _line(self, line: bytes) -> None:
        if not line.startswith((b"data:", b"error:")):
            return
        event = parsed(line.partition(b":")[2].strip())
        if event.get("error"):
            self.error = event
            return
        delta = delta_of(event)
        self.envelope |= {name: value for name, value in event.items() if name != "choices"}
        if delta.text:
            self.texts.append(delta.text)
        if delta.thought:
            self.thoughts.append(delta.thought)
        self.calls.add(delta.calls)
        self.logprobs += logprobs_of(event)
        self.finish = delta.finish or self.finish

    def whole(self) -> None:
        """Sees whether it was all.

        Raises:
            Refusal: 502, the engine reported an error, or the stream ended before it was over.
        """
        self._line(self._lines.rest())
        if self.error is not None:
            raise Refusal(502, "upstream", error_words(self.error) or "The engine reported an error.")
        if self.finish is None:
            raise cut_short()


class GatheredAnswer:
    """What OpenAI's clients get: what the engine would have answered."""

    content_type: str | None = None
    gathers = True

    def __init__(self, path: str) -> None:
        self._path, self._pieces = path, Pieces()

    def feed(self, chunk: bytes) -> bytes:
        """Nothing before the end."""
        self._pieces.feed(chunk)
        return b""

    def end(self) -> bytes:
        """The object.

        Raises:
            Refusal: 502, the answer was not whole.
        """
        pieces = self._pieces
        pieces.whole()
        text = "".join(pieces.texts)
        if self._path in OWN:
            settings = pieces.envelope.get("generation_settings")
            if isinstance(settings, dict):
                settings["stream"] = False
            return dumped({**pieces.envelope, "content": text})
        choice: dict[str, Any] = {"finish_reason": pieces.finish, "index": 0}
        if self._path == "/v1/completions":
            choice = {"text": text, "index": 0, "logprobs": None, "finish_reason": pieces.finish}
        else:
            message: dict[str, Any] = {"role": "assistant", "content": text}
            if thoughts := "".join(pieces.thoughts):
                message["reasoning_content"] = thoughts
            if calls := pieces.calls.whole():
                message["tool_calls"] = calls
            choice["message"] = message
        return dumped({"choices": [choice], **pieces.envelope, "object": OBJECTS[self._path]})
