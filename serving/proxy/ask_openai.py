"""A request in Ollama's dialect, said in OpenAI's.

Sources: Ollama docs/api.md and docs/modelfile.md (options), OpenAI's API reference, llama.cpp's server README
(parameters beyond OpenAI's).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from serving.proxy.dialect import Refusal

STANDARD = {
    "temperature": "temperature", "top_p": "top_p", "seed": "seed", "stop": "stop",
    "presence_penalty": "presence_penalty", "frequency_penalty": "frequency_penalty",
}
"""Options of Ollama that OpenAI's dialect knows."""
LLAMACPP = {
    "top_k": "top_k", "min_p": "min_p", "typical_p": "typical_p", "repeat_penalty": "repeat_penalty",
    "repeat_last_n": "repeat_last_n", "mirostat": "mirostat", "mirostat_tau": "mirostat_tau",
    "mirostat_eta": "mirostat_eta",
}
VLLM = {"top_k": "top_k", "min_p": "min_p", "repeat_penalty": "repetition_penalty"}
FURTHER = {"llamacpp": LLAMACPP, "vllm": VLLM, "sglang": VLLM}
TEMPLATED = frozenset(FURTHER)
"""Engines that take ``chat_template_kwargs``."""
IMAGES = {"iVBOR": "png", "/9j/": "jpeg", "R0lG": "gif", "UklG": "webp"}
"""How an image begins in base64."""
CHAT = "/v1/chat/completions"
EMBEDDINGS = frozenset({"/api/embed", "/api/embeddings"})


@dataclass(frozen=True, slots=True)
class Asked:
    """What is sent instead. ``body`` None: only the loading (or unloading) of the model was asked for."""

    path: str
    body: bytes | None
    stream: bool
    """Whether the client wants a stream."""
    unload: bool = False


def say(path: str, document: Mapping[str, Any], model: str, engine: str) -> Asked:
    """The request for ``path`` of Ollama's API, as a server that speaks OpenAI's wants it.

    Raises:
        Refusal: 400, a part of it has a wrong type.
    """
    if path in EMBEDDINGS:
        return _embedding(document, model)
    stream = document.get("stream") is not False
    chats = path == "/api/chat"
    if not _asks(path, document):
        return Asked(path, None, stream, unloads(path, document))
    body = _body(model, document.get("options"), document.get("think"), engine)
    if chats or not (document.get("raw") or document.get("suffix")):
        way = CHAT
        body["messages"] = _messages(document["messages"]) if chats else _prompt(document)
    elif document.get("suffix") and engine == "llamacpp":
        way = "/infill"  # its /v1/completions takes no notice of a suffix
        body |= {"input_prefix": document["prompt"], "input_suffix": document["suffix"]}
    else:
        way = "/v1/completions"
        body |= {key: document[key] for key in ("prompt", "suffix") if document.get(key)}
    body |= _format(document.get("format"), way, engine)
    if document.get("tools"):
        body["tools"] = document["tools"]
    if document.get("logprobs"):
        body["logprobs"] = True
        body |= {"top_logprobs": document["top_logprobs"]} if document.get("top_logprobs") else {}
    return Asked(way, orjson.dumps(body), stream)


def _asks(path: str, document: Mapping[str, Any]) -> bool:
    return bool(document.get("messages") if path == "/api/chat" else document.get("prompt"))


def unloads(path: str, document: Mapping[str, Any]) -> bool:
    """Whether a request has nothing to answer, and asks that the model be unloaded."""
    return path not in EMBEDDINGS and not _asks(path, document) and document.get("keep_alive") in (0, "0", "0s")


def chat(model: str, messages: list[dict[str, Any]], options: Any, think: Any, engine: str, stream: bool) -> Asked:
    """A chat whose ``options`` and ``think`` are named as Ollama names them."""
    return Asked(CHAT, orjson.dumps(_body(model, options, think, engine) | {"messages": messages}), stream)


def _body(model: str, options: Any, think: Any, engine: str) -> dict[str, Any]:
    # What the client wants in one piece is gathered from a stream, see `gathering`.
    body: dict[str, Any] = {"model": model, "stream": True, "stream_options": {"include_usage": True}}
    return body | _options(options, engine) | _thinking(think, engine)


