"""The memory of this machine by model, as `live.models.cards` tells that of its GPUs."""

from __future__ import annotations

from dataclasses import dataclass

from live.models import Present
from metrics import models as m

HOST = frozenset({m.MEMORY.name, "memory_used_bytes", "memory_total_bytes"})
"""Metrics that `host` is made of."""


@dataclass(frozen=True, slots=True)
class Host:
    """Bytes. ``models`` are (server, model, bytes), the largest first; a model without a name is one of several that a
    server's process holds together."""

    used: float
    total: float | None
    models: tuple[tuple[str, str, float], ...] = ()

    @property
    def others(self) -> float:
        """What is used and is no known model's."""
        return max(self.used - sum(size for _server, _model, size in self.models), 0.0)


def host(present: Present) -> Host | None:
    """Host memory: what models have of it, what others, what is free; None while it is not known.

    Args:
        present: newest values of `HOST`.
    """
    used: float | None = None
    total: float | None = None
    parts: dict[tuple[str, str], float] = {}
    for info, value in present:
        if info.name == "memory_used_bytes":
            used = value
        elif info.name == "memory_total_bytes":
            total = value
        else:
            # A server that turns out to be another engine is in two series for a while: the same memory twice.
            key = info.label("server"), info.label("model")
            parts[key] = max(parts.get(key, 0.0), value)
    if used is None:
        return None
    ordered = sorted(((server, model, size) for (server, model), size in parts.items()), key=lambda part: -part[2])
    return Host(used, total, tuple(ordered))
