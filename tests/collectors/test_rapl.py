"""The processor's power out of its energy counters."""

from __future__ import annotations

from pathlib import Path

import pytest

from collectors.base import NoData
from collectors.rapl import Rapl


class Machine:
    def __init__(self, folder: Path, packages: int = 1) -> None:
        self.folder, self.at = folder, 100.0
        for number in range(packages):
            zone = self.zone(number)
            zone.mkdir(parents=True)
            (zone / "max_energy_range_uj").write_text("1000000000\n")
            (folder / "class" / "powercap" / f"intel-rapl:{number}:0").mkdir()
        self.rapl = Rapl(str(folder), lambda: self.at)

    def zone(self, number: int) -> Path:
        return self.folder / "class" / "powercap" / f"intel-rapl:{number}"

    def read(self, *energies: int, seconds: float = 1.0) -> dict[str, float]:
        self.at += seconds
        for number, energy in enumerate(energies):
            (self.zone(number) / "energy_uj").write_text(f"{energy}\n")
        return {dict(one.labels)["package"]: one.value for one in self.rapl.collect(self.at)}


def test_power_is_energy_over_time(tmp_path: Path) -> None:
    machine = Machine(tmp_path, 2)
    assert machine.read(0, 500) == {}
    assert machine.read(60_000_000, 45_000_500, seconds=2) == {"0": 30, "1": 22.5}


def test_a_counter_that_wraps_goes_on(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.read(990_000_000)
    assert machine.read(10_000_000) == {"0": 20}


def test_a_long_hole_is_no_sample(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.read(0)
    assert machine.read(5_000_000, seconds=100) == {}


def test_a_machine_without_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(NoData, match="virtual machines"):
        Rapl(str(tmp_path)).collect(0)


def test_without_the_right_to_read_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(tmp_path)

    def refuse(*_: object) -> str:
        raise PermissionError

    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(NoData, match="Only root"):
        machine.rapl.collect(0)
