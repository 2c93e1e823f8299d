"""Nothing is left over in the event loop, whatever went wrong."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from serving.daemon import Daemon
from serving.processes.supervisor import Supervisor
from serving.proxy.exchange import Exchange
from tests.serving.proxy.support import Asked, ask, begin, document, event, part, scripted, whole
from tests.support import free_port, wait_until


def whatever(connection: socket.socket, asked: Asked) -> None:
    """Answers, breaks off, refuses and streams on in turn."""
    number = asked.json["seed"] % 4
    if number == 0:
        whole(connection, b'{"choices":[{"message":{"content":"yes"},"finish_reason":"stop"}]}')
    elif number == 1:
        begin(connection)
        part(connection, event("a"))
        connection.shutdown(socket.SHUT_RDWR)
    elif number == 2:
        connection.shutdown(socket.SHUT_RDWR)
    else:
        begin(connection)
        while True:
            part(connection, event("a" * 1000))


async def one(session: aiohttp.ClientSession, url: str, number: int) -> None:
    """One client, which leaves a stream that does not end."""
    body = ask(stream=number % 4 in (1, 3), seed=number)
    with contextlib.suppress(aiohttp.ClientError):
        async with session.post(url, json=body) as answer:
            if number % 4 == 3:
                await answer.content.readany()
                answer.close()
            else:
                await answer.read()


async def until(condition: Any) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.02)


@pytest.mark.slow
def test_no_task_no_request_and_no_connection_is_left_over(tmp_path: Path) -> None:
    async def all_of_it(url: str) -> None:
        ports = {"ollama": free_port(), "lmstudio": free_port()}
        daemon = Daemon(tmp_path, "test", Supervisor(tmp_path))
        serving = asyncio.create_task(daemon.run())
        await until((tmp_path / "serving.sock").exists)
        await daemon.configure(document(ports, {"box": url}, concurrency=50, queueSize=1000))
        await until(lambda: daemon.status()["upstreams"][0]["state"] == "ok")
        before = {task.get_name() for task in asyncio.all_tasks()}
        address = f"http://127.0.0.1:{ports['lmstudio']}/v1/chat/completions"
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=200)) as session:
            await asyncio.gather(*(one(session, address, number) for number in range(400)))
        await until(lambda: daemon.status()["requests"]["last"] == 400)
        await until(lambda: len(asyncio.all_tasks()) <= len(before))
        told = daemon.status()
        assert (told["proxies"][1]["running"], told["proxies"][1]["waiting"]) == (0, 0)
        assert told["proxies"][1]["requests"] == 400
        assert (told["proxies"][1]["errors"], told["proxies"][1]["gone"]) == (200, 100)
        gc.collect()
        assert not [found for found in gc.get_objects() if isinstance(found, Exchange)]
        daemon.stop(0)
        await serving

    with scripted(whatever) as upstream:
        asyncio.run(all_of_it(upstream.url))
        wait_until(lambda: upstream.open == 0, 5, "the server has seen each connection end")
