"""The bell of each person, and how they want to be told."""

from __future__ import annotations

import time

from alerts.delivery import Delivery
from alerts.outbox import Outbox
from alerts.people import Choices, NotifiedPeople
from alerts.transitions import Transitions
from config.dashboard import Notifications
from live.hub import Hub
from storage.database import Database
from tests.alerts.engine import engine, fire, flip


def told(database: Database) -> NotifiedPeople:
    """Takes up what the engine left, and gives the bells."""
    delivery = Delivery(
        Outbox(database, "test"), Transitions(engine(database), lambda server: f"box-{server}"), database,
        Notifications, Hub(),
    )
    delivery.round()
    return NotifiedPeople(database)


def test_each_person_has_a_bell_of_their_own(both_databases: Database) -> None:
    alert, _ = fire(both_databases)
    fire(both_databases, severity="critical", labels={"mount": "/"}, name="Disk full")
    people = told(both_databases)
    ann, bob = people.bell(1), people.bell(2)
    assert ann.unread == bob.unread == 2
    assert [item.notice.name for item in ann.items] == ["Disk full", "High CPU use"]
    assert ann.items[0].notice.labels == {"mount": "/"} and ann.items[0].notice.server == "box-1"
    people.read(1, ann.newest)
    assert people.bell(1).unread == 0 and people.bell(2).unread == 2
    flip(both_databases, alert, "resolved", at=time.time())
    again = told(both_databases).bell(1)
    assert again.unread == 0 and again.items[0].notice.state == "resolved", "an end is shown, and needs nobody"


def test_a_bell_is_never_read_further_than_there_is(both_databases: Database) -> None:
    fire(both_databases)
    people = told(both_databases)
    people.read(1, 10**9)
    fire(both_databases)
    assert told(both_databases).bell(1).unread == 1
    people.read(1, 0)
    assert people.bell(1).unread == 1


def test_what_is_muted_acknowledged_or_not_for_the_page_rings_no_bell(both_databases: Database) -> None:
    fire(both_databases, muted="silence:3")
    alert, _ = fire(both_databases)
    flip(both_databases, alert, "acknowledged")
    assert [item.notice.alert for item in told(both_databases).bell(1).items] == [alert]


def test_an_alert_whose_silence_ends_rings(both_databases: Database) -> None:
    alert, _ = fire(both_databases, muted="silence:3")
    assert told(both_databases).bell(1).unread == 0
    flip(both_databases, alert, "unmuted")
    assert told(both_databases).bell(1).unread == 1


def test_a_bell_counts_to_a_hundred(both_databases: Database) -> None:
    for _ in range(105):
        fire(both_databases)
    found = told(both_databases).bell(1)
    assert found.unread == 100 and len(found.items) == 20


def test_choices_are_kept_for_each_person(both_databases: Database) -> None:
    people = NotifiedPeople(both_databases)
    assert people.choices(1) == Choices()
    people.choose(1, Choices(("critical", "error"), True))
    assert people.choices(1) == Choices(("error", "critical"), True) and people.choices(2) == Choices()
    fire(both_databases)
    told(both_databases).read(1, 1)
    assert people.choices(1).browser
    people.choose(1, Choices((), False))
    assert people.choices(1) == Choices((), False)
