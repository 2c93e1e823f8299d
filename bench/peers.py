"""Other monitors, started as their documentation says, at one collection a second, keeping their history.

``python -m bench.peers`` installs them: Debian's packages as root, and Glances into .build/peers.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support import free_port, listens, wait_until

ROOT = Path(__file__).parents[1]
GLANCES = ROOT / ".build" / "peers" / "bin" / "glances"
PACKAGES = ("netdata-core", "netdata-web", "prometheus", "prometheus-node-exporter", "victoria-metrics")
CHARTS = (
    "system.cpu", "system.pgpgio", "system.ram", "system.io", "system.net", "system.processes", "system.ctxt",
    "system.intr",
)


@dataclass(frozen=True, slots=True)
class Peer:
    """A running monitor: its processes and what one of its viewers asks for each second."""

    name: str
    pids: list[int]
    urls: list[str]


@contextmanager
def _running(*commands: list[str], port: int) -> Iterator[list[int]]:
    processes = [
        subprocess.Popen(c, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        for c in commands
    ]
    try:
        wait_until(lambda: listens(port), 60, what=f"{commands[-1][0]} answers")
        yield [p.pid for p in processes]
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def netdata() -> Iterator[Peer]:
    """Netdata with its defaults: 1 s, history in its own database, machine learning where it has it."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        options = [
            ("global", "run as user", "root"), ("web", "bind to", "127.0.0.1"), ("web", "default port", str(port)),
            ("global", "cache directory", f"{folder}/cache"), ("global", "lib directory", f"{folder}/lib"),
            ("directories", "cache", f"{folder}/cache"), ("directories", "lib", f"{folder}/lib"),
            ("health", "enabled", "no"), ("statsd", "enabled", "no"),
        ]
        for part in ("cache", "lib"):
            (Path(folder) / part).mkdir()
        command = ["netdata", "-D", "-P", f"{folder}/pid"]
        for section, key, value in options:
            command += ["-W", "set", section, key, value]
        with _running(command, port=port) as pids:
            base = f"http://127.0.0.1:{port}/api/v1/data?after=-1&points=1&chart="
            yield Peer("Netdata", pids, [base + chart for chart in CHARTS])


@contextmanager
def prometheus() -> Iterator[Peer]:
    """Prometheus with node-exporter, scraped each second."""
    port, exporter = free_port(), free_port()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "prometheus.yml"
        config.write_text(
            "global: {scrape_interval: 1s}\nscrape_configs:\n- job_name: node\n"
            f"  static_configs: [{{targets: ['127.0.0.1:{exporter}']}}]\n"
        )
        commands = (
            ["prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{exporter}"],
            ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder}/data",
             f"--web.listen-address=127.0.0.1:{port}"],
        )
        with _running(*commands, port=port) as pids:
            base = f"http://127.0.0.1:{port}/api/v1/query?query="
            names = ("node_load1", "node_load5", "node_load15", "node_memory_MemFree_bytes", "node_memory_Cached_bytes",
                     "rate(node_cpu_seconds_total[5s])", "rate(node_network_receive_bytes_total[5s])",
                     "rate(node_disk_read_bytes_total[5s])")
            yield Peer("Prometheus + node-exporter", pids, [base + name for name in names])


@contextmanager
def glances() -> Iterator[Peer]:
    """Glances' web server. It collects only while someone looks and keeps its history in memory."""
    port = free_port()
    program = str(GLANCES) if GLANCES.exists() else "glances"
    command = [program, "-w", "-B", "127.0.0.1", "-p", str(port), "-t", "1", "--disable-check-update"]
    with _running(command, port=port) as pids:
        yield Peer("Glances", pids, [f"http://127.0.0.1:{port}/api/4/all"])


@contextmanager
def victoria_metrics() -> Iterator[str]:
    """The address of an empty VictoriaMetrics with its defaults: it collects nothing, and keeps what it is sent."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = ["victoria-metrics", f"-storageDataPath={folder}/data", f"-httpListenAddr=127.0.0.1:{port}"]
        with _running(command, port=port):
            yield f"http://127.0.0.1:{port}"


PEERS: tuple[tuple[str, Callable[[], AbstractContextManager[Peer]]], ...] = (
    ("netdata", netdata), ("prometheus", prometheus), ("glances", glances),
)


def installed(program: str) -> bool:
    """True when a peer can be started here."""
    return shutil.which(program) is not None or (program == "glances" and GLANCES.exists())


def install() -> int:
    """Installs the peers."""
    apt = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *PACKAGES]
    subprocess.run(["apt-get", "update", "-qq"], check=False)
    subprocess.run(apt, check=False)
    subprocess.run([sys.executable, "-m", "venv", str(GLANCES.parents[1])], check=True)
    return subprocess.run([str(GLANCES.parent / "pip"), "install", "-q", "glances[web]"], check=False).returncode


if __name__ == "__main__":
    sys.exit(install())
