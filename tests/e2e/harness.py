"""Starts the real server process as a person would, and talks to it."""

from __future__ import annotations

import atexit
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import requests

from tests.support import free_port, wait_until

ROOT = Path(__file__).parents[2]
PASSWORD = "a lookout keeps watch"
CALM = {"monitoring": {"alertThresholds": {
    **dict.fromkeys((
        "cpuPercent", "cpuCriticalPercent", "memoryPercent", "memoryCriticalPercent", "diskWarningPercent",
        "diskPercent",
    ), 100),
    "diskLatencyMs": 60_000, "networkErrorsPerSecond": 1_000_000, "memoryGrowthMb": 1_048_576,
}}}
"""A configuration by which a machine that runs tests is well: no alert or change of health comes between."""


@cache
def compressed() -> Path:
    """Where all servers of a run find static files compressed: each would take half a minute of a core for its own."""
    folder = tempfile.TemporaryDirectory(prefix="vigie-static-")
    atexit.register(folder.cleanup)
    return Path(folder.name)


def clean_environment() -> dict[str, str]:
    """This environment without any setting of Vigie."""
    return {k: v for k, v in os.environ.items() if not k.startswith("VIGIE_") and k != "DASHBOARD_PORT"}


def run_app(*arguments: str, env: dict[str, str] | None = None, stdin: str = "", timeout: float = 60) -> Any:
    """Runs ``python app.py`` to its end; the completed process with its text output."""
    return subprocess.run(
        [sys.executable, str(ROOT / "app.py"), *arguments],
        cwd=ROOT, env=clean_environment() | (env or {}), input=stdin, capture_output=True, text=True, timeout=timeout,
    )


class Server:
    """One Vigie: its process, its data folder, its address and what it printed."""

    def __init__(self, data_dir: Path, *options: str, port: int | None = None, **env: str) -> None:
        self.data_dir, self.options, self.port, self._env = data_dir, options, port or free_port(), env
        base = next((o.removeprefix("--base-path=") for o in options if o.startswith("--base-path=")), "/")
        self.url = f"http://127.0.0.1:{self.port}{base.rstrip('/')}"
        self._log = data_dir.parent / f"{data_dir.name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def calm(self) -> Server:
        """Has it start with the configuration `CALM`."""
        return self.configured(CALM)

    def configured(self, config: Mapping[str, Any]) -> Server:
        """Has it start with a configuration of the test's own."""
        folder = self.data_dir / "config"
        folder.mkdir(parents=True)
        (folder / "dashboard_config.json").write_text(json.dumps(config))
        return self

    def start(self) -> Server:
        """Starts it and waits until it answers and has collected."""
        static = self.data_dir / "cache" / "static"
        if not static.parent.exists():
            static.parent.mkdir(parents=True)
            static.symlink_to(compressed())
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "app.py"), "--port", str(self.port), "--data-dir", str(self.data_dir),
                 *self.options],
                cwd=ROOT, env=clean_environment() | {"VIGIE_ADMIN_PASSWORD": PASSWORD} | self._env,
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )
        wait_until(self._ready, 60, what=f"the server answers at {self.url}")
        return self

    def _ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"the server ended:\n{self.output()}"
        try:
            return requests.get(f"{self.url}/api/health", timeout=5).status_code in (200, 503)
        except (requests.ConnectionError, requests.Timeout):
            return False

    def output(self) -> str:
        """What it printed so far."""
        return self._log.read_text(errors="replace")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Ends it and its worker; by SIGKILL with no chance to write anything."""
        if self.process is None:
            return
        if how == signal.SIGKILL:
            os.killpg(self.process.pid, how)
        elif self.process.poll() is None:
            self.process.send_signal(how)
        try:
            self.process.wait(30)
        finally:
            if self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process = None

    def run(self, *arguments: str, stdin: str = "") -> Any:
        """Runs a command such as ``user add`` on this server's data."""
        stores = [o for o in self.options if o.startswith("--database-url")]
        return run_app(*arguments, "--data-dir", str(self.data_dir), *stores, stdin=stdin)

    def person(self, role: str = "viewer") -> tuple[str, str]:
        """Somebody new: name and password. What one sets in Settings is no other test's business."""
        name = f"{role}-{uuid4().hex[:6]}"
        added = self.run("user", "add", name, "--role", role, "--password-stdin", stdin=f"{PASSWORD}\n")
        assert added.returncode == 0, added.stderr
        return name, PASSWORD

    def login(self, name: str = "admin", password: str = PASSWORD) -> requests.Session:
        """A session of cookies, signed in through the form as a browser would."""
        session = requests.Session()
        form = session.get(f"{self.url}/login", timeout=10).text
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', form)
        session.post(
            f"{self.url}/login",
            data={"username": name, "password": password, "csrf_token": found.group(1) if found else ""},
            headers={"Referer": f"{self.url}/login"}, timeout=10,
        )
        return session

    def api_login(self, name: str, password: str) -> requests.Session:
        """A session with an access token, as a program gets it."""
        answer = requests.post(
            f"{self.url}/api/auth/login", json={"username": name, "password": password}, timeout=10
        )
        session = requests.Session()
        session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return session


def wait_for_past(server: Server) -> None:
    """Waits until a demo server has filled in its hour of past, the oldest first."""
    session = server.login()
    address = f"{server.url}/api/metrics/export?metric=cpu_usage_ratio&raw=1&window=1h"
    wait_until(lambda: session.get(address, timeout=20).text.count("\n") > 3570, 180, what="the demo has its past")
