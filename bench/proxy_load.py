"""What `bench.proxy` measures with: a scripted model server and clients, each in a process of its own.

``python -m bench.proxy_load serve PORT`` · ``requests PORT CLIENTS SECONDS`` · ``streams PORT STREAMS CHUNKS PAUSE`` ·
``abandon PORT COUNT``; the clients print one JSON object. Raw sockets on uvloop: they take little of what is measured.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections.abc import Callable
from typing import cast

import uvloop

MODEL = "bench"
WHOLE = json.dumps({
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": MODEL,
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "x" * 90}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 12, "completion_tokens": 20, "total_tokens": 32},
}).encode()
LIST = json.dumps({"object": "list", "data": [{"id": MODEL, "object": "model", "owned_by": "llamacpp"}]}).encode()
TIMED = re.compile(rb'"content": ?"(\d+)"')
PART = (
    b'data: {"choices":[{"index":0,"delta":{"content":"%d"},"finish_reason":null}],"id":"chatcmpl-1",'
    b'"object":"chat.completion.chunk","created":1,"model":"bench"}\n\n'
)
LAST = (
    b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"length"}],"timings":{"cache_n":0,"prompt_n":9,'
    b'"prompt_ms":1.0,"predicted_n":%d,"predicted_ms":9.0}}\n\ndata: [DONE]\n\n'
)


def percentile(values: list[float], share: float) -> float:
    """The value below which ``share`` of the values lie; of sorted values."""
    return values[min(len(values) - 1, int(share * len(values)))]


def request(port: int, stream: bool, chunks: int = 0, pause: float = 0.0) -> bytes:
    """A chat request of some 330 bytes."""
    body = json.dumps({
        "model": MODEL, "stream": stream, "max_tokens": chunks, "seed": round(pause * 1e6),
        "messages": [{"role": "user", "content": "Say something. " * 12}],
    }).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
    head += "Authorization: Bearer sk-bench-0123456789abcdef\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


class Server(asyncio.Protocol):
    """Answers at once, or streams chunks that carry the time at which they were sent."""

    def __init__(self) -> None:
        self._data = b""
        self._streaming: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps the way back."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - the protocol's
        """Stops a stream that nobody reads."""
        if self._streaming is not None:
            self._streaming.cancel()

    def data_received(self, data: bytes) -> None:
        """Answers each whole request."""
        self._data += data
        while (end := self._data.find(b"\r\n\r\n")) >= 0:
            head = self._data[:end]
            found = re.search(rb"content-length: *(\d+)", head, re.I)
            size = int(found[1]) if found else 0
            if len(self._data) < end + 4 + size:
                return
            body, self._data = self._data[end + 4 : end + 4 + size], self._data[end + 4 + size :]
            if b'"stream": true' in body or b'"stream":true' in body:
                asked = json.loads(body)
                self._streaming = asyncio.ensure_future(self._stream(asked["max_tokens"], asked["seed"] / 1e6))
            else:
                self._whole(LIST if b"/v1/models" in head else WHOLE)

    def _whole(self, body: bytes) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self._transport.write(head.encode() + body)

    async def _stream(self, chunks: int, pause: float) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        self._transport.write(head)
        loop = asyncio.get_running_loop()
        begin = loop.time()
        for number in range(chunks):
            at = time.monotonic_ns()
            self._send(PART % at)
            if pause:
                await asyncio.sleep(max(0.0, begin + (number + 1) * pause - loop.time()))
        self._send(LAST % chunks)
        self._transport.write(b"0\r\n\r\n")

    def _send(self, data: bytes) -> None:
        self._transport.write(b"%x\r\n%b\r\n" % (len(data), data))


class Client(asyncio.Protocol):
    """One keep-alive connection that asks again as soon as it is answered."""

    def __init__(self, port: int, took: list[float], wrong: list[str], going: Callable[[], bool]) -> None:
        self._ask, self._took, self._wrong, self._going = request(port, False), took, wrong, going
        self.over = asyncio.get_running_loop().create_future()
        self._data, self._at = b"", 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asks for the first time."""
        self._transport = cast(asyncio.Transport, transport)
        self._next()

    def connection_lost(self, error: Exception | None) -> None:
        """Over."""
        if not self.over.done():
            if self._going():
                self._wrong.append(f"closed: {error}")
            self.over.set_result(None)

    def _next(self) -> None:
        if not self._going():
            self._transport.close()
            return
        self._data, self._at = b"", time.perf_counter()
        self._transport.write(self._ask)

    def data_received(self, data: bytes) -> None:
        """Counts an answer that is whole."""
        self._data += data
        end = self._data.find(b"\r\n\r\n")
        if end < 0:
            return
        found = re.search(rb"content-length: *(\d+)", self._data[:end], re.I)
        done = len(self._data) >= end + 4 + int(found[1]) if found else self._data.endswith(b"0\r\n\r\n")
        if not done:
            return
        self._took.append(time.perf_counter() - self._at)
        if b" 200 " not in self._data[:20]:
            self._wrong.append(self._data[:60].decode(errors="replace"))
        self._next()


