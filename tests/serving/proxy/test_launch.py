"""The serving process is started, adopted, told, replaced and ended by the web process."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from config.dashboard import DashboardConfig
from serving.child import ROOT
from serving.client import ServingAway, ServingClient
from serving.launch import Launcher, is_wanted
from serving.place import socket_address
from serving.service import told_to_serving
from serving.settings import NOTHING, read_settings
from tests.serving.proxy.support import ask, document, scripted, yes
from tests.support import free_port, wait_until


class Place:
    """A data folder, its configuration, and what runs there."""

    def __init__(self, folder: Path, servers: dict[str, str]) -> None:
        self.folder = folder
        self.ports = {"ollama": free_port(), "lmstudio": free_port()}
        self.document = document(self.ports, servers)
        self.client = ServingClient(folder)
        self.launchers: list[Launcher] = []

    def launcher(self, version: str = "1", start: bool = True, **more: Any) -> Launcher:
        made = Launcher(self.folder, version, lambda: self.document, **more)
        self.launchers.append(made)
        if start:
            made.start()
        return made

    @property
    def pid(self) -> int:
        """Of the serving process that answers; 0 when none does."""
        with contextlib.suppress(ServingAway):
            return self.client.status()["pid"]
        return 0

    def answers(self) -> bool:
        """Whether a chat goes through."""
        with contextlib.suppress(requests.RequestException):
            url = f"http://127.0.0.1:{self.ports['lmstudio']}/v1/chat/completions"
            return requests.post(url, json=ask(), timeout=5).status_code == 200
        return False


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A data folder with both proxies configured before a scripted server."""
    with scripted(yes) as upstream:
        made = Place(tmp_path, {"box": upstream.url})
        yield made
        for launcher in made.launchers:
            launcher.stop()
        wait_until(lambda: not made.pid, what="the serving process has ended")


def test_it_is_started_told_and_ended(place: Place) -> None:
    launcher = place.launcher()
    wait_until(place.answers, what="a chat goes through")
    pid = place.pid
    wait_until(lambda: "2 proxies listen" in launcher.detail())
    assert launcher.problem() == "" and launcher.wanted() and launcher.enabled() == ("ollama", "lmstudio")
    assert os.getsid(pid) == pid  # a session of its own
    found = launcher.requests(0)
    assert found is not None and found["requests"][0]["model"] == "m"
    place.document["proxies"]["ollama"]["enabled"] = False
    launcher.changed()
    wait_until(lambda: not place.client.status()["proxies"][0]["up"])
    assert place.pid == pid
    launcher.stop()
    wait_until(lambda: not psutil.pid_exists(pid), what="it has ended")


def test_who_waits_finds_the_newest_configuration_taken(place: Place) -> None:
    place.launcher(start=False).settle(60)  # no loop runs: nothing to wait for
    launcher = place.launcher()
    launcher.settle(20)
    for name in ("one", "two", "three"):
        place.document = {**place.document, "models": {**place.document["models"], "processes": [{"name": name}]}}
        launcher.settle(20)
        assert [one["name"] for one in place.client.status()["processes"] if not one.get("removed")] == [name]


def test_who_waits_for_one_that_cannot_start_is_let_go(place: Place) -> None:
    launcher = place.launcher(command=(sys.executable, "-c", "import sys; sys.exit('no such thing')"))
    launcher.settle(60)
    assert launcher.problem() != ""


def test_nothing_is_started_while_nothing_is_wanted(place: Place) -> None:
    for proxy in place.document["proxies"].values():
        proxy["enabled"] = False
    launcher = place.launcher(start=False)
    launcher._round()
    assert (launcher.read(), launcher.requests(0), launcher.problem(), launcher.wanted()) == (None, None, "", False)
    assert not list(place.folder.iterdir())
    place.document["models"]["processes"] = [{"name": "own"}]
    assert is_wanted(place.document)
    place.document["models"]["processes"] = []
    place.document["proxies"]["ollama"]["enabled"] = True
    launcher.start()
    wait_until(lambda: place.pid)
    place.document["proxies"]["ollama"]["enabled"] = False
    launcher.changed()
    wait_until(lambda: not place.pid, what="it ends when it is no longer wanted")


def test_one_that_was_killed_is_started_again(place: Place) -> None:
    launcher = place.launcher()
    wait_until(place.answers)
    pid = place.pid
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: place.answers() and place.pid not in (0, pid), 20, "another one serves")
    wait_until(lambda: launcher.problem() == "")
    assert place.client.status()["requests"]["last"] >= 1


