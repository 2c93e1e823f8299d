"""The loop that evaluates: ticks in, alerts and their transitions out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import sqlalchemy as sa
import structlog

from alerts.alert import Alert, Kind, Transition, begun
from alerts.lease import Lease
from alerts.muting import Inhibition, Inhibitor, Silence, silenced
from alerts.rulebook import Rulebook
from alerts.silences import Silences
from alerts.state import FLAP_WINDOW, Flaps, State
from alerts.store import LeaseLost, Store
from alerts.watch import Open, Watch
from alerts.windows import Windows
from config.dashboard import AlertThresholds
from live.hub import Frame, Hub
from metrics.series import SeriesInfo
from storage.errors import StorageError
from storage.latest import Latest
from storage.query import Query
from storage.selector import parse_selector

log = structlog.get_logger(__name__)

PENDING_KEPT = 3.0
"""Seconds that an alert must be pending to be kept: most of what is pending is over at once."""
REFRESH = 5.0
"""Seconds between two looks at what other processes changed: rules, silences, what people said."""
VALUES_KEPT = 30.0
"""Seconds between two writes of the values of what fires."""
PRUNE_EVERY = 3600.0
SILENT_AFTER = 15.0
"""Seconds without a look after which the loop counts as stalled."""
STANDBY = "Another process evaluates."


class Engine:
    """Evaluates one server's ticks. Making it starts nothing.

    ``told`` is called with each transition, after it was written or, while the database is away, after it was kept in
    memory.
    """

    def __init__(
        self, *, server: int, hub: Hub, latest: Latest, query: Query, rulebook: Rulebook, silences: Silences,
        store: Store, lease: Lease, thresholds: Callable[[], AlertThresholds], told: Callable[[Transition], None],
        tidy: Callable[[], None] = lambda: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server, self._hub, self._latest = server, hub, latest
        self._rulebook, self._silences, self._store, self._lease = rulebook, silences, store, lease
        self._thresholds, self._told, self._tidy, self._monotonic = thresholds, told, tidy, monotonic
        self.watch = Watch(server, latest.infos, Windows(query))
        self.lock = threading.RLock()
        """Held while alerts change."""
        self.open: dict[str, Alert] = {}
        """What is pending or firing, by fingerprint: this process' truth while it evaluates."""
        self._newest: dict[str, tuple[float, float]] = {}
        self.active = False
        """Whether this process evaluates."""
        self.tick_seconds = 0.0
        """How long the newest tick took."""
        self.ticks = 0
        self._flaps: dict[str, Flaps] = {}
        self._news: list[Transition] = []
        self._mutes: tuple[list[Silence], list[Inhibition]] = ([], [])
        self._seen: tuple[int, int, AlertThresholds | None] = (-1, -1, None)
        self._refreshed = self._values_kept = self._pruned = -1e9
        self._judge, self._judged = True, -1e9
        self._away = self._error = ""
        self._stop = threading.Event()
        self._beat = monotonic()
        self._subscription = hub.subscribe("metrics", bound=4)
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)

    def current(self) -> list[Alert]:
        """What is pending or firing, with its newest values. Safe from any thread."""
        newest = self._newest
        return [_measured(alert, newest.get(alert.fingerprint)) for alert in list(self.open.values())]

    # The loop

    def start(self) -> None:
        """Starts the loop."""
        self._beat = self._monotonic()
        self._thread.start()

    def stop(self) -> None:
        """Ends the loop, writes what waits, and lets another process go on."""
        self._stop.set()
        self._subscription.close()
        if self._thread.is_alive():
            self._thread.join(timeout=3)
        with self.lock:
            if self.active:
                self._flush()
            self._lease.release()
            self.active = False

    def problem(self) -> str:
        """Why alerts are not evaluated or not kept; empty when all is well."""
        if self._thread.ident is not None and not self._stop.is_set():
            if not self._thread.is_alive():
                return f"The alert loop has stopped: {self._error}"
            silent = self._monotonic() - self._beat
            if silent > SILENT_AFTER:
                return f"The alert loop has been silent for {silent:.0f} s."
        if self._error:
            return f"The alert loop failed and goes on: {self._error}"
        return self._away

    def detail(self) -> str:
        """What it does, for people."""
        if not self.active:
            return STANDBY
        return (
            f"{len(self.watch.pairs)} pairs of rule and series, {self.tick_seconds * 1000:.1f} ms a tick, "
            f"{self._store.waiting} changes wait, {self._store.lost} lost"
        )

    def _run(self) -> None:
        while not self._stop.is_set():
            self._beat = self._monotonic()
            frame = self._subscription.get(timeout=1.0)
            if self._subscription.closed:
                return
            try:
                with self.lock:
                    self.round(frame if isinstance(frame, Frame) else None)
                self._error = ""
            except Exception as error:  # the edge of this thread: if it died, nobody would be told of anything
                self._error = f"{type(error).__name__}: {error}"
                log.exception("a round of the alert loop failed; it goes on")

    def round(self, frame: Frame | None) -> None:
        """One look: keeps the lease, evaluates a tick, writes what waits."""
        held = self._lease.keep()
        if held != self.active:
            self._take_up() if held else self._stand_by()
        if not self.active:
            self._away = self._away if held else self._lease.away
            return
        self._refresh()
        if frame is not None:
            began = time.perf_counter()
            self.tick(frame.t / 1000, frame.values)
            self.tick_seconds = time.perf_counter() - began
            self.ticks += 1
        self._flush()

    def _take_up(self) -> None:
        """Begins to evaluate, where whoever did it before left off."""
        try:
            self._rulebook.load()
            opened = self._store.opened()
            fired = self._store.fired_since(time.time() - FLAP_WINDOW)
        except StorageError as error:
            self._away = str(error)
            return
        self.open = {alert.fingerprint: alert for alert in opened}
        self._flaps = {key: Flaps(times) for key, times in fired.items()}
        self._seen = (-1, -1, None)
        self._apply_rules()
        self.watch.restore([_open(alert) for alert in opened])
        self.active, self._refreshed = True, -1e9
        log.info("evaluating alerts", open=len(opened))

    def _stand_by(self) -> None:
        self.active, self.open = False, {}
        self._store.discard()
        self._away = ""
        log.warning("another process evaluates alerts now")

    # What else may change

    def take_up(self, alert: Alert) -> None:
        """Takes up what somebody in this process said of an alert."""
        with self.lock:
            kept = self.open.get(alert.fingerprint)
            if kept is not None and kept.uuid == alert.uuid:
                self.open[alert.fingerprint] = replace(
                    kept, acknowledged=alert.acknowledged, acknowledged_by=alert.acknowledged_by, note=alert.note,
                    owner=alert.owner,
                )

    def _refresh(self) -> None:
        changes = self._silences.changes
        if self._monotonic() - self._refreshed >= REFRESH or changes != self._seen[1]:
            self._refreshed = self._monotonic()
            self._tidy()
            try:
                self._rulebook.load()
                mutes = self._silences.all(), self._silences.inhibitions()
                self._judge, self._mutes = self._judge or mutes != self._mutes, mutes
                said = self._store.said([alert.uuid for alert in self.open.values()])
                for key, alert in self.open.items():
                    if alert.uuid in said:
                        self.open[key] = replace(alert, **said[alert.uuid])
                self._prune()
            except StorageError as error:
                self._away = self._away or str(error)
            self._seen = (self._seen[0], changes, self._seen[2])
        self._apply_rules()

    def _apply_rules(self) -> None:
        revision, thresholds = self._rulebook.revision, self._thresholds()
        if (revision, thresholds) != (self._seen[0], self._seen[2]):
            self._seen = (revision, self._seen[1], thresholds)
            self.watch.set_rules(self._rulebook.rules(), thresholds)

    def _prune(self) -> None:
        if self._monotonic() - self._pruned >= PRUNE_EVERY:
            self._pruned = self._monotonic()
            self._store.prune(time.time())
            least = time.time() - FLAP_WINDOW
            self._flaps = {key: one for key, one in self._flaps.items() if one.newest > least}

    # A tick

    def tick(self, now: float, values: Mapping[str, float]) -> None:
        """Evaluates one tick: nominal time in epoch seconds, values by series key."""
        watch = self.watch
        changes, anew = watch.tick(now, values)
        made: list[tuple[Alert, Kind]] = []
        for place in changes.resolved.tolist():
            self._end(watch.pairs[place].fingerprint, now, made)
        for place in changes.dropped.tolist():
            self._end(watch.pairs[place].fingerprint, now, made)
        for place in changes.pended.tolist():
            self._begin(place, now)
        for place in changes.fired.tolist():
            self._fire(place, now, made)
        if anew:
            self._end_unwatched(now, made)
        self._measure(now)
        self._mute(now, made)

    def _begin(self, place: int, at: float) -> Alert:
        pair, table = self.watch.pairs[place], self.watch.table
        alert = begun(pair.rule, pair.info, self._server, pair.fingerprint, float(table.limit[place]), at)
        self.open[pair.fingerprint] = alert
        return alert

    def _fire(self, place: int, now: float, made: list[tuple[Alert, Kind]]) -> None:
        pair = self.watch.pairs[place]
        alert = self.open.get(pair.fingerprint) or self._begin(place, now)
        flapping = self._flaps.setdefault(pair.fingerprint, Flaps()).fire(now)
        self.watch.table.flapping[place] = flapping
        alert = replace(
            alert, state="firing", fired=now, flapping=flapping, threshold=float(self.watch.table.limit[place]),
        )
        value, peak = float(self.watch.values[place]), float(self.watch.table.peak[place])
        self.open[pair.fingerprint] = _measured(alert, (value, peak))
        made.append((self.open[pair.fingerprint], "firing"))

    def _end(self, key: str, now: float, made: list[tuple[Alert, Kind]], reason: str = "") -> None:
        alert = self.open.pop(key, None)
        if alert is None:
            return
        ended = _measured(alert, self._newest.get(key)).ended_with(now, reason)
        if alert.state == "firing":
            made.append((ended, "resolved"))
        elif alert.id:
            self._store.put(ended)

    def _end_unwatched(self, now: float, made: list[tuple[Alert, Kind]]) -> None:
        """Ends what is watched no more: its rule was changed, disabled or deleted, or its series forgotten."""
        active = self.watch.active()
        rules = {rule.id: rule for rule in self._rulebook.rules()}
        for key in [key for key in self.open if key not in active]:
            alert = self.open[key]
            rule = rules.get(alert.rule)
            info = series_of(alert)
            gone = rule is not None and any(parse_selector(text).matches(info) for text in rule.selectors)
            self._end(key, now, made, "gone" if gone else "rule")

    def _measure(self, now: float) -> None:
        """Takes the newest values of what is open, and keeps them now and then."""
        keep = abs(now - self._values_kept) >= VALUES_KEPT
        self._values_kept = now if keep else self._values_kept
        active = self.watch.active()
        places = list(active.values())
        values, peaks = self.watch.values[places].tolist(), self.watch.table.peak[places].tolist()
        self._newest = dict(zip(active, zip(values, peaks, strict=True), strict=True))
        for key, alert in list(self.open.items()) if keep else [*self._unkept(now)]:
            measured = _measured(alert, self._newest.get(key))
            if alert.id == 0:
                if now - alert.started < PENDING_KEPT:
                    continue
                measured = replace(measured, id=-1)  # on its way to a row
            self.open[key] = measured
            self._store.put(measured)

    def _unkept(self, now: float) -> list[tuple[str, Alert]]:
        """What has been pending for long enough to be kept."""
        return [
            (key, alert) for key, alert in self.open.items() if alert.id == 0 and now - alert.started >= PENDING_KEPT
        ]

    # Who is told

    def _mute(self, now: float, made: Sequence[tuple[Alert, Kind]]) -> None:
        """Judges what is muted, and makes the transitions."""
        if not made and not self._judge and abs(now - self._judged) < REFRESH:
            return
        self._judge, self._judged = False, now
        fresh = {alert.fingerprint for alert, kind in made if kind == "firing"}
        silences, inhibitions = self._mutes
        firing = [alert for alert in self.open.values() if alert.state == "firing"]
        inhibitor = Inhibitor(inhibitions, firing) if len(firing) > 1 else None
        for alert in firing:
            muted = silenced(alert, silences, now) or (inhibitor.of(alert) if inhibitor else "")
            if alert.fingerprint in fresh:
                kind: Kind | None = "firing"
            elif muted != alert.muted:
                kind = None if muted or alert.told else "unmuted"
            else:
                continue
            kept = replace(alert, muted=muted, told=alert.told or not muted, id=alert.id or -1)
            self.open[alert.fingerprint] = kept
            self._transit(kept, kind, now)
        for alert, kind in made:
            if kind == "resolved":
                self._transit(alert, "resolved", now)

    def _transit(self, alert: Alert, kind: Kind | None, now: float) -> None:
        if kind is None:
            self._store.put(alert)
            return
        muted = alert.muted or ("" if alert.told else "untold")
        transition = Transition(alert, kind, now, muted=muted)
        self._store.put(alert, transition)
        self._news.append(transition)

    def _flush(self) -> None:
        """Writes what waits, and tells what happened."""
        try:
            numbers = self._store.flush(self._lease.fence)
            for key, alert in self.open.items():
                if alert.id <= 0 and alert.uuid in numbers:
                    self.open[key] = replace(alert, id=numbers[alert.uuid])
            self._away = ""
        except LeaseLost:
            self._news.clear()
            self._stand_by()
            return
        except StorageError as error:
            numbers = {}
            self._away = str(error)
        except sa.exc.IntegrityError:
            log.exception("alerts do not fit what the database holds: read anew")
            self._store.discard()
            self._news.clear()
            self._take_up()
            return
        news, self._news = self._news, []
        for transition in news:
            number = numbers.get(transition.alert.uuid, 0)
            self._told(replace(transition, alert=replace(transition.alert, id=number or transition.alert.id)))


def _open(alert: Alert) -> Open:
    return Open(
        alert.rule, series_of(alert), State.FIRING if alert.state == "firing" else State.PENDING, alert.started,
        alert.peak, alert.flapping,
    )


def _measured(alert: Alert, newest: tuple[float, float] | None) -> Alert:
    """The alert with a value and a peak; NaN leaves what was."""
    if newest is None:
        return alert
    value, peak = newest
    return replace(alert, value=value if value == value else alert.value, peak=peak if peak == peak else alert.peak)


def series_of(alert: Alert) -> SeriesInfo:
    """The series that an alert watches."""
    try:
        labels = parse_selector(alert.series).equal
    except ValueError:  # of a label longer than a selector may be
        labels = tuple(alert.labels.items())
    return SeriesInfo(alert.metric, tuple(sorted(labels)), alert.unit, "gauge", "")
