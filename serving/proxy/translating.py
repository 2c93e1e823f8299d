"""How a request is said to its target: as it came, or in the dialect that the target speaks; and what makes the
client's answer out of the target's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from serving.proxy import answer_lmstudio, answer_ollama, ask_lmstudio, ask_openai, lists
from serving.proxy.body import asking_for_usage
from serving.proxy.dialect import OLLAMA_ONLY, Refusal
from serving.proxy.exchange import LONGEST_NAME, Exchange
from serving.proxy.gathering import GatheredAnswer, asking_for_stream
from serving.proxy.gathering_events import GatheredMessage, GatheredResponse
from serving.proxy.passing import Rewriter
from serving.proxy.routing import Target
from serving.proxy.usage_event import WithoutUsage

TYPED_ANSWERS: Mapping[str, Callable[[], Rewriter]] = {
    "/v1/responses": GatheredResponse, "/v1/messages": GatheredMessage,
}
LOOKS = frozenset({"GET", "HEAD", "OPTIONS"})
LMSTUDIO_V0 = "/api/v0/"
LMSTUDIO_CHAT, LMSTUDIO_LOAD, LMSTUDIO_UNLOAD = "/api/v1/chat", "/api/v1/models/load", "/api/v1/models/unload"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the client asks: path and query as it wrote them, its body, and the JSON object in that (empty: none)."""

    way: str
    body: bytes | AsyncIterator[bytes] | None
    document: Mapping[str, Any]


@dataclass(slots=True)
class Way:
    """What is sent to the target."""

    path: str
    body: bytes | AsyncIterator[bytes] | None
    rewriter: Rewriter | None = None
    said_anew: bool = False
    """The body is not the client's but JSON of ours."""
    answer: bytes | None = None
    """The client has this answer: nothing is to be sent."""
    otherwise: Way | None = None
    """How to ask a server that refuses what the proxy has added."""


def origin_form(raw_path: str) -> str:
    """Path and query of what a client wrote behind the method. One that takes us for its forward proxy writes a whole
    address there, whose path alone counts (RFC 9112, 3.2.2): where a request goes is not for the client to say.

    Raises:
        Refusal: 400, it is no path.
    """
    if raw_path.startswith(("http://", "https://")):
        _scheme, _, rest = raw_path.partition("://")
        raw_path = "/" + rest.partition("/")[2]
    if not raw_path.startswith("/"):
        raise Refusal(400, "refused", "What is asked for must be a path that begins with /.")
    return raw_path


def starts(exchange: Exchange, document: Mapping[str, Any]) -> bool:
    """Whether a request may start the model process that it goes to: none that only looks, or unloads."""
    if exchange.method in LOOKS or exchange.path == LMSTUDIO_UNLOAD:
        return False
    return not (exchange.path in OLLAMA_ONLY and ask_openai.unloads(exchange.path, document))


def translate(exchange: Exchange, target: Target, asked: Asked, loaded_in: float, *, runs: bool = True) -> Way:
    """``loaded_in``: seconds that the model took to start for this request; ``runs``: it is not a model process that
    does not run.

    Raises:
        Refusal: 400 or 501, the target cannot be asked so.
    """
    path = exchange.path
    if exchange.method not in LOOKS:
        if path in OLLAMA_ONLY and not target.speaks_ollama:
            return _ollamas(exchange, target, asked.document, loaded_in, runs)
        if target.engine != "lmstudio":
            if path == LMSTUDIO_CHAT:
                return _lmstudios(exchange, target, asked.document, loaded_in)
            if path in (LMSTUDIO_LOAD, LMSTUDIO_UNLOAD):
                return _loading(exchange, target, asked.document, loaded_in, runs)
    if path.startswith(LMSTUDIO_V0) and target.engine != "lmstudio":
        return _older(exchange, target, asked)
    return _same(path, target, asked.way, asked)


def _same(path: str, target: Target, way: str, asked: Asked) -> Way:
    if not isinstance(asked.body, bytes) or not asked.body:
        return Way(way, asked.body)
    takes = target.upstream is None or target.upstream.takes_usage
    asking = asking_for_usage(asked.body, asked.document, path, target.engine) if takes else None
    if asking is not None:
        return Way(way, asking, WithoutUsage(), otherwise=Way(way, asked.body))
    gathered = asking_for_stream(path, target.engine, asked.document)
    if gathered is None:
        return Way(way, asked.body)
    typed = TYPED_ANSWERS.get(path)
    return Way(way, gathered, GatheredAnswer(path) if typed is None else typed())


def _complete(exchange: Exchange, document: Mapping[str, Any]) -> None:
    """Sees whether a request can be said anew: else a broken one would be taken for one without a prompt."""
    if not document:
        raise Refusal(400, "refused", "The body must be a JSON object.")
    if not exchange.model:
        raise Refusal(400, "refused", "model is required")


def _not_unloaded(exchange: Exchange) -> Refusal:
    return Refusal(501, "refused", f"{exchange.model[:LONGEST_NAME]} cannot be unloaded by a client.")


def _ollamas(
    exchange: Exchange, target: Target, document: Mapping[str, Any], loaded_in: float, runs: bool
) -> Way:
    _complete(exchange, document)
    chat = exchange.path == "/api/chat"
    asked = ask_openai.say(exchange.path, document, target.model or exchange.model, target.engine)
    if asked.body is None:
        if asked.unload and runs:
            raise _not_unloaded(exchange)
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
    _complete(exchange, document)
    asked = ask_lmstudio.say(document, target.model or exchange.model, target.engine)
    kind = answer_lmstudio.StreamedChat if asked.stream else answer_lmstudio.WholeChat
    return Way(asked.path, asked.body, kind(exchange, loaded_in), said_anew=True)


def _loading(
    exchange: Exchange, target: Target, document: Mapping[str, Any], loaded_in: float, runs: bool
) -> Way:
    _complete(exchange, document)
    entry, unload = lists.entry_of(target), exchange.path == LMSTUDIO_UNLOAD
    if target.upstream is not None and target.speaks_ollama:
        body = {"model": target.model, "stream": False} | ({"keep_alive": 0} if unload else {})
        return Way("/api/generate", orjson.dumps(body), answer_lmstudio.Loaded(exchange, unload), said_anew=True)
    if unload:
        if runs:
            raise _not_unloaded(exchange)
        return Way(exchange.path, None, answer=answer_lmstudio.unloaded(exchange.model))
    if not entry.loaded:
        raise Refusal(501, "refused", f"{target.server} loads {entry.name} when it is asked to answer.")
    return Way(exchange.path, None, answer=answer_lmstudio.loaded(exchange.model, entry.embeds, loaded_in))


def _older(exchange: Exchange, target: Target, asked: Asked) -> Way:
    path = "/v1/" + exchange.path.removeprefix(LMSTUDIO_V0)
    way = _same(path, target, "/v1/" + asked.way.removeprefix(LMSTUDIO_V0), asked)
    if exchange.kind in ("chat", "completion") and not exchange.stream:
        gathered = way.rewriter if isinstance(way.rewriter, GatheredAnswer) else None
        way.rewriter = answer_lmstudio.WithStats(exchange, lists.about(target), gathered)
    return way
