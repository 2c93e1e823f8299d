"""The HTML document, made to be on the screen at once.

Its first answer holds the page as it will look, values included, outside Dash's entry point; scripts are deferred, and
the picture is swapped for the live page when that is complete. What no page needs at first (old browsers' polyfill,
dash_table, AG Grid's bundle) is not loaded; AG Grid comes when a grid is drawn (``assets/lazygrid.js``).
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import Any

import dash
import structlog
from dash import Dash, html, set_props
from dash.exceptions import CallbackException
from flask import Flask, Response, current_app, has_request_context, request
from flask_babel import gettext as _
from flask_wtf.csrf import generate_csrf
from werkzeug.exceptions import BadRequest, HTTPException

from components import formats, ids
from components.links import href
from components.markup import to_html
from components.shell import Viewer, shell, toast
from pages import embedded
from pages.i18n import TIMEZONE_COOKIE, init_i18n
from pages.missing import there_is_none
from pages.words import words
from security.headers import nonce
from security.identity import current_identity, embed_of
from security.permissions import embeds_of
from services import vigie

log = structlog.get_logger(__name__)
ROOT = Path(__file__).parent.parent
THEME_COOKIE = "vigie-theme"
UNUSED = ("polyfill", "dash_table")
GRID = "dash_ag_grid"
PLOTLY = "/_dash-component-suites/plotly/package_data/plotly.min.js"
"""Plotly's own file, where Dash serves it."""

BOOT = """
(function(){
var s=document.currentScript,d=document,h=d.documentElement,n=s.nonce,make=Document.prototype.createElement;
Document.prototype.createElement=function(t,o){
var e=make.call(this,t,o);if(String(t).toLowerCase()==='style')e.nonce=n;return e};
var own=s.dataset.plotly;
if(own)Object.defineProperty(window,'_dashPlotlyJSURL',{get:function(){return own},set:function(){}});
var theme=h.dataset.bsTheme,usual=h.dataset.theme;
var guest='embed' in h.dataset;
try{theme=theme||(guest?'':localStorage.getItem('vigie-theme'))}catch(e){}
if(!theme&&usual!=='auto')theme=usual;
h.dataset.bsTheme=theme||(matchMedia('(prefers-color-scheme: light)').matches?'light':'dark');
var zone=Intl.DateTimeFormat().resolvedOptions().timeZone;
if(zone&&!guest)d.cookie=s.dataset.zone+'='+zone+';path='+s.dataset.path+';max-age=31536000;samesite=lax';
function swap(){if(h.classList.contains('ready'))return;h.classList.add('ready');watch.disconnect();
var f=d.getElementById('first-paint');if(f)f.remove()}
var watch=new MutationObserver(function(){var p=d.getElementById('_pages_content')||
guest&&d.querySelector('#react-entry-point main');if(p&&p.firstElementChild)swap()});
watch.observe(d,{childList:true,subtree:true});
setTimeout(swap,15000);
})();
"""
"""Runs before anything is drawn. Its text never changes, so that the Content-Security-Policy can name it by hash."""

RENDERER = "document.addEventListener('DOMContentLoaded',function(){window.renderer=new DashRenderer({})});"

DOCUMENT = """<!DOCTYPE html>
<html lang="{lang}"{theme}{usual}{embed} class="vigie{kiosk}{look}">
<head>
<meta charset="utf-8">
<script nonce="{nonce}" data-zone="{zone}" data-path="{path}"{plotly}>{boot}</script>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="dark light">
<title>{title}</title>
<link rel="icon" type="image/svg+xml" href="{icon}">
{preload}
<link rel="stylesheet" href="{bootstrap}">
{css}
</head>
<body>
<div id="first-paint">{first}</div>
{entry}
<script type="application/json" id="vigie-page">{page}</script>
{config}
{scripts}
{renderer}
</body>
</html>
"""


PRELOAD = '<link rel="preload" as="fetch" crossorigin="anonymous" href="{}">'


