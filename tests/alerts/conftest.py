"""A database with transitions, and everything that tells of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from alerts.delivery import Delivery
from alerts.notices import SAMPLE, Notice
from alerts.outbox import Outbox
from config.dashboard import Notifications
from live.hub import Hub
from storage.database import Database
from tests.support import wait_until

metadata = sa.MetaData()
flips = sa.Table(
    "test_flips", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("notice", sa.Text),
    sa.Column("routed", sa.Double),
)


class Flips:
    """Transitions, as the alert engine leaves them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        with database.write() as connection:
            metadata.create_all(connection)

    def add(self, **given: Any) -> int:
        """A transition; what is not given is that of `SAMPLE`."""
        with self._database.write() as connection:
            key = connection.execute(sa.insert(flips).values(notice="")).inserted_primary_key
            number = int(key[0]) if key else 0
            notice = replace(SAMPLE, id=number, **{"alert": number, **given})
            connection.execute(sa.update(flips).where(flips.c.id == number).values(
                notice=orjson.dumps(asdict(notice)).decode(),
            ))
        return number

    def unclaimed(self, connection: Connection, limit: int) -> list[Notice]:
        rows = connection.scalars(
            sa.select(flips.c.notice).where(flips.c.routed.is_(None)).order_by(flips.c.id).limit(limit)
        )
        return [Notice(**orjson.loads(row)) for row in rows]

    def claim(self, connection: Connection, transition: int, now: float) -> bool:
        return connection.execute(
            sa.update(flips).where(flips.c.id == transition, flips.c.routed.is_(None)).values(routed=now)
        ).rowcount == 1


@dataclass
class Post:
    """A delivery loop over a real database. ``at`` is the clock; real time when it is None."""

    database: Database
    flips: Flips
    outbox: Outbox
    delivery: Delivery
    hub: Hub
    settings: Notifications = field(default_factory=Notifications)

    def states(self) -> list[str]:
        """State of each delivery, oldest first."""
        return [one.state for one in reversed(self.outbox.log(limit=500))]

    def until(self, *states: str) -> None:
        """Runs rounds until the deliveries have these states."""
        def there() -> bool:
            self.delivery.round()
            return self.states() == list(states)

        wait_until(there, 15, f"{states}, but {self.states()}")


def notifications(targets: dict[str, Any], **more: Any) -> Notifications:
    """Settings by which every kind of alert goes to every target and the page, at once."""
    channels = ["toast", *targets]
    kinds = ("systemAlert", "modelFailure", "highResourceUsage", "configChanged")
    return Notifications.model_validate({
        "channels": channels, "targets": targets, "groupSeconds": 0,
        "alertTypes": {kind: {"channels": channels} for kind in kinds}, **more,
    })


@pytest.fixture
def both_databases(state_url: str | None, tmp_path: Path) -> Iterator[Database]:
    made = Database("state", tmp_path, state_url)
    yield made
    made.close()


def make_post(database: Database, settings: Notifications, **more: Any) -> Post:
    hub, outbox = Hub(), Outbox(database, "test")
    flips_there = Flips(database)
    post: Post
    delivery = Delivery(outbox, flips_there, database, lambda: post.settings, hub, **more)
    post = Post(database, flips_there, outbox, delivery, hub, settings)
    return post


@pytest.fixture
def post_over() -> Callable[..., Post]:
    """Makes a `Post` over a database."""
    return make_post


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Post]]:
    """Makes a `Post` over SQLite, with channels that are given by name."""
    databases: list[Database] = []

    def made(targets: dict[str, Any], *, now: Callable[[], float] | None = None, **more: Any) -> Post:
        database = Database("state", tmp_path)
        databases.append(database)
        return make_post(database, notifications(targets, **more), **({"now": now} if now else {}))

    yield made
    for one in databases:
        one.close()
