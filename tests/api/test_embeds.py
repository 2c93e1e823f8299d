"""Embed links by program: who may make, list and revoke them, what is wrong with a wish, and the live socket."""

from __future__ import annotations

import contextlib
import json
import time
from typing import Any

import pytest
import websocket
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.embeds import check_site
from api.presence import CHECK_SECONDS
from api.problems import Problem
from security.embeds import Target
from tests.api.conftest import bearer
from tests.api.house import PASSWORD, House
from tests.support import wait_until

CHART = {"chart": "cpu", "site": "https://intranet.example"}


def person(house: House, role: str) -> FlaskClient:
    """Somebody signed in by cookie, with the CSRF token that their page would send."""
    name = f"{role}-embeds"
    people = house.services.accounts.people
    if not people.known(name):
        people.add(name, PASSWORD, role)
    client = house.server.test_client()
    with house.server.test_request_context():
        user = house.services.accounts.sign_in(name, PASSWORD)
    assert user is not None
    with client.session_transaction() as session:
        session["_user_id"], session["_fresh"] = user[1], True
    client.get("/login")  # hands out the token
    cookie = client.get_cookie(house.server.config["VIGIE_CSRF_COOKIE"])
    assert cookie is not None
    client.environ_base["HTTP_X_CSRFTOKEN"] = cookie.value
    return client


@pytest.fixture
def maker(house: House) -> FlaskClient:
    return person(house, "viewer")


def problem_of(client: FlaskClient, **body: Any) -> tuple[str, str]:
    """The field that a wish fails on, and what is said."""
    answer = client.post("/api/v1/embeds", json=body)
    assert (answer.status_code, answer.content_type) == (400, "application/problem+json"), answer.text
    error = answer.json["errors"][0]
    return error["field"], error["allowed"]


def test_who_may_make_links(house: House, anonymous: FlaskClient, stranger: FlaskClient, reader: FlaskClient) -> None:
    assert anonymous.post("/api/v1/embeds", json=CHART).status_code == 401
    assert stranger.post("/api/v1/embeds", json=CHART).status_code == 403
    assert reader.post("/api/v1/embeds", json=CHART).status_code == 403
    only = bearer(house, house.token("only-embeds", "embeds:create"))
    assert only.post("/api/v1/embeds", json=CHART).status_code == 403  # it may not see what it would show
    both = bearer(house, house.token("embeds", "embeds:create", "metrics:read"))
    assert both.post("/api/v1/embeds", json=CHART).status_code == 201
    for role in ("viewer", "operator", "admin"):
        assert person(house, role).post("/api/v1/embeds", json=CHART).status_code == 201


def test_a_link_answers_url_html_and_expires(house: House, maker: FlaskClient) -> None:
    answer = maker.post("/api/v1/embeds", json={**CHART, "days": 7, "theme": "dark"})
    body = answer.json
    assert answer.headers["Cache-Control"] == "no-store"
    assert body["url"].startswith("http://localhost/embed/") and body["url"].endswith("/")
    assert body["html"].startswith(f'<iframe src="{body["url"]}" title="CPU use – Vigie" ')
    left = time.mktime(time.strptime(body["expires"], "%Y-%m-%dT%H:%M:%S.000Z")) - time.mktime(time.gmtime())
    assert abs(left - 7 * 86400) < 5
    assert (body["kind"], body["what"], body["window"], body["theme"]) == ("chart", "cpu", "1h", "dark")
    assert (body["site"], body["state"], body["mine"], body["uses"]) == ("https://intranet.example", "active", True, 0)


def test_people_see_and_revoke_their_own_and_admins_all(house: House, maker: FlaskClient) -> None:
    other, admin = person(house, "operator"), person(house, "admin")
    made = maker.post("/api/v1/embeds", json=CHART).json
    number, path = made["id"], made["url"].removeprefix("http://localhost")
    guest = house.server.test_client()
    assert number in [one["id"] for one in maker.get("/api/v1/embeds").json["data"]]
    assert number not in [one["id"] for one in other.get("/api/v1/embeds").json["data"]]
    seen = next(one for one in admin.get("/api/v1/embeds").json["data"] if one["id"] == number)
    assert (seen["mine"], seen["created_by"]) == (False, "viewer-embeds")
    assert other.delete(f"/api/v1/embeds/{number}").status_code == 404
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade"}
    assert guest.get(path + "ws/metrics", headers=upgrade).status_code == 400  # good, but no handshake was sent
    assert maker.delete(f"/api/v1/embeds/{number}").status_code == 204
    assert guest.get(path + "ws/metrics").status_code == 410
    assert maker.delete(f"/api/v1/embeds/{number}").status_code == 204
    second = maker.post("/api/v1/embeds", json=CHART).json["id"]
    assert admin.delete(f"/api/v1/embeds/{second}").status_code == 204
    mine = maker.get("/api/v1/embeds").json["data"]
    assert next(one for one in mine if one["id"] == second)["revoked_by"] == "admin-embeds"
    for number, status in ((999_999, 404), (0, 400), (2**40, 400)):
        assert admin.delete(f"/api/v1/embeds/{number}").status_code == status


