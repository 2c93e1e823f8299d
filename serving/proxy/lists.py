"""Lists of models, merged from all that a proxy stands before, in each dialect.

With one model server that speaks the dialect and no model process nothing is merged: the request is passed on. What a
server does not tell is left out of an entry, but for what clients cannot do without: `digest` (of the name), which
Ollama's own command cuts, `expires_at` of what is loaded, without which it says that the model is being stopped, and
`created`, which OpenAI's reference wants of each model: 0 where nobody tells it.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from serving.backends import Backends
from serving.proxy.dialect import Refusal
from serving.proxy.exchange import LONGEST_NAME, Exchange
from serving.proxy.routing import Target
from serving.proxy.upstreams import NotSo, Upstream, known_as
from serving.settings import ProxyName

SPOKEN_VERSION = "0.12.0"
"""The version of Ollama whose API the proxy speaks where no Ollama stands behind it."""
NEVER = "2318-01-01T00:00:00Z"
"""When a model is unloaded that stays: as Ollama says it for ``keep_alive: -1``."""
NATIVE = {
    "/v1/models": None, "/api/v0/models": "lmstudio", "/api/v1/models": "lmstudio", "/api/tags": "ollama",
    "/api/ps": "ollama", "/api/version": "ollama", "/api/show": "ollama", "/": "ollama",
}
"""Paths that are answered here -> the engine that answers them itself (None: every one)."""


@dataclass(slots=True)
class Entry:
    """One model. ``raw`` is what its server's list says of it: of /api/tags with ``ollama``, else of /v1/models."""

    name: str
    server: str
    engine: str
    loaded: bool | None
    raw: Mapping[str, Any] = field(default_factory=dict)

    @property
    def meta(self) -> Mapping[str, Any]:
        """What llama.cpp tells beyond OpenAI's list."""
        meta = self.raw.get("meta")
        return meta if isinstance(meta, Mapping) else {}

    @property
    def embeds(self) -> bool:
        """Whether it is one for embeddings, as its entry says."""
        kinds = self.raw.get("capabilities") or ()
        return self.raw.get("type") == "embeddings" or ("embedding" in kinds and "completion" not in kinds)


class Lists:
    """Answers what asks for models, in one proxy."""

    def __init__(self, backends: Backends) -> None:
        self._backends = backends

    async def answer(
        self, exchange: Exchange, proxy: ProxyName, upstreams: list[Upstream], document: Mapping[str, Any]
    ) -> bytes | None:
        """The answer, as JSON; None: this is no such request, or one to be passed on.

        Raises:
            Refusal: 404, there is no model of that name.
        """
        if exchange.kind != "other":
            return None
        path, one = self._path(exchange, proxy)
        if path is None:
            return None
        for upstream in upstreams:
            if not upstream.seen.is_set():
                await upstream.seen.wait()
        native = NATIVE[path]
        if len(upstreams) == 1 and not self._backends.names() and native in (None, upstreams[0].engine):
            return None
        if path == "/":
            return b"Ollama is running"
        if path == "/api/version":
            versions = [up.version for up in upstreams if up.version]
            return orjson.dumps({"version": versions[0] if versions else SPOKEN_VERSION})
        entries = await self._entries(upstreams)
        if path == "/api/show":
            return _show(entries, str(document.get("model") or document.get("name") or ""))
        if path == "/api/ps":
            return orjson.dumps({"models": [_tag(entry, running=True) for entry in entries if entry.loaded]})
        if path == "/api/tags":
            return orjson.dumps({"models": [_tag(entry) for entry in entries]})
        make = {"/v1/models": _openai, "/api/v0/models": _v0, "/api/v1/models": _v1}[path]
        if one:
            return orjson.dumps(make(_named(entries, one)))
        rows = [make(entry) for entry in entries]
        return orjson.dumps({"models": rows} if path == "/api/v1/models" else {"object": "list", "data": rows})

    @staticmethod
    def _path(exchange: Exchange, proxy: ProxyName) -> tuple[str | None, str]:
        """The path among `NATIVE` that is asked for, and the one model that is; None where it is none of them."""
        path, reads = exchange.path, exchange.method in ("GET", "HEAD")
        if path == "/api/show":
            return (path if exchange.method == "POST" and proxy == "ollama" else None), ""
        if not reads or (path == "/" and proxy != "ollama"):
            return None, ""
        if path.startswith("/api/") and not path.startswith(("/api/v0/", "/api/v1/")) and proxy != "ollama":
            return None, ""
        if path in NATIVE:
            return path, ""
        for listed in ("/v1/models", "/api/v0/models"):
            if path.startswith(f"{listed}/"):
                return listed, path.removeprefix(f"{listed}/")
        return None, ""

    async def _entries(self, upstreams: list[Upstream]) -> list[Entry]:
        """Every model once; a process of ours before a server, a server before those named after it."""
        running = self._backends.running()
        names = self._backends.names()
        entries: dict[str, Entry] = {
            name: Entry(name, name, "llamacpp", name in running) for name in names
        }
        parts = await asyncio.gather(*(_of(one) for one in upstreams))
        for entry in (entry for part in parts for entry in part):
            entries.setdefault(entry.name, entry)
        return list(entries.values())


