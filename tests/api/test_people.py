"""People, their tokens, sign-ins and second factor over HTTP: as anonymous, viewer, operator, admin and a program."""

from __future__ import annotations

import time
from typing import Any

import pyotp
import pytest
from flask.testing import FlaskClient

from tests.api.conftest import bearer
from tests.api.house import PASSWORD, House

NEW = "three herons by the quay"


@pytest.fixture
def home(own_house: House) -> House:
    for role in ("viewer", "operator", "admin"):
        own_house.services.accounts.people.add(role, PASSWORD, role)
    return own_house


def person(house: House, name: str = "admin", password: str = PASSWORD, **more: str) -> FlaskClient:
    """Somebody with an access token, as a program of theirs has it."""
    answer = house.server.test_client().post(
        "/api/auth/login", json={"username": name, "password": password, **more}
    )
    assert answer.status_code == 200, answer.text
    return bearer(house, answer.json["access_token"])


def row(admin: FlaskClient, name: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = admin.get(f"/api/users?search={name}").json["data"]
    return next(one for one in found if one["name"] == name)


def test_a_person_is_added_and_chooses_a_password(home: House) -> None:
    admin = person(home)
    made = admin.post("/api/users", json={"name": "Ada", "role": "operator"})
    assert (made.status_code, made.headers["Cache-Control"]) == (201, "no-store")
    user, password = made.json["user"], made.json["password"]
    assert (user["name"], user["role"], user["must_change"], user["sessions"]) == ("Ada", "operator", True, 0)
    refused = home.server.test_client().post("/api/auth/login", json={"username": "ada", "password": password})
    assert refused.status_code == 403 and "choose your own" in refused.json["detail"]
    assert admin.post("/api/users", json={"name": "ada"}).status_code == 409
    assert admin.post("/api/users", json={"name": "a b"}).status_code == 409
    assert admin.post("/api/users", json={"name": "x", "role": "king"}).status_code == 400
    assert password not in admin.get(f"/api/users/{user['id']}").text


def test_a_new_role_and_a_closed_account_hold_at_once(home: House) -> None:
    admin, operator = person(home), person(home, "operator")
    number = row(admin, "operator")["id"]
    assert admin.patch(f"/api/users/{number}", json={"role": "admin"}).json["user"]["role"] == "admin"
    assert operator.get("/api/users").status_code == 200
    assert admin.patch(f"/api/users/{number}", json={"disabled": True}).json["user"]["disabled"] is True
    assert operator.get("/api/users").status_code == 401
    assert admin.patch(f"/api/users/{number}", json={}).status_code == 400
    assert admin.patch("/api/users/99999", json={"disabled": True}).status_code == 404


def test_nobody_shuts_themselves_out(home: House) -> None:
    admin = person(home)
    me = row(admin, "admin")["id"]
    for answer in (
        admin.patch(f"/api/users/{me}", json={"disabled": True}),
        admin.patch(f"/api/users/{me}", json={"role": "viewer"}),
        admin.post(f"/api/users/{me}/password"), admin.delete(f"/api/users/{me}/second-factor"),
    ):
        assert answer.status_code == 409 and "your own account" in answer.json["detail"]
    secret = admin.post("/api/tokens", json={"name": "t", "permissions": ["users:manage"]}).json["secret"]
    assert bearer(home, secret).patch(f"/api/users/{me}", json={"disabled": True}).status_code == 409


def test_a_reset_gives_a_one_time_password_and_ends_sign_ins(home: House) -> None:
    admin, viewer = person(home), person(home, "viewer")
    number = row(admin, "viewer")["id"]
    assert row(admin, "viewer")["sessions"] == 1
    password = admin.post(f"/api/users/{number}/password").json["password"]
    assert viewer.get("/api/tokens").status_code == 401
    assert home.services.accounts.people.verify("viewer", password)
    assert not home.services.accounts.people.verify("viewer", PASSWORD)


def test_an_account_goes_to_another_door_and_back(home: House) -> None:
    admin = person(home)
    number = row(admin, "viewer")["id"]
    assert admin.patch(f"/api/users/{number}", json={"source": "oidc"}).json["password"] is None
    assert admin.post(f"/api/users/{number}/password").status_code == 409
    back = admin.patch(f"/api/users/{number}", json={"source": "local"}).json
    assert back["user"]["must_change"] and home.services.accounts.people.verify("viewer", back["password"])


def test_a_locked_name_is_shown_and_unlocked(home: House) -> None:
    admin = person(home)
    for _ in range(10):
        home.services.accounts.lockouts.failed("viewer")
    found = row(admin, "viewer")
    assert 0 < found["locked"] <= 60
    assert admin.delete(f"/api/users/{found['id']}/lock").json["locked"] == 0
    person(home, "viewer")


def test_a_new_password_counts_at_once_after_many_wrong_ones(home: House) -> None:
    admin = person(home)
    wrong = {"username": "viewer", "password": "not it, not it at all"}
    answers = [home.server.test_client().post("/api/auth/login", json=wrong).status_code for _ in range(6)]
    assert answers == [401] * 5 + [429]
    password = admin.post(f"/api/users/{row(admin, 'viewer')['id']}/password").json["password"]
    given = {"username": "viewer", "password": password}
    assert home.server.test_client().post("/api/auth/login", json=given).status_code == 403, "right, and to be changed"


def test_roles_can_be_read(home: House) -> None:
    roles = person(home).get("/api/roles").json["data"]
    assert set(roles) == {"viewer", "operator", "admin"} and "users:manage" in roles["admin"]
    assert "users:manage" not in roles["operator"]


@pytest.mark.parametrize(("method", "path"), [
    ("GET", "/api/users"), ("POST", "/api/users"), ("GET", "/api/roles"), ("PATCH", "/api/users/1"),
    ("POST", "/api/users/1/password"), ("DELETE", "/api/users/1/lock"), ("DELETE", "/api/users/1/second-factor"),
    ("DELETE", "/api/users/1/sessions"), ("GET", "/api/tokens?all=1"), ("GET", "/api/sessions?all=1"),
])
def test_others_may_not(home: House, method: str, path: str) -> None:
    assert home.server.test_client().open(path, method=method).status_code == 401
    for name in ("viewer", "operator"):
        assert person(home, name).open(path, method=method, json={} if method != "GET" else None).status_code == 403
    assert bearer(home, home.token("reader", "metrics:read")).open(path, method=method).status_code == 403


def test_tokens_of_ones_own(home: House) -> None:
    viewer, other, admin = person(home, "viewer"), person(home, "operator"), person(home)
    made = viewer.post("/api/tokens", json={"name": "notebook", "permissions": ["metrics:read"]})
    assert (made.status_code, made.headers["Cache-Control"]) == (201, "no-store")
    secret, token = made.json["secret"], made.json["token"]
    assert (token["owner"], token["state"], token["permissions"]) == ("viewer", "active", ["metrics:read"])
    program = bearer(home, secret)
    assert program.get("/api/metrics/latest").status_code == 200
    assert program.get("/api/tokens").status_code == 403
    wrong = viewer.post("/api/tokens", json={"name": "x", "permissions": ["users:manage"]})
    assert wrong.status_code == 409 and "users:manage" in wrong.json["detail"]
    assert [one["name"] for one in viewer.get("/api/tokens").json["data"]] == ["notebook"]
    assert other.get("/api/tokens").json["data"] == []
    assert other.delete(f"/api/tokens/{token['id']}").status_code == 404
    home.token("shell", "metrics:read")
    assert {one["name"]: one["owner"] for one in admin.get("/api/tokens?all=1").json["data"]} == {
        "notebook": "viewer", "shell": None,
    }
    assert secret not in admin.get("/api/tokens?all=1").text
    assert admin.delete(f"/api/tokens/{token['id']}").json["state"] == "revoked"
    assert program.get("/api/metrics/latest").status_code == 401


def test_a_program_with_a_managing_token_sees_everybodys(home: House) -> None:
    program = bearer(home, home.token("hr", "users:manage", "dashboard:view", "tokens:manage"))
    person(home, "viewer")
    assert program.get("/api/users").json["total"] == 3
    assert program.get("/api/sessions?all=1").json["data"][0]["user"] == "viewer"
    assert program.get("/api/sessions").status_code == 403
    assert program.post("/api/tokens", json={"name": "x", "permissions": ["metrics:read"]}).status_code == 403


def test_sign_ins_are_listed_and_ended(home: House) -> None:
    viewer, again, admin = person(home, "viewer"), person(home, "viewer"), person(home)
    mine = viewer.get("/api/sessions").json
    assert mine["total"] == 2 and sum(one["here"] for one in mine["data"]) == 1
    there = next(one["id"] for one in mine["data"] if not one["here"])
    own = next(one["id"] for one in admin.get("/api/sessions").json["data"])
    assert viewer.delete(f"/api/sessions/{own}").status_code == 404
    assert viewer.delete(f"/api/sessions/{there}").status_code == 204
    assert again.get("/api/sessions").status_code == 401
    everybody = admin.get("/api/sessions?all=1&search=view").json
    assert [one["user"] for one in everybody["data"]] == ["viewer"]
    assert admin.delete(f"/api/sessions/{everybody['data'][0]['id']}").status_code == 204
    assert viewer.get("/api/sessions").status_code == 401
    number = row(admin, "viewer")["id"]
    person(home, "viewer")
    assert admin.delete(f"/api/users/{number}/sessions").json == {"ended": 1}


def test_a_second_factor_from_begin_to_end(home: House) -> None:
    viewer = person(home, "viewer")
    begin = "/api/account/second-factor"
    assert viewer.get(begin).json == {"on": False, "recovery_codes": 0}
    wrong = viewer.post(begin, json={"password": "not it"})
    assert wrong.status_code == 400 and wrong.json["errors"][0] == {
        "field": "password", "given": None, "allowed": "The current password is not right.",
    }
    setup = viewer.post(begin, json={"password": PASSWORD}).json
    assert setup["svg"].startswith("<svg") and setup["key"] in setup["uri"] and "viewer" in setup["uri"]
    totp = pyotp.TOTP(setup["key"])
    assert viewer.post(f"{begin}/confirm", json={"code": "000000"}).status_code == 409
    codes = viewer.post(f"{begin}/confirm", json={"code": totp.at(time.time() - 30)}).json["recovery_codes"]
    assert len(codes) == 10 and viewer.get(begin).json == {"on": True, "recovery_codes": 10}
    assert viewer.post(begin, json={"password": PASSWORD}).status_code == 409

    asked = home.server.test_client().post("/api/auth/login", json={"username": "viewer", "password": PASSWORD})
    assert asked.status_code == 401 and asked.json["errors"][0]["field"] == "code"
    person(home, "viewer", code=totp.at(time.time() + 30))
    replay = {"username": "viewer", "password": PASSWORD, "code": totp.at(time.time() + 30)}
    assert home.server.test_client().post("/api/auth/login", json=replay).status_code == 401
    person(home, "viewer", code=codes[0])

    fresh = viewer.post(f"{begin}/codes", json={"password": PASSWORD, "code": codes[1]}).json["recovery_codes"]
    off = {"password": PASSWORD, "code": codes[2]}
    assert viewer.post(f"{begin}/off", json=off).status_code == 400, "an old code"
    assert viewer.post(f"{begin}/off", json=off | {"code": fresh[0]}).status_code == 204
    person(home, "viewer")


def test_an_administrator_takes_a_lost_factor_away(home: House) -> None:
    admin, viewer = person(home), person(home, "viewer")
    key = viewer.post("/api/account/second-factor", json={"password": PASSWORD}).json["key"]
    viewer.post("/api/account/second-factor/confirm", json={"code": pyotp.TOTP(key).now()})
    number = row(admin, "viewer")["id"]
    assert row(admin, "viewer")["second_factor"] is True
    assert admin.delete(f"/api/users/{number}/second-factor").json["second_factor"] is False
    assert viewer.get("/api/tokens").status_code == 401
    person(home, "viewer")


def test_a_program_has_no_second_factor(home: House) -> None:
    program = bearer(home, home.token("x", "dashboard:view"))
    assert program.get("/api/account/second-factor").status_code == 403
    assert program.post("/api/account/second-factor", json={"password": "x"}).status_code == 403


def test_what_was_done_is_in_the_audit_trail(home: House) -> None:
    admin = person(home)
    user = admin.post("/api/users", json={"name": "Ada"}).json["user"]["id"]
    admin.patch(f"/api/users/{user}", json={"role": "operator"})
    admin.post(f"/api/users/{user}/password")
    made = admin.post("/api/tokens", json={"name": "t", "permissions": ["metrics:read"]}).json
    admin.delete(f"/api/tokens/{made['token']['id']}")
    for _ in range(10):
        home.services.accounts.lockouts.failed("ada")
    admin.delete(f"/api/users/{user}/lock")
    rows = admin.get("/api/audit").json["data"]
    done = [one["action"] for one in rows if one["who"] == "admin"]
    for action in ("user.add", "user.role", "user.password", "token.add", "token.revoke", "account.unlock"):
        assert action in done, done
    assert made["secret"] not in str(rows)
