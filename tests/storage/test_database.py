"""Databases: made, migrated, refused, away and back."""

import sqlite3
import stat
import threading

import pytest
import sqlalchemy as sa

from storage import database as module
from storage.database import Database, check_database, newest_revision
from storage.errors import StorageError, StoreUnavailable
from tests.support import free_port


def test_both_histories_make_their_tables_in_one_place(tmp_path, database):
    url = None if database.is_sqlite else database.engine.url.render_as_string(hide_password=False)
    state = Database("state", tmp_path, url)
    with database.read() as connection:
        names = sa.inspect(connection).get_table_names()
    assert {"series", "pages", "watermark", "events", "servers", "metrics", "archive_version"} <= set(names)
    with state.read() as connection:
        assert connection.scalar(sa.text("SELECT version_num FROM state_version")) == newest_revision("state")
    state.close()


def test_the_documents_columns_and_indexes(database):
    with database.read() as connection:
        look = sa.inspect(connection)
        columns = {c["name"]: str(c["type"]) for c in look.get_columns("metrics")}
        indexes = {i["name"]: i["column_names"] for i in look.get_indexes("metrics")}
        servers = {c["name"]: str(c["type"]) for c in look.get_columns("servers")}
    assert columns["cpu_percent"] == "NUMERIC(5, 2)" and columns["network_recv_mb"] == "NUMERIC(10, 2)"
    assert list(columns) == [
        "id", "server_id", "cpu_percent", "ram_percent", "ram_used_mb", "ram_total_mb", "disk_percent",
        "disk_used_gb", "disk_total_gb", "network_sent_mb", "network_recv_mb", "recorded_at",
    ]
    assert indexes == {
        "idx_metrics_server_id": ["server_id"], "idx_metrics_recorded_at": ["recorded_at"],
        "idx_metrics_server_time": ["server_id", "recorded_at"],
    }
    assert list(servers) == [
        "id", "name", "hostname", "ip_address", "os_type", "created_at", "last_seen", "is_active",
    ]


def test_a_migration_runs_once_and_without_alembic_after(database, monkeypatch):
    database.migrate()
    monkeypatch.setitem(__import__("sys").modules, "alembic", None)  # importing it now fails
    again = Database(database.room, database._file.parent if database._file else None, None) if database.is_sqlite \
        else Database(database.room, None, database.engine.url.render_as_string(hide_password=False))
    again.migrate()
    again.close()


def test_a_migration_that_fails_leaves_nothing_behind(tmp_path, monkeypatch):
    scripts = tmp_path / "migrations"
    (scripts / "archive").mkdir(parents=True)
    (scripts / "env.py").write_text((module.MIGRATIONS / "env.py").read_text())
    script = scripts / "archive" / "0001_half.py"
    text = (
        "from alembic import op\nrevision, down_revision = '0001', None\n"
        "def upgrade():\n    op.execute('CREATE TABLE half (a)')\n"
    )
    script.write_text(f"{text}    op.execute('no such statement')\n")
    monkeypatch.setattr(module, "MIGRATIONS", scripts)
    archive = Database("archive", tmp_path)
    with pytest.raises(StorageError, match="syntax error"):
        archive.migrate()
    assert sa.inspect(archive.engine).get_table_names() == []
    script.write_text(text)
    archive.migrate()
    assert sa.inspect(archive.engine).get_table_names() == ["archive_version", "half"]


