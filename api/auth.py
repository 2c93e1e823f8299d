"""``/api/auth``: tokens for programs. People sign in on the page; no route here reads or sets a cookie."""

from __future__ import annotations

from dataclasses import asdict
from typing import NoReturn

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from pydantic import BaseModel, ConfigDict, Field

from api.models import Tokens
from api.problems import Problem, described
from api.wire import json_response
from security import signin
from security.errors import CodeNeeded, CodeWrong, PasswordToChange, Refused, SignInBlocked
from security.tokens import TokenPair


class Credentials(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    username: str = Field(min_length=1, max_length=200)
    password: str = Field(min_length=1, max_length=1024)
    code: str = Field("", max_length=64, description="Of the second factor, or a recovery code, where the account asks")


class RefreshToken(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    refresh_token: str = Field(min_length=1, max_length=4096)


class SignInToEnd(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    refresh_token: str | None = Field(None, max_length=4096, description="Not needed beside a valid access token")


def _refuse(refused: Refused) -> NoReturn:
    if isinstance(refused, SignInBlocked):
        raise Problem(429, refused.text(), Retry_After=str(refused.wait))
    if isinstance(refused, CodeNeeded):
        needed = {"field": "code", "given": None, "allowed": "six digits of the second factor, or a recovery code"}
        raise Problem(401, refused.text(), [needed])
    if isinstance(refused, CodeWrong):
        raise Problem(401, refused.text(), [{"field": "code", "given": None, "allowed": "a code that is good now"}])
    if isinstance(refused, PasswordToChange):
        raise Problem(403, refused.text())
    raise Problem(401, refused.text())


def _answer(pair: TokenPair) -> Response:
    response = json_response(asdict(pair))
    response.headers["Cache-Control"] = "no-store"
    return response


def register(bp: APIBlueprint) -> None:
    """Adds the routes."""

    @bp.post("/auth/login", summary="Tokens for a name and password", responses={
        200: Tokens,
        401: described("Name, password or code is not right; with field code in errors: give the second factor's code"),
        403: described("The password must be changed on the sign-in page first"),
        429: described("Too many attempts"),
    })
    def auth_login(body: Credentials) -> Response:
        try:
            return _answer(signin.api_login(body.username, body.password, body.code))
        except Refused as refused:
            _refuse(refused)

    @bp.post("/auth/refresh", summary="The next tokens; the refresh token is used up", responses={200: Tokens})
    def auth_refresh(body: RefreshToken) -> Response:
        try:
            return _answer(signin.api_refresh(body.refresh_token))
        except Refused as refused:
            _refuse(refused)

    @bp.post("/auth/logout", summary="Ends the sign-in of a token", responses={204: None})
    def auth_logout(body: SignInToEnd) -> Response:
        signin.api_logout(body.refresh_token)
        return Response(status=204)