async def _of(one: Upstream) -> list[Entry]:
    """The models of a server, with which of them are loaded, as far as it tells."""
    loaded: set[str] | None = None
    extra: dict[str, Any] = {}
    try:
        if one.engine == "ollama":
            _, document = await one.get("/api/ps")
            extra = {str(row.get("name")): row for row in document.get("models") or () if isinstance(row, Mapping)}
            loaded = set(extra)
        elif one.engine == "lmstudio":
            _, document = await one.get("/api/v0/models")
            extra = {str(row.get("id")): row for row in document.get("data") or () if isinstance(row, Mapping)}
            loaded = {name for name, row in extra.items() if row.get("state") == "loaded"}
    except NotSo:
        pass  # it is down: what it listed before is all there is
    shown = {id(raw): name for name, raw in reversed(one.models.items())}
    return [
        Entry(name, one.settings.name, one.engine,
              _is_loaded(one, one.models[name]) if loaded is None else name in loaded,
              {**one.models[name], **extra.get(name, {})})
        for name in one.models if shown[id(one.models[name])] == name
    ]


def _is_loaded(one: Upstream, raw: Mapping[str, Any]) -> bool:
    status = raw.get("status")  # of llama.cpp's router
    return status.get("value") == "loaded" if isinstance(status, Mapping) else one.state == "ok"


def entry_of(target: Target) -> Entry:
    """The model that a request goes to, by what is known of it without asking."""
    one = target.upstream
    if one is None:
        return Entry(target.model, target.server, target.engine, True)
    raw = one.models.get(target.model, {})
    return Entry(target.model, target.server, target.engine, _is_loaded(one, raw), raw)


def about(target: Target) -> dict[str, Any]:
    """The model that a request goes to, as LM Studio's API v0 describes it beside an answer."""
    entry = entry_of(target)
    told = _v0(entry)
    made = {
        "arch": told.get("arch"), "quant": told.get("quantization"), "format": told.get("compatibility_type"),
        "context_length": _context(entry),
    }
    return {key: value for key, value in made.items() if value is not None}


def _context(entry: Entry) -> Any:
    return entry.meta.get("n_ctx") or entry.raw.get("context_length") or entry.raw.get("max_model_len")


def _named(entries: list[Entry], asked: str) -> Entry:
    by_name = {entry.name: entry for entry in entries}
    name = known_as(by_name, asked)
    if name is None:
        raise Refusal(404, "refused", f"model '{asked[:LONGEST_NAME]}' not found", code="model_not_found")
    return by_name[name]


def _openai(entry: Entry) -> dict[str, Any]:
    if entry.engine != "ollama" and entry.raw.get("object") == "model":
        return dict(entry.raw)
    made: dict[str, Any] = {
        "id": entry.name, "object": "model", "owned_by": "library" if entry.engine == "ollama" else "vigie",
    }
    return made | {"created": _epoch(entry.raw.get("modified_at")) or 0}


