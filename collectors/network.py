"""Network: traffic, errors, state, speed and addresses per interface."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import psutil

from collectors.base import NoData
from collectors.pace import Pace
from collectors.procfs import clean, psutil_reading
from metrics.metric import Metric, Sample, labels

RECEIVE_BYTES = Metric("network_receive_bytes_total", "counter", "bytes", "Bytes received")
TRANSMIT_BYTES = Metric("network_transmit_bytes_total", "counter", "bytes", "Bytes sent")
RECEIVE_PACKETS = Metric("network_receive_packets_total", "counter", "", "Packets received")
TRANSMIT_PACKETS = Metric("network_transmit_packets_total", "counter", "", "Packets sent")
RECEIVE_ERRORS = Metric("network_receive_errors_total", "counter", "", "Packets received broken")
TRANSMIT_ERRORS = Metric("network_transmit_errors_total", "counter", "", "Packets that could not be sent")
RECEIVE_DROPS = Metric("network_receive_drops_total", "counter", "", "Packets received and dropped")
TRANSMIT_DROPS = Metric("network_transmit_drops_total", "counter", "", "Packets dropped before sending")
UP = Metric("network_up", "gauge", "", "1 when the interface is up and has a link, else 0")
SPEED = Metric("network_speed_bytes_per_second", "gauge", "bytes_per_second", "Speed of the link")
ALL_RECEIVE = Metric("network_all_receive_bytes_total", "counter", "bytes", "Bytes received by the machine")
ALL_TRANSMIT = Metric("network_all_transmit_bytes_total", "counter", "bytes", "Bytes sent by the machine")

FACTS_EVERY = 10.0
LOOPBACK = "lo"
UNKNOWN_SPEEDS = (0, 65535)
"""Mbit/s that drivers answer when they do not know: psutil's 0, and the kernel's -1 in 16 bits."""
_COUNTERS = (
    (RECEIVE_BYTES, "bytes_recv"), (TRANSMIT_BYTES, "bytes_sent"),
    (RECEIVE_PACKETS, "packets_recv"), (TRANSMIT_PACKETS, "packets_sent"),
    (RECEIVE_ERRORS, "errin"), (TRANSMIT_ERRORS, "errout"),
    (RECEIVE_DROPS, "dropin"), (TRANSMIT_DROPS, "dropout"),
)
_IP = (socket.AF_INET, socket.AF_INET6)


class Network:
    """Reads /proc/net/dev each tick; state, speed and addresses every 10 s.

    The machine's total counts its physical interfaces, because a bridge, a bond or a tunnel repeats their bytes;
    where there is none (a container) it counts all but the loopback. It never steps back when one goes away.
    """

    name: ClassVar[str] = "network"
    metrics: ClassVar[tuple[Metric, ...]] = (
        *(metric for metric, _ in _COUNTERS), UP, SPEED, ALL_RECEIVE, ALL_TRANSMIT,
    )
    cadence: ClassVar[dict[str, float]] = {UP.name: FACTS_EVERY, SPEED.name: FACTS_EVERY}
    every: float = 0.0

    def __init__(
        self,
        proc: str = "/proc",
        sys: str = "/sys",
        read_stats: Callable[[], Mapping[str, Any]] = psutil.net_if_stats,
        read_addresses: Callable[[], Mapping[str, Sequence[Any]]] = psutil.net_if_addrs,
    ) -> None:
        self._proc, self._sys = proc, sys
        self._read_stats, self._read_addresses = read_stats, read_addresses
        self._pace = Pace(FACTS_EVERY)
        self._stats: Mapping[str, Any] = {}
        self._physical: dict[str, bool] = {}
        self._labels: dict[str, tuple[tuple[str, str], ...]] = {}
        self._before: dict[str, tuple[int, int]] = {}
        self._all: tuple[int, int] | None = None
        self._snapshot: dict[str, Any] = {}

    def collect(self, now: float) -> Iterator[Sample]:
        """Reads once.

        Raises:
            NoData: there is no interface, or no /proc/net/dev.
            OSError: /proc/net/dev cannot be read.
        """
        try:
            with psutil_reading(self._proc):
                raw: Mapping[str, Any] = psutil.net_io_counters(pernic=True, nowrap=False) or {}
        except FileNotFoundError:
            raw = {}
        if not raw:
            raise NoData("No network interface is to be seen here.")
        facts = self._pace.due(now)
        if facts:
            self._stats = _ask(self._read_stats)
            self._physical = {
                name: os.path.exists(f"{self._sys}/class/net/{name}/device")  # noqa: PTH110 - many, each 10 s
                for name in raw
            }
        shown = [name for name in raw if self._worth(name, raw[name])]
        for name in shown:
            io = raw[name]
            pair = self._labels.get(name)
            if pair is None:
                pair = self._labels[name] = labels(interface=clean(name))
            for metric, field in _COUNTERS:
                yield Sample(metric, pair, float(getattr(io, field)))
        yield from self._total(raw)
        if facts:
            yield from self._facts(shown)

    def snapshot(self) -> dict[str, Any]:
        """interfaces: [{interface, addresses, speed_bytes_per_second (None unknown), up (None unknown)}]."""
        return self._snapshot

    def _worth(self, name: str, io: Any) -> bool:
        """Whether an interface is shown: not the kernel's templates (sit0, tunl0, a dummy), never used and down."""
        stats = self._stats.get(name)
        used = io.bytes_recv or io.bytes_sent
        return bool(used or self._physical.get(name) or stats is None or stats.isup)

    def _total(self, raw: Mapping[str, Any]) -> Iterator[Sample]:
        names = [n for n in raw if self._physical.get(n)] or [n for n in raw if n != LOOPBACK]
        if not names:
            return
        current = {n: (raw[n].bytes_recv, raw[n].bytes_sent) for n in names}
        if self._all is None:
            self._all = (sum(r for r, _ in current.values()), sum(s for _, s in current.values()))
        else:
            # An interface that is new or began anew counts from here: what it carried before was not seen.
            for name, (received, sent) in current.items():
                before = self._before.get(name, (received, sent))
                self._all = (
                    self._all[0] + max(0, received - before[0]), self._all[1] + max(0, sent - before[1])
                )
        self._before = current
        yield Sample(ALL_RECEIVE, (), float(self._all[0]))
        yield Sample(ALL_TRANSMIT, (), float(self._all[1]))

    def _facts(self, shown: Sequence[str]) -> Iterator[Sample]:
        addresses = _ask(self._read_addresses)
        rows = []
        for name in shown:
            stats = self._stats.get(name)
            speed = None
            if stats is not None:
                yield Sample(UP, self._labels[name], float(bool(stats.isup)))
                if stats.speed > 0 and stats.speed not in UNKNOWN_SPEEDS:
                    speed = stats.speed * 1e6 / 8
                    yield Sample(SPEED, self._labels[name], speed)
            rows.append({
                "interface": clean(name),
                "addresses": [clean(a.address) for a in addresses.get(name, ()) if a.family in _IP],
                "speed_bytes_per_second": speed,
                "up": None if stats is None else bool(stats.isup),
            })
        self._snapshot = {"interfaces": rows}


def _ask(reader: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
    """A reader's answer; nothing where a sandbox forbids the question. Traffic is told all the same."""
    try:
        return reader()
    except OSError:
        return {}
