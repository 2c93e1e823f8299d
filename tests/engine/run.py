"""Starts the engine of the tests, and stops it."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support import free_port, wait_until

PROGRAM = Path(__file__).with_name("llama_server.py")
COMMAND = f"{sys.executable} {PROGRAM}"
"""What stands for ``llama-server`` in a command line."""
SERVE = COMMAND + " --model {file} --alias {name} --host {host} --port {port} --ctx-size {contextSize} --metrics"
"""A model process's command line."""


@dataclass(frozen=True)
class Engine:
    """A running engine."""

    url: str
    process: subprocess.Popen[bytes]

    @property
    def busy(self) -> int:
        """Slots that work."""
        with urllib.request.urlopen(f"{self.url}/slots", timeout=10) as answer:
            return sum(slot["is_processing"] for slot in json.load(answer))


def healthy(url: str) -> bool:
    """True once the engine at ``url`` has loaded its model."""
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@contextmanager
def engine(model: Path, *options: str, alias: str = "tiny", port: int | None = None) -> Iterator[Engine]:
    """llama.cpp serving ``model`` on a free port, ready to answer."""
    port = port or free_port()
    process = subprocess.Popen(
        [sys.executable, str(PROGRAM), "-m", str(model), "--alias", alias, "--port", str(port), "--metrics", *options],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: healthy(url), 30, f"the engine at {url} is ready")
        yield Engine(url, process)
    finally:
        process.terminate()
        process.wait(20)
