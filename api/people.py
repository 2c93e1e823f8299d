"""``/api/users`` and ``/api/roles``: who may sign in, how, and what they may."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response
from flask_babel import gettext as _
from flask_openapi3.blueprint import APIBlueprint

from api.people_answers import answered, once, user_of
from api.people_models import (
    Ended,
    NewUser,
    PageQuery,
    RolesAnswer,
    UserAnswer,
    UserChange,
    UserMade,
    UserPath,
    UsersAnswer,
)
from api.problems import Problem, described, field_problem
from api.wire import json_response
from metrics.flat import iso
from security import audit
from security.identity import current_identity
from security.passwords import random_password
from security.people import User
from security.permissions import ROLES, requires
from services import vigie


def as_json(user: User, waits: Mapping[str, float], sessions: Mapping[int, int]) -> dict[str, Any]:
    """A person as the API writes them."""
    return {
        "id": user.id, "name": user.name, "role": user.role, "source": user.source, "disabled": user.disabled,
        "must_change": user.must_change, "second_factor": user.second_factor,
        "locked": round(waits.get(user.name, 0)), "sessions": sessions.get(user.id, 0), "created": iso(user.created),
        "last_login": iso(user.last_login) if user.last_login else None,
    }


def several(users: list[User]) -> list[dict[str, Any]]:
    """People with what the other tables say of them."""
    accounts = vigie().accounts
    waits = accounts.lockouts.waits(user.name for user in users)
    sessions = accounts.sessions.counts(user.id for user in users)
    return [as_json(user, waits, sessions) for user in users]


def _answer(user: User, password: str | None = None, status: int = 200) -> Response:
    fresh = vigie().accounts.people.by_id(user.id) or user
    return once(json_response({"user": several([fresh])[0], "password": password}, status))


def _not_oneself(user: User) -> None:
    """Raises a Problem (409) when somebody would shut themselves out.

    A token of one's own counts as oneself.
    """
    identity = current_identity()
    mine = identity.id if identity and identity.kind == "user" else identity.owner if identity else 0
    if user.id == mine:
        raise Problem(409, _("Not to your own account: let another administrator do it, or use Settings."))


MISSING: dict[str | int, Any] = {404: described("There is no such user")}
REFUSED: dict[str | int, Any] = {409: described("It is one's own account, the last administrator's, or a taken name")}


def register(bp: APIBlueprint) -> None:
    """Adds the routes."""

    @bp.get("/users", summary="People, by name", responses={200: UsersAnswer})
    @requires("users:manage")
    def users_list(query: PageQuery) -> Response:
        found, total = vigie().accounts.people.page(query.search, (query.page - 1) * query.size, query.size)
        return json_response({"data": several(found), "total": total})

    @bp.post("/users", summary="Add a person; the one-time password is told once", responses={
        201: UserMade, **REFUSED,
    })
    @requires("users:manage")
    def users_add(body: NewUser) -> Response:
        password = random_password() if body.source == "local" else None
        with answered():
            user = vigie().accounts.people.add(
                body.name, password, body.role, must_change=password is not None, source=body.source
            )
        response = _answer(user, password, 201)
        response.headers["Location"] = f"/api/users/{user.id}"
        return response

    @bp.get("/users/<int:user>", summary="A person", responses={200: UserAnswer, **MISSING})
    @requires("users:manage")
    def users_get(path: UserPath) -> Response:
        return json_response(several([user_of(path.user)])[0])

    @bp.patch("/users/<int:user>", summary="Change role, state or door", responses={
        200: UserMade, **MISSING, **REFUSED,
    })
    @requires("users:manage")
    def users_change(path: UserPath, body: UserChange) -> Response:
        user, people, password = user_of(path.user), vigie().accounts.people, None
        if body.role is None and body.disabled is None and body.source is None:
            raise field_problem("body", None, "give at least one of role, disabled, source")
        _not_oneself(user)
        with answered():
            if body.source is not None and body.source != user.source:
                people.set_source(user.name, body.source)
                if body.source == "local":
                    password = random_password()
                    people.set_password(user.name, password, must_change=True)
            if body.role is not None and body.role != user.role:
                people.set_role(user.name, body.role)
            if body.disabled is not None and body.disabled != user.disabled:
                people.set_disabled(user.name, body.disabled)
        return _answer(user, password)

    @bp.post("/users/<int:user>/password", summary="A one-time password, told once; ends all their sign-ins",
             responses={200: UserMade, **MISSING, **REFUSED})
    @requires("users:manage")
    def users_password(path: UserPath) -> Response:
        user, password = user_of(path.user), random_password()
        _not_oneself(user)
        with answered():
            vigie().accounts.people.set_password(user.name, password, must_change=True)
        vigie().accounts.lockouts.forgive(user.name)  # the wrong ones were why it is asked for
        return _answer(user, password)

    @bp.delete("/users/<int:user>/lock", summary="Forget failed sign-ins at a name", responses={
        200: UserAnswer, **MISSING,
    })
    @requires("users:manage")
    def users_unlock(path: UserPath) -> Response:
        user = user_of(path.user)
        vigie().accounts.lockouts.forgive(user.name)
        audit.record("account.unlock", user.name)
        return json_response(several([user])[0])

    @bp.delete("/users/<int:user>/second-factor", summary="Take a lost second factor away; ends all their sign-ins",
               responses={200: UserAnswer, **MISSING, **REFUSED})
    @requires("users:manage")
    def users_factor(path: UserPath) -> Response:
        user = user_of(path.user)
        _not_oneself(user)
        vigie().accounts.factors.off(user.id, reset=True)
        return json_response(several([user_of(path.user)])[0])

    @bp.delete("/users/<int:user>/sessions", summary="End all of a person's sign-ins", responses={
        200: Ended, **MISSING,
    })
    @requires("users:manage")
    def users_sign_out(path: UserPath) -> Response:
        user = user_of(path.user)
        return json_response({"ended": vigie().accounts.sessions.end_all(user.id)})

    @bp.get("/roles", summary="Roles and the permissions they name", responses={200: RolesAnswer})
    @requires("users:manage")
    def roles_list() -> Response:
        return json_response({"data": {role: sorted(may) for role, may in ROLES.items()}})
