"""Signing in by OpenID Connect: out to the provider, and back."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, request, session
from flask_babel import gettext as _
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as BaseResponse

from security import audit, signin
from security.context import security
from security.errors import Refused
from security.guard import safe_next
from security.oidc import Provider, ProviderAway, ProviderRefused
from security.sso import admit
from security.views import landing, login_page
from storage.errors import StorageError

blueprint = Blueprint("sso", __name__)
KEY = "vigie_oidc"


def _provider() -> Provider:
    found = security().provider
    if found is None:
        raise NotFound
    return found


@blueprint.get("/login/oidc")
def out() -> BaseResponse:
    """To the provider."""
    provider = _provider()
    back = f"{request.host_url.rstrip('/')}{request.script_root}/login/oidc/back"
    try:
        url, begun = provider.begin(back)
    except ProviderAway as error:
        return login_page(503, error.text())
    session[KEY] = {**begun, "next": safe_next(request.args.get("next"))}
    return redirect(url)


@blueprint.get("/login/oidc/back")
def back() -> BaseResponse:
    """Back from the provider: believed, admitted, signed in; or told why not."""
    provider, begun = _provider(), session.pop(KEY, {})
    try:
        person = provider.finish(_checked(begun), request.args)
        user = admit("oidc", person.name, person.groups, person.subject)
        signin.enter(user, "oidc")
    except ProviderAway as error:
        return login_page(503, error.text())
    except ProviderRefused as error:
        audit.record("session.refused", "", result="refused", after={"method": "oidc", "why": str(error)})
        return login_page(401, error.text())
    except Refused as error:
        return login_page(403, error.text())
    except StorageError:
        return login_page(503, _("Signing in is not possible now: the database is away. Try again in a moment."))
    return redirect(landing(safe_next(str(begun.get("next", "")))))


def _checked(begun: Any) -> dict[str, Any]:
    return begun if isinstance(begun, dict) else {}
