"""The control API of the serving process, over a Unix socket that only its user may open. See `serving.wire`."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from serving import place
from serving.settings import BadConfiguration
from serving.wire import Done, Lines, LogLine, Taken

if TYPE_CHECKING:
    from serving.daemon import Daemon

log = logging.getLogger(__name__)
MOST_ROWS, MOST_LINES = 5000, 2000
LARGEST = 16 << 20
"""Bytes of a configuration."""


async def serve(daemon: Daemon, folder: Path) -> web.AppRunner:
    """Answers from now on.

    Raises:
        OSError: the socket cannot be made.
    """
    routes = _Routes(daemon)
    app = web.Application(client_max_size=LARGEST)
    app.add_routes([
        web.get("/status", routes.status),
        web.get("/requests", routes.requests),
        web.put("/config", routes.configure),
        web.post("/processes/{name:.+}/{action:start|stop|restart}", routes.act),
        web.get("/processes/{name:.+}/logs", routes.logs),
        web.post("/shutdown", routes.shutdown),
    ])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    (folder / place.SOCKET).unlink(missing_ok=True)  # the lock is ours: what lies there is nobody's
    with place.socket_address(folder) as address:
        await web.UnixSite(runner, address).start()
    (folder / place.SOCKET).chmod(0o600)
    return runner


def _json(document: Any, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(document), content_type="application/json", status=status)


def _not_done(problem: str, status: int) -> web.Response:
    return _json(Done(ok=False, problem=problem), status)


class _Routes:
    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    async def status(self, _request: web.Request) -> web.Response:
        return _json(self._daemon.status())

    async def configure(self, request: web.Request) -> web.Response:
        try:
            await self._daemon.configure(orjson.loads(await request.read()))
        except (BadConfiguration, orjson.JSONDecodeError) as error:
            return _not_done(str(error), 400)
        taken = Taken(configured=self._daemon.configured)
        if self._daemon.problem:
            taken["problem"] = self._daemon.problem
        return _json(taken)

    async def requests(self, request: web.Request) -> web.Response:
        try:
            after, limit = int(request.query.get("after", "0")), int(request.query.get("limit", "1000"))
        except ValueError:
            return _not_done("after and limit must be whole numbers", 400)
        page = self._daemon.records.page(self._daemon.boot, max(0, after), min(max(1, limit), MOST_ROWS))
        return web.Response(body=page, content_type="application/json")

    async def act(self, request: web.Request) -> web.Response:
        name, action = request.match_info["name"], request.match_info["action"]
        backends = self._daemon.backends
        known = {str(row.get("name")) for row in backends.status()}
        if name not in known:
            return _not_done(f"No model process is named {name!r}.", 404)
        acts = {
            "start": backends.start_process, "stop": backends.stop_process, "restart": backends.restart_process,
        }
        try:
            await acts[action](name)
        except Exception as error:  # noqa: BLE001 - an edge: whatever the supervisor says is for whoever asked
            return _not_done(str(error), 409)
        return _json(Done(ok=True))

    async def logs(self, request: web.Request) -> web.Response:
        try:
            after, limit = int(request.query.get("after", "0")), int(request.query.get("limit", "500"))
        except ValueError:
            return _not_done("after and limit must be whole numbers", 400)
        try:
            lines = self._daemon.backends.logs(request.match_info["name"], max(0, after))
        except Exception as error:  # noqa: BLE001 - an edge: whatever the supervisor says is for whoever asked
            return _not_done(str(error), 404)
        newest = lines[-min(max(1, limit), MOST_LINES):]
        return _json(Lines(
            boot=self._daemon.boot, left_out=len(lines) - len(newest),
            lines=[LogLine(seq=one.seq, at=one.at, text=one.text) for one in newest],
        ))

    async def shutdown(self, request: web.Request) -> web.Response:
        try:
            given = orjson.loads(await request.read() or b"{}")
            grace, keep = float(given.get("grace", 10.0)), bool(given.get("keepProcesses", False))
        except (orjson.JSONDecodeError, AttributeError, TypeError, ValueError):
            return _not_done('the body must be like {"grace": 10, "keepProcesses": false}', 400)
        self._daemon.stop(min(max(0.0, grace), 600.0), keep)
        return _json(Done(ok=True))
