"""What an adapter is, and what one look at a model server gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol

from collectors.engines.client import Client
from collectors.procfs import clean
from metrics.metric import Metric, Sample, is_present, labels
from metrics.models import (
    ASLEEP,
    CONTEXT,
    LOADED,
    LOADED_BYTES,
    SLOTS,
    STATE,
    STATES,
    UP,
    State,
    on_and_off_gpu,
)

MODELS_AT_MOST = 256
"""Models of one server that are told; a server that lists more is told with the first of them."""
TEXT_AT_MOST = 200
Totals = dict[tuple[Literal["outcomes", "times", "buckets"], str], dict[str, float]]
"""By kind and model what a server has counted of its requests since its start: ``outcomes`` are how many ``ended`` and
``failed``, ``times`` how many ``ended`` and their ``seconds``, ``buckets`` the durations by upper bound, not
cumulated."""


class NotThis(Exception):
    """The server answers, but not as this engine does. The message says what was asked and what came."""


@dataclass(slots=True)
class Model:
    """A model as its server tells it; None and "" are what it does not tell."""

    name: str
    state: State | Literal[""] = ""
    """Running is one that answers or lies in memory; that a server merely lists it says neither."""
    loaded: bool | None = None
    sleeping: bool | None = None
    quantisation: str = ""
    architecture: str = ""
    parameters: str = ""
    """As the engine writes them: ``7.6B``, or a plain number."""
    size: float | None = None
    """Bytes of its file."""
    context_size: float | None = None
    """Tokens that fit into one request as it is loaded; of a model that is not loaded the most it could have."""
    loaded_bytes: float | None = None
    gpu_bytes: float | None = None
    expires: str = ""
    """When the engine will unload it, ISO 8601."""
    slots: float | None = None
    digest: str = ""
    """What tells this version of it from others, where the engine gives one: SHA-256, in hexadecimal."""
    port: int | None = None
    """Of the child process that serves it, on the server's machine."""
    capabilities: tuple[str, ...] = ()
    message: str = ""
    """Why it is in an error."""

    def told(self) -> dict[str, Any]:
        """What is known, as plain JSON."""
        values = {name: getattr(self, name) for name in self.__slots__}
        values["capabilities"] = list(self.capabilities)
        return {name: value for name, value in values.items() if value not in (None, "", [])}


@dataclass(slots=True)
class Look:
    """One look at a server: facts, models, and samples of the vocabulary in `metrics.models`."""

    server: str
    engine: str
    version: str = ""
    message: str = ""
    """What keeps it from telling more, as a sentence; "" when nothing does."""
    models: list[Model] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    totals: Totals | None = None
    """None where it tells no counters."""

    def add(self, metric: Metric, value: float | None, model: str = "", more: Mapping[str, str] | None = None) -> None:
        """One sample; none of a value that is absent, not finite or negative."""
        if is_present(value) and value >= 0:
            known = {name: told for name, told in (("engine", self.engine), ("model", model)) if told}
            pairs = {"server": self.server, **known, **(more or {})}
            self.samples.append(Sample(metric, labels(pairs), float(value)))

    def add_outcomes(self, ended: Mapping[str, float], failed: Mapping[str, float]) -> None:
        """Totals by model of the requests that ended and, among them, failed. A model that is not in ``failed`` has
        none that did."""
        self.totals = self.totals or {}
        for model in filter(None, ended):
            self.totals["outcomes", model] = {"ended": ended[model], "failed": failed.get(model, 0.0)}

    def add_durations(self, buckets: Mapping[str, dict[str, float]], seconds: Mapping[str, float]) -> None:
        """Totals by model of the durations of requests: observations by upper bound, not cumulated, and their sum."""
        self.totals = self.totals or {}
        for model in filter(None, buckets):
            self.totals["buckets", model] = buckets[model]
            if model in seconds:
                self.totals["times", model] = {"ended": sum(buckets[model].values()), "seconds": seconds[model]}

    def add_states(self, models: Sequence[Model]) -> None:
        """The samples that follow from what is known of ``models``."""
        for model in models:
            for state in STATES if model.state else ():
                self.add(STATE, float(model.state == state), model.name, {"state": state})
            if model.state in ("running", "error"):
                self.add(UP, float(model.state == "running"), model.name)
            if model.loaded is not None:
                self.add(LOADED, float(model.loaded), model.name)
            if model.sleeping is not None:
                self.add(ASLEEP, float(model.sleeping), model.name)
            self.add(SLOTS, model.slots, model.name)
            self.add(LOADED_BYTES, model.loaded_bytes, model.name)
            if model.loaded:
                self.add(CONTEXT, model.context_size, model.name)
            if model.loaded_bytes and model.gpu_bytes is not None:
                for metric, value in on_and_off_gpu(min(model.gpu_bytes / model.loaded_bytes, 1.0)):
                    self.add(metric, value, model.name)


class Adapter(Protocol):
    """Reads the servers of one engine. An instance belongs to one server and remembers what the look before gave."""

    engine: ClassVar[str]

    def __init__(self, server: str, clock: Callable[[], float]) -> None:
        """``clock``: monotonic seconds."""
        ...

    def look(self, client: Client, command: Sequence[str]) -> Look:
        """Looks once. ``command``: the words of the server's command line; empty where it is not known.

        Raises:
            Unanswered: it does not answer.
            KeyAsked: it asks for an API key.
            NotThis: it is no such server.
        """
        ...


def text(value: object) -> str:
    """A text of a server as a label can hold it; "" for anything else."""
    return clean(value[:TEXT_AT_MOST]).strip() if isinstance(value, str) else ""


def number(value: object) -> float | None:
    """A number of a server that is finite and not negative; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if is_present(value) and value >= 0 else None


def count(value: object) -> float | None:
    """A number greater than zero: sizes that engines tell as 0 where they do not know."""
    return number(value) or None


def table(value: object) -> dict[str, Any]:
    """A JSON object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def rows(value: object, key: str) -> Iterator[dict[str, Any]]:
    """The JSON objects in the list ``value[key]``, as many as are told of one server."""
    found = table(value).get(key)
    yield from (row for row in (found if isinstance(found, list) else [])[:MODELS_AT_MOST] if isinstance(row, dict))


def words(value: object) -> tuple[str, ...]:
    """The texts in a list."""
    return tuple(word for one in (value if isinstance(value, list) else [])[:16] if (word := text(one)))
