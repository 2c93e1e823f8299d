"""An alert by real load on this machine: told by mail, webhook, toast and bell, taken up, and over."""

from __future__ import annotations

import json
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import expect

from alerts.rule import Rule
from alerts.rulebook import Rulebook
from storage.database import Database
from tests.alerts.engine import fire
from tests.alerts.receivers import Box, Hook, mail_server, webhook
from tests.e2e.harness import PASSWORD, Server
from tests.e2e.visit import Visitor
from tests.support import wait_until

pytestmark = pytest.mark.e2e
BUSY = 20e6
"""Bytes per second through this machine's loopback: what nothing else of the tests comes near."""
NAME = "Loopback busy"


@contextmanager
def load() -> Iterator[None]:
    """Real traffic through the loopback, several times as much as the rule allows."""
    stop = threading.Event()
    door = socket.create_server(("127.0.0.1", 0))

    def drain() -> None:
        taken, _ = door.accept()
        with taken:
            while taken.recv(1 << 20):
                pass

    def pour() -> None:
        with socket.create_connection(door.getsockname()) as way:
            while not stop.wait(0.01):
                way.sendall(bytes(1 << 20))

    threads = [threading.Thread(target=work, daemon=True) for work in (drain, pour)]
    for one in threads:
        one.start()
    try:
        yield
    finally:
        stop.set()
        for one in threads:
            one.join(10)
        door.close()


def prepare(folder: Path, hook: Hook, box: Box) -> None:
    """A data folder with a rule on the loopback, and both channels."""
    (folder / "config").mkdir(parents=True)
    ways = {"channels": ["toast", "email", "hook"]}
    (folder / "config" / "dashboard_config.json").write_text(json.dumps({"version": "1.0.0", "notifications": {
        "channels": ["toast", "email", "hook"], "groupSeconds": 0, "publicUrl": "https://vigie.example.org",
        "targets": {"email": {"url": box.url, "minSeverity": "error"}, "hook": {"url": hook.url}},
        "alertTypes": {"highResourceUsage": ways},
    }}))
    database = Database("state", folder)
    Rulebook(database).add(Rule(
        id="loopback_busy", name=NAME, selectors=('network_receive_bytes_per_second{interface="lo"}',), threshold=BUSY,
        comparison=">", for_seconds=2, resolve_seconds=2, severity="critical", category="high_resource_usage",
        message="{value} on {interface}",
    ), "test")
    database.close()


def states(server: Server) -> list[tuple[str, str]]:
    """State and kind of each delivery of our rule, oldest first."""
    rows = server.api_login("admin", PASSWORD).get(f"{server.url}/api/v1/notifications/deliveries").json()["data"]
    ours = [one for one in reversed(rows) if one["alert"]["rule"] == "loopback_busy"]
    return [(one["channel"], one["state"]) for one in ours]


def of(hook: Hook, state: str) -> list[dict[str, object]]:
    """Bodies that the webhook took about our rule in a state, each key once."""
    return [
        body for body in hook.seen.values()
        if any(a["rule"] == "loopback_busy" and a["state"] == state for a in body["alerts"])
    ]


def test_real_load_is_told_by_both_ways_taken_up_and_over(
    start_server: Callable[..., Server], tmp_path: Path, visitor: Visitor,
) -> None:
    with webhook() as hook, mail_server() as box:
        prepare(tmp_path / "data0", hook, box)
        server = start_server()
        page = visitor.open(server, "/", *server.person("operator"))
        expect(page.locator("body")).to_have_attribute("data-live", "live")
        bell = page.locator("#react-entry-point #shell-bell")
        expect(bell.locator(".bell-list .bell-empty")).to_have_count(1)
        with load():
            toast = page.locator(".alert-toast", has_text=NAME)
            expect(toast).to_be_visible(timeout=30_000)  # by itself: nobody touched the page
            expect(bell.locator("summary")).to_have_attribute("aria-label", "Alerts: 1 unread")
            wait_until(lambda: of(hook, "firing") and box.mails, 20)
            [told], [mail] = of(hook, "firing"), box.mails
            assert told["alerts"][0]["value"] > BUSY  # type: ignore[index]
            assert NAME in mail["Subject"] and mail["Message-ID"].startswith("<")
            text = mail.get_body(("plain",)).get_content()
            assert "https://vigie.example.org/alerts?alert=" in text and "on lo" in text
            alert = told["alerts"][0]["uuid"]  # type: ignore[index]
            operator = server.api_login(*server.person("operator"))
            taken = operator.post(f"{server.url}/api/v1/alerts/one/{alert}/acknowledge", json={"note": "on it"})
            assert taken.status_code == 200, taken.text
        wait_until(lambda: of(hook, "resolved") and len(box.mails) == 2, 30)
        assert of(hook, "resolved")[0]["type"] == "success"
        assert box.mails[0]["References"] == box.mails[1]["References"]
        expect(toast).to_have_count(0)  # what is over needs nobody
        bell.locator("summary").click()
        expect(bell.locator(".bell-item").first).to_contain_text(f"{NAME} is over")
        bell.get_by_role("button", name="Mark all as read").click()
        expect(bell.locator("summary")).to_have_attribute("aria-label", "Alerts: none unread")
        assert len(hook.got) == len(hook.seen), "each message was sent once"
        wait_until(lambda: states(server) == [("email", "sent"), ("hook", "sent")] * 2, 10)