WEB = """
import sys, json, threading
from pathlib import Path
from serving.launch import Launcher
document = json.loads(sys.stdin.readline())
launcher = Launcher(Path(sys.argv[1]), "1", lambda: document)
launcher.start()
threading.Event().wait()
"""


def test_the_web_process_is_killed_and_the_next_one_adopts_it(place: Place) -> None:
    web = subprocess.Popen(
        [sys.executable, "-c", WEB, str(place.folder)], stdin=subprocess.PIPE, cwd=ROOT, text=True,
    )
    assert web.stdin is not None
    web.stdin.write(json.dumps(place.document) + "\n")
    web.stdin.flush()
    wait_until(place.answers, 20)
    pid = place.pid
    web.kill()
    web.wait(10)
    assert place.answers() and place.pid == pid
    launcher = place.launcher()
    wait_until(lambda: f"process {pid}" in launcher.detail())
    assert place.answers() and place.pid == pid


def test_one_of_another_version_is_replaced(place: Place) -> None:
    old = place.launcher("1")
    wait_until(place.answers)
    pid = place.pid
    old._stopping.set()
    old._wake.set()
    old._thread.join(10)  # a round of it that is on its way would replace the new one again
    place.launcher("2")
    wait_until(lambda: place.answers() and place.pid not in (0, pid), 20, "the new one serves")
    assert place.client.status()["version"] == "2"


def test_one_that_cannot_start_is_tried_again_and_says_why(place: Place) -> None:
    program = "import sys; sys.exit('no such thing')"
    launcher = place.launcher(command=(sys.executable, "-c", program))
    wait_until(lambda: "ended with code 1: no such thing" in launcher.problem())


def test_without_the_web_it_goes_by_what_it_kept(place: Place) -> None:
    (place.folder / "serving.json").write_text(json.dumps(place.document))
    process = subprocess.Popen([sys.executable, "-m", "serving", "--folder", str(place.folder)], cwd=ROOT)
    try:
        wait_until(place.answers)
        second = subprocess.run(
            [sys.executable, "-m", "serving", "--folder", str(place.folder)], cwd=ROOT, capture_output=True, timeout=20,
        )
        assert second.returncode == 3 and b"Another process serves" in second.stderr
    finally:
        process.terminate()
        process.wait(20)
    assert not (place.folder / "serving.sock").exists()


def test_a_kept_configuration_that_is_none_is_said(place: Place) -> None:
    (place.folder / "serving.json").write_text('{"proxies": 3}')
    launcher = place.launcher()
    wait_until(place.answers)
    wait_until(lambda: launcher.problem() == "")


def test_the_socket_is_reached_by_a_path_however_long(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 100) / ("y" * 100)
    folder.mkdir(parents=True)
    with socket_address(folder) as address, socket.socket(socket.AF_UNIX) as one:
        one.bind(address)
        assert (folder / "serving.sock").is_socket()


def test_the_configuration_of_vigie_is_what_is_read() -> None:
    config = DashboardConfig.model_validate({
        "proxies": {"ollama": {"enabled": True, "apiKey": "key", "timeout": 1500, "maxRequestMb": 3}},
        "models": {
            "servers": {"box": {"url": "http://127.0.0.1:1", "apiKey": "up"},
                        "off": {"url": "http://127.0.0.1:2", "enabled": False}},
            "processes": [{"name": "own", "file": "/m.gguf"}], "keepText": [{"model": "own"}],
        },
    })
    raw = told_to_serving(config)
    settings = read_settings(json.loads(json.dumps(raw)))
    usual = read_settings(told_to_serving(DashboardConfig()))
    assert (usual.proxies, usual.process_timeout) == (NOTHING.proxies, NOTHING.process_timeout)
    proxy = settings.proxies["ollama"]
    assert (proxy.enabled, proxy.port, proxy.api_key, proxy.idle_timeout) == (True, 11434, "key", 1.5)
    assert (proxy.largest_request, proxy.first_byte_timeout, proxy.rate_limit) == (3 << 20, 300.0, 1000)
    assert "key" not in repr(proxy)
    assert [(one.name, one.api_key) for one in settings.servers] == [("box", "up")]
    assert dict(settings.processes) == {"own": "llamacpp"} and settings.keeps_text("own")
    assert not settings.keeps_text("other") and is_wanted(raw)