def _v0(entry: Entry) -> dict[str, Any]:
    details = entry.raw.get("details") or {}
    made = {
        "id": entry.name, "object": "model",
        "type": entry.raw.get("type") if entry.engine == "lmstudio" else "embeddings" if entry.embeds else "llm",
        "publisher": entry.raw.get("publisher"), "arch": entry.raw.get("arch") or details.get("family"),
        "compatibility_type": entry.raw.get("compatibility_type") or (
            "gguf" if entry.engine in ("llamacpp", "ollama") else None),
        "quantization": entry.raw.get("quantization") or details.get("quantization_level") or entry.meta.get("ftype"),
        "state": None if entry.loaded is None else "loaded" if entry.loaded else "not-loaded",
        "max_context_length": entry.raw.get("max_context_length") or entry.meta.get("n_ctx_train")
        or entry.raw.get("max_model_len"),
    }
    return {key: value for key, value in made.items() if value is not None and value != ""}


def _v1(entry: Entry) -> dict[str, Any]:
    v0 = _v0(entry)
    context = _context(entry)
    config = {"context_length": context} if context else {}
    made = {
        "type": "embedding" if v0.get("type") == "embeddings" else "llm", "publisher": v0.get("publisher"),
        "key": entry.name, "display_name": entry.name, "architecture": v0.get("arch"),
        "quantization": {"name": v0["quantization"]} if "quantization" in v0 else None,
        "size_bytes": entry.raw.get("size") or entry.meta.get("size"),
        "loaded_instances": [{"id": entry.name, "config": config}] if entry.loaded else [],
        "max_context_length": v0.get("max_context_length"), "format": v0.get("compatibility_type"),
    }
    return {key: value for key, value in made.items() if value is not None and value != ""}


def _tag(entry: Entry, *, running: bool = False) -> dict[str, Any]:
    if entry.engine == "ollama":
        ours = {"expires_at", "size_vram", "context_length"}
        return {key: value for key, value in entry.raw.items() if running or key not in ours}
    made: dict[str, Any] = {"name": entry.name, "model": entry.name}
    size = entry.meta.get("size") or entry.raw.get("size_bytes")
    if isinstance(size, int) and size:
        made["size"] = size
    made["digest"] = hashlib.sha256(f"{entry.server}/{entry.name}".encode()).hexdigest()
    made["details"] = _details(entry)
    if running:
        return made | {"expires_at": NEVER} | (
            {"context_length": entry.meta["n_ctx"]} if entry.meta.get("n_ctx") else {})
    at = entry.raw.get("created")
    if isinstance(at, int) and 0 < at < 1 << 33:
        made["modified_at"] = datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
    return made


def _details(entry: Entry) -> dict[str, Any]:
    count = entry.meta.get("n_params")
    quantization = entry.meta.get("ftype") or entry.raw.get("quantization")
    family = str(entry.raw.get("arch") or "")
    return {
        "parent_model": "", "format": "gguf" if entry.engine == "llamacpp" else "", "family": family,
        "families": [family] if family else [], "parameter_size": _size(count) if isinstance(count, int) else "",
        "quantization_level": str(quantization or ""),
    }


def _size(count: int) -> str:
    """A number of parameters, as Ollama writes it: 7.6B, 494.03M."""
    for bound, digits, letter in ((10**9, 1, "B"), (10**6, 2, "M"), (10**3, 2, "K")):
        if count >= bound:
            return f"{count / bound:.{digits}f}{letter}"
    return str(count)


def _show(entries: list[Entry], asked: str) -> bytes | None:
    entry = _named(entries, asked)
    if entry.engine == "ollama":
        return None
    info = {
        "general.parameter_count": entry.meta.get("n_params"),
        "general.architecture": entry.raw.get("arch"), "general.context_length": entry.meta.get("n_ctx_train"),
        "general.embedding_length": entry.meta.get("n_embd"), "general.vocab_size": entry.meta.get("n_vocab"),
    }
    told = entry.raw.get("capabilities")
    capabilities = ["embedding"] if entry.embeds else list(told) if isinstance(told, list) else ["completion"]
    return orjson.dumps({
        "modelfile": "", "parameters": "", "template": "", "details": _details(entry),
        "model_info": {key: value for key, value in info.items() if value is not None}, "capabilities": capabilities,
    })


def _epoch(stamp: Any) -> int | None:
    try:
        return int(datetime.fromisoformat(str(stamp).replace("Z", "+00:00")).timestamp()) if stamp else None
    except ValueError:
        return None
