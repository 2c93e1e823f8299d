"""Two sets of requests side by side: percentiles of what they took, and how far the second is from the first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Measure = Literal["ttft", "itl", "duration", "speed"]
MEASURES: tuple[Measure, ...] = ("ttft", "itl", "duration", "speed")
"""What the times of requests are of: seconds to the first token, between tokens, end to end; and tokens a second of one
request."""
QUANTILES = (0.5, 0.95, 0.99)
SAME = 0.05
"""Differences up to this share are none."""
POINTS = 0.01
"""Differences of shares (0 to 1) up to this are none."""
FEWEST = 10
"""Values below which a side says nothing about better or worse."""
Verdict = Literal["better", "worse", "same", ""]


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """The requests of one side. Counts are of all of them; ``values`` of those that went well: each measure's known
    ones, ascending, float64 (n,)."""

    requests: int
    failed: int
    prompt_tokens: int | None
    output_tokens: int | None
    joules_per_token: float | None
    finish: Mapping[str, int]
    """Reason -> requests that ended so."""
    values: Mapping[Measure, NDArray[np.float64]]
    cut: bool = False
    """Whether only the newest requests are in ``values``."""
    client_did: int = 0
    """Requests that the client gave up, or that were refused it: these have not failed."""

    @property
    def failed_ratio(self) -> float | None:
        """Share that failed; None without requests."""
        return self.failed / self.requests if self.requests else None

    @property
    def client_ratio(self) -> float | None:
        """Share that clients gave up or were refused; None without requests."""
        return self.client_did / self.requests if self.requests else None

    def quantile(self, measure: Measure, share: float) -> float | None:
        """A percentile by linear interpolation, ``share`` 0 to 1; None where nothing is known."""
        values = self.values.get(measure)
        return None if values is None or not values.size else float(np.quantile(values, share))

    def known(self, measure: Measure) -> int:
        """Requests of which a measure is known."""
        values = self.values.get(measure)
        return 0 if values is None else int(values.size)


@dataclass(frozen=True, slots=True)
class Row:
    """A number of both sides. ``change`` is the second against the first: a share of it (0.1: a tenth more), of ratios
    the plain difference; None where there is none to tell."""

    name: str
    unit: Literal["count", "seconds", "per_second", "joules", "ratio"]
    first: float | None
    second: float | None
    change: float | None
    verdict: Verdict


def rows(first: Side, second: Side) -> list[Row]:
    """The sides number by number: requests, failed, what clients did, tokens, percentiles (``ttft_p95``), speed,
    energy, and by reason how requests ended (``finish_stop``)."""
    enough = min(first.requests, second.requests) >= FEWEST
    found = [
        _row("requests", "count", first.requests, second.requests),
        _row("failed", "ratio", first.failed_ratio, second.failed_ratio, "less" if enough else ""),
        # Neither side is the better one for what clients did.
        _row("client_did", "ratio", first.client_ratio, second.client_ratio),
        _row("prompt_tokens", "count", first.prompt_tokens, second.prompt_tokens),
        _row("output_tokens", "count", first.output_tokens, second.output_tokens),
    ]
    for measure in ("ttft", "itl", "duration"):
        sure = min(first.known(measure), second.known(measure)) >= FEWEST
        found += [
            _row(f"{measure}_p{round(share * 100)}", "seconds", first.quantile(measure, share),
                 second.quantile(measure, share), "less" if sure else "")
            for share in QUANTILES
        ]
    sure = min(first.known("speed"), second.known("speed")) >= FEWEST
    found += [
        _row("speed", "per_second", first.quantile("speed", 0.5), second.quantile("speed", 0.5),
             "more" if sure else ""),
        _row("joules_per_token", "joules", first.joules_per_token, second.joules_per_token, "less" if enough else ""),
    ]
    found += [
        _row(f"finish_{reason}", "ratio", _share(first, reason), _share(second, reason))
        for reason in sorted({*first.finish, *second.finish})
    ]
    return found


def _share(side: Side, reason: str) -> float | None:
    """Share of the requests that ended so; None where of none the reason is known."""
    return side.finish.get(reason, 0) / side.requests if side.requests and side.finish else None


def _row(
    name: str, unit: Literal["count", "seconds", "per_second", "joules", "ratio"], first: float | None,
    second: float | None, wanted: Literal["less", "more", ""] = "",
) -> Row:
    change: float | None = None
    if first is not None and second is not None:
        change = second - first if unit == "ratio" else second / first - 1 if first else None
    verdict: Verdict = ""
    if wanted and change is not None:
        if abs(change) <= (POINTS if unit == "ratio" else SAME):
            verdict = "same"
        else:
            verdict = "better" if (change < 0) == (wanted == "less") else "worse"
    return Row(name, unit, first, second, change, verdict)


def curve(side: Side, measure: Measure, points: int = 200) -> list[tuple[float, float]]:
    """The cumulative distribution: (value, share of requests at or below it), ascending, of ``points`` at most."""
    values = side.values.get(measure)
    if values is None or not values.size:
        return []
    place = np.unique(np.linspace(0, values.size - 1, min(points, values.size)).astype(np.int64))
    return [(float(values[i]), (i + 1) / values.size) for i in place.tolist()]
