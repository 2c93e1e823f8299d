"""Viewers without a browser, in a process of their own: what a page asks of a server, once a second.

``python -m bench.viewers COUNT`` reads a JSON object from standard input: ``{"socket": URL, "cookie": TEXT}`` for
Vigie's WebSocket, or ``{"urls": [...]}`` for a page that polls. It prints ``ready`` once each viewer has had its first
answer, and ends when its standard input closes.
"""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time
from typing import Any
from urllib.parse import urlsplit

import websocket

KEYS = (
    "cpu_usage_ratio", 'cpu_mode_ratio{mode="user"}', 'cpu_mode_ratio{mode="system"}', 'cpu_mode_ratio{mode="iowait"}',
    'cpu_core_usage_ratio{core="0"}', 'cpu_core_usage_ratio{core="1"}', "memory_used_bytes", "memory_cached_bytes",
    "memory_free_bytes", "swap_used_bytes", "network_all_receive_bytes_per_second",
    "network_all_transmit_bytes_per_second",
    'pressure_some_ratio{resource="cpu"}', 'pressure_some_ratio{resource="io"}',
    'gpu_usage_ratio{gpu="0"}', 'gpu_memory_used_ratio{gpu="0"}',
)
"""The series of eight charts."""


def watch_socket(what: dict[str, Any], answered: threading.Semaphore, _turn: float) -> None:
    """One page of Vigie: subscribes and takes what comes."""
    socket = websocket.create_connection(what["socket"], cookie=what["cookie"], timeout=30)
    socket.send(json.dumps({"subscribe": KEYS}))
    socket.recv()
    answered.release()
    while True:
        socket.recv()


def poll(what: dict[str, Any], answered: threading.Semaphore, turn: float) -> None:
    """One page that asks for each of its charts every second, over one kept connection; ``turn`` is when it begins, as
    `time.monotonic` has it."""
    parts = urlsplit(what["urls"][0])
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=30)
    first = True
    while True:
        time.sleep(max(0.0, turn - time.monotonic()))
        for url in what["urls"]:
            connection.request("GET", url.split(parts.netloc, 1)[1])
            answer = connection.getresponse()
            answer.read()
            assert answer.status in (200, 404), answer.status
        if first:
            answered.release()
            first = False
        turn += 1


def main() -> None:
    """Runs the viewers until standard input closes."""
    count = int(sys.argv[1])
    what = json.loads(sys.stdin.readline())
    answered = threading.Semaphore(0)
    viewer = watch_socket if "socket" in what else poll
    begin = time.monotonic()
    for i in range(count):  # real pages do not ask all at once
        threading.Thread(target=viewer, args=(what, answered, begin + i / count), daemon=True).start()
    for _ in range(count):
        answered.acquire()
    print("ready", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
