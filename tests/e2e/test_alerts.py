"""A rule fired by real load on this machine, over kill -9, down to its end."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests

from tests.e2e.harness import Server
from tests.support import wait_until

pytestmark = pytest.mark.e2e

RULE = {
    "id": "works", "name": "The machine works", "selectors": ["cpu_core_usage_ratio"], "comparison": ">=",
    "threshold": 0.9, "for_seconds": 2, "function": "last", "resolve_seconds": 2, "severity": "info",
    "message": "Core {core} is at {value}.",
}


@contextmanager
def busy(core: int) -> Iterator[None]:
    """Keeps one core busy."""
    code = f"import os; os.sched_setaffinity(0, {{{core}}})\nwhile True: pass"
    process = subprocess.Popen([sys.executable, "-c", code])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def alert(server: Server, session: requests.Session) -> dict[str, Any] | None:
    """The alert of the rule, pending or firing, on the busy core."""
    try:
        answer = session.get(f"{server.url}/api/alerts?pending=true", timeout=10).json()
    except requests.RequestException:
        return None
    found = [one for one in answer["data"] if one["rule"] == "works" and one["labels"]["core"] == "0"]
    return found[0] if found else None


def test_real_load_fires_a_rule_once_over_kill_9_and_its_end_ends_it(start_server: Callable[..., Server]) -> None:
    server = start_server()
    token = server.run("token", "add", "--name", "t", *(
        part for name in ("alerts:view", "alerts:edit", "alerts:acknowledge") for part in ("--permission", name)
    )).stdout.split()[-1]
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {token}"
    assert session.post(f"{server.url}/api/alerts/rules", json=RULE, timeout=10).status_code == 201
    with busy(0):
        fired = wait_until(
            lambda: (one := alert(server, session)) and one["state"] == "firing" and one, 60, what="the load fires it"
        )
        assert fired["message"] == f"Core 0 is at {fired['value'] * 100:.0f} %." and fired["value"] >= 0.9
        assert session.post(
            f"{server.url}/api/alerts/one/{fired['id']}/acknowledge", json={"note": "mine"}, timeout=10,
        ).status_code == 200
        server.stop(signal.SIGKILL)
        server.start()
        after = wait_until(lambda: alert(server, session), 30, what="it fires on after kill -9")
        assert (after["id"], after["fired"], after["state"]) == (fired["id"], fired["fired"], "firing")
        assert (after["acknowledged_by"], after["note"]) == ("t", "mine")
    # Other work on this machine must not hold it: from here on nothing is enough.
    assert session.put(f"{server.url}/api/alerts/rules/works", json={"threshold": 2}, timeout=10).status_code == 200
    address = f"{server.url}/api/alerts/one/{fired['id']}"
    over = wait_until(
        lambda: (one := session.get(address, timeout=10).json())["state"] == "resolved" and one, 30, what="it is over"
    )
    assert [step["kind"] for step in over["story"]] == ["firing", "acknowledged", "resolved"]
    parts = session.get(f"{server.url}/api/health", timeout=10).json()
    assert parts["status"] in ("ok", "degraded")
