"""NVIDIA GPUs through NVML, by the ``nvidia-ml-py`` binding (module ``pynvml``), imported when first needed.

Each reading stands alone: what a card does not tell is absent. A card that falls off the bus loses its own readings
and is told in the snapshot; the others go on. Units and codes: NVIDIA's NVML API reference.
"""

from __future__ import annotations

import ctypes
import importlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

from collectors.base import NoData
from collectors.pace import Pace
from collectors.procfs import clean, read_text
from metrics.metric import Labels, Metric, Sample, labels

USAGE = Metric("gpu_usage_ratio", "gauge", "ratio", "Time in which the GPU computed")
MEMORY_USED = Metric("gpu_memory_used_bytes", "gauge", "bytes", "GPU memory in use")
MEMORY_TOTAL = Metric("gpu_memory_total_bytes", "gauge", "bytes", "GPU memory there is")
MEMORY_RATIO = Metric("gpu_memory_used_ratio", "gauge", "ratio", "GPU memory in use, of the total")
TEMPERATURE = Metric("gpu_temperature_celsius", "gauge", "celsius", "Temperature of the GPU")
POWER = Metric("gpu_power_watts", "gauge", "watts", "Power the card draws")
POWER_LIMIT = Metric("gpu_power_limit_watts", "gauge", "watts", "Power limit in force")
SM_CLOCK = Metric("gpu_sm_clock_hertz", "gauge", "hertz", "Clock of the multiprocessors")
MEMORY_CLOCK = Metric("gpu_memory_clock_hertz", "gauge", "hertz", "Clock of the memory")
FAN = Metric("gpu_fan_ratio", "gauge", "ratio", "Fan speed the card asks for, of its most")
PCIE_RECEIVE = Metric("gpu_pcie_receive_bytes_per_second", "gauge", "bytes_per_second", "PCIe traffic to the GPU")
PCIE_TRANSMIT = Metric("gpu_pcie_transmit_bytes_per_second", "gauge", "bytes_per_second", "PCIe traffic from the GPU")
THROTTLED = Metric("gpu_throttled", "gauge", "", "1 while the reason holds the clocks down, else 0")
ECC = Metric("gpu_ecc_errors_total", "counter", "", "Memory errors over the life of the card")

REASONS = {
    0x04: "power_cap", 0x08: "hardware_slowdown", 0x20: "software_thermal", 0x40: "hardware_thermal",
    0x80: "power_brake",
}
"""nvmlClocksEventReason* bits that mean slower than wanted; idle, chosen clocks and sync boost are none."""
LIBRARY = "libnvidia-ml.so.1"
SLOW_EVERY = 5.0
"""Seconds between looks at PCIe (NVML measures 20 ms for each answer), ECC and the processes."""
REOPEN_EVERY = 60.0
"""Seconds between new starts of NVML while a card is lost: a card that was reset comes back only so."""

_ABSENT = {2, 3, 4, 6, 10, 13, 14, 19, 21, 23, 24, 25, 26, 27, 30}
"""Codes by which one reading is not there: not supported, no permission, function not in this driver, ..."""
_NEVER = {3, 13, 25}
"""Of those, the ones that will not change while the driver runs: not asked again."""
_LOST = {15, 16, 28}
"""GPU is lost, reset required, GPU not found."""
_CLOSED = {1, 9, 18}
"""Uninitialized, driver not loaded, driver and library of two versions: NVML must be started anew."""


def _no_driver() -> NoData:
    # Written out, so that the translators' tool finds it.
    return NoData("No NVIDIA driver is installed (libnvidia-ml.so.1 is not there).")


def load_binding() -> Any:
    """The module ``pynvml``, imported only where there is a driver: it costs some MiB.

    Raises:
        ImportError: it is not installed.
        NoData: there is no driver to talk to.
    """
    try:
        ctypes.CDLL(LIBRARY)
    except OSError:
        raise _no_driver() from None
    return importlib.import_module("pynvml")


class _CardLost(Exception):
    """This card answers no more."""


class _Closed(Exception):
    """NVML as a whole answers no more."""


@dataclass(slots=True)
class _Card:
    index: int
    handle: Any
    pair: Labels
    name: str = ""
    uuid: str = ""
    state: str = "ok"
    message: str = ""
    trouble: str = ""
    """The newest error of a reading that no code explains, such as 999."""
    never: set[str] = field(default_factory=set)
    processes: list[dict[str, Any]] = field(default_factory=list)


