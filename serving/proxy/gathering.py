"""An answer in one piece, gathered from a stream behind the proxy.

llama.cpp does not notice that a client has left that waits for an answer in one piece, and writes on to its end; of a
stream it does notice. So it is asked for a stream, and the client gets what it would have got.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from serving.proxy.body import parsed
from serving.proxy.dialect import Refusal
from serving.proxy.told import error_words

OBJECTS = {"/v1/chat/completions": "chat.completion", "/v1/completions": "text_completion"}
PLAIN = frozenset({
    "model", "messages", "prompt", "stream", "max_tokens", "max_completion_tokens", "n_predict", "temperature", "top_p",
    "top_k", "min_p", "typical_p", "repeat_penalty", "repeat_last_n", "presence_penalty", "frequency_penalty", "seed",
    "stop", "user", "tools", "tool_choice", "parallel_tool_calls", "response_format", "json_schema", "grammar",
    "cache_prompt", "id_slot", "chat_template_kwargs", "reasoning_effort", "reasoning_format", "logit_bias", "samplers",
    "suffix", "metadata", "store",
})
"""Keys of a request whose answer is all in its stream. With another one the request is passed on as it is."""


def asking_for_stream(path: str, engine: str, document: Mapping[str, Any]) -> bytes | None:
    """The body that asks for the same as a stream; None where the request is to be passed on as it is."""
    if engine != "llamacpp" or path not in OBJECTS or not document or document.get("stream"):
        return None
    if not document.keys() <= PLAIN:
        return None
    return orjson.dumps({**document, "stream": True, "stream_options": {"include_usage": True}})


class Delta(NamedTuple):
    """What one event of a stream adds."""

    text: str
    thought: str
    calls: Any
    finish: str | None


def delta_of(event: Mapping[str, Any]) -> Delta:
    """What an event of a chat or a completion adds to its first choice."""
    choices = event.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else {}
    delta = choice.get("delta") or {"content": choice.get("text")}
    thought = delta.get("reasoning_content") or delta.get("reasoning") or ""
    return Delta(delta.get("content") or "", thought, delta.get("tool_calls"), choice.get("finish_reason"))


class Calls(dict[int, dict[str, Any]]):
    """Calls of tools by their number, put together from their parts."""

    def add(self, given: Any) -> None:
        """Takes up the parts that one event brings."""
        for place, call in enumerate(given if isinstance(given, list) else ()):
            if not isinstance(call, Mapping):
                continue
            blank = {"type": "function", "function": {"name": "", "arguments": ""}, "id": ""}
            known = self.setdefault(call.get("index", place), blank)
            function = call.get("function") or {}
            for key in ("name", "arguments"):
                known["function"][key] += function.get(key) or ""
            known["id"] = call.get("id") or known["id"]


class Pieces:
    """The events of a stream, put together."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.thoughts: list[str] = []
        self.calls = Calls()
        self.finish: str | None = None
        self.envelope: dict[str, Any] = {}
        """What stands beside the choices, the newest of each."""
        self.error: dict[str, Any] | None = None
        self._rest = b""

    def feed(self, chunk: bytes) -> None:
        """Takes up bytes of the stream."""
        lines = (self._rest + chunk).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            if line.startswith((b"data:", b"error:")):
                self._event(parsed(line.partition(b":")[2].strip()))

    def _event(self, event: dict[str, Any]) -> None:
        if event.get("error"):
            self.error = event
            return
        delta = delta_of(event)
        self.envelope |= {name: value for name, value in event.items() if name != "choices"}
        self.texts.append(delta.text)
        self.thoughts.append(delta.thought)
        self.calls.add(delta.calls)
        self.finish = delta.finish or self.finish

    def whole(self) -> None:
        """Sees whether it was all.

        Raises:
            Refusal: 502, the engine reported an error, or the stream ended before it was over.
        """
        if self.error is not None:
            raise Refusal(502, "upstream", error_words(self.error) or "The engine reported an error.")
        if self.finish is None:
            raise Refusal(502, "midstream", "The server ended its answer before it was over.")


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
        choice: dict[str, Any] = {"finish_reason": pieces.finish, "index": 0}
        if self._path == "/v1/completions":
            choice = {"text": text, "index": 0, "logprobs": None, "finish_reason": pieces.finish}
        else:
            message: dict[str, Any] = {"role": "assistant", "content": text}
            if thoughts := "".join(pieces.thoughts):
                message["reasoning_content"] = thoughts
            if pieces.calls:
                message["tool_calls"] = list(pieces.calls.values())
            choice["message"] = message
        return orjson.dumps({"choices": [choice], **pieces.envelope, "object": OBJECTS[self._path]})

    def failure(self, status: int, body: bytes) -> bytes:  # noqa: ARG002 - the protocol's
        """As it is: the client speaks the server's dialect."""
        return body
