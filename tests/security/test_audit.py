"""The audit trail: what is kept, in which order, and that a database that is away stops nobody."""

from __future__ import annotations

import json
from pathlib import Path

from metrics.flat import iso
from security import audit
from security.audit import Trail
from security.audit.entry import MOST_VALUE, START, chained, value
from security.audit.flood import EACH, IN_ALL, WINDOW
from security.audit.tables import audit as table
from tests.security.conftest import BROWSER, PASSWORD, Clock, Site, Switch


def rows(database: Switch) -> list[dict[str, object]]:
    with database.read() as connection:
        return [dict(row._mapping) for row in connection.execute(table.select().order_by(table.c.id))]


def test_rows_are_chained(both_databases: Switch, clock: Clock) -> None:
    trail = Trail(both_databases, clock)
    trail.record("a.b", "one", before={"x": 1}, after={"x": 2})
    trail.record("a.c", "zwei\x00\ud800", result="refused")
    assert trail.flush() and trail.waiting == 0
    first, second = rows(both_databases)
    assert (first["id"], first["previous"], second["id"], second["previous"]) == (1, START, 2, first["hash"])
    assert first["hash"] == chained(START, 1, first) and second["hash"] == chained(first["hash"], 2, second)
    assert (first["before"], first["after"], first["kind"]) == ('{"x":1}', '{"x":2}', "system")
    assert second["target"] == "zwei\ufffd?"


def test_a_database_that_is_away_stops_nobody(both_databases: Switch, clock: Clock) -> None:
    trail = Trail(both_databases, clock)
    both_databases.away = True
    trail.record("a.b", "kept")
    assert not trail.flush() and trail.waiting == 1 and "lunch" in trail.problem()
    both_databases.away = False
    assert trail.flush() and trail.problem() == "" and rows(both_databases)[0]["target"] == "kept"


def test_a_sign_in_is_in_the_trail_with_who_and_from_where(site: Site) -> None:
    site.signed_in("operator")
    row = next(row for row in rows(site.database) if row["action"] == "session.open")
    assert (row["who"], row["kind"], row["address"], row["result"]) == ("operator", "user", "127.0.0.1", "ok")
    assert row["request"]


def test_outside_of_a_request_the_work_says_who(both_databases: Switch, clock: Clock, tmp_path: Path) -> None:
    trail = Trail(both_databases, clock)
    with audit.using(trail, "shell", "root"):
        audit.record("user.add", "ada")
    audit.record("user.add", "into the void")  # no trail in hand: nothing happens
    trail.flush()
    assert [(row["kind"], row["who"], row["target"]) for row in rows(both_databases)] == [("shell", "root", "ada")]


def test_secrets_and_long_values_are_not_kept() -> None:
    assert value({"password": "x", "apiKey": "y", "n": 1, "empty_secret": ""}) == (
        '{"apiKey":"********","empty_secret":"","n":1,"password":"********"}'
    )
    assert len(value("x" * 10 * MOST_VALUE) or "") < MOST_VALUE


def recorded(site: Site) -> list[tuple[object, object, object, object]]:
    site.server.extensions["vigie.audit"].flush()
    return [(row["who"], row["action"], row["target"], row["result"]) for row in rows(site.database)]


def test_signing_in_and_out_and_what_is_refused(site: Site) -> None:
    client = site.signed_in("operator")
    client.post("/logout", data={"csrf_token": site.csrf(client)}, headers=BROWSER)
    site.sign_in(site.client(), "viewer", "wrong")
    site.sign_in(site.client(), "hunter2-my-password", "wrong")
    assert recorded(site) == [
        ("operator", "session.open", "operator", "ok"),
        ("operator", "session.close", "operator", "ok"),
        ("", "session.refused", "viewer", "refused"),
        ("", "session.refused", "", "refused"),  # nobody's name: it may be a password
    ]