def test_making_and_revoking_are_told(house: House, maker: FlaskClient) -> None:
    told: list[tuple[str, str, dict[str, str]]] = []
    house.server.extensions["vigie.security"].on_embed = lambda *event: told.append(event)
    made = maker.post("/api/v1/embeds", json=CHART).json
    maker.delete(f"/api/v1/embeds/{made['id']}")
    maker.delete(f"/api/v1/embeds/{made['id']}")
    assert [(kind, params["embed"], params["by"]) for kind, _, params in told] == [
        ("embed_created", "CPU use", "viewer-embeds"), ("embed_revoked", "CPU use", "viewer-embeds"),
    ]


@pytest.mark.parametrize(("body", "field"), [
    ({}, "chart"),
    ({"chart": "cpu", "page": "overview"}, "chart"),
    ({"chart": "nothing"}, "chart"),
    ({"chart": "gpu-power"}, "chart"),
    ({"chart": "q:"}, "chart"),
    ({"chart": "q:cpu_usage_ratio{core=~\"(a+)+\"}"}, "chart"),
    ({"chart": "q:cpu{"}, "chart"),
    ({"page": "settings"}, "page"),
    ({"page": "monitoring", "tab": "processes"}, "tab"),
    ({"page": "overview", "tab": "gpu"}, "tab"),
    ({"chart": "cpu", "q": "cpu_load1"}, "q"),
    ({"page": "explore"}, "q"),
    ({"page": "explore", "q": "cpu_load1!nonsense"}, "q"),
    ({"page": "view"}, "view"),
    ({"page": "view", "view": 123456}, "view"),
    ({"chart": "cpu", "view": 1}, "view"),
    ({"chart": "cpu", "window": "2h"}, "window"),
    ({"chart": "cpu", "window": "1h", "from": 1_700_000_000_000, "to": 1_700_000_100_000}, "window"),
    ({"chart": "cpu", "from": 1_700_000_000_000}, "from"),
    ({"chart": "cpu", "from": 1_700_000_100_000, "to": 1_700_000_000_000}, "from"),
    ({"chart": "cpu", "from": "yesterday", "to": 1_700_000_000_000}, "from"),
    ({"chart": "cpu", "from": 1_700_000_000_000, "to": 1_700_000_000_500}, "to"),
    ({"chart": "volumes", "from": 1_700_000_000_000, "to": 1_700_000_100_000}, "chart"),
    ({"page": "overview", "from": 1_700_000_000_000, "to": 1_700_000_100_000}, "from"),
    ({"chart": "cpu", "theme": "pink"}, "theme"),
    ({"chart": "cpu", "days": 0}, "days"),
    ({"chart": "cpu", "days": 0.01}, "days"),
    ({"chart": "cpu", "days": 366}, "days"),
    ({"chart": "cpu", "days": 1e300}, "days"),
    ({"chart": "cpu", "expires": "2020-01-01T00:00:00Z"}, "expires"),
    ({"chart": "cpu", "expires": "2099-01-01T00:00:00Z"}, "expires"),
    ({"chart": "cpu", "expires": "2099-01-01T00:00:00Z", "days": 3}, "days"),
    ({"chart": "cpu", "site": "intranet"}, "site"),
    ({"chart": "cpu", "site": "https://intranet.example/path"}, "site"),
    ({"chart": "cpu", "site": "https://a.example; script-src *"}, "site"),
    ({"chart": "cpu", "site": "javascript:alert(1)"}, "site"),
    ({"chart": "cpu", "colour": "red"}, "colour"),
])
def test_what_is_wrong_is_said_of_its_field(maker: FlaskClient, body: dict[str, Any], field: str) -> None:
    assert problem_of(maker, **body)[0] == field


@pytest.mark.parametrize("sent", [
    b"[" * 200_000, b"", b"null", b"[]", b'"x"', b"{", b'{"chart": 7}', b'{"chart": "", "days": "NaN"}',
])
def test_no_body_breaks_it(maker: FlaskClient, sent: bytes) -> None:
    assert maker.post("/api/v1/embeds", data=sent, content_type="application/json").status_code in (400, 415)


