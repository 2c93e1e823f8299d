"""The sign-in page and signing out: plain forms, so that they work before any script does."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, current_app, redirect, render_template, request
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError
from werkzeug.wrappers import Response as BaseResponse

from security import audit, signin, steps
from security.context import security
from security.errors import N_, PasswordRefused, Refused, SignInBlocked, SignInRefused, StepOver
from security.guard import anonymous_answer, safe_next
from security.identity import current_identity
from security.permissions import requires
from security.problems import error_answer
from security.steps import Step
from storage.errors import StorageError

blueprint = Blueprint("auth", __name__)


def login_page(status: int = 200, message: str = "", wait: int = 0, notice: str = "") -> Response:
    """The sign-in page; ``message`` says what went wrong, ``wait`` is in seconds."""
    page = render_template(
        "login.html", message=message, notice=notice, wait=wait, name=request.form.get("username", "")[:64],
        remember="remember" in request.form, next=safe_next(request.values.get("next")),
        provider=security().provider,
    )
    response = Response(page, status, mimetype="text/html")
    response.headers["Cache-Control"] = "no-store"  # it holds a CSRF token and, after a mistake, a name
    if wait:
        response.headers["Retry-After"] = str(wait)
    return response


@blueprint.get("/login")
def login_form() -> Response | BaseResponse:
    """The form; whoever is signed in goes on to where they wanted to be."""
    if current_identity() is not None:
        return redirect(landing(safe_next(request.args.get("next"))))
    notice = _("You are signed out.") if "out" in request.args else ""
    return login_page(notice=notice)


@blueprint.post("/login")
def login() -> Response | BaseResponse:
    """Checks the form. Every refusal reads the same, whether the user exists or not."""
    name, password = request.form.get("username", ""), request.form.get("password", "")
    target = safe_next(request.form.get("next"))
    try:
        step = signin.sign_in(name, password, remember="remember" in request.form, target=target)
    except SignInBlocked as error:
        return login_page(429, error.text(), wait=error.wait)
    except SignInRefused as error:
        return login_page(401, error.text())
    except StorageError:
        return login_page(503, _("Signing in is not possible now: the database is away. Try again in a moment."))
    return _next(step, target)


def _next(step: Step, target: str) -> BaseResponse:
    """To the next step, or in."""
    if step == "in":
        return redirect(landing(safe_next(target)))
    return redirect(f"{request.script_root}/login/{step}")


def _step_page(step: Step, status: int = 200, message: str = "", wait: int = 0) -> Response | BaseResponse:
    """The form of a second or third step; back to the first when none is under way."""
    try:
        begun, user = steps.pending()
    except StepOver as over:
        return login_page(401, over.text())
    due = steps.step_of(begun, user)
    if due != step:
        return _next("code" if due == "code" else "password", begun.next) if due != "in" else login_page()
    page = render_template(f"login_{step}.html", message=message, wait=wait, name=user.name)
    response = Response(page, status, mimetype="text/html")
    response.headers["Cache-Control"] = "no-store"
    if wait:
        response.headers["Retry-After"] = str(wait)
    return response


@blueprint.route("/login/code", methods=["GET", "POST"])
def login_code() -> Response | BaseResponse:
    """The second step: the code of the second factor, or a recovery code."""
    return _step("code", lambda: signin.give_code(request.form.get("code", "")[:64]))


@blueprint.route("/login/password", methods=["GET", "POST"])
def login_password() -> Response | BaseResponse:
    """The last step where somebody else gave the password: one's own."""
    def choose() -> Step:
        new = request.form.get("password", "")
        if new != request.form.get("repeat", ""):
            raise PasswordRefused(N_("The two passwords are not the same."))
        return signin.choose_password(new)

    return _step("password", choose)


def _step(step: Step, take: Callable[[], Step]) -> Response | BaseResponse:
    try:
        if request.method != "POST":
            return _step_page(step)
        target = steps.pending()[0].next
        return _next(take(), target)
    except StepOver as error:
        return login_page(401, error.text())
    except SignInBlocked as error:
        return _step_page(step, 429, error.text(), error.wait)
    except Refused as error:
        return _step_page(step, 401 if step == "code" else 400, error.text())
    except StorageError:
        return login_page(503, _("Signing in is not possible now: the database is away. Try again in a moment."))


def landing(wanted: str) -> str:
    """Where a sign-in leads: to the page that was asked for, else to the first page as configured."""
    root = request.script_root
    return root + current_app.config.get("VIGIE_FIRST_PAGE", "/".__str__)() if wanted == root + "/" else wanted


@blueprint.post("/logout")
@requires("dashboard:view")
def logout() -> BaseResponse:
    """Signs out here, or everywhere when the form says ``everywhere``."""
    if "everywhere" in request.form:
        signin.sign_out_everywhere()
    else:
        signin.sign_out()
    return redirect(request.script_root + "/login?out")


def csrf_error(_error: CSRFError) -> Response | BaseResponse:
    """401 when nobody is signed in (the sign-in ended while the page stood open), else 400."""
    if request.path == "/login" or request.path.startswith("/login/"):
        return login_page(400, _("This page had expired. Please try again."))
    if current_identity() is None:
        return anonymous_answer()
    audit.record("access.refused", f"{request.method} {request.path}", result="refused", after={"why": "csrf"})
    return error_answer(
        400, _("Not accepted"), _("The page is too old, or the request did not come from it."),
        _("Reload the page and try again."),
    )
