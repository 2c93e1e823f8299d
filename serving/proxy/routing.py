"""Which model server gets a request: by the model that it names."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from serving.backends import Backends
from serving.proxy.dialect import Refusal
from serving.proxy.exchange import LONGEST_NAME
from serving.proxy.upstreams import Upstream, known_as

LOOK_AGAIN = 1.0
"""Seconds between two looks at the lists of models because somebody asks for one that is in none."""
LOADING_STEP = 0.1


@dataclass(slots=True)
class Target:
    """Where a request goes."""

    server: str
    engine: str
    model: str
    """As the server calls it; empty where the request names none and the server lists several."""
    upstream: Upstream | None
    """None: it is a model process of ours."""

    @property
    def speaks_ollama(self) -> bool:
        """Whether it understands Ollama's own paths."""
        return self.engine == "ollama"


class Routing:
    """Chooses. ``engines`` are those of the model processes, by name."""

    def __init__(self, backends: Backends) -> None:
        self._backends = backends
        self.engines: dict[str, str] = {}
        self._looked = 0.0

    async def choose(
        self, upstreams: list[Upstream], asked: str, within: float, *, only_ollama: bool = False
    ) -> Target:
        """The target for a request for the model ``asked`` (empty: it names none). Before nobody is said to have it,
        servers that load are waited for, ``within`` seconds at most. ``only_ollama``: the path is one that only an
        Ollama understands.

        Raises:
            Refusal: 404, nobody has that model; 503, there is nothing to pass on to, or a server that may have it has
                yet to tell its models; 504, one was still loading.
        """
        processes = {} if only_ollama else dict.fromkeys(self._backends.names())
        name = known_as(processes, asked) if asked and processes else None
        if name is not None:
            return self._process(name)
        for one in upstreams:
            if not one.seen.is_set():
                await one.seen.wait()
        able = [one for one in upstreams if one.engine == "ollama"] if only_ollama else upstreams
        found = self._listed(able, asked) if asked else None
        if found is None and asked and len(able) + len(processes) > 1 and await self._look_again(able):
            found = self._listed(able, asked)
        if found is not None:
            return found
        if len(able) + len(processes) == 1:
            return self._of(able[0], asked) if able else self._process(next(iter(processes)))
        if asked and (found := await self._once_loaded(able, asked, within)):
            return found
        raise self._nobody(asked, able, bool(processes), only_ollama)

    @staticmethod
    def _nobody(asked: str, able: list[Upstream], processes: bool, only_ollama: bool) -> Refusal:
        if not able and not processes:
            what = "an Ollama" if only_ollama else "a model server"
            return Refusal(503, "connect", f"There is nothing to pass this on to: {what} is missing.", retry_after=5)
        if not asked:
            return Refusal(400, "refused", "The request names no model, and there are several servers.")
        silent = next((one for one in able if one.state != "ok" and not one.models), None)
        if silent is not None:  # a 404 would be taken for good
            name = silent.settings.name
            message = f'"{asked[:LONGEST_NAME]}" is in no list, and {name} has yet to tell its models. {silent.problem}'
            return Refusal(503, "connect", message.rstrip(), code="model_not_ready", retry_after=5)
        message = f'model "{asked[:LONGEST_NAME]}" not found, try pulling it first'
        return Refusal(404, "refused", message, code="model_not_found")

    def _process(self, name: str) -> Target:
        return Target(name, self.engines.get(name, "llamacpp"), name, None)

    def _listed(self, upstreams: list[Upstream], asked: str) -> Target | None:
        """The first that lists the model; one that answers before one that does not."""
        listing = [one for one in upstreams if known_as(one.models, asked)]
        chosen = next((one for one in listing if one.state in ("ok", "loading")), listing[0] if listing else None)
        return self._of(chosen, asked) if chosen else None

    def _of(self, one: Upstream, asked: str) -> Target:
        name = known_as(one.models, asked)
        if name is None:
            # llama.cpp answers with the one model it has, whatever is asked for.
            name = one.only_model if one.engine == "llamacpp" else None
            name = asked if name is None else name
        return Target(one.settings.name, one.engine or "openai", name, one)

    async def _look_again(self, upstreams: list[Upstream]) -> bool:
        """A model that nobody lists may have come just now; True when it was worth a look."""
        if time.monotonic() - self._looked < LOOK_AGAIN:
            return False
        self._looked = time.monotonic()
        await asyncio.gather(*(one.check() for one in upstreams))
        return True

    async def _once_loaded(self, upstreams: list[Upstream], asked: str, within: float) -> Target | None:
        """The target once a server that was loading lists the model; None when no server loads any more."""
        end = time.monotonic() + within
        while loading := next((one for one in upstreams if one.state == "loading"), None):
            await self._step(loading, end, within)
            if found := self._listed(upstreams, asked):
                return found
        return None

    @staticmethod
    async def _step(loading: Upstream, end: float, within: float) -> None:
        """Waits a little for a server to load its model, up to the time ``end``, ``within`` seconds from the start."""
        if time.monotonic() > end:
            name = loading.settings.name
            raise Refusal(504, "timeout", f"{name} was still loading its model after {within:g} s.")
        await asyncio.sleep(LOADING_STEP)

    def there(self, target: Target) -> str | None:
        """Base URL of the target as it is now; None for a model process that does not run."""
        if target.upstream is None:
            url = self._backends.running().get(target.server)
            return url.rstrip("/") if url else None
        return target.upstream.settings.url

    async def address(self, target: Target, within: float) -> str:
        """Base URL of the target, once it can answer: a model process is started, a server that loads is waited for.

        Raises:
            Refusal: 503 or 504, it could not be had.
        """
        if target.upstream is None:
            try:
                return (await self._backends.ensure(target.server)).rstrip("/")
            except Exception as error:
                # Whatever the supervisor says is a sentence for the client; a wait that was cancelled is no Exception.
                after = getattr(error, "retry_after", None)
                raise Refusal(503, "start", str(error), code="model_not_ready", retry_after=after or 5) from error
        end = time.monotonic() + within
        while target.upstream.state == "loading":
            await self._step(target.upstream, end, within)
        return target.upstream.settings.url
