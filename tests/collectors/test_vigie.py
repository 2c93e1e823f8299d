"""Vigie on itself."""

from __future__ import annotations

import pytest

from collectors.vigie import VigieSelf
from tests.collectors.reading import read_keys


def test_vigie_tells_what_it_is_told_and_what_it_uses() -> None:
    clock, cpu = iter([0.0, 10.0]), iter([1.0, 1.5])
    vigie = VigieSelf(
        lambda: {"vigie_viewers": 3, "vigie_buffered_ticks": float("nan")}, lambda: next(clock), lambda: next(cpu)
    )
    first = read_keys(vigie)
    assert first["vigie_viewers"] == 3
    assert first["vigie_memory_bytes"] > 1_000_000
    assert not {"vigie_buffered_ticks", "vigie_cpu_ratio"} & set(first)
    assert read_keys(vigie)["vigie_cpu_ratio"] == pytest.approx(0.05)


def test_vigie_refuses_what_is_not_declared() -> None:
    with pytest.raises(KeyError):
        read_keys(VigieSelf(lambda: {"vigie_secret": 1.0}))