@pytest.mark.parametrize(("given_site", "kept"), [
    ("https://intranet.example", "https://intranet.example"), ("HTTPS://Intranet.Example/", "https://intranet.example"),
    ("http://localhost:8080", "http://localhost:8080"), ("https://a.example:443", "https://a.example"),
    ("http://10.0.0.7:80", "http://10.0.0.7"), ("https://*.example.org", "https://*.example.org"), ("*", "*"), ("", ""),
    (" https://a.example ", "https://a.example"), ("https://intranet.société.fr", "https://intranet.xn--socit-esab.fr"),
])
def test_a_site_is_kept_as_a_policy_names_it(given_site: str, kept: str) -> None:
    assert check_site(given_site) == kept


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(st.text(max_size=60), st.from_regex(r"https?://[ -~é;,'*]{0,40}")))
def test_no_site_gets_out_of_the_policy(house: House, text: str) -> None:
    with house.server.test_request_context():
        try:
            site = check_site(text)
        except Problem:
            return
    assert not set(site) & set(" ;,'\"\r\n\t<>") and site.isascii()
    assert site in ("", "*") or site.startswith(("http://", "https://"))


# ---- the live socket

def connect(where: str, path: str) -> websocket.WebSocket:
    return websocket.create_connection(f"ws://{where}{path}ws/metrics", timeout=10, origin=f"http://{where}")


def link(house: House, target: Target, seconds: float = 3600) -> tuple[int, str]:
    links = house.server.extensions["vigie.security"].embeds
    made = links.add(target, title="x", expires=time.time() + seconds, site="*", created_by="admin", owner_id=1)
    return made.id, f"/embed/{links.token(made)}/"


def test_a_socket_gives_the_series_of_the_chart_alone(served: tuple[House, str]) -> None:
    house, where = served
    number, path = link(house, Target("chart", "cpu", "5m"))
    ws = connect(where, path)
    house.tick()  # no flat row: nothing was subscribed to
    ws.send(json.dumps({"subscribe": ["cpu_usage_ratio", "memory_used_bytes"]}))
    assert "memory_used_bytes" in json.loads(ws.recv())["error"]
    house.tick()  # and still nothing
    ws.send(json.dumps({"subscribe": ["cpu_usage_ratio", 'cpu_core_usage_ratio{core="1"}']}))
    frames: list[dict[str, Any]] = []
    ws.settimeout(0.3)  # a tick that was there before the subscription brings nothing: another one is needed

    def came() -> bool:
        house.tick()
        with contextlib.suppress(websocket.WebSocketTimeoutException):
            frames.append(json.loads(ws.recv()))
        return bool(frames)

    wait_until(came, 10, what="a frame")
    assert set(frames[0]) == {"q", "t", "v"}
    assert len(frames[0]["v"]) == 2 and frames[0]["v"][0] is not None
    assert house.server.extensions["vigie.security"].embeds.get(number).refused == 1
    ws.close()


def test_a_link_to_the_past_gives_no_live_value(served: tuple[House, str]) -> None:
    house, where = served
    _, path = link(house, Target("chart", "cpu", "", house.at - 600, house.at - 300))
    ws = connect(where, path)
    ws.send(json.dumps({"subscribe": ["cpu_usage_ratio"]}))
    assert "error" in json.loads(ws.recv())
    ws.close()


def test_a_socket_ends_when_its_link_is_revoked(served: tuple[House, str]) -> None:
    house, where = served
    number, path = link(house, Target("chart", "cpu", "5m"))
    ws = connect(where, path)
    ws.send(json.dumps({"subscribe": ["cpu_usage_ratio"]}))
    house.server.extensions["vigie.security"].embeds.revoke(number, "admin")

    ws.settimeout(0.3)  # as above

    def ended() -> bool:
        house.tick()
        try:
            opcode, data = ws.recv_data()
        except websocket.WebSocketTimeoutException:
            return False
        return opcode == websocket.ABNF.OPCODE_CLOSE and int.from_bytes(data[:2], "big") == 4401

    wait_until(ended, CHECK_SECONDS + 10, what="the socket closes")
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        connect(where, path)
    assert refused.value.status_code == 410


def test_links_leave_places_to_those_who_sign_in(served: tuple[House, str]) -> None:
    house, where = served  # two viewers at most
    _, path = link(house, Target("chart", "cpu", "5m"))
    first = connect(where, path)
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        connect(where, path)
    assert refused.value.status_code == 503
    token = house.token("screen", "metrics:read")
    second = websocket.create_connection(
        f"ws://{where}/ws/metrics", timeout=10, header=[f"Authorization: Bearer {token}"], origin=f"http://{where}",
    )
    for ws in (first, second):
        ws.close()