class Nvidia:
    """Reads every card each tick; PCIe, ECC and processes every 5 s."""

    name: ClassVar[str] = "nvidia"
    metrics: ClassVar[tuple[Metric, ...]] = (
        USAGE, MEMORY_USED, MEMORY_TOTAL, MEMORY_RATIO, TEMPERATURE, POWER, POWER_LIMIT, SM_CLOCK, MEMORY_CLOCK, FAN,
        PCIE_RECEIVE, PCIE_TRANSMIT, THROTTLED, ECC,
    )
    cadence: ClassVar[dict[str, float]] = {m.name: SLOW_EVERY for m in (PCIE_RECEIVE, PCIE_TRANSMIT, ECC)}
    every: float = 0.0

    def __init__(self, proc: str = "/proc", binding: Callable[[], Any] = load_binding) -> None:
        self._proc, self._binding = proc, binding
        self._nvml: Any = None
        self._driver = ""
        self._cards: list[_Card] = []
        self._slow, self._reopen = Pace(SLOW_EVERY), Pace(REOPEN_EVERY)
        self._snapshot: dict[str, Any] = {}

    def collect(self, now: float) -> Iterable[Sample]:
        """Reads every card once.

        Raises:
            NoData: no binding, library, driver or card.
            OSError: NVML fails, or no card answers.
        """
        if any(card.state == "lost" for card in self._cards) and self._reopen.due(now):
            self._close()
        if self._nvml is None:
            self._open()
            self._reopen.due(now)
        slow = self._slow.due(now)
        samples: list[Sample] = []
        try:
            for card in self._cards:
                samples.extend(self._card(card, slow))
        except _Closed as error:
            self._close()
            raise OSError(f"The NVIDIA driver went away: {error}") from None
        self._snapshot = {"gpus": [self._facts(card) for card in self._cards]}
        if all(card.state == "lost" for card in self._cards):
            raise OSError("; ".join(f"GPU {card.index}: {card.message}" for card in self._cards))
        return samples

    def snapshot(self) -> dict[str, Any]:
        """gpus: [{gpu, name, uuid, driver, state ("ok" or "lost"), message, processes: [{pid, name, memory_bytes}]}];
        ``memory_bytes`` is None where the driver does not tell it."""
        return self._snapshot

    def _open(self) -> None:
        """Starts NVML and finds the cards; a card that is lost already is kept, as lost."""
        try:
            nvml = self._binding()
        except ImportError:
            raise NoData("NVIDIA GPUs are not watched: the Python package nvidia-ml-py is not installed.") from None
        try:
            nvml.nvmlInit()
        except nvml.NVMLError as error:
            raise _not_started(error.value, str(error)) from None
        self._nvml, self._cards = nvml, []
        try:
            self._driver = _text(nvml.nvmlSystemGetDriverVersion())
            count = nvml.nvmlDeviceGetCount()
        except nvml.NVMLError as error:
            self._close()
            raise OSError(f"NVML started, then failed: {error}") from None
        if not count:
            self._close()
            raise NoData("The NVIDIA driver is there and finds no GPU.")
        for index in range(count):
            card = _Card(index, None, labels(gpu=str(index)))
            try:
                card.handle = nvml.nvmlDeviceGetHandleByIndex(index)
            except nvml.NVMLError as error:
                card.state, card.message = "lost", str(error)
            self._cards.append(card)

    def _close(self) -> None:
        nvml, self._nvml, self._cards, self._snapshot = self._nvml, None, [], {}
        if nvml is not None:
            try:
                nvml.nvmlShutdown()
            except nvml.NVMLError:
                return  # it is gone already: that is why we close

    def _card(self, card: _Card, slow: bool) -> list[Sample]:
        """The samples of one card; none when it is lost, even those read before that was noticed."""
        if card.handle is None:
            return []
        card.trouble = ""
        try:
            if not card.name:
                card.name = _text(self._ask(card, "nvmlDeviceGetName"))
                card.uuid = _text(self._ask(card, "nvmlDeviceGetUUID"))
            samples = list(self._fast(card))
            if slow:
                samples.extend(self._rare(card))
                card.processes = self._processes(card)
            if card.trouble and not samples:
                raise _CardLost(card.trouble)
        except _CardLost as error:
            card.state, card.message, card.processes = "lost", str(error), []
            return []
        card.state, card.message = "ok", card.trouble
        return samples

    def _fast(self, card: _Card) -> Iterator[Sample]:
        use = self._ask(card, "nvmlDeviceGetUtilizationRates")
        if use is not None:
            yield Sample(USAGE, card.pair, use.gpu / 100)
        # The second version leaves out what the driver keeps for itself, as nvidia-smi does.
        memory = self._ask(card, "nvmlDeviceGetMemoryInfo", self._nvml.nvmlMemory_v2, reading="memory2")
        memory = memory or self._ask(card, "nvmlDeviceGetMemoryInfo")
        if memory is not None and memory.total > 0:
            yield Sample(MEMORY_USED, card.pair, float(memory.used))
            yield Sample(MEMORY_TOTAL, card.pair, float(memory.total))
            yield Sample(MEMORY_RATIO, card.pair, memory.used / memory.total)
        for metric, scale, function, *arguments in (
            (TEMPERATURE, 1.0, "nvmlDeviceGetTemperature", 0),
            (POWER, 1e-3, "nvmlDeviceGetPowerUsage"),
            (POWER_LIMIT, 1e-3, "nvmlDeviceGetEnforcedPowerLimit"),
            (SM_CLOCK, 1e6, "nvmlDeviceGetClockInfo", 1),
            (MEMORY_CLOCK, 1e6, "nvmlDeviceGetClockInfo", 2),
            (FAN, 1e-2, "nvmlDeviceGetFanSpeed"),
        ):
            value = self._ask(card, function, *arguments, reading=metric.name)
            if value is not None:
                yield Sample(metric, card.pair, value * scale)
        reasons = self._ask(card, "nvmlDeviceGetCurrentClocksEventReasons")
        if reasons is None:  # its name before driver 535
            reasons = self._ask(card, "nvmlDeviceGetCurrentClocksThrottleReasons")
        if reasons is not None:
            for bit, reason in REASONS.items():
                yield Sample(THROTTLED, labels(gpu=str(card.index), reason=reason), float(bool(reasons & bit)))

    def _rare(self, card: _Card) -> Iterator[Sample]:
        for metric, counter in ((PCIE_TRANSMIT, 0), (PCIE_RECEIVE, 1)):
            rate = self._ask(card, "nvmlDeviceGetPcieThroughput", counter, reading=metric.name)
            if rate is not None:
                yield Sample(metric, card.pair, rate * 1024.0)
        for kind, number in (("corrected", 0), ("uncorrected", 1)):
            errors = self._ask(card, "nvmlDeviceGetTotalEccErrors", number, 1, reading=f"ecc {kind}")
            if errors is not None:
                yield Sample(ECC, labels(gpu=str(card.index), type=kind), float(errors))

    def _processes(self, card: _Card) -> list[dict[str, Any]]:
        """Programs on the card, largest first; one that both computes and draws is told once."""
        found: dict[int, float | None] = {}
        for function in ("nvmlDeviceGetComputeRunningProcesses", "nvmlDeviceGetGraphicsRunningProcesses"):
            for process in self._ask(card, function) or ():
                known, memory = found.get(process.pid), process.usedGpuMemory
                told = [float(m) for m in (known, memory) if m is not None]
                found[process.pid] = max(told) if told else None
        rows = [
            {"pid": pid, "name": read_text(f"{self._proc}/{pid}/comm"), "memory_bytes": memory}
            for pid, memory in found.items()
        ]
        return sorted(rows, key=lambda row: -(row["memory_bytes"] or 0.0))

    def _ask(self, card: _Card, function: str, *arguments: Any, reading: str = "") -> Any:
        """One reading, or None where the card does not tell it.

        Raises:
            _CardLost: the card answers no more.
            _Closed: NVML answers no more.
        """
        key = reading or function
        if key in card.never:
            return None
        try:
            return getattr(self._nvml, function)(card.handle, *arguments)
        except self._nvml.NVMLError as error:
            if error.value in _LOST:
                raise _CardLost(str(error)) from None
            if error.value in _CLOSED:
                raise _Closed(str(error)) from None
            if error.value in _NEVER:
                card.never.add(key)
            elif error.value not in _ABSENT:
                card.trouble = f"{function}: {error}"
            return None

    def _facts(self, card: _Card) -> dict[str, Any]:
        return {
            "gpu": str(card.index), "name": card.name, "uuid": card.uuid, "driver": self._driver,
            "state": card.state, "message": card.message, "processes": card.processes,
        }


def _not_started(code: int, text: str) -> Exception:
    """Why NVML does not start: no hardware or driver is no data; a driver that is there and broken is a failure."""
    if code in (12, 13):
        return _no_driver()
    if code == 9:
        return NoData("The NVIDIA driver is installed and not loaded: no card, or the kernel module is missing.")
    if code == 28:
        return NoData("The NVIDIA driver is there and finds no GPU.")
    if code == 18:
        return OSError("The NVIDIA driver was updated: its library and kernel module differ; restart the machine.")
    return OSError(f"NVML does not start: {text}")


def _text(value: Any) -> str:
    return clean(value) if value else ""
