"""How a model server is asked, and how its answer is read piece by piece: OpenAI's way, or Ollama's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from serving.proxy.told import Told, error_words

_GOES_ON = frozenset({"llamacpp", "vllm", "sglang"})
"""Engines that can be told to write on to the longest answer, whatever the model would do."""
_ASK_ON = "\n\nContinue this text for as long as you can."
"""What others are asked instead."""
_SPOKEN = ("content", "reasoning_content", "reasoning", "thinking", "tool_calls")


@dataclass(slots=True)
class Piece:
    """What one line of an answer tells."""

    tokens: bool = False
    """There is text in it."""
    told: Told = field(default_factory=Told)
    error: str = ""
    """In the engine's own words."""
    over: bool = False


def request(engine: str, model: str, text: str, longest: int) -> tuple[str, dict[str, Any]]:
    """Path and body of a request that is answered piece by piece."""
    if engine not in _GOES_ON:
        text += _ASK_ON
    messages = [{"role": "user", "content": text}]
    if engine == "ollama":
        return "/api/chat", {
            "model": model, "messages": messages, "stream": True, "options": {"num_predict": longest},
        }
    body: dict[str, Any] = {
        "model": model, "messages": messages, "stream": True, "max_tokens": longest,
        "stream_options": {"include_usage": True},
    }
    if engine in _GOES_ON:
        body["ignore_eos"] = True
    return "/v1/chat/completions", body


def read(engine: str, line: bytes) -> Piece | None:
    """What a line tells; None for one without meaning, such as an empty one.

    Raises:
        ValueError: it is not what the engine should say.
    """
    line = line.strip()
    if engine != "ollama":
        if not line.startswith(b"data:"):
            return None
        line = line[5:].strip()
        if line == b"[DONE]":
            return Piece(over=True)
    if not line:
        return None
    told = orjson.loads(line)
    if not isinstance(told, dict):
        raise ValueError("no object")
    if told.get("error"):
        return Piece(error=said(told))
    piece = _ollama(told) if engine == "ollama" else _openai(told)
    piece.told.read(told)
    return piece


def said(told: Mapping[str, Any]) -> str:
    """The message of an error as engines write it, in one line; empty when there is none."""
    return " ".join(error_words(told).replace("\0", "").split())[:200]


def _ollama(told: Mapping[str, Any]) -> Piece:
    return Piece(tokens=_speaks(told.get("message")), over=told.get("done") is True)


def _openai(told: Mapping[str, Any]) -> Piece:
    choices = told.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    return Piece(tokens=isinstance(first, Mapping) and _speaks(first.get("delta")))


def _speaks(part: Any) -> bool:
    return isinstance(part, Mapping) and any(part.get(name) for name in _SPOKEN)