async def requests(port: int, clients: int, seconds: float, count: int = 0) -> dict[str, object]:
    """Asks with so many clients for so long, or so often; times in milliseconds."""
    took: list[float] = []
    wrong: list[str] = []
    begin = time.perf_counter()
    end = begin + seconds

    def going() -> bool:
        return len(took) + clients <= count if count else time.perf_counter() < end

    loop = asyncio.get_running_loop()
    made = [await loop.create_connection(lambda: Client(port, took, wrong, going), "127.0.0.1", port)
            for _ in range(clients)]
    await asyncio.gather(*(client.over for _, client in made))
    spent = time.perf_counter() - begin
    took.sort()
    return {
        "requests": len(took), "wrong": len(wrong), "first_wrong": wrong[:1], "per_second": len(took) / spent,
        "p50": percentile(took, 0.5) * 1e3, "p99": percentile(took, 0.99) * 1e3,
    }


async def _one_stream(port: int, chunks: int, pause: float, delays: list[float], firsts: list[float]) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    begin = time.perf_counter()
    writer.write(request(port, True, chunks, pause))
    seen, rest = 0, b""
    while data := await reader.read(65536):
        at = time.monotonic_ns()
        rest += data
        while (found := TIMED.search(rest)) is not None:
            delays.append((at - int(found[1])) / 1e6)
            if not seen:
                firsts.append((time.perf_counter() - begin) * 1e3)
            seen += 1
            rest = rest[found.end():]
        if b"[DONE]" in rest:
            break
    writer.close()
    return seen


async def streams(port: int, count: int, chunks: int, pause: float) -> dict[str, object]:
    """So many streams at once; how long each chunk was on its way, milliseconds."""
    delays: list[float] = []
    firsts: list[float] = []

    async def later(place: int) -> int:
        await asyncio.sleep(place * pause / count)  # spread over one pause, as streams are that began whenever
        return await _one_stream(port, chunks, pause, delays, firsts)

    begin = time.perf_counter()
    seen = sum(await asyncio.gather(*(later(place) for place in range(count))))
    spent = time.perf_counter() - begin
    delays.sort()
    firsts.sort()
    return {
        "chunks": seen, "wanted": count * chunks, "per_second": seen / spent, "p50": percentile(delays, 0.5),
        "p99": percentile(delays, 0.99), "first_p50": percentile(firsts, 0.5), "first_p99": percentile(firsts, 0.99),
    }


async def abandon(port: int, count: int) -> dict[str, object]:
    """So many streams that are left after their first part."""
    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request(port, True, 1000, 0.01))
        await reader.read(1024)
        writer.transport.abort()

    for begin in range(0, count, 50):
        await asyncio.gather(*(one() for _ in range(min(50, count - begin))))
    return {"abandoned": count}


async def serve(port: int) -> None:
    """Serves until it is killed."""
    server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


def main(words: list[str]) -> None:
    """Runs one of them."""
    what, port, *rest = words
    if what == "serve":
        uvloop.run(serve(int(port)))
        return
    numbers = [float(word) for word in rest]
    if what == "requests":
        told = uvloop.run(requests(int(port), int(numbers[0]), numbers[1], *(int(n) for n in numbers[2:])))
    elif what == "streams":
        told = uvloop.run(streams(int(port), int(numbers[0]), int(numbers[1]), numbers[2]))
    else:
        told = uvloop.run(abandon(int(port), int(numbers[0])))
    print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1:])
