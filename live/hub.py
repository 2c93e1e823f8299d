"""In-process publish and subscribe. Every transport (WebSocket, SSE) is a thin adapter over `Hub.subscribe`."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

MOST_NEWS = 64
"""News that wait for a slow listener."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One tick: ``q`` counts up by one, ``t`` epoch milliseconds, ``values`` by series key, ``row`` the flat row
    as JSON bytes (made once for all listeners)."""

    q: int
    t: int
    values: Mapping[str, float]
    row: bytes


@dataclass(frozen=True, slots=True)
class News:
    """What was published on a topic that a listener follows beside its own."""

    topic: str
    data: Any


class _Follower:
    """Hands on what comes on a topic to the mailbox of a listener of another."""

    def __init__(self, subscription: Subscription, topic: str) -> None:
        self._subscription, self._topic = subscription, topic

    def put(self, frame: Any) -> None:
        self._subscription.put_news(News(self._topic, frame))

    def close(self) -> None:
        """The listener's own topic closes it."""


class Subscription:
    """A listener's mailbox, bounded: a slow listener loses the oldest frames, never the writer's time. News of topics
    that it follows come first."""

    def __init__(self, hub: Hub, topic: str, bound: int) -> None:
        self._hub, self._topic = hub, topic
        self._frames: deque[Any] = deque(maxlen=bound)
        self._news: deque[News] = deque(maxlen=MOST_NEWS)
        self._followed: dict[str, _Follower] = {}
        self._ready = threading.Condition()
        self._closed = False

    def put(self, frame: Any) -> None:
        """Called by the hub."""
        with self._ready:
            self._frames.append(frame)
            self._ready.notify()

    def put_news(self, news: News) -> None:
        """Called by the hub."""
        with self._ready:
            self._news.append(news)
            self._ready.notify()

    def follow(self, topics: Iterable[str]) -> None:
        """Gets `News` of these topics, too, and of no others any more."""
        wanted = set(topics)
        for topic in self._followed.keys() - wanted:
            self._hub.remove(topic, self._followed.pop(topic))
        for topic in wanted - self._followed.keys():
            follower = self._followed[topic] = _Follower(self, topic)
            self._hub.add(topic, follower)

    def get(self, timeout: float) -> Any | None:
        """The oldest waiting `News`, else the oldest frame, or None after ``timeout`` seconds or once closed."""
        with self._ready:
            if not self._frames and not self._news and not self._closed:
                self._ready.wait(timeout)
            if self._news:
                return self._news.popleft()
            return self._frames.popleft() if self._frames else None

    @property
    def closed(self) -> bool:
        """True once nothing more will come."""
        return self._closed

    def close(self) -> None:
        """Stops listening; wakes whoever waits in `get`."""
        self.follow(())
        self._hub.remove(self._topic, self)
        with self._ready:
            self._closed = True
            self._ready.notify_all()

    def __enter__(self) -> Subscription:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


Listener = Subscription | _Follower


class Hub:
    """Topics are free strings; `metrics` carries a `Frame` each tick, `events` an `Event` each, `config` what changed
    in the configuration, `alerts` what became of an alert (both plain JSON objects)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._topics: dict[str, tuple[Listener, ...]] = {}
        self._looks: dict[str, float] = {}

    def subscribe(self, topic: str, bound: int = 8) -> Subscription:
        """A new listener on ``topic``; close it, or use it in a ``with``."""
        subscription = Subscription(self, topic, bound)
        self.add(topic, subscription)
        return subscription

    def add(self, topic: str, subscription: Listener) -> None:
        """A listener on ``topic``, called by `subscribe` and `Subscription.follow`."""
        with self._lock:
            self._topics[topic] = (*self._topics.get(topic, ()), subscription)

    def remove(self, topic: str, subscription: Listener) -> None:
        """Forgets a listener; unknown ones are ignored."""
        with self._lock:
            self._topics[topic] = tuple(s for s in self._topics.get(topic, ()) if s is not subscription)

    def listeners(self, topic: str) -> int:
        """How many listen to ``topic``; a `look` that still holds counts as one."""
        return len(self._topics.get(topic, ())) + (self._looks.get(topic, 0.0) > time.monotonic())

    def look(self, topic: str, seconds: float) -> None:
        """Someone who cannot hold a subscription (a callback that polls) looks at ``topic`` for so long."""
        self._looks[topic] = time.monotonic() + seconds

    def publish(self, topic: str, frame: Any) -> None:
        """Hands ``frame`` to every listener; never blocks on a slow one."""
        for subscription in self._topics.get(topic, ()):
            subscription.put(frame)

    def close(self) -> None:
        """Closes every subscription: the server is stopping."""
        for listeners in list(self._topics.values()):
            for subscription in listeners:
                subscription.close()
