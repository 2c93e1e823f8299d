"""Embed links: their signature, their end, and what comes by one."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from security.embeds import KEEP_SECONDS, MOST, WRITE_SECONDS, Embed, EmbedRefused, Embeds, Target
from security.errors import Refused
from security.permissions import embeds_of, requires_callback
from security.secrets import load_secrets
from tests.security.conftest import BROWSER, Clock, Site, Switch

DAY = 86400.0
FRAMED = {**BROWSER, "Sec-Fetch-Dest": "iframe"}


@pytest.fixture
def embeds(site: Site) -> Embeds:
    return site.server.extensions["vigie.security"].embeds


def link(embeds: Embeds, clock: Clock, **more: object) -> Embed:
    values = {"title": "CPU use", "expires": clock() + DAY, "site": "https://intranet.example", "created_by": "ada",
              "owner_id": 1, **more}
    target = values.pop("target", Target("chart", "cpu", "1h"))
    return embeds.add(target, **values)  # type: ignore[arg-type]


def why(embeds: Embeds, token: str) -> str:
    with pytest.raises(EmbedRefused) as refused:
        embeds.find(token)
    return refused.value.why


def test_a_link_is_found_by_its_token_and_keeps_what_it_shows(embeds: Embeds, clock: Clock) -> None:
    span = (1_700_000_000.0, 1_700_000_100.5)
    target = Target("explore", 'cpu_core_usage_ratio{core="1"}!area', "", *span, "dark", "UTC")
    made = link(embeds, clock, target=target)
    assert embeds.find(embeds.token(made)) == made
    assert embeds.find(embeds.token(made)).target == target
    assert len(embeds.token(made)) < 80


def test_every_changed_byte_is_refused(embeds: Embeds, clock: Clock) -> None:
    token = embeds.token(link(embeds, clock))
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=~ \x00"
    for place in range(len(token)):
        for letter in alphabet:
            changed = token[:place] + letter + token[place + 1:]
            if changed != token:
                assert why(embeds, changed) == "forged", (place, letter)
        assert why(embeds, token[:place]) == "forged"
        assert why(embeds, token[:place] + token[place + 1:]) == "forged"
    for more in ("A", "=", "==", ".", "\n"):
        assert why(embeds, token + more) == "forged"


def test_no_other_text_is_a_token(embeds: Embeds, clock: Clock) -> None:
    token = embeds.token(link(embeds, clock))

    @settings(max_examples=400, deadline=None)
    @given(st.one_of(st.text(max_size=300), st.text("WzEsMTgwMDAwMDAwMF0.-_Aa", max_size=90)))
    def refused(text: str) -> None:
        if text != token:
            assert why(embeds, text) == "forged"

    refused()


def test_a_token_of_another_vigie_or_for_another_purpose_is_refused(site: Site, embeds: Embeds, clock: Clock) -> None:
    from itsdangerous import URLSafeSerializer

    from security.secrets import Secrets

    made = link(embeds, clock)
    other = Embeds(site.database, Secrets("x" * 40, "y" * 40, "other"), clock)
    assert why(embeds, other.token(made)) == "forged"
    for key in (site.secrets.token_key, site.secrets.session_key):
        for salt in ("itsdangerous", "cookie-session", "vigie.embed"):
            assert why(embeds, str(URLSafeSerializer(key, salt=salt).dumps([made.id, int(made.created)]))) == "forged"


def test_a_row_that_is_not_the_one_that_was_signed_is_refused(embeds: Embeds, clock: Clock) -> None:
    made = link(embeds, clock)
    assert why(embeds, embeds._signer.dumps([made.id + 1, int(made.created)])) == "unknown"  # type: ignore[arg-type]
    assert why(embeds, embeds._signer.dumps([made.id, int(made.created) + 1])) == "unknown"  # type: ignore[arg-type]


def test_it_ends_when_it_says_and_when_it_is_revoked(embeds: Embeds, clock: Clock) -> None:
    first, second = link(embeds, clock), link(embeds, clock, expires=clock() + 10)
    assert embeds.find(embeds.token(second)) == second
    clock.forward(10)
    assert why(embeds, embeds.token(second)) == "expired"
    assert not embeds.good(second.id)
    assert embeds.good(first.id)
    revoked = embeds.revoke(first.id, "eve")
    assert (revoked.revoked, revoked.revoked_by) == (clock(), "eve")
    assert why(embeds, embeds.token(first)) == "revoked"  # at once, though it was in the cache
    assert not embeds.good(first.id)
    clock.forward(5)
    assert embeds.revoke(first.id, "bob").revoked_by == "eve"
    with pytest.raises(Refused):
        embeds.revoke(99, "eve")


def test_links_are_listed_by_owner_and_forgotten_long_after_their_end(embeds: Embeds, clock: Clock) -> None:
    mine, other = link(embeds, clock), link(embeds, clock, owner_id=2)
    assert [one.id for one in embeds.list()] == [other.id, mine.id]
    assert [one.id for one in embeds.list(1)] == [mine.id]
    clock.forward(DAY + KEEP_SECONDS + 1)
    new = link(embeds, clock)
    assert [one.id for one in embeds.list()] == [new.id]


def test_nobody_makes_links_without_end(embeds: Embeds, clock: Clock) -> None:
    for _ in range(MOST):
        last = link(embeds, clock)
    with pytest.raises(Refused):
        link(embeds, clock)
    link(embeds, clock, owner_id=2)
    embeds.revoke(last.id, "ada")
    link(embeds, clock)


def test_uses_and_refusals_are_counted_and_written_now_and_then(embeds: Embeds, clock: Clock) -> None:
    made = link(embeds, clock)
    embeds.note(made.id, uses=1)
    written = embeds._load(made.id)
    assert written is not None and (written.uses, written.last_used) == (1, clock())
    more = {"uses": 1, "refused": 2}
    threads = [threading.Thread(target=embeds.note, args=(made.id,), kwargs=more) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert embeds._load(made.id) == written  # they wait
    clock.forward(WRITE_SECONDS)
    embeds.note(made.id, refused=1)
    after = embeds.get(made.id)
    assert (after.uses, after.refused, after.last_used) == (21, 41, clock() - WRITE_SECONDS)


def test_counts_wait_for_the_database(embeds: Embeds, clock: Clock, database: Switch) -> None:
    made = link(embeds, clock)
    token = embeds.token(made)
    embeds.find(token)
    database.away = True
    embeds.note(made.id, uses=1, refused=1)
    clock.forward(60)
    assert embeds.find(token) == made  # what was good a moment ago stays good
    database.away = False
    assert (embeds.get(made.id).uses, embeds.get(made.id).refused) == (1, 1)


def test_rows_are_the_same_in_both_databases(both_databases: Switch, tmp_path: Path, clock: Clock) -> None:
    links = Embeds(both_databases, load_secrets(tmp_path), clock)
    span = Target("explore", "cpu_load1", "", 1_700_000_000.25, 1_700_000_100.5)
    made = link(links, clock, target=span, title="É · “x”")
    assert links.find(links.token(made)) == made
    links.note(made.id, uses=2, refused=3)
    clock.forward(WRITE_SECONDS)
    kept = links.get(made.id)
    assert (kept.uses, kept.refused, kept.target, kept.title) == (2, 3, span, made.title)
    assert links.revoke(made.id, "eve").state(clock()) == "revoked"
    assert [one.revoked_by for one in links.list(1)] == ["eve"]


def test_who_tries_links_is_slowed_down(site: Site, embeds: Embeds, clock: Clock) -> None:
    from security.limits import CallLimits

    site.server.extensions["vigie.security"].calls = CallLimits(clock, most=3)
    client = site.client()
    answers = [client.get(f"/embed/made.up.{n}/", headers=FRAMED).status_code for n in range(5)]
    assert answers == [403, 403, 403, 429, 429]
    assert client.get(path(site, link(embeds, clock)), headers=FRAMED).status_code == 200


# ---- what comes by a link

def path(site: Site, made: Embed, rest: str = "") -> str:
    return f"/embed/{site.server.extensions['vigie.security'].embeds.token(made)}/{rest}"


def test_a_link_opens_its_page_and_no_other(site: Site, embeds: Embeds, clock: Clock) -> None:
    made = link(embeds, clock)
    client = site.client()
    page = client.get(path(site, made), headers=FRAMED)
    assert page.status_code == 200
    assert client.get(path(site, made).rstrip("/"), headers=FRAMED).status_code == 200
    for rest in ("monitoring", "api/metrics/latest", "api/v1/metrics/latest", "login", "logout", "forgotten", "metrics",
                 "api/health", "assets/base.css", "embed/x/", "broken", "no-such-page", "../", "%2e%2e/"):
        answer = client.get(path(site, made, rest), headers=FRAMED)
        assert answer.status_code == 403, rest
        assert "Set-Cookie" not in answer.headers
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert client.open(path(site, made), method=method).status_code == 403


def test_neither_cookie_nor_token_widens_a_link(site: Site, embeds: Embeds, clock: Clock) -> None:
    made = link(embeds, clock)
    admin = site.signed_in("admin")
    csrf = {"X-CSRFToken": site.csrf(admin)}
    assert admin.get("/api/metrics/latest").status_code == 200
    for rest, method in (("api/metrics/latest", "GET"), ("api/models/start", "POST"), ("api/users", "PUT")):
        assert admin.open(path(site, made, rest), method=method, headers=csrf).status_code == 403
    secret, _ = site.accounts.tokens.add("all", ["metrics:read", "users:manage"])
    bearer = {"Authorization": f"Bearer {secret}"}
    assert site.client().get(path(site, made, "api/metrics/latest"), headers=bearer).status_code == 403
    assert site.client().get(path(site, made), headers={**FRAMED, "Authorization": "Bearer wrong"}).status_code == 200


def test_no_answer_sets_a_cookie_names_a_site_or_is_kept(site: Site, embeds: Embeds, clock: Clock) -> None:
    made = link(embeds, clock)
    for client in (site.client(), site.signed_in("admin")):
        for rest in ("", "monitoring"):
            answer = client.get(path(site, made, rest), headers=FRAMED)
            assert "Set-Cookie" not in answer.headers
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["X-Robots-Tag"] == "noindex"
            assert "Cross-Origin-Opener-Policy" not in answer.headers
            assert "X-Frame-Options" not in answer.headers


@pytest.mark.parametrize(("where", "sources"), [
    ("https://intranet.example", "'self' https://intranet.example"),
    ("*", "*"),
    ("", "'self' https://configured.example"),
])
def test_the_site_of_a_link_may_frame_it(make_site, clock: Clock, where: str, sources: str) -> None:
    site = make_site(frame_ancestors=("https://configured.example",))
    embeds: Embeds = site.server.extensions["vigie.security"].embeds
    answer = site.client().get(path(site, link(embeds, clock, site=where)), headers=FRAMED)
    assert answer.headers["Content-Security-Policy"].endswith(f"frame-ancestors {sources}")
    usual = site.signed_in("viewer").get("/", headers=BROWSER)
    assert usual.headers["Content-Security-Policy"].endswith("frame-ancestors 'self' https://configured.example")


def test_what_is_no_good_is_told_plainly_with_the_right_status(site: Site, embeds: Embeds, clock: Clock) -> None:
    revoked, expired, gone = (link(embeds, clock, expires=clock() + DAY * n) for n in (3, 1, 4))
    addresses = {"revoked": path(site, revoked), "expired": path(site, expired)}
    unknown = f"/embed/{embeds._signer.dumps([77, int(gone.created)])}/"
    clock.forward(DAY * 2)
    embeds.revoke(revoked.id, "admin")
    client = site.client()
    for address, status, words in (
        (addresses["revoked"], 410, "This link was withdrawn"), (addresses["expired"], 410, "This link has expired"),
        (unknown, 404, "This link is not known"), ("/embed/made.up/", 403, "This link is not valid"),
        ("/embed/", 403, "This link is not valid"), ("/embed/x", 403, "This link is not valid"),
        (path(site, gone, "monitoring"), 403, "Not allowed"),
    ):
        answer = client.get(address, headers=FRAMED)
        assert answer.status_code == status
        assert words in answer.text
        assert 'href="/"' not in answer.text  # no way on
        assert answer.headers["Content-Security-Policy"].endswith("frame-ancestors *")  # whoever framed it reads why
        assert "Set-Cookie" not in answer.headers
        told = client.post(address.rstrip("/") + "/_dash-update-component", json={})
        assert told.status_code in (status, 403)
        assert told.mimetype == "application/problem+json"


def test_refusals_are_counted_and_told_once_a_minute(site: Site, embeds: Embeds, clock: Clock) -> None:
    told: list[tuple[str, str, dict[str, str]]] = []
    site.server.extensions["vigie.security"].on_embed = lambda *event: told.append(event)
    made = link(embeds, clock)
    client = site.client()
    for _ in range(5):
        client.get(path(site, made, "api/metrics/latest"))
    assert embeds.get(made.id).refused == 5
    assert [(kind, severity, params["why"], params["path"]) for kind, severity, params in told] == [
        ("embed_refused", "warning", "elsewhere", "/api/metrics/latest"),
    ]
    assert embeds.token(made) not in str(told)
    clock.forward(61)
    embeds.revoke(made.id, "admin")
    client.get(path(site, made))
    client.get("/embed/made.up/")
    client.get("/embed/made.up.2/")
    assert [params["why"] for _, _, params in told] == ["elsewhere", "revoked", "forged"]
    assert embeds.get(made.id).refused == 6


def test_a_link_is_not_an_identity_elsewhere(site: Site, embeds: Embeds, clock: Clock) -> None:
    token = embeds.token(link(embeds, clock))
    client = site.client()
    assert client.get("/api/metrics/latest", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    assert client.get("/api/metrics/latest", environ_overrides={"vigie.embed": token}).status_code == 401
    assert client.get("/", headers=BROWSER).status_code == 302


def test_calls_are_counted_per_link_and_address(site: Site, embeds: Embeds, clock: Clock) -> None:
    from security.limits import CallLimits

    site.server.extensions["vigie.security"].embed_calls = CallLimits(clock, most=3)
    made, other, client = link(embeds, clock), link(embeds, clock), site.client()
    answers = [client.get(path(site, made), headers=FRAMED).status_code for _ in range(5)]
    assert answers == [200, 200, 200, 429, 429]
    assert client.get(path(site, other), headers=FRAMED).status_code == 200


def test_a_websocket_of_another_site_is_refused_by_a_link_too(site: Site, embeds: Embeds, clock: Clock) -> None:
    made = link(embeds, clock)
    sent = {"Upgrade": "websocket", "Connection": "Upgrade", "Origin": "http://evil.example"}
    assert site.client().get(path(site, made, "ws/metrics"), headers=sent).status_code == 403
    sent["Origin"] = "http://localhost"
    assert site.client().get(path(site, made, "ws/metrics"), headers=sent).status_code == 200


def test_a_database_that_is_away_is_told_without_a_way_on(site: Site, embeds: Embeds, clock: Clock) -> None:
    made = link(embeds, clock)
    site.database.away = True
    answer = site.client().get(path(site, made), headers=FRAMED)
    assert (answer.status_code, "Set-Cookie" in answer.headers) == (503, False)
    assert 'href="/"' not in answer.text


def test_only_marked_callbacks_answer_links(site: Site, embeds: Embeds, clock: Clock) -> None:
    seen: list[str] = []
    closed = requires_callback("dashboard:view")(lambda: seen.append("closed"))
    charts = requires_callback("dashboard:view", ["chart"])(lambda: seen.append("chart"))
    pages = requires_callback("dashboard:view", ["overview"])(lambda: seen.append("overview"))
    assert (embeds_of(closed), embeds_of(charts), embeds_of(None)) == (frozenset(), {"chart"}, frozenset())
    made = link(embeds, clock)
    for callback, passes in ((closed, False), (charts, True), (pages, False)):
        with site.server.test_request_context("/", environ_overrides={"vigie.embed": embeds.token(made)}):
            assert site.server.preprocess_request() is None
            if passes:
                callback()
            else:
                with pytest.raises(Exception, match="403"):
                    callback()
    assert seen == ["chart"]
