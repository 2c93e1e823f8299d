"""The model servers behind the proxies: what they are, whether they answer, which models they list.

They are asked by harmless GETs only: none of these loads a model, wakes one or keeps one awake. ``/health`` is none of
them but for llama.cpp: LiteLLM, SGLang and TGI generate text to answer it (see `collectors.engines.recognise`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import aiohttp
import orjson

from serving.settings import ServerSettings
from serving.wire import UpstreamStatus

log = logging.getLogger(__name__)

State = Literal["unknown", "ok", "loading", "down"]
ANSWER_WITHIN = 5.0
"""Seconds an upstream has for a list of its models."""
LARGEST_LIST = 8 << 20


class NotSo(Exception):
    """An upstream did not answer as it should; the message is a sentence."""


def known_as(models: Mapping[str, Any], asked: str) -> str | None:
    """The name among ``models`` that a client means by ``asked``: Ollama's clients leave ``:latest`` out or add it."""
    for name in (asked, f"{asked}:latest", asked.removesuffix(":latest")):
        if name in models:
            return name
    return None


class Upstream:
    """One model server."""

    def __init__(self, settings: ServerSettings, session: aiohttp.ClientSession) -> None:
        self.settings, self._session = settings, session
        self.engine = "" if settings.engine == "auto" else settings.engine
        self.state: State = "unknown"
        self.problem = ""
        self.models: dict[str, dict[str, Any]] = {}
        """Names, aliases included, -> the entry of the server's own list (/api/tags of Ollama, else /v1/models)."""
        self.takes_usage = True
        """It has not refused a request for the sake of ``stream_options``."""
        self.version = ""
        """Of an Ollama."""
        self.seen = asyncio.Event()
        """Set once it has been asked."""
        self._checking = asyncio.Lock()

    @property
    def only_model(self) -> str | None:
        """The one model that it lists, by its first name; None with none or several."""
        names = list(self.models)
        one = self.models[names[0]] if names else None
        return names[0] if one is not None and all(self.models[name] is one for name in names) else None

    @property
    def headers(self) -> dict[str, str]:
        """What the server wants to see of us."""
        return {"Authorization": f"Bearer {self.settings.api_key}"} if self.settings.api_key else {}

    async def check(self) -> None:
        """Asks once; never raises for what the server does."""
        async with self._checking:
            try:
                self.state, self.problem = await self._look(), ""
            except NotSo as error:
                self.state, self.problem = "down", str(error)
                if self.settings.engine == "auto":
                    self.engine = ""  # whoever comes back there may be another
            finally:
                self.seen.set()

    async def _look(self) -> State:
        if not self.engine or self.engine == "ollama":
            status, version = await self.get("/api/version")
            if status == 200 and isinstance(version.get("version"), str):
                self.engine, self.version = "ollama", version["version"]
                return await self._list("/api/tags", "models", "name")
            if self.engine:
                raise NotSo(f"It answered {status} to /api/version: no Ollama is there.")
        state = await self._list("/v1/models", "data", "id")
        # Some versions of llama.cpp list their model while they load it.
        return "loading" if state == "ok" and self.engine == "llamacpp" and await self._loads() else state

    async def _loads(self) -> bool:
        """Whether a llama.cpp has yet to load its model; no other engine may be asked this."""
        status, _ = await self.get("/health")
        if status >= 500 and status != 503:
            raise NotSo(f"It answered {status} to /health.")
        return status == 503

    async def _list(self, path: str, key: str, name: str) -> State:
        status, document = await self.get(path)
        if status == 503 and _loading(document):
            if not self.engine and _is_llamacpp(document):
                self.engine = "llamacpp"
            return "loading"
        if status in (401, 403):
            raise NotSo("It wants another API key.")
        entries = document.get(key)
        if status != 200 or not isinstance(entries, list):
            raise NotSo(f"It answered {status} to {path}, without a list of models.")
        good = [one for one in entries if isinstance(one, dict) and isinstance(one.get(name), str)]
        models = {one[name]: one for one in good}
        for one in good:
            for alias in one.get("aliases") or ():
                models.setdefault(str(alias), one)
        self.models = models
        if not self.engine or (self.engine == "llamacpp" and self.settings.engine == "auto"):
            self.engine = await self._what(good)  # anew before each /health: another may have come in its place
        return "ok"

    async def _what(self, entries: list[dict[str, Any]]) -> str:
        """The engine behind a list of models, by who owns them; LM Studio by a list that only it has."""
        owners = {str(one.get("owned_by", "")).lower() for one in entries}
        for owner in ("llamacpp", "vllm", "sglang"):
            if owner in owners:
                return owner
        status, document = await self.get("/api/v0/models")
        rows = document.get("data")
        if status == 200 and isinstance(rows, list) and all(isinstance(one, dict) and "state" in one for one in rows):
            return "lmstudio"
        return "openai"

    async def get(self, path: str) -> tuple[int, dict[str, Any]]:
        """Status and JSON object of a GET; an empty object where the answer is none.

        Raises:
            NotSo: no answer came.
        """
        try:
            async with self._session.get(
                self.settings.url + path, headers=self.headers, allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=ANSWER_WITHIN),
            ) as answer:
                text = await answer.content.read(LARGEST_LIST)
                while len(text) < LARGEST_LIST and (more := await answer.content.read(LARGEST_LIST - len(text))):
                    text += more
        except TimeoutError:
            raise NotSo(f"It did not answer {path} within {ANSWER_WITHIN:g} s.") from None
        except aiohttp.ClientConnectorError as error:
            why = error.os_error.strerror or str(error.os_error) or "it does not speak TLS as it should"
            raise NotSo(f"It cannot be reached: {why}.") from None
        except (aiohttp.ClientError, OSError) as error:
            raise NotSo(f"It gave no proper answer to {path}: {type(error).__name__}.") from None
        try:
            document = orjson.loads(text)
        except orjson.JSONDecodeError:
            document = None
        return answer.status, document if isinstance(document, dict) else {}

    def status(self) -> UpstreamStatus:
        """As ``GET /status`` tells it."""
        told = UpstreamStatus(
            name=self.settings.name, url=self.settings.url, state=self.state, models=list(self.models),
        )
        if self.engine:
            told["engine"] = self.engine
        if self.problem:
            told["problem"] = self.problem
        return told