def test_two_instances_that_start_together_migrate_once(database, tmp_path):
    url = None if database.is_sqlite else database.engine.url.render_as_string(hide_password=False)
    errors = []

    def start() -> None:
        one = Database("archive", tmp_path, url)
        try:
            one.migrate()
        except StorageError as error:
            errors.append(error)
        one.close()

    threads = [threading.Thread(target=start) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_a_database_of_a_newer_vigie_is_refused(database):
    with database.write() as connection:
        connection.execute(sa.text("UPDATE archive_version SET version_num = '9999'"))
    again = Database("archive", database._file.parent, None) if database._file else Database(
        "archive", None, database.engine.url.render_as_string(hide_password=False))
    with pytest.raises(StorageError, match="of a newer Vigie") as caught:
        again.migrate()
    assert not isinstance(caught.value, StoreUnavailable)
    again.close()


def test_the_file_is_private(tmp_path):
    state = Database("state", tmp_path)
    state.migrate()
    assert stat.S_IMODE((tmp_path / "vigie.db").stat().st_mode) == 0o600


def test_a_write_rolls_back_on_an_error(database):
    def fail() -> None:
        with database.write() as connection:
            connection.execute(sa.text("INSERT INTO watermark VALUES (1, 0, 5)"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with database.read() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM watermark")) == 0


def test_writers_wait_for_each_other(database):
    database.migrate()
    with database.write() as connection:
        connection.execute(sa.text("INSERT INTO watermark VALUES (1, 0, 0)"))

    def add() -> None:
        for _ in range(20):
            with database.write() as connection:
                lock = "" if database.is_sqlite else " FOR UPDATE"
                at = connection.scalar(sa.text(f"SELECT at FROM watermark{lock}"))
                connection.execute(sa.text("UPDATE watermark SET at = :at"), {"at": at + 1})

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as connection:
        assert connection.scalar(sa.text("SELECT at FROM watermark")) == 80


def run(database, *statements):
    with database.write() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))


def test_a_full_disk_is_one_sentence(tmp_path):
    archive = Database("archive", tmp_path)
    with pytest.raises(StoreUnavailable, match=r"archive\.db cannot grow: the disk is full\.$"):
        run(archive, "PRAGMA max_page_count = 20", "INSERT INTO pages VALUES (1, 0, 0, zeroblob(1000000))")


def test_a_file_that_cannot_be_written_is_one_sentence(tmp_path):
    archive = Database("archive", tmp_path)
    with pytest.raises(StoreUnavailable, match=r"archive\.db is read-only\.$"):
        run(archive, "PRAGMA query_only = 1", "INSERT INTO watermark VALUES (1, 0, 0)")


def test_a_folder_that_is_missing_is_one_sentence(tmp_path):
    with pytest.raises(StoreUnavailable, match=r"archive\.db cannot be opened: No such file or directory"):
        Database("archive", tmp_path / "nowhere").migrate()


def test_a_file_that_is_no_database_is_one_sentence(tmp_path):
    (tmp_path / "archive.db").write_bytes(b"not a database, not at all" * 100)
    with pytest.raises(StorageError, match=r"archive\.db is damaged"):
        Database("archive", tmp_path).migrate()


def test_a_file_that_another_program_locks_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BUSY_SECONDS", 0.05)
    archive = Database("archive", tmp_path)
    archive.migrate()
    other = sqlite3.connect(tmp_path / "archive.db")
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="another program holds its lock"), archive.write():
        pass
    other.rollback()
    with archive.write():
        pass


def test_postgresql_stopped_and_started(own_postgres):
    archive = Database("archive", None, own_postgres.url)
    with pytest.raises(StoreUnavailable, match="PostgreSQL is away"):
        archive.migrate()
    own_postgres.start()
    archive._retry_at = 0
    with archive.write() as connection:
        connection.execute(sa.text("INSERT INTO watermark VALUES (1, 0, 7)"))
    own_postgres.stop()
    with pytest.raises(StoreUnavailable, match="PostgreSQL is away"), archive.read() as connection:
        connection.scalar(sa.text("SELECT 1"))
    before = archive._retry_at
    with pytest.raises(StoreUnavailable), archive.read():
        pytest.fail("while it is away no call waits for another attempt")
    assert archive._retry_at == before
    own_postgres.start()
    archive._retry_at = 0
    with archive.read() as connection:
        assert connection.scalar(sa.text("SELECT at FROM watermark")) == 7
    archive.close()


def test_a_url_is_checked_at_start(postgres_url):
    assert check_database(postgres_url) == ""
    assert "cannot be reached now" in check_database(f"postgresql://vigie:x@127.0.0.1:{free_port()}/vigie")
    for wrong, words in (
        (postgres_url.replace(":secret@", ":no-such-word@"), "refuses vigie on vigie"),
        (postgres_url.replace(":secret@", "@"), "password"),
        (postgres_url.replace("vigie:secret", "stranger:no-such-word"), "refuses stranger"),
        (f"{postgres_url}_not", "refuses vigie on vigie_not"),
        ("postgresql://[::1/x", "malformed"),
        ("nonsense", "malformed"),
        ("postgresql://host:port/x", "malformed"),
        (f"{postgres_url}?no_such_option=1", "malformed"),
    ):
        with pytest.raises(StorageError, match=words) as caught:
            check_database(wrong)
        text = str(caught.value)
        assert "no-such-word" not in text and "secret" not in text and "\n" not in text
        assert not isinstance(caught.value, StoreUnavailable)
