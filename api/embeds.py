"""``/api/embeds``: links that show one page or chart on another site. Their meaning is `components.embeds`'."""

from __future__ import annotations

import math
import re
import time
from html import escape
from typing import Any, Literal

import structlog
from flask import Response, request
from flask_babel import get_timezone
from flask_babel import gettext as _
from flask_openapi3.blueprint import APIBlueprint
from pydantic import BaseModel, Field

from api.models import Closed, Parameters
from api.problems import Problem, described, field_problem
from api.wire import When, json_response
from components.drawings import drawing_of, parse_all
from components.embeds import EMBED_TABS, address_of, title_of
from components.view_rules import chart_spec, own_spelling, person
from desk.views import ViewMissing
from metrics.flat import iso
from security.context import security
from security.embeds import ANY_SITE, Embed, Target
from security.errors import Refused
from security.permissions import allowed, requires
from services import vigie

log = structlog.get_logger(__name__)

DAYS = 30.0
LEAST_SECONDS = 3600.0
LONGEST_CHART = 2010
PAGES = ("overview", "monitoring", "explore", "view")
HEIGHTS = {"chart": 320, "overview": 620}
"""Pixels of the iframe that is proposed."""
_HOST = re.compile(r"(https?)://((?:\*\.)?[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?::(\d{1,5}))?/?", re.ASCII)


class NewEmbed(Closed):
    """What to show, when, how, to whom and how long. Give ``chart`` or ``page``."""

    chart: str | None = Field(
        None, max_length=LONGEST_CHART, examples=["cpu"],
        description="One chart: Vigie's own (cpu, gpu-power:0) or a drawing (q:...)",
    )
    page: Literal["overview", "monitoring", "explore", "view"] | None = Field(None, description="A whole page")
    tab: Literal["system", "gpu"] | None = Field(None, description="Of monitoring; default system")
    q: str | None = Field(None, max_length=LONGEST_CHART * 4, description="Of explore: its drawings, as in its address")
    view: int | None = Field(None, ge=1, description="Of view: the number of the saved view")
    window: Literal["5m", "15m", "1h", "6h", "24h", "7d", "30d"] | None = Field(
        None, description="Live: the last so long; default 1h",
    )
    start: When | None = Field(None, alias="from", description="With to: that span for ever, instead of a live window")
    end: When | None = Field(None, alias="to")
    theme: Literal["auto", "dark", "light"] = Field("auto", description="auto: as the reader's system has it")
    expires: When | None = Field(None, description="When it ends; or give days")
    days: float | None = Field(None, gt=0, allow_inf_nan=False, description="How long it lasts; default 30")
    site: str = Field(
        "", max_length=300, examples=["https://intranet.example"],
        description="Site that may frame it, or * for any; without it Vigie itself and the setting frame_ancestors",
    )


class EmbedAnswer(BaseModel):
    """A link. ``url`` and ``html`` hold the secret: whoever has them sees what the link shows."""

    id: int
    url: str
    html: str
    title: str
    kind: Literal["chart", "overview", "monitoring", "explore", "view"]
    what: str
    window: str | None
    start: str | None = Field(alias="from")
    end: str | None = Field(alias="to")
    theme: Literal["auto", "dark", "light"]
    site: str
    state: Literal["active", "expired", "revoked"]
    created: str
    created_by: str
    expires: str
    revoked: str | None
    revoked_by: str | None
    last_used: str | None
    uses: int
    refused: int
    mine: bool


class EmbedsAnswer(BaseModel):
    """One's own links; for who manages them, all. Newest first."""

    data: list[EmbedAnswer]


class EmbedPath(Parameters):
    embed: int = Field(ge=1, le=2**31 - 1)


