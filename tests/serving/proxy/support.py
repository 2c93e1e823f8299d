"""What the tests of the proxies share: a serving process, model servers that follow a script, raw HTTP."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from serving.child import ROOT
from serving.client import ServingAway, ServingClient
from serving.wire import Outcome, Status
from tests.support import free_port, wait_until

LISTED = {"object": "list", "data": [{"id": "m", "object": "model", "owned_by": "vllm", "created": 5}]}


@dataclass
class Serving:
    """A serving process with both proxies on."""

    client: ServingClient
    process: subprocess.Popen[bytes]
    ports: dict[str, int]
    document: dict[str, Any]

    @property
    def openai(self) -> str:
        """Address of the proxy that speaks OpenAI's API."""
        return f"http://127.0.0.1:{self.ports['lmstudio']}"

    @property
    def ollama(self) -> str:
        """Address of the proxy that speaks Ollama's API."""
        return f"http://127.0.0.1:{self.ports['ollama']}"

    def configure(self, servers: dict[str, str] | None = None, engine: str = "auto", **proxies: Any) -> None:
        """Sets options of both proxies, and which model servers there are; waits until all were looked at."""
        for proxy in self.document["proxies"].values():
            proxy |= proxies
        if servers is not None:
            self.document["models"]["servers"] = {
                name: {"url": url, "engine": engine} for name, url in servers.items()
            }
        self.client.configure(self.document)
        wait_until(lambda: all(one["state"] != "unknown" for one in self.status()["upstreams"]), what="looked at")

    def status(self) -> Status:
        """Everything it tells."""
        return self.client.status()

    @property
    def last(self) -> int:
        """Number of the newest request."""
        return self.status()["requests"]["last"]

    def record(self, after: int, count: int = 1) -> list[Outcome]:
        """The requests behind a number, once there are so many: a client has its answer a little sooner."""
        return wait_until(
            lambda: found if len(found := self.client.requests(after)["requests"]) >= count else None,
            what=f"{count} requests are recorded",
        )


def document(ports: dict[str, int], servers: dict[str, str], **options: Any) -> dict[str, Any]:
    """A configuration with both proxies on."""
    common = {"enabled": True, "host": "127.0.0.1", "rateLimitPerMinute": 0, "healthCheckInterval": 500}
    return {
        "proxies": {name: {**common, "port": port, **options} for name, port in ports.items()},
        "models": {"servers": {name: {"url": url, "engine": "auto"} for name, url in servers.items()}},
    }


def _answers(client: ServingClient) -> bool:
    try:
        client.status()
    except ServingAway:
        return False
    return True


@contextmanager
def serving(folder: Path, servers: dict[str, str], preexec: Callable[[], None] | None = None,
            module: str = "serving", **options: Any) -> Iterator[Serving]:
    """A real serving process before ``servers`` (name -> address); ``options`` are those of both proxies."""
    folder.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-m", module, "--folder", str(folder), "--version", "test"], cwd=ROOT,
        stdin=subprocess.DEVNULL, preexec_fn=preexec,  # noqa: PLW1509 - it only sets a limit
    )
    client = ServingClient(folder)
    ports = {"ollama": free_port(), "lmstudio": free_port()}
    made = Serving(client, process, ports, document(ports, servers, **options))
    try:
        wait_until(lambda: _answers(client), what="the serving process answers")
        made.configure()
        yield made
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


@dataclass
class Asked:
    """One request as a scripted server got it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Its body."""
        return json.loads(self.body)


Script = Callable[[socket.socket, Asked], None]


@dataclass
class Scripted:
    """A model server that does what it is told to, also what no server should. ``script`` answers what is not a list
    of models; ``asked`` is what it was asked so."""

    url: str
    script: Script | None = None
    listed: dict[str, Any] = field(default_factory=lambda: dict(LISTED))
    asked: list[Asked] = field(default_factory=list)
    looked: list[str] = field(default_factory=list)
    open: int = 0
    """Connections there are now."""
    silent: bool = False


def whole(connection: socket.socket, body: bytes, status: str = "200 OK", kind: str = "application/json",
          more: str = "") -> None:
    """Answers in one piece."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n{more}Content-Length: {len(body)}\r\n\r\n"
    connection.sendall(head.encode() + body)


def yes(connection: socket.socket, _asked: Asked) -> None:
    """Answers a chat in one piece."""
    message = {"index": 0, "message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 1, "completion_tokens": 1}
    whole(connection, json.dumps({"choices": [message], "usage": usage}).encode())


def begin(connection: socket.socket, kind: str = "text/event-stream") -> None:
    """Begins a stream."""
    connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())


def part(connection: socket.socket, data: bytes) -> None:
    """Sends a part of it; an empty one ends it."""
    connection.sendall(b"%x\r\n%b\r\n" % (len(data), data))


def event(text: str, finish: str | None = None, **more: Any) -> bytes:
    """One event of a chat in OpenAI's dialect."""
    delta = {"content": text} if text else {}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return b"data: " + json.dumps({"id": "c", "choices": [choice], **more}, separators=(",", ":")).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"


def _serve(server: Scripted, connection: socket.socket) -> None:
    server.open += 1
    try:
        with connection, connection.makefile("rb") as reader:
            while line := reader.readline():
                method, path, _ = line.decode().split(" ", 2)
                headers = {}
                while (field_line := reader.readline().strip()):
                    name, _, value = field_line.decode().partition(":")
                    headers[name.lower()] = value.strip()
                asked = Asked(method, path, headers, reader.read(int(headers.get("content-length", 0))))
                if method == "GET":
                    server.looked.append(path)
                    found = server.listed.get(path)
                    if found is None and path == "/v1/models" and "data" in server.listed:
                        found = server.listed
                    if found is None:
                        whole(connection, b'{"error":{"message":"not found"}}', "404 Not Found")
                    elif "error" in found:
                        whole(connection, json.dumps(found).encode(), "503 Service Unavailable")
                    else:
                        whole(connection, json.dumps(found).encode())
                    continue
                server.asked.append(asked)
                if server.script is not None:
                    server.script(connection, asked)
    except (OSError, ValueError):
        pass  # the other side left, or the script closed the connection: both are meant
    finally:
        server.open -= 1


@contextmanager
def scripted(script: Script | None = None, listed: dict[str, Any] | None = None) -> Iterator[Scripted]:
    """A scripted server on a free port."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    server = Scripted(f"http://127.0.0.1:{listener.getsockname()[1]}", script)
    if listed is not None:
        server.listed = listed

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=_serve, args=(server, connection), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield server
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def received(url: str, body: dict[str, Any]) -> tuple[int, bytes, bool]:
    """Status, bytes and whether the answer came to its end."""
    answer = requests.post(url, json=body, stream=True, timeout=30)
    got = b""
    try:
        for piece in answer.iter_content(None):
            got += piece
    except requests.RequestException:
        return answer.status_code, got, False
    return answer.status_code, got, True


def ask(stream: bool = False, model: str = "m", **more: Any) -> dict[str, Any]:
    """A chat request."""
    return {"model": model, "messages": [{"role": "user", "content": "hi"}], "stream": stream, **more}
