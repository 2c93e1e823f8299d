"""NVIDIA cards through the real binding on a fake NVML library (tests/fake_nvml)."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pynvml
import pytest

from collectors import nvidia
from collectors.base import NoData
from collectors.memory import Memory
from collectors.nvidia import REASONS, Nvidia
from collectors.scrape import ScrapeRunner
from metrics.metric import series_key

SOURCE = Path(__file__).parent.parent / "fake_nvml" / "fake_nvml.c"
ROOT = Path(__file__).parent.parent.parent
GIB = 2**30
NOW = 1_800_000_000.0


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fake ``libnvidia-ml.so.1``, compiled."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler (gcc)")
    built = tmp_path_factory.mktemp("nvml") / "libnvidia-ml.so.1"
    flags = ["-shared", "-fPIC", "-O1", "-w", "-Wl,-soname,libnvidia-ml.so.1"]
    subprocess.run([compiler, *flags, "-o", str(built), str(SOURCE)], check=True, capture_output=True)
    return built


@pytest.fixture
def cards(library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """``cards("count=2", "0.util=37")`` says what the library answers from now on."""
    state = tmp_path / "state.txt"
    state.write_text("count=2\n", encoding="utf-8")
    monkeypatch.setenv("FAKE_NVML_STATE", str(state))
    loaded = ctypes.CDLL(str(library))
    monkeypatch.setattr(pynvml, "nvmlLib", loaded)
    monkeypatch.setattr(pynvml, "_nvmlGetFunctionPointer_cache", {})

    def say(*lines: str) -> None:
        fresh = state.with_suffix(".new")
        fresh.write_text("\n".join(lines) + "\n", encoding="utf-8")
        fresh.replace(state)  # at once: the library reads it at any moment

    monkeypatch.setattr(nvidia, "LIBRARY", str(library))
    yield say
    say("count=2")
    while loaded.nvmlShutdown() == 0:
        pass


def read(collector: Nvidia, now: float = NOW) -> dict[str, float]:
    """Samples by series key."""
    samples = list(collector.collect(now))
    assert {s.metric for s in samples} <= set(Nvidia.metrics)
    found = {series_key(s.metric.name, s.labels): s.value for s in samples}
    assert len(found) == len(samples)
    return found


def test_every_reading_of_two_cards(cards: Callable[..., None]) -> None:
    cards(
        "count=2", "0.util=83", "0.mem_used=9663676416", "1.mem_total=51539607552", "1.mem_used=0", "0.temp=71",
        "0.power=401500", "*.power_limit=450000", "0.clock1=2505", "0.clock2=10501", "0.fan=45", "0.pcie_kbps0=1000",
        "0.pcie_kbps1=2000", "0.ecc_errors0=3", "0.ecc_errors1=1", "1.name=NVIDIA Fake A6000", "0.throttle=4",
    )
    collector = Nvidia()
    found = read(collector)
    assert found['gpu_usage_ratio{gpu="0"}'] == pytest.approx(0.83)
    assert found['gpu_usage_ratio{gpu="1"}'] == pytest.approx(0.40)
    assert found['gpu_memory_used_bytes{gpu="0"}'] == 9 * GIB
    assert found['gpu_memory_total_bytes{gpu="1"}'] == 48 * GIB
    assert found['gpu_memory_used_ratio{gpu="0"}'] == pytest.approx(9 / 24)
    assert found['gpu_memory_used_ratio{gpu="1"}'] == 0
    assert found['gpu_temperature_celsius{gpu="0"}'] == 71
    assert found['gpu_power_watts{gpu="0"}'] == pytest.approx(401.5)
    assert found['gpu_power_limit_watts{gpu="0"}'] == pytest.approx(450)
    assert found['gpu_sm_clock_hertz{gpu="0"}'] == pytest.approx(2505e6)
    assert found['gpu_memory_clock_hertz{gpu="0"}'] == pytest.approx(10501e6)
    assert found['gpu_fan_ratio{gpu="0"}'] == pytest.approx(0.45)
    assert found['gpu_pcie_transmit_bytes_per_second{gpu="0"}'] == 1000 * 1024
    assert found['gpu_pcie_receive_bytes_per_second{gpu="0"}'] == 2000 * 1024
    assert found['gpu_ecc_errors_total{gpu="0",type="corrected"}'] == 3
    assert found['gpu_ecc_errors_total{gpu="0",type="uncorrected"}'] == 1
    assert found['gpu_throttled{gpu="0",reason="power_cap"}'] == 1
    first, second = collector.snapshot()["gpus"]
    assert (first["gpu"], first["name"], first["driver"]) == ("0", "NVIDIA Fake RTX 4090", "580.00.fake")
    assert second["name"] == "NVIDIA Fake A6000"
    assert second["uuid"].startswith("GPU-")
    assert first["state"] == second["state"] == "ok"


@pytest.mark.parametrize(("bit", "reason"), REASONS.items())
def test_reasons_to_throttle_are_told_apart(bit: int, reason: str, cards: Callable[..., None]) -> None:
    cards("count=1", f"0.throttle={bit | 1}")  # 1 is idle: no throttling
    found = read(Nvidia())
    flags = {key: value for key, value in found.items() if key.startswith("gpu_throttled")}
    assert len(flags) == len(REASONS)
    assert {key for key, value in flags.items() if value} == {f'gpu_throttled{{gpu="0",reason="{reason}"}}'}


READINGS = {
    "util": ["gpu_usage_ratio"], "fan": ["gpu_fan_ratio"], "power": ["gpu_power_watts"],
    "temp": ["gpu_temperature_celsius"], "power_limit": ["gpu_power_limit_watts"],
    "clock1": ["gpu_sm_clock_hertz"], "clock2": ["gpu_memory_clock_hertz"],
    "mem_total": ["gpu_memory_used_bytes", "gpu_memory_total_bytes", "gpu_memory_used_ratio"],
    "pcie_kbps0": ["gpu_pcie_transmit_bytes_per_second"], "pcie_kbps1": ["gpu_pcie_receive_bytes_per_second"],
    "throttle": ["gpu_throttled"], "ecc_errors0": ["gpu_ecc_errors_total"],
}


@pytest.mark.parametrize("error", [3, 4, 13, 10, 999])
@pytest.mark.parametrize("reading", READINGS)
def test_a_reading_that_is_not_there_is_absent_alone(reading: str, error: int, cards: Callable[..., None]) -> None:
    cards("count=2")
    whole = set(read(Nvidia()))
    cards("count=2", f"1.{reading}=err{error}")
    found = set(read(Nvidia()))
    gone = whole - found
    assert gone
    assert all('gpu="1"' in key and key.split("{")[0] in READINGS[reading] for key in gone)


def test_a_reading_that_is_not_supported_is_not_asked_again(cards: Callable[..., None]) -> None:
    cards("count=1", "0.fan=err3")
    collector = Nvidia()
    read(collector)
    cards("count=1", "0.fan=50")
    assert 'gpu_fan_ratio{gpu="0"}' not in read(collector, NOW + 1)


def test_a_timeout_is_asked_again(cards: Callable[..., None]) -> None:
    cards("count=1", "0.util=err10")
    collector = Nvidia()
    assert 'gpu_usage_ratio{gpu="0"}' not in read(collector)
    cards("count=1", "0.util=50")
    assert read(collector, NOW + 1)['gpu_usage_ratio{gpu="0"}'] == pytest.approx(0.5)


def test_a_card_off_the_bus_loses_its_own_readings_only(cards: Callable[..., None]) -> None:
    cards("count=2", "1.power=err15", "1.procs=77:1024")
    collector = Nvidia()
    found = read(collector)
    assert all('gpu="0"' in key for key in found)
    assert found
    first, second = collector.snapshot()["gpus"]
    assert first["state"] == "ok"
    assert second["state"] == "lost"
    assert "lost" in second["message"].lower()
    assert second["processes"] == []
    cards("count=2")
    assert any('gpu="1"' in key for key in read(collector, NOW + 61))  # NVML was started anew
    assert collector.snapshot()["gpus"][1]["state"] == "ok"


def test_a_card_that_tells_nothing_but_errors_is_lost(cards: Callable[..., None]) -> None:
    cards("count=2", "1.ecc_errors1=err999", *(f"1.{reading}=err999" for reading in READINGS))
    collector = Nvidia()
    assert all('gpu="0"' in key for key in read(collector))
    assert [card["state"] for card in collector.snapshot()["gpus"]] == ["ok", "lost"]
    assert "Unknown" in collector.snapshot()["gpus"][1]["message"]


def test_all_cards_off_the_bus_is_a_failure(cards: Callable[..., None]) -> None:
    cards("count=2", "*.util=err15")
    with pytest.raises(OSError, match=r"GPU 0: .*GPU 1: "):
        read(Nvidia())


def test_the_driver_may_be_reloaded(cards: Callable[..., None]) -> None:
    cards("count=1")
    collector = Nvidia()
    read(collector)
    pynvml.nvmlShutdown()  # as when the module was taken out: every call now says "uninitialized"
    with pytest.raises(OSError, match="went away"):
        read(collector, NOW + 1)
    assert collector.snapshot() == {}
    cards("count=2", "0.util=11")
    assert read(collector, NOW + 2)['gpu_usage_ratio{gpu="0"}'] == pytest.approx(0.11)
    assert len(collector.snapshot()["gpus"]) == 2


def test_processes_are_named_and_told_once(cards: Callable[..., None], tmp_path: Path) -> None:
    (tmp_path / "4242").mkdir()
    (tmp_path / "4242" / "comm").write_text("llama-server\n")
    cards("count=1", "0.procs=7:1024,4242:6442450944,9:na", "0.gfx_procs=4242:1048576,8:2048")
    collector = Nvidia(proc=str(tmp_path))
    read(collector)
    assert collector.snapshot()["gpus"][0]["processes"] == [
        {"pid": 4242, "name": "llama-server", "memory_bytes": 6 * GIB},
        {"pid": 8, "name": "", "memory_bytes": 2048.0},
        {"pid": 7, "name": "", "memory_bytes": 1024.0},
        {"pid": 9, "name": "", "memory_bytes": None},
    ]


def test_slow_readings_keep_their_pace(cards: Callable[..., None]) -> None:
    collector = Nvidia()
    slow = {key for key in read(collector, NOW) if key.split("{")[0] in Nvidia.cadence}
    assert slow
    assert not slow & set(read(collector, NOW + 1))
    assert slow <= set(read(collector, NOW + 5))


def test_no_driver_is_no_data(cards: Callable[..., None]) -> None:
    cards("init=9")
    with pytest.raises(NoData, match="not loaded"):
        read(Nvidia())
    cards("count=0")
    with pytest.raises(NoData, match="no GPU"):
        read(Nvidia())


def test_two_versions_of_the_driver_are_a_failure(cards: Callable[..., None]) -> None:
    cards("init=18")
    with pytest.raises(OSError, match="restart"):
        read(Nvidia())


def test_no_library_is_no_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvidia, "LIBRARY", "libnvidia-none.so.1")
    with pytest.raises(NoData, match="No NVIDIA driver is installed"):
        read(Nvidia())


def test_a_library_that_only_the_check_finds_is_no_data(cards: Callable[..., None]) -> None:
    cards("init=12")
    with pytest.raises(NoData, match="No NVIDIA driver is installed"):
        read(Nvidia())


def test_no_binding_is_no_data() -> None:
    def missing() -> Any:
        raise ImportError("pynvml")

    with pytest.raises(NoData, match="nvidia-ml-py"):
        read(Nvidia(binding=missing))


def test_the_binding_finds_the_library_by_itself(library: Path, tmp_path: Path) -> None:
    """In a process of its own, as the loader reads LD_LIBRARY_PATH at its start."""
    state = tmp_path / "state"
    state.write_text("count=2\n0.util=42\n1.power=err15\n", encoding="utf-8")
    script = (
        "import json\nfrom collectors.nvidia import Nvidia\nc = Nvidia()\n"
        "found = {f'{s.metric.name}{dict(s.labels)}': s.value for s in c.collect(0.0)}\n"
        "print(json.dumps([found, c.snapshot()]))\n"
    )
    environ = {**os.environ, "LD_LIBRARY_PATH": str(library.parent), "FAKE_NVML_STATE": str(state)}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environ, capture_output=True, text=True, check=True
    )
    found, snapshot = json.loads(done.stdout)
    assert found["gpu_usage_ratio{'gpu': '0'}"] == pytest.approx(0.42)
    assert [card["state"] for card in snapshot["gpus"]] == ["ok", "lost"]


def test_a_driver_that_hangs_holds_up_nothing_else(cards: Callable[..., None]) -> None:
    cards("count=1", "hang=1")
    runner = ScrapeRunner([Nvidia(), Memory()], deadline=0.2)
    try:
        samples, _ = runner.run(NOW)
        names = {s.metric.name for s in samples}
        assert "memory_total_bytes" in names
        assert not any(name.startswith("gpu_") for name in names)
        cards("count=1")
        end = time.monotonic() + 10
        while not any(name.startswith("gpu_") for name in names) and time.monotonic() < end:
            samples, _ = runner.run(NOW)
            names |= {s.metric.name for s in samples}
        assert "gpu_usage_ratio" in names
    finally:
        cards("count=1")
        runner.stop()
