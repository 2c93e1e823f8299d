"""What the serving process tells the web process, over the socket `place.SOCKET` of the data folder, as JSON.

- ``GET /status`` -> `Status`
- ``GET /requests?after=SEQ&limit=N`` -> `Requests`
- ``PUT /config`` with the sections ``proxies`` and ``models`` -> `Taken`
- ``POST /processes/NAME/start``, ``stop`` and ``restart`` -> `Done`
- ``GET /processes/NAME/logs?after=SEQ&limit=N`` -> `Lines`
- ``POST /shutdown`` with ``{"grace": seconds, "keepProcesses": false}`` -> `Done`

What goes wrong is answered as `Done` with ``problem`` and a status of 400 or more. Keys that `NotRequired` marks are
absent where nothing is known. Times in seconds, sizes in bytes.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict, get_args

PROTOCOL = 1
"""Grows when a key changes its meaning; a process of another protocol is replaced."""

Kind = Literal["chat", "completion", "embedding", "other"]
TOKENS: tuple[Kind, ...] = ("chat", "completion")
"""Kinds whose answers are tokens."""
ErrorClass = Literal[
    "connect", "timeout", "upstream", "midstream", "queue_full", "start", "internal",
    "client_gone", "refused", "rate_limited", "too_large", "unauthorized",
]
ERROR_CLASSES: tuple[str, ...] = get_args(ErrorClass)
FAILURES = frozenset({"connect", "timeout", "upstream", "midstream", "queue_full", "start", "internal"})
"""The classes that are errors of ours or of what lies behind; the others are the client's doing."""
HISTOGRAMS = ("ttft", "itl", "duration", "queue", "prefill", "decode")
"""In `LaneStatus.histograms`."""


class Outcome(TypedDict):
    """One finished request. ``seq`` grows by one and never repeats within one ``boot``."""

    seq: int
    id: str
    at: float
    """Arrival, epoch seconds."""
    proxy: str
    server: NotRequired[str]
    """The upstream's name, or that of the model process."""
    engine: NotRequired[str]
    model: NotRequired[str]
    client: str
    path: str
    kind: Kind
    stream: bool
    status: int
    """HTTP status as the client saw it; 499 when it left."""
    error: NotRequired[str]
    """One of `ERROR_CLASSES`; absent when all was fine."""
    message: NotRequired[str]
    finish: NotRequired[str]
    queue: NotRequired[float]
    """Waiting for its turn and for its model process."""
    ttft: NotRequired[float]
    """From arrival to the first token; streams only."""
    duration: float
    itl: NotRequired[float]
    itl_max: NotRequired[float]
    prompt_tokens: NotRequired[int]
    cached_tokens: NotRequired[int]
    output_tokens: NotRequired[int]
    exact: NotRequired[bool]
    """Whether the engine told ``output_tokens``; else the token events were counted."""
    prefill: NotRequired[float]
    decode: NotRequired[float]
    bytes_in: int
    bytes_out: int
    attempts: int
    prompt: NotRequired[str]
    answer: NotRequired[str]


class LaneStatus(TypedDict):
    """What was counted of one model of one server behind one proxy, since the start of the process."""

    proxy: str
    server: str
    engine: str
    model: str
    running: int
    waiting: int
    tokens_per_second: NotRequired[float]
    """Token events of the last second; absent while nothing runs."""
    requests: int
    timeouts: int
    errors: dict[str, int]
    finished: dict[str, int]
    phases: dict[str, float]
    """Seconds: queue, prefill, decode; absent what was never known."""
    tokens: dict[str, int]
    """prompt, cached, output; absent what no engine told."""
    histograms: dict[str, list[int]]
    """One of `HISTOGRAMS` -> observations per bucket of `metrics.models.LE`, not cumulated; absent without any."""
    sums: dict[str, float]
    """Seconds of all observations of a histogram together."""
    error_ratio: NotRequired[float]
    """Of the requests that ended in the last minute; absent without any."""
    p95: NotRequired[float]
    mean: NotRequired[float]
    ended: NotRequired[int]
    """Of those that went well in the last minute, ``ended`` of them; absent without any."""


class UpstreamStatus(TypedDict):
    """A model server, as the proxies see it."""

    name: str
    url: str
    engine: NotRequired[str]
    state: Literal["unknown", "ok", "loading", "down"]
    problem: NotRequired[str]
    models: list[str]


class ProxyStatus(TypedDict):
    """One proxy."""

    name: str
    enabled: bool
    host: str
    port: int
    up: bool
    """It listens."""
    problem: NotRequired[str]
    """Why it does not, as a sentence."""
    healthy: NotRequired[bool]
    """Something it passes on to answers; loading is not unhealthy. Absent while it does not listen, or
    what it stands before was not looked at."""
    uptime: NotRequired[float]
    running: int
    waiting: int
    requests: int
    errors: int
    refused: int
    gone: int
    limited: int
    received: int
    sent: int
    mean: NotRequired[float]
    """Mean duration of the requests that ended in the last minute."""
    upstreams: list[str]
    """Names of the model servers it may pass on to."""


class RequestsHeld(TypedDict):
    """Which sequence numbers ``GET /requests`` can still give; both 0 before the first."""

    first: int
    last: int


class Status(TypedDict):
    """Everything, in one read."""

    protocol: int
    version: str
    """Of Vigie, as whoever started it said."""
    boot: str
    """Another one after each start: counters begin anew."""
    pid: int
    started: float
    now: float
    """Both epoch seconds."""
    configured: str
    """Digest of the newest configuration that was taken; empty before the first."""
    problem: NotRequired[str]
    """What keeps the process from keeping its configuration, as a sentence; it serves on."""
    draining: bool
    """It was asked to shut down and answers what is in flight."""
    proxies: list[ProxyStatus]
    upstreams: list[UpstreamStatus]
    lanes: list[LaneStatus]
    requests: RequestsHeld
    processes: list[dict[str, Any]]
    """As `serving.backends.Backends.status` gives them: ``name``, ``state``, and where known ``engine``, ``memory``
    (bytes), ``cpu`` (cores), ``responding``, ``on_gpu`` (share by model), ..."""


class Requests(TypedDict):
    """Finished requests, oldest first."""

    boot: str
    first: int
    last: int
    """What is held; what lies between ``after`` and ``first`` is lost."""
    requests: list[Outcome]


class Taken(TypedDict):
    """A configuration was taken."""

    configured: str
    problem: NotRequired[str]
    """It is in force, and could not be kept for the next start."""


class Done(TypedDict):
    """Whether what was asked was done, and if not, why."""

    ok: bool
    problem: NotRequired[str]


class LogLine(TypedDict):
    """A line of what a model process writes."""

    seq: int
    at: float
    """When it was read, epoch seconds."""
    text: str


class Lines(TypedDict):
    """The newest lines, oldest first. Numbers grow by one within one ``boot``, and may begin anew in another."""

    boot: str
    left_out: int
    """Lines behind ``after`` that are older than these and are not told."""
    lines: list[LogLine]
