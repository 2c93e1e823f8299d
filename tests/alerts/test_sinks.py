"""The ways out, to real receivers."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from alerts.sinks import Message, SinkError, masked, open_sink
from tests.alerts.receivers import Box, Hook, mail_server, webhook
from tests.support import free_port

MESSAGE = Message(
    key="abc123", title="🔴 gpu-1: HIGH_CPU (critical)", text="Valeur : 97 %", html="<b>97 %</b>", severity="critical",
    thread="alert-7", at="2026-11-27T10:00:00.000Z", url="https://v.example.org/alerts?alert=7",
    alerts=({"alert": 7, "value": 0.97},),
)


@pytest.fixture
def hook() -> Iterator[Hook]:
    with webhook() as made:
        yield made


@pytest.fixture
def box() -> Iterator[Box]:
    with mail_server() as made:
        yield made


def test_a_webhook_gets_the_key_and_the_alerts_as_data(hook: Hook) -> None:
    answer = open_sink(hook.url).send(MESSAGE)
    assert (answer.status, answer.text) == (200, "thanks")
    [got] = hook.got
    assert got["headers"]["idempotency-key"] == "abc123" and got["path"] == "/hook" and got["method"] == "POST"
    assert got["body"]["title"] == MESSAGE.title and got["body"]["message"] == MESSAGE.text
    assert got["body"]["type"] == "failure" and got["body"]["alerts"] == [{"alert": 7, "value": 0.97}]
    assert got["body"]["key"] == "abc123" and got["body"]["version"] == "1.0"


def test_a_webhooks_options_are_those_of_apprise(hook: Hook) -> None:
    url = f"json://me:pass%20word@127.0.0.1:{hook.port}/a/b?+X-Team=ops&-room=4&:channel=red&:title=subject&method=put"
    open_sink(url).send(MESSAGE)
    [got] = hook.got
    assert got["method"] == "PUT" and got["path"] == "/a/b?room=4"
    assert got["headers"]["x-team"] == "ops" and got["headers"]["authorization"].startswith("Basic ")
    assert got["body"]["channel"] == "red" and got["body"]["subject"] == MESSAGE.title and "title" not in got["body"]


@pytest.mark.parametrize(("status", "permanent"), [
    (500, False), (503, False), (429, False), (401, False), (404, False), (400, True), (413, True), (422, True),
    (302, False),
])
def test_what_a_webhook_answers_decides_whether_it_is_tried_again(hook: Hook, status: int, permanent: bool) -> None:
    hook.answers, hook.said = [status], "because\n" + "x" * 5000
    with pytest.raises(SinkError) as refused:
        open_sink(hook.url).send(MESSAGE)
    assert refused.value.permanent is permanent and refused.value.status == status
    assert refused.value.answer.startswith("because xxx") and len(refused.value.answer) <= 500
    assert len(hook.got) == 1  # it never follows a redirect


def test_a_webhook_that_is_not_there_is_told_in_a_sentence() -> None:
    with pytest.raises(SinkError, match=r"^127.0.0.1 cannot be reached: .*refused.*\.$") as refused:
        open_sink(f"json://127.0.0.1:{free_port()}/").send(MESSAGE)
    assert not refused.value.permanent


def test_a_mail_is_text_and_html_and_carries_its_key(box: Box) -> None:
    answer = open_sink(box.url + "&cc=boss@example.org&name=Vigie").send(MESSAGE)
    assert answer.status == 250
    [mail] = box.mails
    assert mail["Subject"] == MESSAGE.title and mail["To"] == "ops@example.org" and mail["Cc"] == "boss@example.org"
    assert mail["Message-ID"] == "<abc123@example.org>" and mail["X-Idempotency-Key"] == "abc123"
    assert mail["References"] == "<alert-7@example.org>" and mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-Priority"] == "1"
    parts = {part.get_content_type(): part.get_content().strip() for part in mail.iter_parts()}
    assert parts == {"text/plain": "Valeur : 97 %", "text/html": "<b>97 %</b>"}
    assert sorted(box.envelopes[0].rcpt_tos) == ["boss@example.org", "ops@example.org"]


def test_a_mail_server_asks_for_a_password() -> None:
    with mail_server(password="s3cret-word") as asking:
        there = f"127.0.0.1:{asking.port}?from=vigie@example.org&to=ops@example.org&smtp=127.0.0.1"
        assert open_sink(f"mailto://vigie:s3cret-word@{there}").send(MESSAGE).status == 250
        with pytest.raises(SinkError, match="does not take the name and password") as refused:
            open_sink(f"mailto://vigie:wrong-word@{there}").send(MESSAGE)
        assert not refused.value.permanent and refused.value.status == 535  # somebody may mend it


@pytest.mark.parametrize(("answer", "permanent"), [
    ("550 no such user", True), ("451 try again later", False), ("552 mailbox full", True),
])
def test_what_a_mail_server_answers_decides_whether_it_is_tried_again(box: Box, answer: str, permanent: bool) -> None:
    box.refuse = answer
    with pytest.raises(SinkError) as refused:
        open_sink(box.url).send(MESSAGE)
    assert refused.value.permanent is permanent
    assert answer in refused.value.answer


def test_a_mail_server_that_is_not_there_is_told_in_a_sentence() -> None:
    with pytest.raises(SinkError, match=r"cannot be reached: .*refused.*\.$"):
        open_sink(f"mailto://127.0.0.1:{free_port()}?from=a@example.org&to=b@example.org&smtp=127.0.0.1").send(MESSAGE)


def test_other_services_go_through_apprise_and_their_answer_is_heard(hook: Hook) -> None:
    answer = open_sink(f"ntfy://127.0.0.1:{hook.port}/topic-of-mine").send(MESSAGE)
    assert answer.status == 200 and hook.got[0]["body"]["title"] == MESSAGE.title
    hook.answers, hook.said = [507], "no room for topic-of-mine"
    with pytest.raises(SinkError) as refused:
        open_sink(f"ntfy://127.0.0.1:{hook.port}/topic-of-mine").send(MESSAGE)
    assert refused.value.status == 507 and not refused.value.permanent
    assert refused.value.answer == "no room for ********"  # nothing secret of the URL comes back


@pytest.mark.parametrize("url", [
    "nonsense://x", "slack://short", "mailto://", "json://", "dbus://x", "tgram://x", "json://[", "discord://x",
    "mailto://example.org?from=nobody",
])
def test_a_url_that_is_none_is_refused_for_good_and_not_repeated(url: str) -> None:
    with pytest.raises(SinkError) as refused:
        open_sink(url)
    assert refused.value.permanent and str(refused.value).endswith(".")


def test_a_name_that_leads_to_a_link_local_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.getaddrinfo", lambda *_a, **_k: [(2, 1, 6, "", ("169.254.169.254", 0))])
    with pytest.raises(SinkError, match="link-local") as refused:
        open_sink("json://metadata.example.org/latest").send(MESSAGE)
    assert refused.value.permanent


def test_no_log_names_where_a_message_went(hook: Hook) -> None:
    heard: list[str] = []
    listener = logging.Handler(logging.DEBUG)
    listener.emit = lambda record: heard.append(record.getMessage())  # type: ignore[method-assign]
    root = logging.getLogger()
    before = root.level
    root.addHandler(listener)
    root.setLevel(logging.DEBUG)
    try:
        open_sink(f"ntfy://127.0.0.1:{hook.port}/topic-of-mine").send(MESSAGE)
        open_sink(f"json://127.0.0.1:{hook.port}/token-of-mine").send(MESSAGE)
    finally:
        root.removeHandler(listener)
        root.setLevel(before)
    assert not [line for line in heard if "of-mine" in line]


@pytest.mark.parametrize(("text", "url", "left"), [
    ("POST /T1234/SECRET9 to host.example", "slack://T1234/SECRET9/x", "POST /********/******** to host.example"),
    ("smith, hunter22 at mail.example.org", "mailto://smith:hunter22@mail.example.org",
     "********, ******** at mail.example.org"),
    ("token abcdef", "jsons://h/?+Authorization=Bearer%20abcdef", "token abcdef"),
])
def test_nothing_secret_of_a_url_is_shown(text: str, url: str, left: str) -> None:
    assert masked(text, url) == left