def test_the_guard_and_the_token_check_leave_rows(site: Site) -> None:
    client = site.signed_in("viewer")
    client.put("/api/users", headers={"X-CSRFToken": site.csrf(client)})
    client.put("/api/users")
    site.client().get("/api/metrics/latest")
    site.client().get("/api/metrics/latest", headers={"Authorization": "Bearer vgt_nonsense"})
    client.post("/api/metrics/latest", headers={"Origin": "https://elsewhere.example"})
    assert recorded(site)[1:] == [
        ("viewer", "access.refused", "PUT /api/users", "refused"),
        ("viewer", "access.refused", "PUT /api/users", "refused"),
        ("", "access.refused", "GET /api/metrics/latest", "refused"),
        ("", "access.refused", "GET /api/metrics/latest", "refused"),
        ("viewer", "access.refused", "POST /api/metrics/latest", "refused"),
    ]
    assert json.loads(str(rows(site.database)[1]["after"])) == {"permission": "users:manage", "status": 403}
    assert json.loads(str(rows(site.database)[2]["after"])) == {"why": "csrf"}


def test_people_tokens_and_links_are_recorded_where_they_change(site: Site) -> None:
    trail = site.server.extensions["vigie.audit"]
    people, tokens = site.accounts.people, site.accounts.tokens
    with audit.using(trail, "shell", "root"):
        people.add("ada", PASSWORD, "viewer")
        people.set_role("ada", "operator")
        people.set_password("ada", PASSWORD + "!")
        people.set_disabled("ada", True)
        people.set_profile(people.get("ada").id, theme="dark")
        secret, _ = tokens.add("robot", ["metrics:read"], days=1)
        tokens.revoke("robot")
    found = recorded(site)
    assert [row[1] for row in found] == [
        "user.add", "user.role", "user.password", "user.disable", "user.profile", "token.add", "token.revoke",
    ]
    kept = rows(site.database)
    assert (kept[1]["before"], kept[1]["after"]) == ('{"role":"viewer"}', '{"role":"operator"}')
    expires = json.loads(str(kept[5]["after"]))["expires"]
    assert expires == iso(site.clock() + 86400), "a time is one that people can read"
    assert not any(PASSWORD in str(row) or secret in str(row) for row in kept)


def test_a_flood_becomes_counts(both_databases: Switch, clock: Clock) -> None:
    trail = Trail(both_databases, clock)
    for number in range(50_000):
        trail.record("access.refused", f"GET /{number % 3}", result="refused")
    assert trail.waiting == EACH
    trail.flush()
    clock.forward(WINDOW)
    trail.flush()
    kept = rows(both_databases)
    assert [row["count"] for row in kept] == [1] * EACH + [50_000 - EACH]
    about = json.loads(str(kept[-1]["after"]))
    assert (about["since"], about["last"]) == (iso(clock() - WINDOW), iso(clock() - WINDOW))
    assert set(about["targets"]) == {"GET /0", "GET /1", "GET /2"} and sum(about["targets"].values()) == 50_000 - EACH


def test_a_flood_from_everywhere_is_bounded_too(site: Site, clock: Clock) -> None:
    trail = site.server.extensions["vigie.audit"]
    for number in range(5000):
        address = f"10.{number % 7}.{number // 250}.{number % 250}"
        with site.server.test_request_context(environ_base={"REMOTE_ADDR": address}):
            trail.record("access.refused", f"GET /{number}", result="refused")
    assert trail.waiting <= IN_ALL
    clock.forward(WINDOW)
    trail.flush()
    kept = rows(site.database)
    assert len(kept) <= 2 * IN_ALL + 1 and sum(int(str(row["count"])) for row in kept) == 5000


def test_more_than_fits_in_memory_is_counted(both_databases: Switch, clock: Clock) -> None:
    trail = Trail(both_databases, clock)
    both_databases.away = True
    for number in range(10_500):
        trail.record("test.step", str(number))
    both_databases.away = False
    assert trail.flush()
    kept = rows(both_databases)
    assert len(kept) == 10_001 and (kept[500]["action"], kept[500]["count"]) == ("audit.lost", 500)


def test_the_thread_writes_before_the_answer_is_out(site: Site) -> None:
    trail = site.server.extensions["vigie.audit"]
    trail.start()
    try:
        site.signed_in("viewer")
        assert [row["action"] for row in rows(site.database)] == ["session.open"]
    finally:
        trail.stop()


def test_a_database_that_is_away_costs_an_answer_nothing(site: Site) -> None:
    client = site.signed_in("viewer")
    site.database.away = True
    assert client.put("/api/users", headers={"X-CSRFToken": site.csrf(client)}).status_code == 403
    assert site.server.extensions["vigie.audit"].waiting == 1
