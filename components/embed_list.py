"""The list of embed links: one's own, or all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from dash import html
from flask_babel import gettext as _

from components import dialogs, formats, icons, ids, states
from components.attrs import attrs
from components.still import still
from components.timebar import window_words
from security.embeds import ANY_SITE, Embed


def kind_words(kind: str) -> str:
    """What a link shows, in a word."""
    return {
        "chart": _("Chart"), "overview": _("Page"), "monitoring": _("Page"), "explore": _("Explore"),
        "view": _("Saved view"),
    }.get(kind, kind)


def when_words(embed: Embed, now: float) -> str:
    """Which time it shows."""
    target = embed.target
    if target.start is not None and target.end is not None:
        return _("%(start)s to %(end)s", start=formats.moment(target.start, now), end=formats.moment(target.end, now))
    return _("live, %(window)s", window=window_words(target.window)) if target.window else _("live")


def state_words(embed: Embed, now: float) -> str:
    """Whether it is good, and until when."""
    state = embed.state(now)
    if state == "revoked":
        day = formats.moment(embed.revoked or 0.0, now)
        return _("revoked by %(name)s, %(day)s", name=embed.revoked_by or "?", day=day)
    if state == "expired":
        return _("expired %(day)s", day=formats.moment(embed.expires, now))
    return formats.moment(embed.expires, now)


def site_words(site: str) -> str:
    """Which site may frame it."""
    return _("any site") if site == ANY_SITE else site or _("Vigie itself")


def links_table(
    links: Sequence[Embed], now: float, address: Callable[[Embed], str], *, everybody: bool,
) -> Any:
    """The links, newest first; ``address`` gives the whole address of one. ``everybody`` adds who made them."""
    if not links:
        return html.Div(states.no_data(
            _("No links yet"),
            _("Choose Embed in the menu of a chart, or in the bar above a page, to show it on another site."),
        ), className="panel")
    heads = [_("What"), *([_("By")] if everybody else []), _("Site"), _("Good until"), _("Seen"), _("Refused"), ""]
    rows = [_row(embed, now, address(embed), heads, everybody=everybody) for embed in links]
    return html.Section(still(html.Table(
        [html.Thead(html.Tr([html.Th(head) for head in heads])), html.Tbody(rows)], className="plain-table embed-list",
    )), className="panel")


def _row(embed: Embed, now: float, address: str, heads: Sequence[str], *, everybody: bool) -> html.Tr:
    good = embed.state(now) == "active"
    about = " · ".join((kind_words(embed.target.kind), when_words(embed, now)))
    made = _("made %(day)s", day=formats.moment(embed.created, now))
    used = _("last %(time)s", time=formats.moment(embed.last_used, now)) if embed.last_used else ""
    cells: list[Any] = [
        [embed.title, html.Div(about, className="muted"), html.Div(made, className="muted")],
        *([embed.created_by] if everybody else []),
        site_words(embed.site),
        state_words(embed, now),
        html.Span([html.Span(formats.number(embed.uses)), html.Div(used, className="muted")]),
        html.Span(formats.number(embed.refused), className="embed-many" if embed.refused else ""),
        html.Div(_buttons(embed, address), className="embed-buttons") if good else "",
    ]
    css = ("embed-what", *([""] if everybody else []), "", "num", "num", "num", "")
    return html.Tr(
        [
            html.Td(cell, className=name, **attrs(data_label=head) if head and name != "embed-what" else {})
            for cell, name, head in zip(cells, css, heads, strict=True)
        ],
        className="" if good else "is-over",
    )


def _buttons(embed: Embed, address: str) -> list[Any]:
    return [
        html.Button(
            [icons.icon("link-45deg"), html.Span(_("Copy"))], type="button", className="button button-small",
            **attrs(data_embed_copy=address, data_words=_("The link is copied."),
                    aria_label=_("Copy the link to %(title)s", title=embed.title)),
        ),
        html.Button(
            [icons.icon("slash-circle"), html.Span(_("Revoke"))], type="button",
            className="button button-small button-danger",
            **attrs(data_revoke=str(embed.id), data_title=embed.title,
                    aria_label=_("Revoke the link to %(title)s", title=embed.title)),
        ),
    ]


def revoke_dialog() -> html.Dialog:
    """Asks before a link is revoked."""
    return dialogs.dialog(
        ids.EMBEDS_REVOKE, _("Revoke this link?"),
        [
            html.P("", className="embed-which"),
            html.P(
                _("Pages that show it will say that it was withdrawn, at once and for good."), className="field-hint",
            ),
        ],
        [
            html.Button(_("Keep it"), type="button", className="button button-quiet", **attrs(data_close="1")),
            html.Button(
                _("Revoke"), type="button", className="button button-danger",
                **attrs(data_revoke_now="1", data_words=_("The link is revoked.")),
            ),
        ],
    )
