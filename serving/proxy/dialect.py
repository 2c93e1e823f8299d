"""What a client says and wants to hear: kinds of requests by their path, and errors in its own dialect."""

from __future__ import annotations

from typing import Literal

import orjson
from aiohttp import web

from serving.settings import ProxyName
from serving.wire import ErrorClass, Kind

Dialect = Literal["ollama", "openai", "lmstudio"]
"""``lmstudio``: its own API, from version 1 on; version 0 is OpenAI's but for its paths."""

KINDS: dict[str, Kind] = {
    "/api/chat": "chat", "/api/generate": "completion", "/api/embed": "embedding", "/api/embeddings": "embedding",
    "/v1/chat/completions": "chat", "/v1/completions": "completion", "/v1/embeddings": "embedding",
    "/v1/responses": "chat", "/v1/messages": "chat", "/chat/completions": "chat", "/completions": "completion",
    "/completion": "completion", "/infill": "completion", "/embeddings": "embedding", "/embedding": "embedding",
    "/api/v0/chat/completions": "chat", "/api/v0/completions": "completion", "/api/v0/embeddings": "embedding",
    "/api/v1/chat": "chat",
}
RUN_A_MODEL = KINDS.keys() | {
    "/rerank", "/reranking", "/v1/rerank", "/v1/reranking", "/v2/rerank", "/score", "/v1/score", "/classify",
    "/pooling", "/v1/audio/speech", "/v1/images/generations", "/v1/images/edits",
    "/v1/audio/transcriptions", "/v1/audio/translations",
}
"""What is a request of the model that it names, in the APIs of OpenAI, llama.cpp and vLLM; a pull is none."""
OLLAMA_ONLY = frozenset({"/api/chat", "/api/generate", "/api/embed", "/api/embeddings"})
"""What is translated for a server that speaks OpenAI's dialect."""
ENDS_TOLD = frozenset({
    "/api/chat", "/api/generate", "/v1/chat/completions", "/v1/completions", "/api/v0/chat/completions",
    "/api/v0/completions", "/v1/responses", "/v1/messages", "/api/v1/chat", "/chat/completions", "/completions",
    "/completion", "/infill",
})
"""Where a stream says why it ended; one that did not was cut."""
STREAMED_UNASKED = frozenset({"/api/chat", "/api/generate"})
"""Ollama streams unless it is told not to."""
LMSTUDIO_TYPES: dict[int, str] = {400: "invalid_request", 404: "model_not_found", 413: "invalid_request",
                                  501: "not_implemented"}
TYPES: dict[int, str] = {
    400: "invalid_request_error", 401: "authentication_error", 404: "not_found_error", 413: "invalid_request_error",
    429: "rate_limit_error", 502: "upstream_error", 503: "overloaded_error", 504: "timeout_error",
}


class Refusal(Exception):
    """Ends a request with an answer of the proxy's own. The message is for the client and for the record: it tells
    nothing of the prompt."""

    def __init__(
        self, status: int, error: ErrorClass, message: str, *, code: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.error, self.message = status, error, message
        self.code, self.retry_after = code, retry_after


def dialect_of(proxy: ProxyName, path: str) -> Dialect:
    """In which dialect a path is spoken. Ollama's own server, too, answers below ``/v1`` as OpenAI does."""
    if path.startswith("/api/v1/"):
        return "lmstudio"
    if path.startswith("/api/") and not path.startswith("/api/v0/"):
        return "ollama"
    return "ollama" if proxy == "ollama" and not path.startswith(("/v1/", "/api/")) else "openai"


def error_body(dialect: Dialect, status: int, message: str, code: str | None = None) -> bytes:
    """An error as the dialect writes it."""
    if dialect == "ollama":
        return orjson.dumps({"error": message})
    if dialect == "lmstudio":
        kind = LMSTUDIO_TYPES.get(status, "internal_error")
        return orjson.dumps({"error": {"type": kind, "message": message} | ({"code": code} if code else {})})
    kind = TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    return orjson.dumps({"error": {"message": message, "type": kind, "param": None, "code": code}})


def error_event(dialect: Dialect, form: str, message: str) -> bytes:
    """An error within a stream that has begun. ``form`` is the stream's: sse or ndjson."""
    body = error_body(dialect, 502, message)
    if dialect == "lmstudio" and form == "sse":
        return b'event: error\ndata: {"type":"error",' + body[1:] + b"\n\n"
    return body + b"\n" if form == "ndjson" else b"data: " + body + b"\n\n"


def answer(refusal: Refusal, dialect: Dialect) -> web.Response:
    """The response that a refusal makes."""
    response = web.Response(
        status=refusal.status, content_type="application/json",
        body=error_body(dialect, refusal.status, refusal.message, refusal.code),
    )
    if refusal.retry_after is not None:
        response.headers["Retry-After"] = str(max(1, round(refusal.retry_after + 0.5)))
    if refusal.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response
