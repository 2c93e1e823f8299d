"""Tokens for programs."""

from __future__ import annotations

from tests.api.house import PASSWORD, House


def login(house: House, password: str = PASSWORD, name: str = "eve") -> object:
    return house.server.test_client().post("/api/auth/login", json={"username": name, "password": password})


def read(house: House, token: str) -> int:
    answer = house.server.test_client().get("/api/metrics/latest", headers={"Authorization": f"Bearer {token}"})
    return answer.status_code


def test_the_life_of_tokens(own_house: House) -> None:
    own_house.services.accounts.people.add("eve", PASSWORD, "viewer")
    answer = login(own_house)
    assert answer.headers["Cache-Control"] == "no-store"  # type: ignore[attr-defined]
    assert "Set-Cookie" not in answer.headers  # type: ignore[attr-defined]
    first = answer.json  # type: ignore[attr-defined]
    assert (first["token_type"], first["expires_in"], first["refresh_expires_in"]) == ("Bearer", 900, 7 * 86400)
    assert read(own_house, first["access_token"]) == 200
    client = own_house.server.test_client()
    second = client.post("/api/v1/auth/refresh", json={"refresh_token": first["refresh_token"]}).json
    assert read(own_house, second["access_token"]) == 200
    ended = client.post("/api/auth/logout", json={"refresh_token": second["refresh_token"]})
    assert (ended.status_code, ended.data) == (204, b"")
    assert read(own_house, second["access_token"]) == 401
    again = client.post("/api/auth/refresh", json={"refresh_token": second["refresh_token"]})
    assert (again.status_code, again.content_type) == (401, "application/problem+json")


def test_logout_with_the_access_token(own_house: House) -> None:
    own_house.services.accounts.people.add("eve", PASSWORD, "viewer")
    token = login(own_house).json["access_token"]  # type: ignore[attr-defined]
    client = own_house.server.test_client()
    assert client.post("/api/auth/logout", json={}, headers={"Authorization": f"Bearer {token}"}).status_code == 204
    assert read(own_house, token) == 401


def test_wrong_and_too_often(own_house: House) -> None:
    own_house.services.accounts.people.add("eve", PASSWORD, "viewer")
    wrong = login(own_house, "not it")
    unknown = login(own_house, "not it", "nobody")
    assert wrong.status_code == unknown.status_code == 401  # type: ignore[attr-defined]
    assert wrong.json["detail"] == unknown.json["detail"]  # type: ignore[attr-defined]
    for _ in range(4):
        login(own_house, "not it")
    blocked = login(own_house)
    assert blocked.status_code == 429  # type: ignore[attr-defined]
    assert int(blocked.headers["Retry-After"]) > 0  # type: ignore[attr-defined]


def test_bad_bodies_never_send_a_password_back(own_house: House) -> None:
    client = own_house.server.test_client()
    answer = client.post("/api/auth/login", json={"username": "eve", "password": "x" * 2000})
    assert answer.status_code == 400
    assert "xxx" not in answer.text
    for sent in ({"data": "no json"}, {"json": []}, {"json": {"username": "eve"}}, {"json": {"user": 1}}):
        answer = client.post("/api/auth/login", **sent)  # type: ignore[arg-type]
        assert (answer.status_code, answer.content_type) == (400, "application/problem+json")
        assert answer.json["errors"]