def check_site(given: str) -> str:
    """``given`` as a Content-Security-Policy names a site: scheme, host and port; ``*`` and the empty one as they are.

    Raises:
        Problem: it is no site.
    """
    text = given.strip().lower()
    if text in ("", ANY_SITE):
        return text
    scheme, colon, host = text.partition("://")
    if not text.isascii() and colon:
        try:
            text = f"{scheme}://{host.encode('idna').decode('ascii')}"
        except UnicodeError:
            text = ""
    found = _HOST.fullmatch(text)
    if found is None or ".." in found[2] or not 0 < int(found[3] or 1) <= 65535:
        raise field_problem(
            "site", given[:100],
            _("give scheme, host and perhaps a port, such as https://intranet.example, or * for any site"),
        )
    default = {"http": "80", "https": "443"}[found[1]]
    return f"{found[1]}://{found[2]}" + (f":{found[3]}" if found[3] and found[3] != default else "")


def _expires(body: NewEmbed, now: float) -> float:
    if body.expires is not None and body.days is not None:
        raise field_problem("days", body.days, _("give expires or days, not both"))
    field, given = ("days", body.days) if body.expires is None else ("expires", body.expires)
    most = vigie().settings.embed_max_days
    ends = body.expires if body.expires is not None else now + (body.days or min(DAYS, most)) * 86400
    if not LEAST_SECONDS - 60 <= ends - now <= most * 86400 + 60:
        raise field_problem(
            field, given, _("a link lasts from one hour to %(most)s days (setting embed_max_days)", most=f"{most:g}"),
        )
    return math.ceil(ends)


def _chart(chart: str, field: str, *, fixed: bool) -> str:
    spec, drawing = chart_spec(chart), drawing_of(chart)
    if spec is None:
        raise field_problem(
            field, chart[:100],
            _("is no chart: give one of Vigie's own such as cpu or gpu-power:0, or a drawing q:..."),
        )
    if drawing is not None:
        try:
            vigie().query.series([*drawing.selectors, *([drawing.versus] if drawing.versus else [])])
        except ValueError as error:
            raise field_problem(field, chart[:100], str(error)) from None
    if fixed and spec.kind == "bars":
        raise field_problem(
            field, chart[:100], _("this chart only shows what is now: give a window instead of from, to"),
        )
    return own_spelling(chart)


def _what(body: NewEmbed, *, fixed: bool) -> tuple[str, str, str]:
    """Kind, what, and the name of the saved view.

    Raises:
        Problem: it is not one chart or page that there is.
    """
    if (body.chart is None) == (body.page is None):
        raise field_problem("chart", body.chart, _("give chart or page, one of them"))
    for name, page, value in (("tab", "monitoring", body.tab), ("q", "explore", body.q), ("view", "view", body.view)):
        if value is not None and body.page != page:
            raise field_problem(name, value, _("goes with page %(page)s", page=page))
    if body.chart is not None:
        return "chart", _chart(body.chart, "chart", fixed=fixed), ""
    if body.page == "monitoring":
        return "monitoring", body.tab or EMBED_TABS[0], ""
    if body.page == "explore":
        try:
            drawings = parse_all(body.q or "")
        except ValueError as error:
            raise field_problem("q", (body.q or "")[:100], str(error)) from None
        if not drawings:
            raise field_problem("q", body.q, _("give the drawings that the page shows"))
        for drawing in drawings:
            _chart(drawing.id, "q", fixed=fixed)
        return "explore", ";".join(drawing.text for drawing in drawings), ""
    if body.page == "view":
        if body.view is None:
            raise field_problem("view", None, _("give the number of the saved view"))
        try:
            return "view", str(body.view), vigie().views.get(body.view, person()).name
        except ViewMissing:
            raise field_problem("view", body.view, _("there is no such view, or it is not yours to see")) from None
    if fixed:
        raise field_problem("from", None, _("the overview shows what is now: leave out from and to"))
    return "overview", "", ""


def _target(body: NewEmbed) -> tuple[Target, str]:
    """The target and its title. Raises as `_what`."""
    fixed = body.start is not None or body.end is not None
    if fixed and body.window is not None:
        raise field_problem("window", body.window, _("give a window, or from and to"))
    if fixed and (body.start is None or body.end is None or body.start >= body.end):
        raise field_problem("from", body.start, _("give both, from before to"))
    if fixed and (body.end or 0) - (body.start or 0) < 2:
        raise field_problem("to", body.end, _("lies at least two seconds after from"))
    kind, what, view = _what(body, fixed=fixed)
    window = "" if fixed else body.window or "1h"
    if kind == "overview":
        window = ""
    theme: Any = "" if body.theme == "auto" else body.theme
    target = Target(kind, what, window, body.start, body.end, theme, str(get_timezone() or ""))  # type: ignore[arg-type]
    return target, title_of(target, view)


