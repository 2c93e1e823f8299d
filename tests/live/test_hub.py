import threading

from live.events import Event, Events
from live.hub import Hub, News
from storage.errors import StoreUnavailable


def test_every_listener_gets_every_frame_of_its_topic():
    hub = Hub()
    with hub.subscribe("a") as one, hub.subscribe("a") as two, hub.subscribe("b") as other:
        hub.publish("a", 1)
        hub.publish("a", 2)
        assert [one.get(0), one.get(0), two.get(0), two.get(0)] == [1, 2, 1, 2]
        assert other.get(0) is None
        assert hub.listeners("a") == 2
    assert hub.listeners("a") == 0


def test_a_slow_listener_loses_the_oldest_and_holds_up_nobody():
    hub = Hub()
    with hub.subscribe("a", bound=3) as slow:
        for i in range(10):
            hub.publish("a", i)
        assert [slow.get(0) for _ in range(4)] == [7, 8, 9, None]


def test_closing_the_hub_wakes_who_waits():
    hub = Hub()
    subscription = hub.subscribe("a")
    got = []
    waiter = threading.Thread(target=lambda: got.append(subscription.get(30)))
    waiter.start()
    hub.close()
    waiter.join(timeout=10)
    assert got == [None] and subscription.closed


class Store:
    def __init__(self):
        self.away, self.rows = True, []

    def append_event(self, at, kind, severity, params):
        if self.away:
            raise StoreUnavailable("away")
        self.rows.append((at, kind, severity, params))

    def events(self, limit, start, end):
        if self.away:
            raise StoreUnavailable("away")
        return [r for r in reversed(self.rows) if start <= r[0] <= end][:limit]


def test_events_wait_for_a_store_that_is_away_and_are_written_once():
    store, clock = Store(), iter(range(1, 100))
    events = Events(store, Hub(), now=lambda: float(next(clock)))
    events.add("started")
    events.add("store_away", "error", part="archive")
    events.flush()
    assert [e.kind for e in events.recent()] == ["store_away", "started"]
    store.away = False
    events.flush()
    events.flush()
    assert [r[1] for r in store.rows] == ["started", "store_away"]
    assert events.recent(1) == [Event(2.0, "store_away", "error", {"part": "archive"})]


def test_news_of_a_followed_topic_come_before_frames_and_end_when_no_longer_followed():
    hub = Hub()
    with hub.subscribe("metrics") as one:
        one.follow(["config", "alerts"])
        hub.publish("metrics", 1)
        hub.publish("config", {"by": "ada"})
        assert one.get(0) == News("config", {"by": "ada"})
        assert one.get(0) == 1
        one.follow(["alerts"])
        hub.publish("config", {"by": "bob"})
        hub.publish("alerts", {"id": 1})
        assert [one.get(0), one.get(0)] == [News("alerts", {"id": 1}), None]
    assert hub.listeners("alerts") == 0


def test_a_flood_of_frames_loses_no_news():
    hub = Hub()
    with hub.subscribe("metrics", bound=2) as slow:
        slow.follow(["config"])
        hub.publish("config", 7)
        for i in range(100):
            hub.publish("metrics", i)
        assert [slow.get(0) for _ in range(3)] == [News("config", 7), 98, 99]
