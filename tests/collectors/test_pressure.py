"""Pressure where the kernel has it and keeps it off."""

from __future__ import annotations

import pytest

from collectors.base import NoData
from collectors.pressure import Pressure
from tests.collectors.reading import NOW


def test_pressure_that_the_kernel_refuses_is_no_data(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str, limit: int = 0) -> bytes:
        raise OSError(95, "Operation not supported", path)

    monkeypatch.setattr("collectors.pressure.read", refuse)
    with pytest.raises(NoData, match="psi=1"):
        list(Pressure().collect(NOW))