def _loading(document: Mapping[str, Any]) -> bool:
    error = document.get("error")
    return isinstance(error, Mapping) and "loading" in str(error.get("message", "")).lower()


def _is_llamacpp(document: Mapping[str, Any]) -> bool:
    """Whether a refusal is in llama.cpp's own words, with which it answers everything while it loads."""
    error = document["error"]
    return (error.get("message"), error.get("type")) == ("Loading model", "unavailable_error")


class Upstreams:
    """All model servers of the configuration, each asked again and again while a proxy may pass on to it."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._known: dict[str, Upstream] = {}
        self._watched: dict[str, asyncio.Task[None]] = {}
        self._every = 5.0

    def configure(self, servers: Iterable[ServerSettings], watched: frozenset[str], every: float) -> None:
        """Goes by other servers; one that stays as it was keeps what is known of it."""
        self._every = every
        fresh = {}
        for one in servers:
            before = self._known.get(one.name)
            fresh[one.name] = before if before and before.settings == one else Upstream(one, self._session)
        for name, task in list(self._watched.items()):
            if name not in watched or fresh.get(name) is not self._known.get(name):
                task.cancel()
                del self._watched[name]
        self._known = fresh
        for name in watched & fresh.keys() - self._watched.keys():
            self._watched[name] = asyncio.create_task(self._watch(fresh[name]), name=f"watch-{name}")

    def named(self, names: Iterable[str]) -> list[Upstream]:
        """Those of ``names`` that there are, in this order; all of them where none is named."""
        chosen = list(names)
        return [self._known[one] for one in chosen if one in self._known] if chosen else list(self._known.values())

    def status(self) -> list[UpstreamStatus]:
        """All that are watched."""
        return [one.status() for name, one in self._known.items() if name in self._watched]

    async def close(self) -> None:
        """Stops asking."""
        for task in self._watched.values():
            task.cancel()
        for task in self._watched.values():
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._watched.clear()

    async def _watch(self, one: Upstream) -> None:
        while True:
            before = one.state
            await one.check()
            if one.state != before:
                log.info("model server %s: %s %s", one.settings.name, one.state, one.problem)
            # While it loads somebody may be waiting for it.
            await asyncio.sleep(min(0.25, self._every) if one.state == "loading" else self._every)