def url_of(embed: Embed) -> str:
    """The whole address of a link."""
    return address_of(security().embeds.token(embed), request.host_url)


def html_of(embed: Embed) -> str:
    """The line to put into a page of another site."""
    height = HEIGHTS.get(embed.target.kind, 720)
    return (
        f'<iframe src="{escape(url_of(embed))}" title="{escape(embed.title)} – Vigie" width="100%" height="{height}" '
        'style="border:0" loading="lazy" referrerpolicy="no-referrer"></iframe>'
    )


def as_json(embed: Embed) -> dict[str, Any]:
    """A link as the API writes it, for who asks."""
    target = embed.target
    times = {"expires": embed.expires, "created": embed.created, "revoked": embed.revoked, "last_used": embed.last_used,
             "from": target.start, "to": target.end}
    return {
        "id": embed.id, "url": url_of(embed), "html": html_of(embed), "title": embed.title, "kind": target.kind,
        "what": target.what, "window": target.window or None, "theme": target.theme or "auto", "site": embed.site,
        "state": embed.state(time.time()), "created_by": embed.created_by, "revoked_by": embed.revoked_by,
        "uses": embed.uses, "refused": embed.refused, "mine": embed.owner_id == person().id,
        **{name: iso(at) if at is not None else None for name, at in times.items()},
    }


def _told(kind: str, embed: Embed, by: str) -> None:
    log.info(kind.replace("_", " "), embed=embed.id, title=embed.title, by=by, site=embed.site or None)
    security().on_embed(kind, "info", {
        "embed": embed.title, "id": str(embed.id), "by": by, "site": embed.site, "owner": embed.created_by,
    })


def register(bp: APIBlueprint) -> None:
    """Adds the routes."""

    @bp.post(
        "/embeds", summary="A link that shows one page or chart on another site",
        responses={201: EmbedAnswer, 409: described("One has as many links as one may have")},
    )
    @requires("embeds:create")
    def embeds_create(body: NewEmbed) -> Response:
        if not (allowed("dashboard:view") or allowed("metrics:read")):
            raise Problem(403, _("A link shows no more than its maker may see."))
        site, who = check_site(body.site), person()
        target, title = _target(body)
        try:
            embed = security().embeds.add(
                target, title=title, expires=_expires(body, time.time()), site=site, created_by=who.name,
                owner_id=who.id,
            )
        except Refused as refused:
            raise Problem(409, refused.text()) from None
        _told("embed_created", embed, who.name)
        response = json_response(as_json(embed), 201)
        response.headers["Cache-Control"] = "no-store"
        return response

    @bp.get("/embeds", summary="One's own embed links; all, for who manages them", responses={200: EmbedsAnswer})
    @requires("embeds:create")
    def embeds_list() -> Response:
        owner = None if allowed("embeds:manage") else person().id
        response = json_response({"data": [as_json(embed) for embed in security().embeds.list(owner)]})
        response.headers["Cache-Control"] = "no-store"
        return response

    @bp.delete(
        "/embeds/<int:embed>", summary="Revoke a link, at once and for good",
        responses={204: None, 404: described("There is no such link, or it is another one's")},
    )
    @requires("embeds:create")
    def embeds_revoke(path: EmbedPath) -> Response:
        links, who = security().embeds, person()
        try:
            embed = links.get(path.embed)
            if embed.owner_id != who.id and not allowed("embeds:manage"):
                raise Problem(404, _("There is no such link among yours."))
            if embed.revoked is None:
                _told("embed_revoked", links.revoke(embed.id, who.name), who.name)
        except Refused as refused:
            raise Problem(404, refused.text()) from None
        return Response(status=204)
