"""Network: the total of the machine, addresses and links."""

from __future__ import annotations

import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from collectors.network import Network
from tests.collectors.reading import read_keys


def _net(**interfaces: tuple[int, int]) -> str:
    return "Inter-|\n face |\n" + "".join(
        f"{name}: {received} 1 0 0 0 0 0 0 {sent} 1 0 0 0 0 0 0\n" for name, (received, sent) in interfaces.items()
    )


def test_the_total_of_the_network_never_steps_back(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    dev = tmp_path / "net" / "dev"
    network = Network(str(tmp_path), str(tmp_path), dict, dict)
    totals = []
    for text in (
        _net(lo=(999, 999), a=(1000, 10), b=(500, 5)), _net(lo=(9999, 9999), a=(1100, 20), b=(600, 6)),
        _net(a=(1200, 30)), _net(a=(1300, 40), b=(700, 7)), _net(a=(3, 1), b=(800, 8)),
    ):
        dev.write_text(text)
        found = read_keys(network)
        totals.append((found["network_all_receive_bytes_total"], found["network_all_transmit_bytes_total"]))
    assert totals == [(1500, 15), (1700, 26), (1800, 36), (1900, 46), (2000, 47)]


def test_a_machine_with_a_loopback_only_has_no_total(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "dev").write_text(_net(lo=(5, 5)))
    assert "network_all_receive_bytes_total" not in read_keys(Network(str(tmp_path), str(tmp_path), dict, dict))


def test_addresses_are_those_of_the_internet(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "dev").write_text(_net(eth0=(5, 5)))
    addresses = [
        SimpleNamespace(family=socket.AF_INET, address="192.0.2.1"),
        SimpleNamespace(family=socket.AF_INET6, address="2001:db8::1"),
        SimpleNamespace(family=socket.AF_PACKET, address="02:00:00:00:00:01"),
    ]
    link = {"eth0": SimpleNamespace(isup=False, speed=1000)}
    network = Network(str(tmp_path), str(tmp_path), lambda: link, lambda: {"eth0": addresses})
    found = read_keys(network)
    assert found['network_up{interface="eth0"}'] == 0
    assert found['network_speed_bytes_per_second{interface="eth0"}'] == 125e6
    assert network.snapshot()["interfaces"][0]["addresses"] == ["192.0.2.1", "2001:db8::1"]


def test_traffic_is_told_where_the_state_of_links_is_not(tmp_path: Path) -> None:
    def forbidden() -> dict[str, Any]:
        raise PermissionError(1, "Operation not permitted")

    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "dev").write_text(_net(eth0=(5, 7)))
    network = Network(str(tmp_path), str(tmp_path), forbidden, forbidden)
    found = read_keys(network)
    assert found['network_transmit_bytes_total{interface="eth0"}'] == 7
    assert not [key for key in found if key.startswith(("network_up", "network_speed"))]
    assert network.snapshot()["interfaces"] == [
        {"interface": "eth0", "addresses": [], "speed_bytes_per_second": None, "up": None}
    ]
