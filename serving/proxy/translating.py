"""How a request is said to its target: as it came, or in the dialect that the target speaks; and what makes the
client's answer out of the target's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from serving.proxy import answer_lmstudio, answer_ollama, ask_lmstudio, ask_openai, lists
from serving.proxy.body import asking_for_usage
from serving.proxy.dialect import OLLAMA_ONLY, Refusal
from serving.proxy.exchange import LONGEST_NAME, Exchange
from serving.proxy.gathering import GatheredAnswer, asking_for_stream
from serving.proxy.passing import Rewriter
from serving.proxy.routing import Target
from serving.proxy.usage_event import WithoutUsage

LMSTUDIO_V0 = "/api/v0/"
LMSTUDIO_CHAT, LMSTUDIO_LOAD, LMSTUDIO_UNLOAD = "/api/v1/chat", "/api/v1/models/load", "/api/v1/models/unload"


@dataclass(slots=True)
class Way:
    """What is sent to the target."""

    path: str
    body: bytes | None
    rewriter: Rewriter | None = None
    said_anew: bool = False
    """The body is not the client's but JSON of ours."""
    answer: bytes | None = None
    """The client has this answer: nothing is to be sent."""


def translate(
    exchange: Exchange, target: Target, raw_path: str, body: bytes | None, document: Mapping[str, Any], loaded_in: float
) -> Way:
    """``raw_path`` and ``body`` are the client's, ``document`` is what is in the body; ``loaded_in``: seconds that the
    model took to start for this request.

    Raises:
        Refusal: 400 or 501, the target cannot be asked so.
    """
    path = exchange.path
    if path in OLLAMA_ONLY and not target.speaks_ollama:
        return _ollamas(exchange, target, document, loaded_in)
    if target.engine != "lmstudio":
        if path == LMSTUDIO_CHAT:
            return _lmstudios(exchange, target, document, loaded_in)
        if path in (LMSTUDIO_LOAD, LMSTUDIO_UNLOAD):
            return _loading(exchange, target, path == LMSTUDIO_UNLOAD, loaded_in)
        if path.startswith(LMSTUDIO_V0):
            return _older(exchange, target, raw_path, body, document)
    return _same(path, target, raw_path, body, document)


def _same(path: str, target: Target, way: str, body: bytes | None, document: Mapping[str, Any]) -> Way:
    if not body:
        return Way(way, body)
    asking = asking_for_usage(body, document, path, target.engine)
    if asking is not None:
        return Way(way, asking, WithoutUsage())
    gathered = asking_for_stream(path, target.engine, document)
    return Way(way, body) if gathered is None else Way(way, gathered, GatheredAnswer(path))


def _ollamas(exchange: Exchange, target: Target, document: Mapping[str, Any], loaded_in: float) -> Way:
    chat = exchange.path == "/api/chat"
    asked = ask_openai.say(exchange.path, document, target.model or exchange.model, target.engine)
    if asked.body is None:
        return Way(asked.path, None, answer=answer_ollama.loaded(exchange, chat, asked.unload))
    rewriter: Rewriter
    if exchange.kind == "embedding":
        rewriter = answer_ollama.Embeddings(exchange, exchange.path == "/api/embeddings", loaded_in)
    elif asked.stream:
        rewriter = answer_ollama.StreamedAnswer(exchange, chat, loaded_in)
    else:
        rewriter = answer_ollama.WholeAnswer(exchange, chat, loaded_in)
    return Way(asked.path, asked.body, rewriter, said_anew=True)


def _lmstudios(exchange: Exchange, target: Target, document: Mapping[str, Any], loaded_in: float) -> Way:
    asked = ask_lmstudio.say(document, target.model or exchange.model, target.engine)
    kind = answer_lmstudio.StreamedChat if asked.stream else answer_lmstudio.WholeChat
    return Way(asked.path, asked.body, kind(exchange, loaded_in), said_anew=True)


def _loading(exchange: Exchange, target: Target, unload: bool, loaded_in: float) -> Way:
    entry = lists.entry_of(target)
    if target.upstream is not None and target.speaks_ollama:
        body = {"model": target.model, "stream": False} | ({"keep_alive": 0} if unload else {})
        return Way("/api/generate", orjson.dumps(body), answer_lmstudio.Loaded(exchange, unload), said_anew=True)
    if unload:
        raise Refusal(501, "refused", f"{exchange.model[:LONGEST_NAME]} cannot be unloaded by a client.")
    if not entry.loaded:
        raise Refusal(501, "refused", f"{target.server} loads {entry.name} when it is asked to answer.")
    return Way(exchange.path, None, answer=answer_lmstudio.loaded(exchange.model, entry.embeds, loaded_in))


def _older(
    exchange: Exchange, target: Target, raw_path: str, body: bytes | None, document: Mapping[str, Any]
) -> Way:
    path = "/v1/" + exchange.path.removeprefix(LMSTUDIO_V0)
    way = _same(path, target, "/v1/" + raw_path.removeprefix(LMSTUDIO_V0), body, document)
    if exchange.kind in ("chat", "completion") and not exchange.stream:
        gathered = way.rewriter if isinstance(way.rewriter, GatheredAnswer) else None
        way.rewriter = answer_lmstudio.WithStats(exchange, lists.about(target), gathered)
    return way
