"""One request on its way through a proxy, and the record that it becomes."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from serving.proxy.dialect import Dialect
from serving.proxy.meter import Meter, now
from serving.proxy.told import Told
from serving.wire import TOKENS, ErrorClass, Kind, Outcome

if TYPE_CHECKING:
    from serving.proxy.routing import Target
    from serving.proxy.totals import Lane

LONGEST_NAME = 128
LONGEST_PATH = 200


@dataclass(slots=True)
class Exchange:
    """What is known of a request while it is answered. Times on the clock `meter.now`."""

    proxy: str
    client: str
    path: str
    dialect: Dialect
    kind: Kind
    method: str
    at: float = field(default_factory=time.time)
    started: float = field(default_factory=now)
    sent: float | None = None
    """When it was first sent on."""
    target: Target | None = None
    lane: Lane | None = None
    model: str = ""
    """As the client calls it."""
    stream: bool = False
    status: int = 0
    error: ErrorClass | None = None
    message: str = ""
    attempts: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    meter: Meter | None = None
    prompt: str = ""
    answer: str = ""
    cors: dict[str, str] = field(default_factory=dict)
    """Headers of the answer that let the page read it which asked."""
    answered_here: bool = False
    """The proxy itself gave a list of models: that is no request of a model."""

    def failed(self, error: ErrorClass, message: str) -> None:
        """Notes what went wrong; the first that did counts."""
        if self.error is None:
            self.error, self.message = error, message

    @property
    def passing_by(self) -> bool:
        """True for a look (a list, a health check) that went well: it is no request of a model, and not counted."""
        if self.answered_here:
            return self.error is None
        return self.method in ("GET", "HEAD", "OPTIONS") and self.error is None

    def outcome(self, ended: float) -> tuple[Outcome, Told]:
        """The record of a request that ended at ``ended``, still without its number, and what the engine told."""
        told = self.meter.told() if self.meter is not None else Told()
        made = Outcome(
            seq=0, id=secrets.token_hex(8), at=self.at, proxy=self.proxy, client=self.client,
            path=self.path[:LONGEST_PATH], kind=self.kind, stream=self.stream, status=self.status,
            duration=ended - self.started, bytes_in=self.bytes_in, bytes_out=self.bytes_out, attempts=self.attempts,
        )
        if self.target is not None:
            made["server"], made["engine"] = self.target.server, self.target.engine
        if model := self.lane.key.model if self.lane is not None else self.model[:LONGEST_NAME]:
            made["model"] = model
        if told.error is not None and self.error is None:
            self.failed("upstream", f"The engine reported an error ({told.error}).")
        if self.error is not None:
            made["error"], made["message"] = self.error, self.message
        if told.finish is not None:
            made["finish"] = told.finish
        self._times(made, told, ended)
        self._tokens(made, told)
        if self.prompt:
            made["prompt"] = self.prompt
        if self.answer:
            made["answer"] = self.answer
        return made, told

    def _times(self, made: Outcome, told: Told, ended: float) -> None:
        if self.sent is None:
            if self.lane is not None:
                made["queue"] = ended - self.started
            return
        made["queue"] = self.sent - self.started
        first = self.meter.first if self.meter is not None else None
        if first is not None:
            made["ttft"] = first - self.started
        if told.prefill is not None:
            made["prefill"] = told.prefill
        elif first is not None:
            made["prefill"] = first - self.sent
        if told.decode is not None:
            made["decode"] = told.decode
        elif first is not None and self.meter is not None:
            made["decode"] = self.meter.last - first

    def _tokens(self, made: Outcome, told: Told) -> None:
        if told.prompt_tokens is not None:
            made["prompt_tokens"] = told.prompt_tokens
        if told.cached_tokens is not None:
            made["cached_tokens"] = told.cached_tokens
        if self.meter is None or self.kind not in TOKENS:
            return
        tokens, exact = self.meter.output_tokens(told)
        if tokens is not None:
            made["output_tokens"], made["exact"] = tokens, exact
        gap = self.meter.mean_gap(tokens if exact else None)
        if gap is not None:
            made["itl"], made["itl_max"] = gap, self.meter.longest_gap
