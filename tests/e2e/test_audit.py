"""The audit page as an administrator uses it, and what goes wrong in a browser reaching the server's log."""

from __future__ import annotations

import pytest

from tests.e2e.harness import Server
from tests.e2e.visit import Visitor, ready
from tests.support import wait_until

pytestmark = pytest.mark.e2e


def test_an_administrator_finds_who_did_what_and_verifies_it(server: Server, visitor: Visitor) -> None:
    name, _password = server.person("operator")
    assert server.run("user", "role", name, "viewer").returncode == 0
    page = visitor.open(server, "/audit")
    ready(page)
    page.wait_for_selector("#audit-facts p:has-text('rows since')")
    page.select_option("#audit-action", "user")
    page.fill("#audit-text", name)
    page.keyboard.press("Enter")
    row = page.locator(".audit-row", has_text="Role changed")
    row.locator("summary").click()
    assert row.locator(".audit-before").inner_text() == "operator"
    assert row.locator(".audit-after").inner_text() == "viewer"
    with page.expect_download() as file:
        page.click("#audit-export a >> nth=0")
    assert name in file.value.path().read_text()
    assert page.evaluate("location.search") == f"?action=user&text={name}"
    page.goto(page.url.replace("action=user", "action=user&result=ok&from=2020-01-31"))
    page.wait_for_selector(".audit-row:has-text('Role changed')")
    chosen = {one: page.input_value(f"#audit-{one}") for one in ("action", "result", "from", "text")}
    assert chosen == {"action": "user", "result": "ok", "from": "2020-01-31", "text": name}
    assert page.locator(".audit-row:not(:has-text('Account')):not(:has-text('Role'))").count() == 0
    page.click("#audit-verify")
    page.wait_for_selector(".audit-good")
    assert server.run("audit", "verify").returncode == 0
    visitor.check()


def test_a_viewer_finds_no_way_there(server: Server, visitor: Visitor) -> None:
    page = visitor.open(server, "/audit", *server.person("viewer"))
    page.wait_for_selector("text=Not for your role")
    assert page.locator(".rail a[href$='/audit']").count() == 0
    visitor.check()


def test_what_goes_wrong_in_a_browser_is_in_the_servers_log_once(server: Server, visitor: Visitor) -> None:
    visitor.allow("a mistake of")
    page = visitor.open(server)
    ready(page)
    page.evaluate("""() => {
        for (let i = 0; i < 5; i += 1) setTimeout(() => { throw new Error('a mistake of the page') });
        Promise.reject(new Error('a mistake of a promise'));
        console.error(new Error('a mistake of a callback'));
    }""")
    for what in ("the page", "a promise", "a callback"):
        wait_until(lambda what=what: f"a mistake of {what}" in server.output())
    lines = [line for line in server.output().splitlines() if "a mistake of the page" in line and "browser" in line]
    assert len(lines) == 1 and "request=" in lines[0]
