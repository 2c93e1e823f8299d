"""From a transition to a receiver: nothing lost, nothing twice, nobody delayed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from alerts.delivery import TOPIC
from alerts.delivery_tables import deliveries
from storage.database import Database
from tests.alerts.conftest import Post, make_post, notifications
from tests.alerts.receivers import mail_server, webhook
from tests.support import free_port, wait_until

ROOT = Path(__file__).parents[2]
DEAD = {"url": "json://127.0.0.1:1/dead"}


def test_a_transition_goes_out_by_mail_and_webhook_and_to_the_page(make: Callable[..., Post]) -> None:
    with webhook() as hook, mail_server() as box:
        post = make({"email": {"url": box.url}, "hook": {"url": hook.url}})
        shown = post.hub.subscribe(TOPIC)
        number = post.flips.add(severity="critical", server="gpu-7")
        post.until("sent", "sent")
        [got], [mail] = hook.got, box.mails
        assert got["headers"]["idempotency-key"] == post.outbox.key(number, "hook") == got["body"]["key"]
        assert got["body"]["alerts"][0]["server"] == "gpu-7"
        assert mail["Message-ID"] == f"<{post.outbox.key(number, 'email')}@example.org>"
        assert post.outbox.key(number, "hook") != post.outbox.key(number, "email")
        news = shown.get(1)
        assert news["server"] == "gpu-7" and news["state"] == "firing"
        post.delivery.round()
        assert len(hook.got) == 1, "told once"


def test_rows_are_made_once_whoever_looks(both_databases: Database) -> None:
    settings = notifications({"hook": DEAD})
    posts = [make_post(both_databases, settings) for _ in range(3)]
    for _ in range(20):
        posts[0].flips.add()
    together = [threading.Thread(target=one.delivery._take_up, args=(settings, time.time())) for one in posts]
    for one in together:
        one.start()
    for one in together:
        one.join(20)
    with both_databases.read() as connection:
        rows = connection.execute(sa.select(deliveries.c.transition_id, deliveries.c.channel)).all()
    assert sorted(tuple(row) for row in rows) == [(i, name) for i in range(1, 21) for name in ("hook", "toast")]


def test_a_message_is_claimed_by_one_only(both_databases: Database) -> None:
    post = make_post(both_databases, notifications({"hook": DEAD}))
    post.flips.add()
    post.delivery._take_up(post.settings, time.time())
    ids = [one.id for one in post.outbox.waiting(time.time())["hook"][0]]
    batches = []
    together = [threading.Thread(
        target=lambda: batches.append(post.outbox.claim("hook", ids, time.time()))
    ) for _ in range(4)]
    for one in together:
        one.start()
    for one in together:
        one.join(20)
    assert sum(batch is not None for batch in batches) == 1


def test_what_is_not_taken_is_tried_again_with_the_same_key_until_it_is(both_databases: Database) -> None:
    clock = [1_800_000_000.0]
    with webhook() as hook:
        hook.answers = [500, 503]
        post = make_post(both_databases, notifications({"hook": {"url": hook.url}}), now=lambda: clock[0])
        post.flips.add()
        post.delivery.round()
        wait_until(lambda: post.outbox.log()[0].attempts == 1 and post.states() == ["waiting"])
        assert "500" in post.outbox.log()[0].error and post.delivery.problem().startswith("Notifications by hook wait")
        post.delivery.round()
        assert len(hook.got) == 1, "not before its time"
        for _ in range(2):
            clock[0] += 3600
            count = len(hook.got)
            post.delivery.round()
            wait_until(lambda: len(hook.got) > count and not post.delivery._sending())  # noqa: B023 - used at once
        assert post.states() == ["sent"] and post.outbox.log()[0].attempts == 3
        assert len({one["headers"]["idempotency-key"] for one in hook.got}) == 1
        post.delivery.round()
        assert not post.delivery.problem() and post.delivery.failed_total == 2 and post.delivery.sent_total == 1


def test_what_comes_while_a_message_is_tried_again_goes_in_the_next(make: Callable[..., Post]) -> None:
    clock = [1_800_000_000.0]
    with webhook() as hook:
        hook.answers = [500]
        post = make({"hook": {"url": hook.url}}, now=lambda: clock[0])
        first = post.flips.add()
        post.delivery.round()
        wait_until(lambda: post.outbox.log()[0].attempts == 1 and not post.delivery._sending())
        second = post.flips.add()
        clock[0] += 3600
        post.until("sent", "sent")
        assert [[a["transition"] for a in one["body"]["alerts"]] for one in hook.got] == [[first], [first], [second]]


def test_a_refusal_for_good_is_given_up_and_said(make: Callable[..., Post]) -> None:
    with webhook() as hook:
        hook.answers, hook.said = [422], "no such field"
        post = make({"hook": {"url": hook.url}})
        post.flips.add()
        post.until("failed")
        [row] = post.outbox.log()
        assert (row.status, row.answer, row.attempts) == (422, "no such field", 1)
        assert post.outbox.again(row.id, time.time())
        post.until("sent")
        assert len(hook.seen) == 1


def test_a_message_is_given_up_after_a_day(make: Callable[..., Post]) -> None:
    clock = [1_800_000_000.0]
    post = make({"hook": {"url": f"json://127.0.0.1:{free_port()}/"}}, now=lambda: clock[0])
    post.flips.add()
    for _ in range(3):
        post.delivery.round()
        wait_until(lambda: not post.delivery._sending())
        clock[0] += 13 * 3600
    assert post.states() == ["failed"]


def test_a_dead_channel_delays_no_other(make: Callable[..., Post]) -> None:
    with webhook() as slow, webhook() as quick:
        slow.hold = threading.Event()
        post = make({"slow": {"url": slow.url}, "quick": {"url": quick.url}})
        for _ in range(3):
            post.flips.add(server="a")
            begun = time.monotonic()
            count = len(quick.got)
            post.delivery.round()
            wait_until(lambda: len(quick.got) > count and "quick" not in post.delivery._sending())  # noqa: B023
            assert time.monotonic() - begun < 2
        assert len(slow.got) == 1 and len(quick.got) == 3
        slow.hold.set()
        post.until(*["sent"] * 6)
        assert [len(one["body"]["alerts"]) for one in slow.got] == [1, 2], "what waited came in one message"


def test_a_channel_that_was_mended_is_tried_at_once(make: Callable[..., Post]) -> None:
    with webhook() as hook:
        post = make({"hook": {"url": f"json://127.0.0.1:{free_port()}/"}})
        post.flips.add()
        post.delivery.round()
        wait_until(lambda: post.outbox.log()[0].attempts == 1 and not post.delivery._sending())
        before, post.settings = post.settings, notifications({"hook": {"url": hook.url}})
        post.delivery.reconfigured(before, post.settings)
        post.until("sent")


def test_what_waits_for_a_channel_that_was_removed_is_given_up(make: Callable[..., Post]) -> None:
    post = make({"hook": {**DEAD, "digestMinutes": 60}})
    post.flips.add()
    post.until("waiting")
    post.settings = notifications({})
    post.until("failed")
    assert "not in the configuration" in post.outbox.log()[0].error


def test_a_channel_without_a_url_gets_nothing(make: Callable[..., Post]) -> None:
    post = make({"hook": {}})
    post.flips.add()
    post.until()


def test_an_end_is_told_where_the_beginning_was(make: Callable[..., Post]) -> None:
    with webhook() as hook:
        post = make({"hook": {"url": hook.url, "minSeverity": "error"}})
        post.flips.add(alert=1, severity="warning")
        post.flips.add(alert=2, severity="critical")
        post.until("sent")
        post.flips.add(alert=1, severity="warning", state="resolved")
        post.flips.add(alert=2, severity="critical", state="resolved")
        post.flips.add(alert=3, severity="critical", state="resolved")
        post.until("sent", "sent")
        assert [one["body"]["type"] for one in hook.got] == ["failure", "success"]


def test_what_is_silenced_is_logged_and_not_sent(make: Callable[..., Post]) -> None:
    with webhook() as hook:
        post = make({"hook": {"url": hook.url}})
        shown = post.hub.subscribe(TOPIC)
        post.flips.add(alert=1, muted="silenced")
        post.flips.add(alert=1, state="resolved")
        post.until("muted", "muted")  # the page's and the webhook's
        assert [one.error for one in post.outbox.log()] == ["silenced", "silenced"]
        assert not hook.got and shown.get(0.0) is None


def test_a_webhook_gets_the_alerts_own_words_filled_in(make: Callable[..., Post]) -> None:
    with webhook() as hook:
        post = make({"hook": {"url": hook.url}})
        post.flips.add(message="{what} is at {value} (limit {limit}).")
        post.until("sent")
        assert hook.got[0]["body"]["alerts"][0]["message"] == "CPU use is at 97 % (limit 85 %)."


def test_a_broken_template_hides_no_alert(make: Callable[..., Post]) -> None:
    with webhook() as hook:
        post = make({"hook": {"url": hook.url, "bodyTemplate": "one\n{{ nope }}"}})
        post.flips.add()
        post.until("sent")
        assert "gpu-1" in hook.got[0]["body"]["message"]
        assert "bodyTemplate: 'nope' is not known (line 2)" in post.outbox.log()[0].error


def test_the_loop_runs_by_itself_and_stops(make: Callable[..., Post]) -> None:
    with webhook() as hook:
        post = make({"hook": {"url": hook.url}})
        post.delivery.start()
        wait_until(lambda: post.delivery.round() and True)
        post.flips.add()
        begun = time.monotonic()
        post.hub.publish("alerts", {})
        wait_until(lambda: hook.got)
        assert time.monotonic() - begun < 1
        wait_until(lambda: post.delivery.stats()["vigie_notifications_sent_total"] == 1)
        assert post.delivery.stats()["vigie_notifications_waiting"] == 0 and not post.delivery.problem()
        post.delivery.stop()
        assert not post.delivery._thread.is_alive()


CHILD = """
import signal, sys
from pathlib import Path
from storage.database import Database
from tests.alerts.conftest import make_post, notifications
post = make_post(Database("state", Path(sys.argv[1])), notifications({"hook": {"url": sys.argv[2]}}))
post.delivery.start()
print("up", flush=True)
signal.pause()
"""


def test_kill_9_between_firing_and_delivery_is_delivered_after_the_restart_with_the_same_key(tmp_path: Path) -> None:
    with webhook() as hook:
        hook.hold = threading.Event()
        database = Database("state", tmp_path)
        post = make_post(database, notifications({"hook": {"url": hook.url}}))
        number = post.flips.add()

        def child() -> subprocess.Popen[bytes]:
            return subprocess.Popen(
                [sys.executable, "-c", CHILD, str(tmp_path), hook.url], cwd=ROOT, stdout=subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )

        first = child()
        wait_until(lambda: hook.got, 30)  # the receiver has it, and has not answered: nobody knows what became of it
        first.send_signal(signal.SIGKILL)
        first.wait()
        assert post.states() == ["sending"]
        hook.hold.set()
        second = child()
        try:
            wait_until(lambda: post.states() == ["sent"], 30)
        finally:
            second.kill()
            second.wait()
        keys = [one["headers"]["idempotency-key"] for one in hook.got]
        assert keys == [post.outbox.key(number, "hook")] * 2
        assert len(hook.seen) == 1, "a receiver that honours the key sees it once"
        assert hook.got[0]["body"]["alerts"] == hook.got[1]["body"]["alerts"]
        database.close()


@pytest.mark.parametrize("limit", [1, 2])
def test_a_day_of_many_alerts_loses_none(make: Callable[..., Post], limit: int) -> None:
    clock = [1_800_000_000.0]
    with webhook() as hook:
        post = make({"hook": {"url": hook.url, "perHour": limit}}, now=lambda: clock[0])
        for i in range(60):
            post.flips.add(server=f"s{i % 7}")
        for _ in range(6):
            post.delivery.round()
            wait_until(lambda: not post.delivery._sending())
            clock[0] += 1800
        told = [alert["transition"] for one in hook.got for alert in one["body"]["alerts"]]
        assert sorted(told) == list(range(1, 61)) and len(hook.got) == 2
