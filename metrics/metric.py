"""Metric, Labels and Sample: what a collector declares and yields."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeGuard

from metrics.units import UNITS

Kind = Literal["gauge", "counter", "histogram", "info"]
Labels = tuple[tuple[str, str], ...]
"""Label pairs sorted by name."""

_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
_UNIT_SUFFIX = {
    "bytes": "_bytes", "seconds": "_seconds", "ratio": "_ratio", "celsius": "_celsius",
    "watts": "_watts", "hertz": "_hertz", "bytes_per_second": "_bytes_per_second",
}


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric as Prometheus means it: a public name, its kind, base unit and help.

    Raises:
        ValueError: the name breaks the naming rules (base unit as suffix, ``_total`` on counters).
    """

    name: str
    kind: Kind
    unit: str
    help: str

    def __post_init__(self) -> None:
        if not _NAME.match(self.name):
            raise ValueError(f"metric name {self.name!r}: lower case letters, digits and _ only")
        if self.unit not in UNITS:
            raise ValueError(f"metric {self.name}: unit {self.unit!r} is not one of {sorted(UNITS)}")
        if (self.kind == "counter") != self.name.endswith("_total"):
            raise ValueError(f"metric {self.name}: a counter, and only a counter, ends in _total")
        suffix = _UNIT_SUFFIX.get(self.unit, "")
        if suffix and not self.name.removesuffix("_total").endswith(suffix):
            raise ValueError(f"metric {self.name}: a metric in {self.unit} ends in {suffix}")
        if not self.help.strip():
            raise ValueError(f"metric {self.name}: help is missing")


class Sample(NamedTuple):
    """One value of one series at the tick in hand. Absent values are never made into a Sample."""

    metric: Metric
    labels: Labels
    value: float


def labels(pairs: Mapping[str, str] | None = None, /, **more: str) -> Labels:
    """Label pairs, sorted by name, as the rest of Vigie keys them."""
    return tuple(sorted({**(pairs or {}), **more}.items()))


def rate_of(counter: Metric) -> Metric:
    """The gauge that holds a counter's rate per second: ``x_bytes_total`` -> ``x_bytes_per_second``.

    A counter of seconds gives a ratio (seconds per second): ``x_seconds_total`` -> ``x_ratio``.
    """
    stem = counter.name.removesuffix("_total")
    if counter.unit == "seconds":
        return Metric(stem.removesuffix("_seconds") + "_ratio", "gauge", "ratio", counter.help)
    unit = {"bytes": "bytes_per_second"}.get(counter.unit, "per_second")
    return Metric(stem + "_per_second", "gauge", unit, f"{counter.help}, per second")


def unit_of(name: str) -> str:
    """The base unit that a metric's name tells, and "" where it tells none: for a metric without a series so far."""
    stem = name.removesuffix("_total")
    found = [unit for unit, suffix in _UNIT_SUFFIX.items() if stem.endswith(suffix)]
    return max(found, key=len, default="per_second" if stem.endswith("_per_second") else "")


def escape(value: str) -> str:
    """A label value as the Prometheus text format writes it."""
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def series_key(name: str, pairs: Iterable[tuple[str, str]] = ()) -> str:
    """The one spelling of a series: ``name`` or ``name{a="b",c="d"}`` with labels sorted by name."""
    inner = ",".join(f'{k}="{escape(v)}"' for k, v in sorted(pairs))
    return f"{name}{{{inner}}}" if inner else name


def is_present(value: float | None) -> TypeGuard[float]:
    """True for a finite number: None, NaN and infinities are absent values."""
    return value is not None and math.isfinite(value)