def test_kill_9_between_firing_and_delivery_tells_once_a_receiver_that_honours_the_key(
    start_server: Callable[..., Server], tmp_path: Path,
) -> None:
    with webhook() as hook, mail_server() as box:
        prepare(tmp_path / "data0", hook, box)
        hook.hold = threading.Event()
        server = start_server()
        with load():
            wait_until(lambda: any("loopback_busy" in json.dumps(one["body"]) for one in hook.got), 30)
            server.stop(signal.SIGKILL)  # the receiver has the message, and nobody knows
            hook.hold.set()
            first = [one["headers"]["idempotency-key"] for one in hook.got]
            count = len(hook.got)
            server.start()
            wait_until(lambda: len(hook.got) > count, 30)
        again = [one["headers"]["idempotency-key"] for one in hook.got[count:]]
        assert set(first) & set(again), "the same message, with the same key"
        wait_until(lambda: of(hook, "resolved"), 40)
        assert len(of(hook, "firing")) == 1


def test_without_a_socket_the_bell_rings_by_polling_and_toasts_fold(
    start_server: Callable[..., Server], visitor: Visitor,
) -> None:
    server = start_server()
    context = visitor.context(viewport={"width": 390, "height": 844})
    session = server.login()
    context.add_cookies([
        {"name": c.name, "value": c.value or "", "domain": "127.0.0.1", "path": "/"} for c in session.cookies
    ])
    page = context.new_page()
    page.route_web_socket("**/ws/metrics", lambda socket: socket.close())
    page.goto(server.url + "/settings")
    bell = page.locator("#react-entry-point #shell-bell")
    expect(page.locator("body")).to_have_attribute("data-live", "polling")
    expect(bell.locator(".bell-list .bell-empty")).to_have_count(1)
    page.locator("#react-entry-point [data-toasts='info']").uncheck()
    expect(page.locator(".toast-note", has_text="Saved.")).to_be_visible()
    database = Database("state", server.data_dir)
    fire(database, severity="info", name="Not worth a toast")
    for number in range(5):
        fire(database, severity="critical", name=f"Alert {number}")
    database.close()
    expect(page.locator(".alert-toast.is-critical")).to_have_count(3, timeout=30_000)
    expect(page.locator(".alert-more")).to_have_text("2 more alerts")
    assert "Not worth a toast" not in page.locator("#react-entry-point #shell-alerts").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    expect(bell.locator(".bell-count")).to_have_text("6")
    bell.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(bell.locator(".bell-item")).to_have_count(6)
    expect(page.locator(".alert-toast")).to_have_count(0)  # what stands in the panel needs no place over it
    page.keyboard.press("Tab")
    expect(bell.get_by_role("button", name="Mark all as read")).to_be_focused()
    page.keyboard.press("Enter")
    expect(bell.locator("summary")).to_have_attribute("aria-label", "Alerts: none unread")
    page.keyboard.press("Escape")
    expect(bell.locator(".bell-panel")).to_be_hidden()
    page.reload()
    expect(bell.locator("summary")).to_have_attribute("aria-label", "Alerts: none unread")
    expect(page.locator("#react-entry-point [data-toasts='info']")).not_to_be_checked()
