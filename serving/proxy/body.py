"""What a proxy looks at in the body of a request."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import aiohttp
import orjson
from aiohttp.base_protocol import BaseProtocol

LONGEST_MODEL = 200
"""Characters of a model's name out of a form."""
LONGEST_TEXT = 65_536
"""Characters that are kept of a prompt, and of an answer, where they are kept."""
LONGEST_ANSWER = 1 << 20
"""Bytes of an answer that its text is taken from."""
OPENAI_STREAMS = frozenset({"/v1/chat/completions", "/v1/completions", "/api/v0/chat/completions",
                            "/api/v0/completions"})
_ASK_FOR_USAGE = b'"stream_options":{"include_usage":true},'


def parsed(body: bytes | None) -> dict[str, Any]:
    """The JSON object in a body; empty where there is none."""
    if not body:
        return {}
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return document if isinstance(document, dict) else {}


def model_of(document: Mapping[str, Any]) -> str:
    """The model that a request names; Ollama's older clients call it ``name``, LM Studio's ``instance_id``."""
    for key in ("model", "name", "instance_id"):
        value = document.get(key)
        if isinstance(value, str) and value:
            return value
    return ""


async def form_model(content_type: str, body: bytes) -> str:
    """The model that a form with files (multipart/form-data: speech, images) names; empty where it names none."""
    reader = aiohttp.StreamReader(BaseProtocol(asyncio.get_running_loop()), 1 << 16)
    reader.feed_data(body)
    reader.feed_eof()
    try:
        async for part in aiohttp.MultipartReader({"Content-Type": content_type}, reader):
            if isinstance(part, aiohttp.BodyPartReader) and part.name == "model":
                return (await part.text())[:LONGEST_MODEL]
    except (ValueError, UnicodeDecodeError, aiohttp.ClientError):
        pass  # a broken form is for the server to refuse
    return ""


def asking_for_usage(body: bytes, document: Mapping[str, Any], path: str, engine: str) -> bytes | None:
    """The body with ``stream_options.include_usage`` put in front, all else as it was; None where that is not wanted:
    llama.cpp tells its counts unasked, and a client that has options of its own gets what it asked for."""
    if engine == "llamacpp" or path not in OPENAI_STREAMS or document.get("stream") is not True:
        return None
    if "stream_options" in document:
        return None
    brace = body.index(b"{") + 1
    return body[:brace] + _ASK_FOR_USAGE + body[brace:]


def prompt_text(document: Mapping[str, Any]) -> str:
    """The text that a request asks with, its newest part first cut off where it is too long."""
    parts = [_text(document.get(key)) for key in ("system", "system_prompt", "prompt", "input")]
    messages = document.get("messages")
    for one in messages if isinstance(messages, list) else ():
        if isinstance(one, Mapping):
            parts.append(f"{one.get('role', '')}: {_text(one.get('content'))}")
    return "\n".join(part for part in parts if part)[:LONGEST_TEXT]


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(
            one if isinstance(one, str) else str(one.get("text") or one.get("content") or "")
            for one in content if isinstance(one, str | dict)
        )
    return ""


def answer_text(raw: bytes, form: str) -> str:
    """The text out of the first bytes of an answer."""
    if form == "whole":
        return _written(parsed(raw))[:LONGEST_TEXT]
    lines = (line.removeprefix(b"data:").strip() for line in raw.splitlines())
    return "".join(_written(parsed(line)) for line in lines if line.startswith(b"{"))[:LONGEST_TEXT]


def _written(document: Mapping[str, Any]) -> str:
    choices = document.get("choices")
    output = document.get("output")
    places: list[Any] = [document, document.get("message"), *(output if isinstance(output, list) else ())]
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, Mapping):
            places += [choice, choice.get("delta"), choice.get("message")]
    found = []
    for place in places:
        if isinstance(place, Mapping):
            found += [place[key] for key in ("content", "text", "response") if isinstance(place.get(key), str)]
    return "".join(found)
