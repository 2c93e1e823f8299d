"""A person's own settings, through the routes a browser uses."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from components import ids
from storage.errors import StoreUnavailable
from tests.pages.site import PASSWORD, Site, spelt, texts, walk

FIELDS = (ids.SETTINGS_PASSWORD_CURRENT, ids.SETTINGS_PASSWORD_NEW, ids.SETTINGS_PASSWORD_REPEAT)
ERRORS = (ids.SETTINGS_PASSWORD_CURRENT_ERROR, ids.SETTINGS_PASSWORD_NEW_ERROR, ids.SETTINGS_PASSWORD_REPEAT_ERROR)
NEW = "an-even-longer-one"


def change(site: Site, client: FlaskClient, current: str, new: str, repeat: str) -> dict[str, Any]:
    answer = site.callback(
        client, [(f, "value") for f in FIELDS] + [(e, "children") for e in ERRORS],
        [(ids.SETTINGS_PASSWORD_SAVE, "n_clicks", 1), (ids.SETTINGS_PASSWORD_REPEAT, "n_submit", None)],
        [(f, "value", v) for f, v in zip(FIELDS, (current, new, repeat))],
    )
    assert answer.status_code == 200, answer.text
    return answer.json


def errors(answer: dict[str, Any]) -> list[str]:
    return [answer["response"][e]["children"] for e in ERRORS]


@pytest.mark.parametrize(("typed", "field", "says"), [
    (("", NEW, NEW), 0, "fill this in"),
    ((PASSWORD, NEW, "another-long-one"), 2, "not the same"),
    (("wrong-password", NEW, NEW), 0, "current password is not right"),
    ((PASSWORD, "short", "short"), 1, "at least 12 characters"),
    ((PASSWORD, "v" * 300, "v" * 300), 1, "at most 256"),
])
def test_each_mistake_is_told_at_its_field_and_nothing_typed_is_lost(
    site: Site, typed: tuple[str, str, str], field: int, says: str,
):
    answer = change(site, site.signed_in(), *typed)
    told = errors(answer)
    assert says in told[field]
    assert [e for i, e in enumerate(told) if i != field] == ["", ""]
    assert not any("value" in answer["response"].get(f, {}) for f in FIELDS)


def test_a_new_password_counts_at_once_and_ends_the_other_sign_ins(own_site: Site):
    here, elsewhere = own_site.signed_in(), own_site.signed_in()
    answer = change(own_site, here, PASSWORD, NEW, NEW)
    assert errors(answer) == ["", "", ""]
    assert [answer["response"][f]["value"] for f in FIELDS] == ["", "", ""]
    assert "is changed" in texts(answer["sideUpdate"][ids.TOASTS]["children"])
    assert here.get("/settings").status_code == 200
    assert elsewhere.get("/settings").status_code in (302, 401)
    assert own_site.vigie.accounts.people.verify("viewer", NEW) is not None
    assert own_site.vigie.accounts.people.verify("viewer", PASSWORD) is None


def choose(site: Site, client: FlaskClient, field: str, value: str, output: tuple[str, str]) -> Any:
    return site.callback(client, [output], [(field, "value", value)])


def reload(site: Site, field: str) -> tuple[str, str]:
    name = next(
        n for n, e in site.dash.callback_map.items() if n.startswith(ids.RELOAD) and e["inputs"][0]["id"] == field
    )
    return tuple(name.rsplit(".", 1))


def test_language_and_zone_are_kept_and_the_page_comes_anew(own_site: Site):
    client = own_site.signed_in()
    answer = choose(own_site, client, ids.SETTINGS_LANGUAGE, "fr", reload(own_site, ids.SETTINGS_LANGUAGE))
    assert answer.json["response"][ids.RELOAD]["href"] == "/settings"
    answer = choose(own_site, client, ids.SETTINGS_TIMEZONE, "Asia/Tokyo", reload(own_site, ids.SETTINGS_TIMEZONE))
    assert answer.json["response"][ids.RELOAD]["href"] == "/settings"
    kept = own_site.vigie.accounts.people.get("viewer")
    assert (kept.language, kept.timezone) == ("fr", "Asia/Tokyo")
    assert "Mot de passe" in texts(own_site.page(client, "/settings"))


@pytest.mark.parametrize(("field", "value"), [
    (ids.SETTINGS_LANGUAGE, "auto"), (ids.SETTINGS_LANGUAGE, "tlh"), (ids.SETTINGS_TIMEZONE, "Mars/Olympus"),
    (ids.SETTINGS_TIMEZONE, "../../etc/passwd"),
])
def test_what_is_kept_already_and_what_does_not_exist_change_nothing(site: Site, field: str, value: str):
    answer = choose(site, site.signed_in(), field, value, reload(site, field))
    assert answer.status_code in (200, 204)
    assert ids.RELOAD not in answer.text
    kept = site.vigie.accounts.people.get("viewer")
    assert (kept.language, kept.timezone) == ("", "")


def test_the_theme_is_kept_with_the_account_and_in_the_document(own_site: Site):
    client = own_site.signed_in()
    answer = choose(own_site, client, ids.SETTINGS_THEME, "light", (ids.SHELL_THEME_SHOWN, "data"))
    assert answer.json["response"][ids.SHELL_THEME_SHOWN]["data"] == {"theme": "light"}
    assert own_site.signed_in().get("/", headers={"Accept": "text/html"}).text.count('data-bs-theme="light"') == 1


def sessions(site: Site, client: FlaskClient, pressed: str | None = None) -> Any:
    button = ids.session_end(pressed or "0")
    answer = site.callback(
        client,
        [(ids.SETTINGS_SESSIONS, "children")],
        [
            (ids.SETTINGS_SESSIONS_END_ALL, "id", ids.SETTINGS_SESSIONS_END_ALL),
            (button, "n_clicks", [(button, 1 if pressed else 0)]),
        ],
        changed=[spelt(button, "n_clicks") if pressed else f"{ids.SETTINGS_SESSIONS_END_ALL}.id"],
    )
    return answer.json["response"][ids.SETTINGS_SESSIONS]["children"]


def rows(layout: Any) -> list[str]:
    return [n["props"]["id"]["session"] for n in walk(layout) if isinstance(n["props"].get("id"), dict)]


def test_a_sign_in_can_be_ended_and_only_ones_own(own_site: Site):
    here, elsewhere, admin = own_site.signed_in(), own_site.signed_in(), own_site.signed_in("admin")
    mine = rows(sessions(own_site, here))
    assert len(mine) == 2
    assert "this one" in texts(sessions(own_site, here))
    admins = rows(sessions(own_site, admin))
    sessions(own_site, here, pressed=admins[0])
    assert admin.get("/").status_code == 200, "somebody else's sign-in was ended"
    other = str(
        max(
            own_site.vigie.accounts.sessions.list(own_site.vigie.accounts.people.get("viewer").id), key=lambda s: s.id
        ).id
    )
    assert rows(sessions(own_site, here, pressed=other)) == [one for one in mine if one != other]
    assert elsewhere.get("/").status_code in (302, 401)
    assert here.get("/").status_code == 200


def test_signing_out_everywhere_ends_this_one_too(own_site: Site):
    here, elsewhere = own_site.signed_in(), own_site.signed_in()
    output = reload(own_site, ids.SETTINGS_SESSIONS_CONFIRM)
    answer = own_site.callback(here, [output], [(ids.SETTINGS_SESSIONS_CONFIRM, "submit_n_clicks", 1)])
    assert answer.json["response"][ids.RELOAD]["href"].startswith("/login")
    assert here.get("/").status_code in (302, 401)
    assert elsewhere.get("/").status_code in (302, 401)


def test_a_database_that_is_away_is_told_and_nothing_is_lost(own_site: Site, monkeypatch: pytest.MonkeyPatch):
    client = own_site.signed_in()

    def away(*_args: Any, **_named: Any) -> None:
        raise StoreUnavailable("The state database is read-only.")

    for place, name in ((own_site.vigie.accounts.people, "set_profile"), (own_site.vigie.accounts.sessions, "list")):
        monkeypatch.setattr(place, name, away)
    answer = choose(own_site, client, ids.SETTINGS_LANGUAGE, "fr", reload(own_site, ids.SETTINGS_LANGUAGE))
    assert "read-only" in texts(answer.json["sideUpdate"][ids.TOASTS]["children"])
    assert "cannot be read" in texts(sessions(own_site, client))
