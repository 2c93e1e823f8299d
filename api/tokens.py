"""``/api/tokens`` and ``/api/sessions``: API tokens and sign-ins, one's own; for who manages them, everybody's."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask_babel import gettext as _
from flask_openapi3.blueprint import APIBlueprint
from werkzeug.exceptions import Forbidden

from api.people_answers import a_person, answered, once, user_of
from api.people_models import (
    NewToken,
    SessionPath,
    SessionsAnswer,
    SessionsQuery,
    TokenAnswer,
    TokenMade,
    TokenPath,
    TokensAnswer,
    TokensQuery,
)
from api.problems import Problem, described
from api.wire import json_response
from metrics.flat import iso
from security.apitokens import ApiToken
from security.permissions import allowed, requires
from security.sessions import Session
from services import vigie


def token_json(token: ApiToken) -> dict[str, Any]:
    """A token as the API writes it."""
    return {
        "id": token.id, "name": token.name, "owner": token.owner or None, "permissions": sorted(token.permissions),
        "worth": sorted(token.worth), "state": token.state(vigie().accounts.now()), "created": iso(token.created),
        "created_by": token.created_by, "expires": iso(token.expires) if token.expires else None,
        "last_used": iso(token.last_used) if token.last_used else None,
    }


def session_json(one: Session, here: int | None) -> dict[str, Any]:
    """A sign-in as the API writes it."""
    return {
        "id": one.id, "user": one.name, "kind": one.kind, "method": one.method, "here": one.id == here,
        "address": one.address, "user_agent": one.user_agent, "created": iso(one.created),
        "last_seen": iso(one.last_seen), "expires": iso(one.expires),
    }


def _token_of(number: int) -> ApiToken:
    """A token that is one's own, or that one may manage; to others it is not there.

    Raises:
        Problem: 404.
    """
    token = vigie().accounts.tokens.get(number)
    if token is None or not (allowed("tokens:manage") or token.owner_id == a_person().id):
        raise Problem(404, _("There is no such token."))
    return token


def register(bp: APIBlueprint) -> None:
    """Adds the routes."""

    @bp.get("/tokens", summary="API tokens", responses={200: TokensAnswer})
    @requires("dashboard:view")
    def tokens_list(query: TokensQuery) -> Response:
        if query.all and not allowed("tokens:manage"):
            raise Forbidden
        found = vigie().accounts.tokens.list(None if query.all else a_person().id)
        return json_response({"data": [token_json(token) for token in found]})

    @bp.post("/tokens", summary="Make a token of one's own; its secret is told once", responses={
        201: TokenMade, 409: described("The name is taken, or a permission is not one's own"),
    })
    @requires("dashboard:view")
    def tokens_add(body: NewToken) -> Response:
        person, accounts = a_person(), vigie().accounts
        with answered():
            secret, token = accounts.tokens.add(
                body.name, body.permissions, days=body.days, created_by=person.name, owner=user_of(person.id)
            )
        return once(json_response({"token": token_json(token), "secret": secret}, 201))

    @bp.delete("/tokens/<int:token>", summary="Revoke a token for good", responses={
        200: TokenAnswer, 404: described("There is no such token, or it is somebody else's"),
    })
    @requires("dashboard:view")
    def tokens_revoke(path: TokenPath) -> Response:
        token = _token_of(path.token)
        vigie().accounts.tokens.revoke_row(token)
        return json_response(token_json(_token_of(path.token)))

    @bp.get("/sessions", summary="Sign-ins, the last used first", responses={200: SessionsAnswer})
    @requires("dashboard:view")
    def sessions_list(query: SessionsQuery) -> Response:
        if query.all and not allowed("users:manage"):
            raise Forbidden
        mine = None if query.all else a_person().id
        found, total = vigie().accounts.sessions.page(
            user_id=query.user if query.all else mine, search=query.search, offset=(query.page - 1) * query.size,
            limit=query.size,
        )
        here = None if query.all and not _is_person() else a_person().session
        return json_response({"data": [session_json(one, here) for one in found], "total": total})

    @bp.delete("/sessions/<int:session>", summary="End a sign-in", responses={
        204: None, 404: described("There is no such sign-in, or it is somebody else's"),
    })
    @requires("dashboard:view")
    def sessions_end(path: SessionPath) -> Response:
        sessions = vigie().accounts.sessions
        owner = sessions.owner(path.session)
        if owner is None or not (allowed("users:manage") or owner == a_person().id):
            raise Problem(404, _("There is no such sign-in."))
        sessions.end(path.session, owner)
        return Response(status=204)


def _is_person() -> bool:
    try:
        return a_person().session is not None
    except Problem:
        return False
