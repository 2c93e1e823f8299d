"""A request in LM Studio's own dialect (REST API v1), said in OpenAI's.

Source: LM Studio's developer docs, ``POST /api/v1/chat``. What only LM Studio itself can do is refused, not left out:
chats that the server keeps, and tools that it calls.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serving.proxy.ask_openai import Asked, chat
from serving.proxy.dialect import Refusal

OPTIONS = {
    "temperature": "temperature", "top_p": "top_p", "top_k": "top_k", "min_p": "min_p",
    "repeat_penalty": "repeat_penalty", "max_output_tokens": "num_predict",
}
"""Options of LM Studio -> Ollama's name, which `ask_openai` knows for each engine."""
LM_STUDIO_ALONE = {"integrations": "calls tools itself", "previous_response_id": "keeps chats"}
THINKING: dict[str, str | bool] = {"on": True, "off": False}


def say(document: Mapping[str, Any], model: str, engine: str) -> Asked:
    """The request as a server that speaks OpenAI's dialect wants it. ``context_length`` is that with which the model
    was loaded: it stays.

    Raises:
        Refusal: 400, a part has a wrong type or is one that only LM Studio can do.
    """
    for name, what in LM_STUDIO_ALONE.items():
        if document.get(name):
            raise Refusal(400, "refused", f"{name}: only LM Studio {what}, and another server answers here")
    system = document.get("system_prompt")
    messages: list[dict[str, Any]] = [{"role": "system", "content": system}] if system else []
    messages.append({"role": "user", "content": _input(document.get("input"))})
    options = {known: document.get(name) for name, known in OPTIONS.items()}
    reasoning = document.get("reasoning")
    think = THINKING.get(reasoning, reasoning) if isinstance(reasoning, str) else None
    return chat(model, messages, options, think, engine, document.get("stream") is True)


def _input(given: Any) -> Any:
    if isinstance(given, str):
        return given
    if not isinstance(given, list) or not given:
        raise Refusal(400, "refused", "input must be a text or a list of messages and images")
    parts: list[dict[str, Any]] = []
    for one in given:
        kind = one.get("type") if isinstance(one, Mapping) else None
        if kind in ("message", "text") and isinstance(one.get("content"), str):
            parts.append({"type": "text", "text": one["content"]})
        elif kind == "image" and isinstance(one.get("data_url"), str):
            parts.append({"type": "image_url", "image_url": {"url": one["data_url"]}})
        else:
            raise Refusal(400, "refused", "input: each must be a message with content or an image with data_url")
    return parts