class VigieDash(Dash):
    """Dash with Vigie's document around it.

    Args:
        server: the Flask app, its guard already in place.
        bootstrap_url: address of Bootstrap's style sheet.
        plotly_url: address of our own plotly.js bundle, or None when there is none; asked once per document.
        bundle_url: address of all assets of an ending as one file, or None: then each is loaded by itself.
        base_path: what browsers put before every address; it is gone from a request that arrives here.
        validate: keep Dash's layout validation on. For tests only: it puts every page into everybody's HTML.
    """

    def __init__(
        self, server: Flask, *, bootstrap_url: str, plotly_url: Callable[[], str | None],
        bundle_url: Callable[[str], str | None], base_path: str = "/", validate: bool = False,
    ) -> None:
        init_i18n(server)
        self._bootstrap_url, self._plotly_url, self._base_path = bootstrap_url, plotly_url, base_path
        self._bundle_url = bundle_url
        super().__init__(
            name="services",  # a module at the top: page modules are then called pages.<file>
            server=server,  # type: ignore[arg-type]  # a Flask app is what it takes
            requests_pathname_prefix=base_path, routes_pathname_prefix="/",
            title="Vigie", update_title=None,  # type: ignore[arg-type]  # None leaves the title alone
            use_pages=True, pages_folder=str(ROOT / "pages"),
            assets_folder=str(ROOT / "assets"), include_pages_meta=False, suppress_callback_exceptions=not validate,
            add_log_handler=False, on_error=failed,
            csrf_token_name=server.config.get("VIGIE_CSRF_COOKIE", "_csrf_token"),
        )
        server.register_error_handler(CallbackException, _not_as_asked)
        self.renderer = RENDERER
        self.layout = frame

    def _below(self, path: str) -> str:
        """A path of the app as a browser asks for it, whatever the request in hand came by: a file has one address."""
        return self._base_path.rstrip("/") + path

    def _bundled(self, tags: str, ending: str) -> str:
        """Tags of the document with one for all assets where the first of them stood."""
        address = self._bundle_url(ending)
        return one_for_all(tags, self.get_asset_url(""), self._below(address)) if address else tags

    def csp_hashes(self, hash_algorithm: str = "sha256") -> Sequence[str]:
        """Hashes of every inline script of the document, for the Content-Security-Policy."""
        digest = hashlib.new(hash_algorithm, BOOT.encode()).digest()
        return [*super().csp_hashes(hash_algorithm), f"'{hash_algorithm}-{base64.b64encode(digest).decode()}'"]

    def index(self, *args: Any, **kwargs: Any) -> Any:
        """The document; status 404 for a path that is no page's."""
        text = super().index(*args, **kwargs)
        if has_request_context() and not embed_of() and (_page(request.path) is None or there_is_none()):
            return Response(text, status=404, mimetype="text/html")
        return text

    def dependencies(self) -> Any:
        """The callbacks that the page knows; for an embed link, those that answer it."""
        answer, embed = super().dependencies(), embed_of()
        if embed is None:
            return answer
        known = [
            one for one in json.loads(answer.get_data())
            if one["clientside_function"] or self.embeddable(one["output"], embed.target.kind)
        ]
        return Response(json.dumps(known), mimetype="application/json")

    def _initialize_context(self, body: Any) -> Any:
        """What a callback's request holds.

        Raises:
            BadRequest: it is no callback's, which is the sender's mistake: Dash would stumble over it.
        """
        try:
            return super()._initialize_context(body)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            raise BadRequest from None

    def _prepare_callback(self, g: Any, body: Any) -> Any:
        """The callback that is asked for. Raises as above."""
        try:
            return super()._prepare_callback(g, body)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            raise BadRequest from None

    def embeddable(self, output: str, kind: str) -> bool:
        """True when the callback of ``output`` answers embed links of ``kind``."""
        entry = self.callback_map.get(output)
        return entry is not None and kind in embeds_of(entry.get("callback"))

    def interpolate_index(self, **parts: Any) -> str:  # type: ignore[override]  # Dash names every part
        """The document's text; see the module's own."""
        identity, embed = current_identity(), embed_of()
        entry, named = _page(request.path) or (_not_found(), {})
        title = entry["title"](**named) if callable(entry["title"]) else entry["title"]
        theme = (identity.theme if identity else "") or ("" if embed else request.cookies.get(THEME_COOKIE, ""))
        ui = vigie().config.current.ui
        plotly, prefix = self._plotly_url(), self.config.requests_pathname_prefix
        preload = [f"{prefix}_dash-layout", f"{prefix}_dash-dependencies"]
        if embed is not None:
            title, prefix = f"{embed.title} – Vigie", embedded.prefix(self._base_path)
            preload = [f"{prefix}_dash-dependencies"]  # the layout is asked for with the reader's time zone
            plotly = plotly or PLOTLY  # Dash would look for it below the link
        scripts, grid = trim_scripts(self._bundled(parts["scripts"], ".js"))
        page = {
            "lang": formats.language(), "timezone": identity.timezone if identity else "", "grid": grid,
            "refresh": ui.refresh_rate_ms,
            "csrf": "" if embed else self.server.config.get("VIGIE_CSRF_COOKIE", ""), **words(),
        }
        return DOCUMENT.format(
            lang=formats.language(),
            theme=f' data-bs-theme="{theme}"' if theme in ("dark", "light") else "",
            embed=embedded.attributes(embed) if embed else "",
            usual="" if embed or theme else f' data-theme="{ui.theme}"',
            look="" if embed else (" compact" if ui.compact_mode else "") + (" narrow" if ui.sidebar_collapsed else ""),
            kiosk=" kiosk" if "kiosk" in request.args else "",
            nonce=nonce(), zone=TIMEZONE_COOKIE, path=self._base_path, boot=BOOT,
            plotly=f' data-plotly="{escape(self._below(plotly))}"' if plotly else "",
            title=escape(str(title)),
            icon=self.get_asset_url("favicon.svg"),
            preload="\n".join(PRELOAD.format(address) for address in preload),
            bootstrap=escape(self._below(self._bootstrap_url)),
            css=self._bundled(parts["css"], ".css"), scripts=scripts, renderer=parts["renderer"],
            config=embedded.config(parts["config"], self._base_path) if embed else parts["config"],
            first=to_html(frame() if embed else frame(_layout(entry, named)), href(request.path)),
            entry='<div id="react-entry-point"><div class="_dash-loading"></div></div>',
            page=json.dumps(page, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/"),
        )


def _not_as_asked(error: CallbackException) -> Any:
    """The answer to a request whose values are not those of its callback.

    Raises:
        CallbackException: the callback itself is wrong.
    """
    if type(error) is not CallbackException:
        raise error
    return current_app.handle_http_exception(BadRequest())


def one_for_all(tags: str, folder: str, address: str) -> str:
    """Tags, a line each, of which the first that names a file in ``folder`` names ``address``; the others go."""
    kept, seen = [], False
    for tag in tags.split("\n"):
        own = f'"{folder}' in tag
        if not own:
            kept.append(tag)
        elif not seen:
            seen = True
            kept.append(re.sub(r'(src|href)="[^"]*"', lambda found: f'{found[1]}="{address}"', tag))
    return "\n".join(kept)


def trim_scripts(tags: str) -> tuple[str, str]:
    """Script tags of the document: deferred, without what no page needs at first; and the address of AG Grid's."""
    kept, grid = [], ""
    for tag in tags.split("\n"):
        found = re.match(r'<script src="([^"]+)"></script>', tag)
        if found is None:
            kept.append(tag)
            continue
        url = found[1]
        if GRID in url:
            grid = url
        elif not any(name in url for name in UNUSED):
            kept.append(f'<script defer src="{url}"></script>')
    return "\n".join(kept), grid


def _page(path: str) -> tuple[dict[str, Any], dict[str, str]] | None:
    """The registered page of a path, and what the path names in its template; None when it is no page's."""
    wanted = "/" + path.strip("/")
    for page in dash.page_registry.values():
        template = page.get("path_template")
        found = re.fullmatch(re.sub(r"<(\w+)>", r"(?P<\1>[^/]+)", template), wanted) if template else None
        if found is not None:
            return page, found.groupdict()
        if page["path"] == wanted and not template and not _is_404(page):
            return page, {}
    return None


def _is_404(entry: dict[str, Any]) -> bool:
    return str(entry["module"]).endswith("not_found_404")


def _not_found() -> dict[str, Any]:
    return next(p for p in dash.page_registry.values() if _is_404(p))


def _layout(entry: dict[str, Any], named: dict[str, str]) -> Any:
    layout = entry["layout"]
    query = {k: v for k, v in request.args.items() if k.isidentifier()}
    return layout(**{**query, **named}) if callable(layout) else layout


def frame(page: Any = None) -> Any:
    """The shell around ``page``, or around Dash's own page container; by an embed link, that link's page alone."""
    embed = embed_of()
    if embed is not None:
        return embedded.frame(embed)
    page = dash.page_container if page is None else page
    identity = current_identity()
    if identity is None:
        return html.Div(page)
    services = vigie()
    return shell(
        page, Viewer(identity.name, identity.role),
        hostname=str(services.latest.snapshot("cpu").get("hostname", "")), now=services.latest.at,
        parts=services.parts(), simulated=services.simulated, csrf=generate_csrf(),
        embed_days=services.settings.embed_max_days,
    )


def failed(error: Exception) -> None:
    """The edge of every callback: a refusal goes on to the error handlers, anything else is logged and said.

    Raises:
        HTTPException: the one that the callback raised.
    """
    if isinstance(error, HTTPException):
        raise error
    log.error("A callback failed.", exc_info=error)
    set_props(ids.TOASTS, {"children": toast(_("That did not work. The server's log says why."), "error")})