def _embedding(document: Mapping[str, Any], model: str) -> Asked:
    given = document.get("input", document.get("prompt"))
    if not isinstance(given, str | list):
        raise Refusal(400, "refused", "input must be a text or a list of texts")
    body = {"model": model, "input": given, "encoding_format": "float"}
    if document.get("dimensions"):
        body["dimensions"] = document["dimensions"]
    return Asked("/v1/embeddings", orjson.dumps(body), False)


def _prompt(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    system = document.get("system")
    asked: dict[str, Any] = {"role": "user", "content": _content(document["prompt"], document.get("images"))}
    return [{"role": "system", "content": system}, asked] if system else [asked]


def _messages(given: Any) -> list[dict[str, Any]]:
    if not isinstance(given, list) or not all(isinstance(one, Mapping) for one in given):
        raise Refusal(400, "refused", "messages must be a list of objects")
    made: list[dict[str, Any]] = []
    calls: list[tuple[str, str]] = []
    for one in given:
        message: dict[str, Any] = {
            "role": one.get("role", "user"), "content": _content(one.get("content", ""), one.get("images")),
        }
        if one.get("thinking"):
            message["reasoning_content"] = one["thinking"]
        if one.get("tool_calls"):
            message["tool_calls"] = list(_calls(one["tool_calls"], len(made)))
            calls = [(call["function"]["name"], call["id"]) for call in message["tool_calls"]]
        if message["role"] == "tool":
            message["tool_call_id"] = one.get("tool_call_id") or _id_of(calls, one.get("tool_name") or one.get("name"))
        made.append(message)
    return made


def _calls(given: Any, place: int) -> Iterable[dict[str, Any]]:
    """Calls as OpenAI writes them: with a number, and with their arguments as a text."""
    for number, call in enumerate(given if isinstance(given, list) else ()):
        call = call if isinstance(call, Mapping) else {}
        function = call["function"] if isinstance(call.get("function"), Mapping) else {}
        arguments = function.get("arguments", {})
        yield {
            "id": call.get("id") or f"call_{place}_{number}", "type": "function",
            "function": {
                "name": function.get("name", ""),
                "arguments": arguments if isinstance(arguments, str) else orjson.dumps(arguments).decode(),
            },
        }


def _id_of(calls: list[tuple[str, str]], name: str | None) -> str:
    """The call that a tool's answer belongs to: the first open one of that name, else the first open one."""
    for place, (called, number) in enumerate(calls):
        if name in (None, called):
            del calls[place]
            return number
    return calls.pop(0)[1] if calls else "call_0"


def _content(text: Any, images: Any) -> Any:
    if not images or not isinstance(images, list):
        return text
    parts: list[dict[str, Any]] = [{"type": "text", "text": text}] if text else []
    for image in images:
        kind = next((kind for begins, kind in IMAGES.items() if str(image).startswith(begins)), "png")
        url = str(image) if str(image).startswith("data:") else f"data:image/{kind};base64,{image}"
        parts.append({"type": "image_url", "image_url": {"url": url}})
    return parts


def _options(given: Any, engine: str) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        return {}
    names = STANDARD | FURTHER.get(engine, {})
    made = {names[name]: value for name, value in given.items() if name in names and value is not None}
    most = given.get("num_predict")
    if isinstance(most, int) and most >= 0:  # -1 and -2: as many as there is room for
        made["max_tokens"] = most
    return made


def _format(given: Any, way: str, engine: str) -> dict[str, Any]:
    if not given:
        return {}
    if way != CHAT:
        return {"json_schema": given if isinstance(given, Mapping) else {}} if engine == "llamacpp" else {}
    if isinstance(given, Mapping):
        return {"response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": given}}}
    return {"response_format": {"type": "json_object"}}


def _thinking(given: Any, engine: str) -> dict[str, Any]:
    if isinstance(given, str):
        return {"reasoning_effort": given}
    if isinstance(given, bool) and engine in TEMPLATED:
        return {"chat_template_kwargs": {"enable_thinking": given}}
    return {}
