"""People, sign-ins and API tokens on both databases, with a clock that the test moves."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher

from security.accounts import Accounts
from security.audit import reading
from security.audit.reading import Filter
from security.errors import PasswordRefused, Refused
from security.passwords import random_password, verify_password
from security.permissions import ADMIN, VIEWER
from security.sessions import digest
from security.tables import metadata
from storage.errors import StoreUnavailable
from tests.security.conftest import PASSWORD, Clock, Switch

DAY, HOUR = 86400, 3600


@pytest.fixture
def accounts(both_databases: Switch, clock: Clock) -> Accounts:
    made = Accounts(both_databases, clock)
    made.people.add("Ada", PASSWORD, "admin")
    return made


def signed_in(accounts: Accounts, name: str = "ada", *, remember: bool = False, password: str = PASSWORD) -> str:
    found = accounts.sign_in(name, password, remember=remember, address="192.0.2.7", user_agent="Test/1")
    assert found is not None
    return found[1]


def test_the_migration_makes_the_tables_that_the_code_uses(both_databases: Switch) -> None:
    both_databases.migrate()
    inspector = sa.inspect(both_databases.engine)
    for table in metadata.tables.values():
        made = {column["name"]: column["nullable"] for column in inspector.get_columns(table.name)}
        assert made == {column.name: column.nullable for column in table.columns}, table.name
        indexes = {tuple(index["column_names"]) for index in inspector.get_indexes(table.name)}
        assert {tuple(column.name for column in index.columns) for index in table.indexes} <= indexes, table.name


def test_a_name_signs_in_in_any_case_and_form(accounts: Accounts) -> None:
    accounts.people.add("Zoë", PASSWORD, "viewer")
    assert accounts.people.verify("ADA", PASSWORD)
    assert accounts.people.verify("zoe\u0308 ", PASSWORD)  # e and a combining diaeresis, as some systems type it
    assert accounts.people.verify("ada", PASSWORD + " ") is None
    assert accounts.people.verify("nobody", PASSWORD) is None
    assert accounts.people.verify("a\0da", PASSWORD) is None
    assert accounts.people.verify("ada", "\ud800") is None


@pytest.mark.parametrize("name", ["", " ", "a b", "x" * 65, "a\0", "<b>", "a/b"])
def test_a_bad_name_is_refused(accounts: Accounts, name: str) -> None:
    with pytest.raises(Refused, match="user name"):
        accounts.people.add(name, PASSWORD, "viewer")


def test_a_taken_name_an_unknown_role_and_a_weak_password_are_refused(accounts: Accounts) -> None:
    with pytest.raises(Refused, match="already"):
        accounts.people.add("ADA", PASSWORD, "viewer")
    with pytest.raises(Refused, match="no role king"):
        accounts.people.add("bob", PASSWORD, "king")
    for password in ("short", "longname", "x" * 257):
        with pytest.raises(PasswordRefused):
            accounts.people.add("longname", password, "viewer")


def test_the_first_admin_is_made_once(both_databases: Switch, clock: Clock) -> None:
    empty = Accounts(both_databases, clock)
    made = empty.ensure_first_admin(None)
    assert made is not None
    assert made.isprintable()
    assert empty.people.verify("admin", made)
    assert empty.ensure_first_admin("another password") is None
    assert empty.people.verify("admin", "another password") is None


def test_the_first_admin_takes_the_given_password_and_tells_nothing(both_databases: Switch, clock: Clock) -> None:
    empty = Accounts(both_databases, clock)
    with pytest.raises(PasswordRefused, match="VIGIE_ADMIN_PASSWORD cannot be used: The password must have"):
        empty.ensure_first_admin("short")
    assert empty.ensure_first_admin("from the environment") is None
    user = empty.people.verify("admin", "from the environment")
    assert user is not None
    assert user.role == "admin"


def test_an_identity_has_the_permissions_of_its_role_and_the_persons_choices(accounts: Accounts) -> None:
    secret = signed_in(accounts)
    identity = accounts.of_session(secret)
    assert identity is not None
    assert (identity.kind, identity.name, identity.permissions) == ("user", "Ada", ADMIN)
    accounts.people.add("root", PASSWORD, "admin")
    accounts.people.set_role("ada", "viewer")
    accounts.people.set_profile(identity.id, language="fr", theme="light", timezone="Europe/Paris")
    identity = accounts.of_session(secret)
    assert identity is not None
    assert identity.permissions == VIEWER
    assert (identity.language, identity.theme, identity.timezone) == ("fr", "light", "Europe/Paris")


def test_a_sign_in_ends_when_it_is_not_used(accounts: Accounts, clock: Clock) -> None:
    secret = signed_in(accounts)
    for _ in range(3):
        clock.forward(11 * HOUR)
        assert accounts.of_session(secret), "use keeps it"
    clock.forward(12 * HOUR + 1)
    assert accounts.of_session(secret) is None


def test_a_remembered_sign_in_outlives_idleness_but_not_its_days(accounts: Accounts, clock: Clock) -> None:
    secret = signed_in(accounts, remember=True)
    clock.forward(29 * DAY)
    assert accounts.of_session(secret)
    clock.forward(DAY + 1)
    assert accounts.of_session(secret) is None


def test_last_use_is_written_at_most_once_a_minute(accounts: Accounts, clock: Clock) -> None:
    secret = signed_in(accounts)
    identity = accounts.of_session(secret)
    assert identity is not None
    start = clock.at
    for _ in range(59):
        clock.forward(1)
        accounts.of_session(secret)
    assert accounts.sessions.list(identity.id)[0].last_seen == start
    clock.forward(1)
    accounts.of_session(secret)
    assert accounts.sessions.list(identity.id)[0].last_seen == start + 60


def test_secrets_are_not_in_the_database(accounts: Accounts, both_databases: Switch) -> None:
    secret = signed_in(accounts)
    token, _ = accounts.tokens.add("prometheus", ["metrics:read"])
    with both_databases.read() as connection:
        everything = str([
            list(connection.execute(sa.select(table)).mappings()) for table in metadata.tables.values()
        ])
    assert secret not in everything
    assert token not in everything
    assert PASSWORD not in everything
    assert digest(secret) in everything


def test_own_sign_ins_are_listed_and_ended_one_by_one_or_all(accounts: Accounts, clock: Clock) -> None:
    accounts.people.add("bob", PASSWORD, "viewer")
    first, bobs = signed_in(accounts), signed_in(accounts, "bob")
    clock.forward(5)
    second = signed_in(accounts)
    ada, bob = accounts.of_session(first), accounts.of_session(bobs)
    assert ada is not None
    assert bob is not None
    listed = accounts.sessions.list(ada.id)
    assert [s.address for s in listed] == ["192.0.2.7"] * 2
    assert listed[0].created > listed[1].created
    assert ada.session is not None
    assert not accounts.sessions.end(ada.session, bob.id), "another one's sign-in is out of reach"
    assert accounts.of_session(first)
    assert accounts.sessions.end(ada.session, ada.id)
    assert accounts.of_session(first) is None
    assert not accounts.valid(ada)
    assert accounts.of_session(second)
    assert accounts.sessions.end_all(ada.id) == 1
    assert accounts.of_session(second) is None
    assert accounts.of_session(bobs)


def test_a_new_password_ends_the_other_sign_ins(accounts: Accounts) -> None:
    kept, other = signed_in(accounts), signed_in(accounts)
    ada = accounts.of_session(kept)
    assert ada is not None
    assert not accounts.people.change_password(ada.id, "wrong", "another phrase kept", ada.session)
    assert accounts.of_session(other)
    assert accounts.people.change_password(ada.id, PASSWORD, "another phrase kept", ada.session)
    assert accounts.of_session(kept)
    assert accounts.of_session(other) is None
    assert accounts.people.verify("ada", PASSWORD) is None
    accounts.people.set_password("ada", "from the shell")
    assert accounts.of_session(kept) is None
    signed_in(accounts, password="from the shell")


def test_a_disabled_account_is_out_at_once(accounts: Accounts) -> None:
    accounts.people.add("bob", PASSWORD, "viewer")
    secret = signed_in(accounts, "bob")
    bob = accounts.of_session(secret)
    assert bob is not None
    assert accounts.valid(bob)
    accounts.people.set_disabled("bob", True)
    assert accounts.of_session(secret) is None
    assert not accounts.valid(bob)
    assert accounts.sign_in("bob", PASSWORD) is None
    accounts.people.set_disabled("bob", False)
    assert signed_in(accounts, "bob")


def test_the_last_admin_stays(accounts: Accounts) -> None:
    with pytest.raises(Refused, match="only admin"):
        accounts.people.set_role("ada", "viewer")
    with pytest.raises(Refused, match="only admin"):
        accounts.people.set_disabled("ada", True)
    accounts.people.add("eve", PASSWORD, "admin")
    accounts.people.set_disabled("ada", True)
    with pytest.raises(Refused, match="only admin"):
        accounts.people.set_role("eve", "operator")


def test_changes_of_another_process_are_seen_within_two_seconds(accounts: Accounts, clock: Clock,
                                                                both_databases: Switch) -> None:
    accounts.people.add("bob", PASSWORD, "viewer")
    secret = signed_in(accounts, "bob")
    assert accounts.of_session(secret)
    Accounts(both_databases, clock).people.set_disabled("bob", True)
    clock.forward(2)
    assert accounts.of_session(secret) is None


def test_expired_sign_ins_are_removed(accounts: Accounts, clock: Clock, both_databases: Switch) -> None:
    signed_in(accounts)
    clock.forward(13 * HOUR)
    live = signed_in(accounts)
    accounts.prune()
    with both_databases.read() as connection:
        assert connection.execute(sa.text("SELECT secret FROM login_sessions")).scalars().all() == [digest(live)]


def test_a_token_is_scoped_expires_and_is_revoked(accounts: Accounts, clock: Clock) -> None:
    secret, _token = accounts.tokens.add("prometheus", ["metrics:read"], days=1)
    assert secret.startswith("vgt_")
    identity = accounts.of_token(secret)
    assert identity is not None
    assert (identity.kind, identity.permissions) == ("token", {"metrics:read"})
    assert accounts.tokens.list()[0].last_used == clock.at
    clock.forward(DAY)
    assert accounts.of_token(secret) is None
    assert not accounts.valid(identity)
    assert accounts.tokens.list()[0].state(clock.at) == "expired"
    lasting, _ = accounts.tokens.add("grafana", ["metrics:read"])
    assert accounts.of_token(lasting)
    accounts.tokens.revoke("grafana")
    assert accounts.of_token(lasting) is None
    assert accounts.of_token("vgt_made-up") is None
    again, _ = accounts.tokens.add("grafana", ["dashboard:view"])
    assert again != lasting, "a name is free again once its token is revoked"


def test_bad_tokens_are_refused(accounts: Accounts) -> None:
    accounts.tokens.add("one", ["metrics:read"])
    for name, permissions, days in (
        ("one", ["metrics:read"], None), ("two", ["metrics:write"], None), ("two", [], None),
        ("two", ["metrics:read"], 0), ("", ["metrics:read"], None),
    ):
        with pytest.raises(Refused):
            accounts.tokens.add(name, permissions, days=days)
    with pytest.raises(Refused, match="no token two"):
        accounts.tokens.revoke("two")


def test_a_known_identity_outlives_the_database_for_a_quarter_of_an_hour(
    accounts: Accounts, clock: Clock, both_databases: Switch
) -> None:
    secret, idle = signed_in(accounts), signed_in(accounts)
    ada = accounts.of_session(secret)
    assert ada is not None
    assert accounts.valid(ada)
    both_databases.away = True
    for _ in range(89):
        clock.forward(10)
        assert accounts.of_session(secret) == ada
    assert accounts.valid(ada)
    with pytest.raises(StoreUnavailable, match="lunch"):
        accounts.of_session(idle)
    clock.forward(11)
    with pytest.raises(StoreUnavailable):
        accounts.of_session(secret)
    assert not accounts.valid(ada)
    both_databases.away = False
    clock.forward(3)
    assert accounts.of_session(secret) == ada
    assert accounts.of_session(idle)


def test_the_cache_spares_the_database(accounts: Accounts, clock: Clock, both_databases: Switch,
                                       monkeypatch: pytest.MonkeyPatch) -> None:
    secret = signed_in(accounts)
    reads = []
    original = both_databases.read
    monkeypatch.setattr(both_databases, "read", lambda: reads.append(1) or original())
    for _ in range(100):
        assert accounts.of_session(secret)
    assert len(reads) == 1
    clock.forward(2)
    accounts.of_session(secret)
    assert len(reads) == 2


def test_the_state_of_the_accounts_is_told(accounts: Accounts, both_databases: Switch,
                                           monkeypatch: pytest.MonkeyPatch) -> None:
    assert accounts.problem() == ""
    both_databases.away = True
    assert accounts.problem() == "", "asked a moment ago"
    monkeypatch.setattr(accounts, "_ask_at", 0.0)
    assert "lunch" in accounts.problem()


def test_a_hash_of_other_parameters_is_made_anew(accounts: Accounts, both_databases: Switch) -> None:
    weak = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1).hash(PASSWORD)
    with both_databases.write() as connection:
        connection.execute(sa.text("UPDATE users SET password = :weak"), {"weak": weak})
    assert accounts.people.verify("ada", PASSWORD)
    with both_databases.read() as connection:
        stored = connection.scalar(sa.text("SELECT password FROM users"))
    assert stored != weak
    assert verify_password(stored, PASSWORD)


def test_the_file_is_private(tmp_path: Path, clock: Clock) -> None:
    Accounts(Switch("state", tmp_path), clock).people.add("ada", PASSWORD, "admin")
    assert (tmp_path / "vigie.db").stat().st_mode & 0o077 == 0
    rows = sqlite3.connect(tmp_path / "vigie.db").execute("SELECT password FROM users").fetchall()
    assert rows[0][0].startswith("$argon2id$")


def test_random_passwords_differ() -> None:
    made = {random_password() for _ in range(100)}
    assert len(made) == 100
    assert all(len(password) == 19 for password in made)


@pytest.mark.parametrize("odd", ["\x00", "\ud800", "a\x00da"])
def test_what_no_name_holds_can_be_searched_for(both_databases: Switch, clock: Clock, odd: str) -> None:
    accounts = Accounts(both_databases, clock)
    accounts.people.add("ada", PASSWORD, "viewer")
    assert accounts.people.page(odd)[1] == 1
    assert accounts.sessions.page(search=odd) == ([], 0)
    wanted = (Filter(text=odd), Filter(who=odd), Filter(action=odd))
    assert [reading.page(both_databases, one).rows for one in wanted] == [[], [], []]
