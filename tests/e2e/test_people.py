"""People, tokens, sign-ins and the second factor, as those who use them see them."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pyotp
import pytest
import requests
from playwright.sync_api import Page, expect

from tests.e2e.harness import Server
from tests.e2e.test_signing_in import sign_in
from tests.e2e.visit import Visitor, ready

pytestmark = pytest.mark.e2e
OWN = "three herons by the quay"
SHOTS = os.environ.get("VIGIE_SHOTS", "")


def look(page: Page, name: str) -> None:
    """A picture of the page, for whoever wants to see it."""
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png")


def test_an_admin_adds_a_person_who_chooses_a_password_and_signs_in(server: Server, visitor: Visitor) -> None:
    admin = visitor.open(server, "/people")
    ready(admin)
    admin.click("[data-people-add]")
    admin.fill("#people-add [name=name]", "grace")
    admin.select_option("#people-add [name=role]", "operator")
    admin.click("[data-people-make]")
    secret = admin.locator("#people-add [name=secret]")
    expect(secret).to_be_visible()
    password = secret.input_value()
    look(admin, "people-added")
    admin.click("#people-add .dialog-actions [data-close]")
    expect(secret).to_have_value("")
    row = admin.locator(".people-list tr", has_text="grace")
    expect(row).to_contain_text("one-time password")
    look(admin, "people-list")

    page = visitor.context().new_page()
    page.goto(f"{server.url}/explore")
    sign_in(page, "grace", password)
    page.wait_for_url("**/login/password")
    look(page, "login-password")
    page.fill("[name=password]", OWN)
    page.fill("[name=repeat]", OWN)
    page.click("button[type=submit]")
    page.wait_for_url("**/explore")
    ready(page)

    # Managing: another role, then closed; the open page leaves.
    visitor.allow("status of 401")
    admin.reload()
    admin.click(".people-list tr:has-text('grace') [data-person]")
    admin.select_option("#people-manage [name=role]", "viewer")
    admin.click("[data-person-save]")
    expect(admin.locator("#people-manage .dialog-say")).to_have_text("Saved.")
    look(admin, "people-manage")
    disable = admin.locator("[data-person-act=disable]")
    disable.click()
    expect(admin.locator("#people-manage .dialog-say")).to_have_text("Press once more to do it.")
    disable.click()
    expect(admin.locator("#people-manage .dialog-say")).to_have_text("Done.")
    page.wait_for_url("**/login*", timeout=30_000)


def test_who_may_not_manage_people_has_no_such_page(server: Server, visitor: Visitor) -> None:
    page = visitor.open(server, "/people", *server.person("operator"))
    ready(page)
    expect(page.locator("#main h1")).to_have_text("Not for your role")
    assert page.locator(".rail-link[href='/people']").count() == 0


@pytest.mark.parametrize("tab", ["roles", "tokens", "sessions"])
def test_the_other_tabs(server: Server, visitor: Visitor, tab: str) -> None:
    page = visitor.open(server, f"/people?tab={tab}", color_scheme="dark")
    ready(page)
    expect(page.locator(f"[data-people-tab={tab}]")).to_have_attribute("aria-selected", "true")
    # Other tests may have made tokens by now; where there is none the page says what one is for.
    tokens = re.compile("A program shows one|Last used")
    words = {"roles": "manage people", "tokens": tokens, "sessions": "this one"}[tab]
    expect(page.locator("#people-body")).to_contain_text(words)
    look(page, f"people-{tab}")


def test_a_token_is_shown_once_and_ends_when_it_is_revoked(server: Server, visitor: Visitor) -> None:
    name, password = server.person()
    page = visitor.open(server, "/settings", name, password)
    ready(page)
    look(page, "settings")
    page.click("[data-token-new]")
    page.fill("#settings-tokens-new [name=name]", "notebook")
    look(page, "token-new")
    page.click("[data-token-make]")
    field = page.locator("#settings-tokens-new [name=secret]")
    expect(field).to_be_visible()
    secret = field.input_value()
    look(page, "token-made")
    bearer = {"Authorization": f"Bearer {secret}"}
    assert requests.get(f"{server.url}/api/metrics/latest", headers=bearer, timeout=10).status_code == 200
    page.click("#settings-tokens-new .dialog-actions [data-close]")
    page.reload()
    ready(page)
    assert secret not in page.content()
    expect(page.locator(".token-list")).to_contain_text("notebook")
    page.click("[data-token-revoke]")
    page.click("[data-token-revoke-now]")
    expect(page.locator(".token-list .is-over")).to_contain_text("revoked")
    assert requests.get(f"{server.url}/api/metrics/latest", headers=bearer, timeout=10).status_code == 401


def test_a_second_factor_is_set_up_and_asked_for(server: Server, visitor: Visitor) -> None:
    visitor.allow("status of 40[01]")
    name, password = server.person()
    page = visitor.open(server, "/settings", name, password)
    ready(page)
    page.click("[data-factor=on]")
    page.fill("#settings-factor-on [name=password]", "not it at all")
    page.click("[data-factor-next]")
    expect(page.locator("#settings-factor-on .dialog-say")).to_contain_text("not right")
    page.fill("#settings-factor-on [name=password]", password)
    page.click("[data-factor-next]")
    expect(page.locator(".factor-picture svg")).to_be_visible()
    look(page, "factor-picture")
    totp = pyotp.TOTP(page.inner_text(".factor-key").replace(" ", ""))
    page.fill("#settings-factor-on .factor-second [name=code]", totp.now())
    page.click("[data-factor-next]")
    expect(page.locator(".recovery-codes").first).to_be_visible()
    look(page, "factor-codes")
    codes = page.inner_text("#settings-factor-on .recovery-codes").split()
    assert len(codes) == 10
    page.click("#settings-factor-on .dialog-actions [data-close]")
    expect(page.locator("#settings-factor")).to_contain_text("10 recovery codes are left")

    fresh = visitor.context().new_page()
    fresh.goto(f"{server.url}/monitoring")
    sign_in(fresh, name, password)
    fresh.wait_for_url("**/login/code")
    look(fresh, "login-code")
    fresh.fill("[name=code]", "000000")
    fresh.click("button[type=submit]")
    expect(fresh.locator("[role=alert]")).to_contain_text("not right")
    fresh.fill("[name=code]", codes[0])
    fresh.click("button[type=submit]")
    fresh.wait_for_url("**/monitoring")

    page.click("[data-factor=off]")
    page.fill("#settings-factor-off [name=password]", password)
    page.fill("#settings-factor-off [name=code]", codes[1])
    page.click("[data-factor-go]")
    expect(page.locator("#settings-factor [data-factor=on]")).to_be_visible()


def test_a_sign_in_that_is_ended_elsewhere_leaves_the_page(server: Server, visitor: Visitor) -> None:
    visitor.allow("status of 401")
    name, password = server.person()
    page = visitor.open(server, "/monitoring", name, password)
    ready(page)
    admin = visitor.open(server, "/people?tab=sessions")
    ready(admin)
    admin.fill(".people-search", name)
    button = admin.locator(f"[data-session-end][aria-label*='{name}']")
    expect(button).to_have_count(1)
    button.click()
    expect(button).to_have_count(0)
    page.wait_for_url("**/login*", timeout=30_000)


def test_on_a_phone_what_is_searched_for_can_be_read(server: Server, visitor: Visitor) -> None:
    page = visitor.open(server, "/people", viewport={"width": 390, "height": 844}, locale="fr-FR")
    ready(page)
    box = page.wait_for_selector(".people-search").bounding_box()
    assert box is not None and box["width"] >= 170
    page.goto(f"{server.url}/audit")
    ready(page)
    ends = [page.wait_for_selector(f"#audit-{name}").bounding_box() for name in ("from", "to")]
    assert ends[0] and ends[1] and ends[0]["y"] == ends[1]["y"], "both days stand side by side"
    room = page.evaluate("parseFloat(getComputedStyle(document.getElementById('audit-action')).paddingRight)")
    assert room > 30, "no words below the arrow"


def test_on_a_phone_people_are_managed_too(server: Server, visitor: Visitor) -> None:
    page = visitor.open(server, "/people", viewport={"width": 390, "height": 844}, color_scheme="light")
    ready(page)
    expect(page.locator(".people-list")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    look(page, "phone-people")
    page.click("[data-people-tab=roles]")
    expect(page.locator(".people-matrix")).to_be_visible()
    assert page.evaluate("document.querySelector('.people-matrix').getBoundingClientRect().right") <= 362
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    look(page, "phone-roles")
