"""Serves the recorded answers of a model server, and misbehaves where a test wants it.

    python -m tests.collectors.replay_server CAPTURE PORT
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.captures.record_engine import file_of

ENGINES = Path(__file__).parent.parent / "captures" / "engines"
CAPTURES = sorted(p.parent.name for p in ENGINES.glob("*/expected.json"))


@dataclass
class Reply:
    """An answer other than the recorded one."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    """Seconds before anything is sent."""
    missing: int = 0
    """Bytes that are promised and never sent."""
    sized: bool = True
    """False: how much will come is not said."""


@dataclass
class Replay:
    """A server of recorded answers; what it is asked is in ``asked``."""

    capture: str = ""
    later: bool = False
    key: str = ""
    changed: Callable[[str], Reply | None] = lambda _path: None
    asked: list[tuple[str, str]] = field(default_factory=list)
    url: str = ""
    closing: threading.Event = field(default_factory=threading.Event)

    def answer(self, path: str) -> Reply:
        """The recorded answer; 404 for what was not recorded."""
        folder = ENGINES / self.capture
        for place in ([folder / "later"] if self.later else []) + [folder]:
            for kind, name in (("application/json", "json"), ("text/plain; version=0.0.4", "txt")):
                file = place / file_of(path, name if name == "json" else "")
                if self.capture and file.is_file():
                    return Reply(200, file.read_bytes(), {"Content-Type": kind})
        return Reply(404, b'{"error":{"message":"File Not Found","type":"not_found_error","code":404}}')


@contextmanager
def replay(capture: str = "", port: int = 0, **how: object) -> Iterator[Replay]:
    """Serves ``capture`` on 127.0.0.1; further arguments are those of `Replay`."""
    told = Replay(capture, **how)  # type: ignore[arg-type]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # one answer, one packet
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            told.asked.append((self.command, self.path))
            if told.key and self.headers.get("Authorization") != f"Bearer {told.key}":
                self._send(Reply(401, b'{"error":{"message":"Invalid API Key","type":"authentication_error"}}'))
            else:
                self._send(told.changed(self.path) or told.answer(self.path))

        do_POST = do_HEAD = do_PUT = do_DELETE = do_GET  # noqa: N815 - likewise; whatever comes is written down

        def _send(self, reply: Reply) -> None:
            if reply.delay and told.closing.wait(reply.delay):
                self.close_connection = True
                return
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if reply.sized:
                self.send_header("Content-Length", str(len(reply.body) + reply.missing))
            self.end_headers()
            self.wfile.write(reply.body)
            self.close_connection = self.close_connection or bool(reply.missing) or not reply.sized

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign] - a client that left is what some tests want
    told.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield told
    finally:
        told.closing.set()
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    with replay(sys.argv[1], int(sys.argv[2])):
        signal.pause()
