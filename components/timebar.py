"""The time controls of a page with charts, and the frame such pages share; ``assets/timebar.js`` acts on them."""

from __future__ import annotations

from typing import Any

from dash import dcc, html
from flask_babel import gettext as _

from components import icons, ids, notes
from components.attrs import attrs
from components.brush import brush
from components.chartspecs import DEFAULT_WINDOW, WINDOWS
from components.links import href
from security.permissions import allowed

_FIRST_MS, _LAST_MS = 1_577_836_800_000, 4_102_444_800_000
"""2020 and 2100: no zoom lies outside."""


def zoom_of(start: Any, end: Any) -> tuple[int, int] | tuple[None, None]:
    """A zoom from the address bar, epoch milliseconds; (None, None) when it is not one."""
    try:
        first, last = int(start), int(end)
    except (TypeError, ValueError, OverflowError):  # JSON from a browser may hold infinity
        return None, None
    return (first, last) if _FIRST_MS <= first < last <= _LAST_MS else (None, None)


def window_words(window: str) -> str:
    """A window, short enough for a button: 5 min, 24 h, 7 d."""
    number, unit = window[:-1], window[-1]
    return f"{number} " + {"m": _("min"), "h": _("h"), "d": _("d")}[unit]


def time_controls(window: str, zoomed: bool) -> html.Div:
    """Windows, the live switch and the chip of a zoom. Plain buttons: the page's script acts on their data."""
    return html.Div(
        [
            html.Button(
                [html.Span("", className="num"), html.Span("×", **attrs(aria_hidden="true"))],
                type="button", className="zoom-chip", title=_("Back to now"),
                **attrs(data_follow="1", aria_label=_("Zoomed: back to now")),
            ),
            *([html.Button(
                [icons.icon("activity"), html.Span(_("What else moved?"))], type="button", className="moved-button",
                title=_("Rank everything by how far it went, in this window, from its own past"),
                **attrs(data_moved="1"),
            )] if allowed("metrics:read") else []),
            html.Button(
                _("Live"), type="button", className="live-switch", title=_("Follow new values, or hold still"),
                **attrs(data_live="toggle", aria_pressed=str(not zoomed).lower()),
            ),
            html.Div(
                [
                    html.Button(
                        window_words(name), type="button", className="window", role="radio",
                        **attrs(data_window=name, aria_checked=str(name == window).lower()),
                    )
                    for name in WINDOWS
                ],
                className="windows", role="radiogroup", **attrs(aria_label=_("Window of time")),
            ),
            notes.events_menu(),
        ],
        className="toolbar-time",
    )


def toolbar(start: Any, window: str, zoomed: bool) -> html.Div:
    """The bar that stays at the top of a page with charts; ``start`` is what stands on its left."""
    return html.Div([start, time_controls(window, zoomed), brush()], className="toolbar")


def timed_page(
    name: str, path: str, children: list[Any], *, window: str = DEFAULT_WINDOW, start: int | None = None,
    end: int | None = None, base: str = DEFAULT_WINDOW, class_name: str = "", **view: Any,
) -> html.Div:
    """A page whose charts share one window.

    Args:
        name: the page's name: ``data-page`` of its root, and its place in ``vigie.pages``.
        path: its path from the root of the app.
        children: a `toolbar` among them.
        window: the window it opens with, a key of `WINDOWS`.
        start: with ``end`` the zoom it opens with, epoch milliseconds.
        base: the window that the address does not name.
        view: whatever else the page's script gets in ``entered(view)``.
    """
    opened = {
        "page": name, "path": href(path), "window": window, "from": start, "to": end, "windows": WINDOWS, "base": base,
        **view,
    }
    return html.Div(
        [*children, dcc.Store(id=ids.TIME_VIEW, data=opened), dcc.Store(id=ids.TIME_ENTERED)],
        className=f"page timed {class_name}".strip(),
        **attrs(data_page=name, data_stale_words=_("No new values since {time}")),
    )
