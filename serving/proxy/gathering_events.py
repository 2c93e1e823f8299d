"""An answer in one piece, gathered from a stream of typed events: OpenAI's Responses and Anthropic's Messages.

As `gathering` has it for chats and completions, for the same reason. Sources: OpenAI's API reference ("Streaming
events"), Anthropic's ("Streaming messages").
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from serving.proxy.body import parsed
from serving.proxy.dialect import Refusal
from serving.proxy.gathering import BoundedLines, cut_short, dumped
from serving.proxy.told import error_words

JOINED = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature"}
"""Kinds of deltas of a message -> the key of its block that they add to."""


class _Gathered:
    """What both share."""

    content_type: str | None = None
    gathers = True

    def __init__(self) -> None:
        self._lines, self._error = BoundedLines(), ""

    def feed(self, chunk: bytes) -> bytes:
        """Nothing before the end.

        Raises:
            Refusal: 502, it is too large, or has a line that is.
        """
        for line in self._lines.feed(chunk):
            self._line(line)
        return b""

    def end(self) -> bytes:
        """The object.

        Raises:
            Refusal: 502, the engine reported an error, or the stream ended before it was over.
        """
        self._line(self._lines.rest())
        if self._error:
            raise Refusal(502, "upstream", self._error)
        made = self._whole()
        if made is None:
            raise cut_short()
        return dumped(made)

    def _line(self, line: bytes) -> None:
        if not line.startswith((b"data:", b"error:")):
            return
        event = parsed(line.partition(b":")[2].strip())
        if event.get("error") or event.get("type") in ("error", "response.failed"):
            inner = event.get("response")
            self._error = error_words(inner if isinstance(inner, dict) else event) or "The engine reported an error."
        elif event:
            self._event(event)

    def _event(self, event: Mapping[str, Any]) -> None:
        raise NotImplementedError

    def _whole(self) -> Mapping[str, Any] | None:
        raise NotImplementedError


class GatheredResponse(_Gathered):
    """Of OpenAI's Responses: the last event carries it all."""

    def __init__(self) -> None:
        super().__init__()
        self._response: Mapping[str, Any] | None = None

    def _event(self, event: Mapping[str, Any]) -> None:
        if event.get("type") in ("response.completed", "response.incomplete"):
            found = event.get("response")
            self._response = found if isinstance(found, Mapping) else None

    def _whole(self) -> Mapping[str, Any] | None:
        if self._response is None:
            return None
        return {"completed_at": self._response.get("created_at"), **self._response}


class GatheredMessage(_Gathered):
    """Of Anthropic's Messages: blocks that grow by deltas."""

    def __init__(self) -> None:
        super().__init__()
        self._message: dict[str, Any] | None = None
        self._blocks: dict[int, dict[str, Any]] = {}
        self._parts: dict[tuple[int, str], list[str]] = {}
        self._over = False

    def _event(self, event: Mapping[str, Any]) -> None:
        kind = event.get("type")
        if kind == "message_start":
            self._message = _object(event.get("message"))
        elif kind == "content_block_start":
            self._blocks[_place(event)] = _object(event.get("content_block"))
        elif kind == "content_block_delta":
            self._delta(_place(event), _object(event.get("delta")))
        elif kind == "message_delta" and self._message is not None:
            self._message |= _object(event.get("delta"))
            self._message["usage"] = _object(self._message.get("usage")) | _object(event.get("usage"))
        elif kind == "message_stop":
            self._over = True

    def _delta(self, place: int, delta: Mapping[str, Any]) -> None:
        kind = str(delta.get("type"))
        name, text = (("input", delta.get("partial_json")) if kind == "input_json_delta"
                      else (JOINED.get(kind, ""), delta.get(JOINED.get(kind, ""))))
        if name and isinstance(text, str):
            self._parts.setdefault((place, name), []).append(text)

    def _whole(self) -> Mapping[str, Any] | None:
        if self._message is None or not self._over:
            return None
        for (place, name), texts in self._parts.items():
            block, text = self._blocks.setdefault(place, {}), "".join(texts)
            block[name] = _input(text) if name == "input" else text
        return self._message | {"content": [self._blocks[place] for place in sorted(self._blocks)]}


def _object(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}


def _place(event: Mapping[str, Any]) -> int:
    index = event.get("index")
    return index if isinstance(index, int) else 0


def _input(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
