"""Live values: ``/ws/metrics`` for pages and programs, ``/api/metrics/stream`` (SSE) for programs. Thin adapters over
`Hub.subscribe`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import orjson
from flask import Blueprint, Flask, Response, current_app, g, request
from flask_openapi3.blueprint import APIBlueprint
from flask_sock import Sock
from simple_websocket import ConnectionClosed, Server

from api.presence import LoginCheck, Viewers, limit_sends, viewers_of
from api.problems import Problem
from api.wire import number
from components.embeds import scope_of
from components.news import told
from desk.views import ViewMissing
from live.hub import Frame, Hub, News, Subscription
from live.summary import summarise
from security.embed_guard import record
from security.identity import Identity, current_identity
from security.permissions import requires
from services import Vigie, vigie
from storage.errors import StorageError

PING_SECONDS = 15
MOST_SERIES, LONGEST_KEY, LARGEST_MESSAGE = 512, 1024, 128 * 1024
SIGNED_OUT, GOING_AWAY = 4401, 1001
"""Close codes: the application's own for a login that ended, and RFC 6455's for a server that stops."""


TOPICS = {"config": "config:view", "alerts": "alerts:view", "notices": "alerts:view"}
"""Topics of news that a socket may ask for, and the permission each needs."""


class _Wake(threading.Event):
    """The event by which simple-websocket tells of a message: also wakes whoever waits for the next tick."""

    def __init__(self, subscription: Subscription) -> None:
        super().__init__()
        self._subscription = subscription

    def set(self) -> None:
        super().set()
        self._subscription.put(None)


def parse_subscribe(message: str | bytes) -> list[str]:
    """Series keys of ``{"subscribe": [...]}`` or ``{"type": "subscribe", "series": [...]}``.

    Raises:
        ValueError: any other message; the text says what is wrong.
    """
    try:
        asked: Any = orjson.loads(message)
    except orjson.JSONDecodeError:
        raise ValueError("a message is one JSON object") from None
    keys = asked.get("subscribe") if isinstance(asked, dict) else None
    if keys is None and isinstance(asked, dict) and asked.get("type") == "subscribe":
        keys = asked.get("series")
    if not isinstance(keys, list) or not all(isinstance(key, str) and len(key) <= LONGEST_KEY for key in keys):
        raise ValueError('send {"subscribe": ["name", "name{label=\\"value\\"}"]}')
    if len(keys) > MOST_SERIES:
        raise ValueError(f"{len(keys)} series are too many: {MOST_SERIES} at most")
    return keys


def parse_topics(message: str | bytes) -> list[str] | None:
    """Topics of ``{"topics": [...]}``, which may stand beside ``subscribe``; None when it names none.

    Raises:
        ValueError: they are no topics that sockets get; the text says which those are.
    """
    asked: Any = orjson.loads(message)
    topics = asked.get("topics") if isinstance(asked, dict) else None
    if topics is None:
        return None
    if not isinstance(topics, list) or not all(isinstance(topic, str) and topic in TOPICS for topic in topics):
        raise ValueError(f"topics is a list of {', '.join(TOPICS)}")
    return topics


def news_bytes(news: News) -> str:
    """News as a socket gets them: what happened, and in words of the viewer's language."""
    return orjson.dumps({"news": news.topic, "data": news.data, **told(news.topic, news.data)}).decode()


def frame_bytes(frame: Frame, keys: list[str] | None) -> str:
    """A frame as a socket gets it: the flat row until it has subscribed, then ``{q, t, v}``."""
    if keys is None:
        return frame.row.decode()
    values = frame.values
    return orjson.dumps({"q": frame.q, "t": frame.t, "v": [number(values.get(key)) for key in keys]}).decode()


def stream_socket(
    ws: Server, hub: Hub, login: LoginCheck, outside: Callable[[list[str]], list[str]] | None = None,
) -> None:
    """Serves one socket until it closes. ``outside`` tells, for an embed link, which of some series it does not give;
    such a socket gets nothing before it has subscribed."""
    keys: list[str] | None = None
    with hub.subscribe("metrics") as subscription:
        # One thread waits for both, ticks and messages: a message wakes the wait for the next tick.
        ws.event = _Wake(subscription)
        while True:
            while (message := ws.receive(timeout=0)) is not None:
                try:
                    keys = _allowed(parse_subscribe(message), outside)
                    if (topics := parse_topics(message)) is not None:
                        _follow(subscription, topics, login.identity)
                except ValueError as error:
                    ws.send(orjson.dumps({"error": str(error)}).decode())
            if login.ended(time.monotonic()):
                ws.close(SIGNED_OUT, "This login has ended: sign in again.")
                return
            frame = subscription.get(timeout=PING_SECONDS)
            if isinstance(frame, News):
                ws.send(news_bytes(frame))
            elif isinstance(frame, Frame) and (keys is not None or outside is None):
                ws.send(frame_bytes(frame, keys))
            elif subscription.closed:
                ws.close(GOING_AWAY, "Vigie is stopping.")
                return


