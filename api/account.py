"""``/api/account``: one's own second factor."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Response
from flask_babel import gettext as _
from flask_openapi3.blueprint import APIBlueprint

from api.people_answers import a_person, answered, once, user_of
from api.people_models import BothGiven, CodeGiven, Codes, FactorSetup, FactorState, PasswordGiven
from api.problems import Problem, described
from api.wire import json_response
from security import signin
from security.permissions import requires
from services import vigie

WRONG: dict[str | int, Any] = {
    400: described("The password or the code is not right"), 429: described("Too many attempts"),
}


def register(bp: APIBlueprint) -> None:
    """Adds the routes."""

    @bp.get("/account/second-factor", summary="Whether one's second factor is on", responses={200: FactorState})
    @requires("dashboard:view")
    def factor_state() -> Response:
        user = user_of(a_person().id)
        return json_response({"on": user.second_factor, "recovery_codes": vigie().accounts.factors.left(user.id)})

    @bp.post("/account/second-factor", summary="Begin: a new key, once the password is given anew", responses={
        200: FactorSetup, **WRONG, 409: described("It is on already, or one signs in elsewhere"),
    })
    @requires("dashboard:view")
    def factor_begin(body: PasswordGiven) -> Response:
        if user_of(a_person().id).source != "local":
            raise Problem(409, _("Your sign-in is not by a password of Vigie’s: its second factor is set up there."))
        with answered():
            return once(json_response(asdict(vigie().accounts.factors.begin(signin.confirmed(body.password).id))))

    @bp.post("/account/second-factor/confirm", summary="Turn it on by a code of the new key", responses={
        200: Codes, 409: described("The code is not right, or nothing was begun"),
    })
    @requires("dashboard:view")
    def factor_confirm(body: CodeGiven) -> Response:
        person = a_person()
        with answered():
            codes = vigie().accounts.factors.confirm(person.id, body.code, person.session)
        return once(json_response({"recovery_codes": codes}))

    @bp.post("/account/second-factor/off", summary="Turn it off, by password and code", responses={204: None, **WRONG})
    @requires("dashboard:view")
    def factor_off(body: BothGiven) -> Response:
        a_person()
        with answered():
            vigie().accounts.factors.off(signin.confirmed(body.password, body.code).id)
        return Response(status=204)

    @bp.post("/account/second-factor/codes", summary="New recovery codes, by password and code", responses={
        200: Codes, **WRONG,
    })
    @requires("dashboard:view")
    def factor_codes(body: BothGiven) -> Response:
        a_person()
        with answered():
            codes = vigie().accounts.factors.new_codes(signin.confirmed(body.password, body.code).id)
        return once(json_response({"recovery_codes": codes}))
