"""A forwarder with nothing but aiohttp on both sides: what is left when the measuring proxy measures nothing.

``python -m bench.proxy_bare PORT UPSTREAM``
"""

from __future__ import annotations

import asyncio
import sys

import aiohttp
import uvloop
from aiohttp import web
from multidict import CIMultiDict

LEFT_OUT = frozenset({"host", "content-length", "transfer-encoding", "connection", "accept-encoding"})


async def run(port: int, upstream: str) -> None:
    """Serves until it is ended."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(
        connector=connector, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None), skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
    ) as session:

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            headers = CIMultiDict((k, v) for k, v in request.headers.items() if k.lower() not in LEFT_OUT)
            async with session.request(
                request.method, upstream + request.raw_path, data=await request.read(), headers=headers,
            ) as answer:
                back = CIMultiDict((k, v) for k, v in answer.headers.items() if k.lower() not in LEFT_OUT)
                if answer.content_length is not None:
                    return web.Response(status=answer.status, body=await answer.read(), headers=back)
                response = web.StreamResponse(status=answer.status, headers=back)
                await response.prepare(request)
                async for chunk in answer.content.iter_any():
                    await response.write(chunk)
                await response.write_eof()
                return response

        server = web.ServerRunner(web.Server(handle, access_log=None))
        await server.setup()
        await web.TCPSite(server, "127.0.0.1", port, backlog=4096).start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(run(int(sys.argv[1]), sys.argv[2]))
