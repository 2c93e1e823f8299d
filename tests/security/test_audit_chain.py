"""Tampering with the audit trail: what verification finds, by whichever way the rows were changed."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from security.audit import Trail
from security.audit.entry import FIELDS, chained
from security.audit.seal import FILE, Seal
from security.audit.tables import audit, audit_cut
from storage.database import Database
from storage.errors import StorageError
from tests.security.conftest import Clock, Switch

KEY = "k" * 43
DAY = 86400.0


@pytest.fixture
def trail(both_databases: Switch, clock: Clock, tmp_path: Path) -> Trail:
    made = Trail(both_databases, clock, Seal(KEY, tmp_path), days=30)
    for number in range(1, 11):
        made.record("test.step", f"step {number}", after={"number": number})
        made.flush()
        clock.forward(60)
    return made


def tamper(database: Database, work: Callable[[Connection], object]) -> None:
    """What somebody does who may do anything in the database: the triggers are no hindrance to them."""
    with database.write() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("ALTER TABLE audit DISABLE TRIGGER USER"))
        else:
            for name in ("audit_no_update", "audit_no_delete"):
                connection.execute(sa.text(f"DROP TRIGGER {name}"))
        work(connection)


def rewrite(connection: Connection, start: int) -> None:
    """Recomputes the chain from row ``start`` on, as somebody would who knows how it is made."""
    rows = connection.execute(sa.select(audit).order_by(audit.c.id)).mappings().all()
    previous = ""
    for row in rows:
        values = {**row, "previous": previous or row["previous"]}
        if row["id"] >= start:
            values["hash"] = chained(values["previous"], row["id"], {name: row[name] for name in FIELDS})
            connection.execute(
                sa.update(audit).where(audit.c.id == row["id"]).values(previous=values["previous"], hash=values["hash"])
            )
        previous = values["hash"]


def change(connection: Connection) -> None:
    connection.execute(sa.update(audit).where(audit.c.id == 4).values(who="somebody else"))


def change_and_recompute_it(connection: Connection) -> None:
    change(connection)
    row = connection.execute(sa.select(audit).where(audit.c.id == 4)).mappings().one()
    connection.execute(sa.update(audit).where(audit.c.id == 4).values(hash=chained(row["previous"], 4, row)))


def change_and_recompute_all(connection: Connection) -> None:
    change(connection)
    rewrite(connection, 4)


def remove_one(connection: Connection) -> None:
    connection.execute(sa.delete(audit).where(audit.c.id == 4))


def remove_and_close_the_gap(connection: Connection) -> None:
    remove_one(connection)
    for number in range(5, 11):
        connection.execute(sa.update(audit).where(audit.c.id == number).values(id=number - 1))


def insert_one(connection: Connection) -> None:
    for number in range(10, 4, -1):
        connection.execute(sa.update(audit).where(audit.c.id == number).values(id=number + 1))
    row = connection.execute(sa.select(audit).where(audit.c.id == 4)).mappings().one()
    connection.execute(sa.insert(audit).values(**{**row, "id": 5, "target": "never happened", "previous": row["hash"]}))


def swap_two(connection: Connection) -> None:
    for old, new in ((4, 99), (5, 4), (99, 5)):
        connection.execute(sa.update(audit).where(audit.c.id == old).values(id=new))


def cut_the_beginning(connection: Connection) -> None:
    connection.execute(sa.delete(audit).where(audit.c.id < 4))


def forge_a_checkpoint(connection: Connection) -> None:
    hashed = connection.scalar(sa.select(audit.c.hash).where(audit.c.id == 3))
    cut_the_beginning(connection)
    connection.execute(sa.update(audit_cut).values(upto=3))
    row = connection.execute(sa.select(audit).where(audit.c.id == 10)).mappings().one()
    values = {**row, "action": "audit.retention", "previous": row["hash"],
              "after": json.dumps({"to": 3, "hash": hashed, "signature": "0" * 64})}
    connection.execute(sa.insert(audit).values(**{**values, "id": 11, "hash": chained(row["hash"], 11, values)}))


def cut_the_end(connection: Connection) -> None:
    connection.execute(sa.delete(audit).where(audit.c.id > 7))


def empty_it(connection: Connection) -> None:
    connection.execute(sa.delete(audit))
    connection.execute(sa.update(audit_cut).values(upto=10))


@pytest.mark.parametrize(("work", "why", "row"), [
    (change, "changed", 4),
    (change_and_recompute_it, "unlinked", 5),
    (change_and_recompute_all, "replaced", 10),
    (remove_one, "missing", 5),
    (remove_and_close_the_gap, "unlinked", 4),
    (insert_one, "changed", 5),
    (swap_two, "unlinked", 4),
    (cut_the_beginning, "start", 4),
    (forge_a_checkpoint, "checkpoint", 11),
    (cut_the_end, "truncated", 10),
    (empty_it, "truncated", 10),
], ids=lambda given: given.__name__ if callable(given) else str(given))
def test_tampering_is_found_and_named(
    trail: Trail, work: Callable[[Connection], object], why: str, row: int
) -> None:
    assert trail.verify().ok
    tamper(trail.database, work)
    found = trail.verify()
    assert (found.ok, found.why, found.row) == (False, why, row)
    assert str(row) in found.problem()


@pytest.mark.parametrize("work", [change_and_recompute_all, cut_the_end, empty_it], ids=lambda given: given.__name__)
def test_what_is_written_afterwards_does_not_hide_it(trail: Trail, work: Callable[[Connection], object]) -> None:
    tamper(trail.database, work)
    for number in range(8):
        trail.record("test.step", f"afterwards {number}")
        trail.flush()
    assert not trail.verify().ok and "changed from outside" in trail.problem()


def test_a_whole_chain_holds(trail: Trail) -> None:
    found = trail.verify()
    assert (found.ok, found.rows, found.first, found.last, found.why, found.anchored) == (True, 10, 1, 10, "", True)


def test_the_anchor_itself_is_signed(trail: Trail, tmp_path: Path) -> None:
    file = tmp_path / FILE
    assert file.stat().st_mode & 0o077 == 0
    told = json.loads(file.read_text())
    file.write_text(json.dumps({**told, "id": 7}))
    assert trail.verify().why == "anchor"
    file.write_text("[]")
    assert trail.verify().why == "anchor"
    file.unlink()
    found = trail.verify()
    assert found.ok and not found.anchored  # it holds, and it is said that the end is not held by anything


def test_the_database_refuses_to_change_or_remove_a_row(trail: Trail) -> None:
    for statement in (
        sa.update(audit).where(audit.c.id == 4).values(who="x"), sa.delete(audit).where(audit.c.id == 4),
        *([sa.text("TRUNCATE audit")] if not trail.database.is_sqlite else []),
    ):
        with pytest.raises((StorageError, sa.exc.IntegrityError), match="append-only"), \
                trail.database.write() as connection:
            connection.execute(statement)
    assert trail.verify().ok


def test_retention_leaves_a_signed_row_and_a_chain_that_holds(trail: Trail, clock: Clock) -> None:
    clock.forward(30 * DAY - 300)  # the first five rows are older than 30 days
    told = trail.outdated()
    assert (told.rows, told.first, told.upto) == (5, 1, 5)
    assert trail.retain() == 0  # a day's worth first
    assert trail.retain(slack=0) == 5
    found = trail.verify()
    assert (found.ok, found.first, found.last) == (True, 6, 11)
    with trail.database.read() as connection:
        row = connection.execute(sa.select(audit).where(audit.c.id == 11)).mappings().one()
    about = json.loads(row["after"])
    assert (row["action"], row["count"], about["from"], about["to"]) == ("audit.retention", 5, 1, 5)
    # Again, so that in time the row of retention itself goes, and the newest one vouches for what is left.
    clock.forward(60 * DAY)
    trail.record("test.step", "new")
    assert trail.retain(slack=0) == 6
    found = trail.verify()
    assert (found.ok, found.first, found.last) == (True, 12, 13)
    tamper(trail.database, lambda c: c.execute(sa.delete(audit).where(audit.c.id == 12)))
    assert trail.verify().why == "checkpoint"


def test_retention_of_no_days_keeps_everything(trail: Trail, clock: Clock) -> None:
    clock.forward(10_000 * DAY)
    assert trail.retain(0) == 0 and trail.outdated(0).rows == 0 and trail.verify().rows == 10


def test_another_installation_cannot_vouch_for_what_was_removed(trail: Trail, clock: Clock, tmp_path: Path) -> None:
    clock.forward(31 * DAY)
    trail.retain(slack=0)
    other = Trail(trail.database, clock, Seal("another key", tmp_path / "elsewhere"))
    assert other.verify().why == "checkpoint" and trail.verify().ok


def test_many_writers_make_one_chain(both_databases: Switch, clock: Clock, tmp_path: Path) -> None:
    """Threads with engines of their own: to the database they are so many processes."""
    url = None if both_databases.is_sqlite else both_databases.engine.url.render_as_string(hide_password=False)
    both_databases.migrate()

    def write(name: int) -> None:
        trail = Trail(Database("state", tmp_path, url), clock, Seal(KEY, tmp_path))
        for number in range(25):
            trail.record("test.step", f"{name}.{number}")
            assert trail.flush(), trail.problem()
        trail.database.close()

    threads = [threading.Thread(target=write, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = Trail(both_databases, clock, Seal(KEY, tmp_path)).verify()
    assert (found.ok, found.rows, found.last) == (True, 100, 100)


def test_a_command_run_by_root_does_not_shut_out_the_service(tmp_path: Path) -> None:
    if os.geteuid() == 0:  # nobody else gives files away, or could shut anybody out
        os.chown(tmp_path, 65534, 65534)
    Seal(KEY, tmp_path).hold(1, "0" * 64, 1.0)
    found, folder = (tmp_path / FILE).stat(), tmp_path.stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (folder.st_uid, folder.st_gid, 0o600)