def _follow(subscription: Subscription, topics: list[str], identity: Identity | None) -> None:
    """Has the socket get the news of those of ``topics`` that it may have.

    Raises:
        ValueError: it may not have them all.
    """
    may = identity.permissions if identity is not None and identity.embed is None else frozenset()
    subscription.follow(topic for topic in topics if TOPICS[topic] in may)
    for topic in topics:
        if TOPICS[topic] not in may:
            raise ValueError(f"{topic} needs the permission {TOPICS[topic]}")


def _allowed(keys: list[str], outside: Callable[[list[str]], list[str]] | None) -> list[str]:
    """``keys`` when the socket may have them all.

    Raises:
        ValueError: it may not; recorded.
    """
    refused = outside(keys) if outside is not None else []
    if refused:
        record(403, detail=f"series {refused[0]}"[:120])
        raise ValueError(f"this link does not give {refused[0][:200]}")
    return keys


def stream_events(hub: Hub, login: LoginCheck) -> Iterator[bytes]:
    """Server-sent events: the flat row each tick, a comment when there is none for a while."""
    with hub.subscribe("metrics") as subscription:
        yield b"retry: 2000\n\n"
        while not login.ended(time.monotonic()):
            frame = subscription.get(timeout=PING_SECONDS)
            if frame is not None:
                yield b"id: %d\ndata: %s\n\n" % (frame.q, frame.row)
            elif subscription.closed:
                return
            else:
                yield b": ping\n\n"
    yield b'event: end\ndata: {"detail": "This login has ended: sign in again."}\n\n'


def _outside(services: Vigie, identity: Identity | None) -> Callable[[list[str]], list[str]] | None:
    """Which of some series an embed link does not give; None when the socket is no link's."""
    if identity is None or identity.embed is None:
        return None
    embed = identity.embed

    def outside(keys: list[str]) -> list[str]:
        try:
            scope = scope_of(embed, services.views)
        except (ViewMissing, StorageError):
            return keys
        summary = summarise(
            services.latest, services.sources(), services.parts(), services.events, services.latest.limits,
        ) if embed.target.kind == "overview" else None
        return scope.outside(keys, services.query, summary)

    return outside


def register(bp: APIBlueprint) -> None:
    """Adds the SSE route."""

    @bp.get(
        "/metrics/stream", summary="The flat row each tick, as server-sent events",
        responses={200: {"description": "One event per tick", "content": {"text/event-stream": {}}}},
    )
    @requires("metrics:read")
    def metrics_stream() -> Response:
        services, viewers = vigie(), viewers_of(current_app)
        login = LoginCheck(services, current_identity())
        viewers.enter(services.settings.viewer_limit)
        limit_sends(request.environ)
        response = Response(stream_events(services.hub, login), content_type="text/event-stream")
        response.headers["Cache-Control"] = "no-cache"
        response.headers["X-Accel-Buffering"] = "no"
        response.call_on_close(viewers.leave)
        return response


def init_app(server: Flask) -> None:
    """Adds ``/ws/metrics``. Everything that may refuse runs before the upgrade, where it can still be a response."""
    server.extensions["vigie_viewers"] = Viewers()
    server.config["SOCK_SERVER_OPTIONS"] = {"ping_interval": PING_SECONDS, "max_message_size": LARGEST_MESSAGE}
    bp = Blueprint("live", __name__)
    sock = Sock()

    @bp.before_request
    def admit() -> None:
        headers = request.headers
        if headers.get("Sec-WebSocket-Version") != "13" or not headers.get("Sec-WebSocket-Key"):
            raise Problem(400, "This is no WebSocket handshake of version 13.", Sec_WebSocket_Version="13")
        # Frames are a packet each: deflate would cost 300 KB and 50 us a viewer to save nothing.
        request.environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)
        limit, identity = vigie().settings.viewer_limit, current_identity()
        # Pages of other sites may have many readers: some places stay for those who sign in.
        viewers_of(current_app).enter(limit if identity is None or identity.embed is None else max(1, limit * 3 // 4))
        g.live_viewer = True
        limit_sends(request.environ)

    @bp.teardown_request
    def release(_: BaseException | None) -> None:
        if g.pop("live_viewer", False):
            viewers_of(current_app).leave()

    @sock.route("/ws/metrics", bp=bp)
    @requires("metrics:read")
    def ws_metrics(ws: Server) -> None:
        services, identity = vigie(), current_identity()
        try:
            stream_socket(ws, services.hub, LoginCheck(services, identity), _outside(services, identity))
        except (ConnectionClosed, OSError):
            return  # the viewer left, or stopped reading

    server.register_blueprint(bp)
