"""The bell, choices, tests of channels and the delivery log over HTTP, as anonymous, viewer and admin."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.alerts.engine import fire
from tests.alerts.receivers import Hook, webhook
from tests.api.conftest import bearer
from tests.api.house import PASSWORD, House
from tests.api.test_notes import browser
from tests.support import free_port, wait_until

ROOT = "/api/v1/notifications"


@pytest.fixture
def home(own_house: House) -> House:
    for name, role in (("ann", "viewer"), ("bob", "viewer"), ("ada", "admin")):
        own_house.services.accounts.people.add(name, PASSWORD, role)
    return own_house


@pytest.fixture
def hook() -> Iterator[Hook]:
    with webhook() as made:
        yield made


def configure(home: House, **channel: object) -> None:
    """Sends every alert by the channel ``hook``."""
    home.services.config.save({"version": "1.0.0", "notifications": {
        "channels": ["toast", "hook"], "targets": {"hook": channel}, "groupSeconds": 0,
        "alertTypes": {"highResourceUsage": {"channels": ["toast", "hook"]}},
    }}, home.services.config.version.number, "ada")




@pytest.mark.parametrize(("method", "path", "body"), [
    ("get", "/bell", None), ("post", "/read", {"upto": 1}), ("put", "/choices", {"toasts": [], "browser": False}),
    ("get", "/deliveries", None), ("post", "/hook/test", {}), ("post", "/preview", {}),
    ("post", "/deliveries/1/again", None),
])
def test_nobody_signed_in_gets_nothing(home: House, method: str, path: str, body: object) -> None:
    answer = getattr(home.server.test_client(), method)(ROOT + path, json=body)
    assert answer.status_code == 401


@pytest.mark.parametrize("path", ["/hook/test", "/preview", "/deliveries/1/again"])
def test_a_viewer_sends_nothing(home: House, path: str) -> None:
    assert browser(home, "ann").post(ROOT + path, json={}).status_code == 403


def test_a_bell_rings_for_everybody_and_is_read_by_each(home: House) -> None:
    fire(home.services.notes._database, severity="critical")
    home.services.delivery.round()
    ann, bob = browser(home, "ann"), browser(home, "bob")
    found = ann.get(ROOT + "/bell").json
    assert found["unread"] == 1 and found["choices"] == {
        "toasts": ["info", "warning", "error", "critical"], "browser": False,
    }
    [item] = found["data"]
    assert item["title"] == "High CPU use" and item["text"] == "house · 97 % (limit 85 %)" and item["unread"]
    assert item["kind"] == "critical" and item["href"].startswith("/alerts?alert=")
    assert ann.post(ROOT + "/read", json={"upto": found["newest"]}).status_code == 204
    assert ann.get(ROOT + "/bell").json["unread"] == 0 and bob.get(ROOT + "/bell").json["unread"] == 1


def test_a_bell_speaks_the_viewers_language(home: House) -> None:
    fire(home.services.notes._database)
    home.services.delivery.round()
    client = browser(home, "ann")
    assert "97" in client.get(ROOT + "/bell", headers={"Accept-Language": "fr"}).json["data"][0]["text"]


def test_choices_are_kept(home: House) -> None:
    client = browser(home, "ann")
    assert client.put(ROOT + "/choices", json={"toasts": ["critical"], "browser": True}).status_code == 204
    assert client.get(ROOT + "/bell").json["choices"] == {"toasts": ["critical"], "browser": True}
    assert client.put(ROOT + "/choices", json={"toasts": ["loud"], "browser": True}).status_code == 400


def test_a_program_has_no_bell(home: House) -> None:
    program = bearer(home, home.token("reader", "alerts:view"))
    assert program.get(ROOT + "/bell").status_code == 403
    assert program.get(ROOT + "/deliveries").status_code == 200


def test_the_log_tells_what_became_of_each(home: House, hook: Hook) -> None:
    configure(home, url=hook.url)
    hook.answers, hook.said = [503], "later"
    fire(home.services.notes._database)
    home.services.delivery.round()
    client = browser(home, "ann")
    wait_until(lambda: client.get(ROOT + "/deliveries").json["data"][0]["attempts"] == 1 and hook.got)
    wait_until(lambda: not home.services.delivery._sending())
    found = client.get(ROOT + "/deliveries").json
    [row] = found["data"]
    assert (row["state"], row["status"], row["answer"]) == ("waiting", 503, "later") and row["again"] and row["key"]
    assert found["waiting"] == 1 and found["oldest"] and "127.0.0.1 answered 503" in row["error"]
    assert hook.url not in client.get(ROOT + "/deliveries").text
    for query, count in (("channel=hook", 1), ("channel=mail", 0), ("state=sent", 0), ("state=waiting", 1),
                         (f"alert={row['alert']['alert']}", 1), ("alert=999", 0), (f"before={row['id']}", 0)):
        assert len(client.get(f"{ROOT}/deliveries?{query}").json["data"]) == count, query
    assert client.get(ROOT + "/deliveries?state=odd").status_code == 400


def test_what_was_given_up_is_sent_again_on_request(home: House, hook: Hook) -> None:
    configure(home, url=hook.url)
    hook.answers = [422]
    fire(home.services.notes._database)
    home.services.delivery.round()
    ada = browser(home, "ada")
    wait_until(lambda: ada.get(ROOT + "/deliveries?state=failed").json["data"])
    number = ada.get(ROOT + "/deliveries").json["data"][0]["id"]
    assert ada.post(f"{ROOT}/deliveries/{number}/again").status_code == 204
    home.services.delivery.round()
    wait_until(lambda: ada.get(ROOT + "/deliveries?state=sent").json["data"])
    assert len(hook.seen) == 1
    assert ada.post(f"{ROOT}/deliveries/{number}/again").status_code == 404


def test_the_test_button_sends_a_real_message_and_tells_the_answer(home: House, hook: Hook) -> None:
    configure(home, url=hook.url + "/secret-token")
    ada = browser(home, "ada")
    hook.said = "got it at secret-token"
    made = ada.post(ROOT + "/hook/test", json={}).json
    assert (made["ok"], made["status"], made["answer"], made["error"]) == (True, 200, "got it at ********", "")
    assert hook.got[0]["body"]["title"].startswith("Test: ") and hook.got[0]["path"] == "/hook/secret-token"
    hook.answers = [404]
    refused = ada.post(ROOT + "/hook/test", json={}).json
    assert not refused["ok"] and refused["status"] == 404 and refused["error"] == "127.0.0.1 answered 404."
    assert not ada.get(ROOT + "/deliveries").json["data"], "a test is no delivery"


def test_a_channel_is_tested_before_it_is_saved(home: House, hook: Hook) -> None:
    ada = browser(home, "ada")
    assert ada.post(ROOT + "/new/test", json={}).status_code == 404
    given = {"url": hook.url, "titleTemplate": "{{ alert.name }} on {{ server }}", "bodyTemplate": "{{ x }}"}
    made = ada.post(ROOT + "/new/test", json={"channel": given}).json
    assert made["ok"] and hook.got[0]["body"]["title"] == "Test: High CPU use on gpu-1"
    assert made["remarks"] == ["bodyTemplate: 'x' is not known (line 1)"]
    down = ada.post(ROOT + "/new/test", json={"channel": {"url": f"json://127.0.0.1:{free_port()}/"}}).json
    assert not down["ok"] and "cannot be reached" in down["error"] and down["status"] is None


def test_a_saved_url_stays_when_the_form_sends_its_stars(home: House, hook: Hook) -> None:
    configure(home, url=hook.url)
    ada = browser(home, "ada")
    assert ada.post(ROOT + "/hook/test", json={"channel": {"url": "********", "minSeverity": "error"}}).json["ok"]
    assert len(hook.got) == 1


@pytest.mark.parametrize(("url", "said"), [
    ("dbus://x", "acts on the machine"), ("json://169.254.169.254/secret-path", "link-local"),
    ("slack://A/B/C?template=/etc/passwd", "option template"), ("nonsense-secret", "Apprise URL"),
])
def test_a_url_that_must_not_be_is_refused_and_not_repeated(home: House, url: str, said: str) -> None:
    answer = browser(home, "ada").post(ROOT + "/new/test", json={"channel": {"url": url}})
    assert answer.status_code == 400 and said in answer.json["detail"] and url not in answer.text


def test_a_preview_shows_what_templates_make(home: House) -> None:
    ada = browser(home, "ada")
    made = ada.post(ROOT + "/preview", json={}).json
    assert "High CPU use" in made["title"] and "gpu-1" in made["text"]
    made = ada.post(ROOT + "/preview", json={
        "title": "{{ count }} on {{ server }}", "body": "{% for a in alerts %}{{ a.name }};{% endfor %}",
        "several": True,
    }).json
    assert made == {"title": "3 on gpu-1", "text": "High CPU use;Disk full;GPU hot;"}
    wrong = ada.post(ROOT + "/preview", json={"title": "ok", "body": "one\n{{ nope }}"})
    assert wrong.status_code == 400 and wrong.json["errors"][0]["field"] == "body"
    assert "line 2" in wrong.json["errors"][0]["allowed"]


def test_an_audit_row_tells_of_a_test_without_its_url(home: House, hook: Hook) -> None:
    ada = browser(home, "ada")
    ada.post(ROOT + "/new/test", json={"channel": {"url": hook.url + "/secret-token"}})
    home.services.audit.flush()
    rows = [row for row in ada.get("/api/v1/audit?action=notifications").json["data"] if row["target"] == "new"]
    assert rows[0]["result"] == "ok" and "secret-token" not in repr(rows)
