"""The list of saved views: a card for each, and the dialogs that rename and delete them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import dcc, html
from flask_babel import gettext as _
from flask_babel import ngettext

from components import dialogs, formats, icons, ids, states
from components.attrs import attrs
from components.links import href
from components.still import Still, still
from components.svg import Svg
from components.timebar import window_words
from components.view_rules import named_spec
from desk.views import LONGEST_NAME, Person, View, stamp

PREVIEW = 5
"""Charts that a card names."""
_KIND_ICONS = {
    "heatmap": "grid-3x3", "strip": "grid-3x3", "hours": "grid-3x3", "buckets": "grid-3x3", "bars": "bar-chart",
    "columns": "bar-chart", "histogram": "bar-chart", "shares": "pie-chart",
}


def view_path(view: View) -> str:
    """The address of a view."""
    return href(f"/views/{view.id}")


def badges(view: View) -> html.Span:
    """Whether a view is private or shared, in a word."""
    words, icon = (_("Shared"), "people") if view.shared else (_("Private"), "lock")
    return html.Span([icons.icon(icon, 13), words], className="tag view-badge")


def when(view: View) -> str:
    """The window or the span of time a view opens with."""
    if view.body.start is not None and view.body.end is not None:
        start, end = view.body.start / 1000, view.body.end / 1000
        return f"{formats.moment(start, end)} – {formats.moment(end, start)}"
    return window_words(view.body.window)


def facts(view: View, who: Person) -> str:
    """Whose it is and how large, in a line."""
    count = len(view.body.charts)
    owner = _("yours") if view.owner_id == who.id else _("by %(name)s", name=view.owner)
    return " · ".join([owner, ngettext("%(num)s chart", "%(num)s charts", count), when(view)])


def data_of(view: View) -> dict[str, Any]:
    """What the script must know of a view to act on it."""
    return attrs(
        data_view=view.id, data_name=view.name, data_description=view.body.description,
        data_changed=stamp(view.changed),
        data_shared=str(view.shared).lower(), data_pinned=str(view.pinned).lower(),
    )


def _act(action: str, icon: str, words: str, css: str = "menu-item") -> html.Button:
    return html.Button([icons.icon(icon), html.Span(words)], type="button", className=css, **attrs(data_act=action))


def menu(view: View, who: Person, *, editable: bool) -> html.Details:
    """What one can do with a view besides opening it. ``editable``: who looks may change views at all."""
    mine = editable and view.owned_by(who)
    items: list[Any] = []
    if mine:
        items.append(_act("rename", "pencil", _("Name and description")))
        items.append(_act("share", "lock" if view.shared else "people",
                          _("Make private") if view.shared else _("Share with everybody")))
    items.append(_act("link", "link-45deg", _("Copy the link")))
    items.append(html.A(
        [icons.icon("download"), html.Span(_("Save as a file"))], href=href(f"/api/v1/views/{view.id}/file"),
        className="menu-item", **attrs(download=""),
    ))
    if editable:
        items.append(_act("copy", "copy", _("Make a copy of my own")))
    if mine:
        items.append(_act("delete", "trash", _("Delete"), "menu-item menu-danger"))
    return html.Details(
        [
            html.Summary(
                icons.icon("three-dots"), className="chart-more",
                **attrs(aria_label=_("More for %(chart)s", chart=view.name)),
            ),
            html.Div(items, className="menu-panel"),
        ],
        className="menu view-menu",
    )


def pin_button(view: View, who: Person, *, editable: bool) -> Any:
    """Puts a view on the overview or takes it off; just a sign for who may not."""
    words = _("On the overview") if view.pinned else _("Pin to the overview")
    icon = icons.icon("pin-angle-fill" if view.pinned else "pin-angle")
    if not (editable and view.owned_by(who)):
        return html.Span(icon, className="view-pin is-on", title=words) if view.pinned else None
    return html.Button(
        icon, type="button", className="view-pin is-on" if view.pinned else "view-pin", title=words,
        **attrs(data_act="pin", aria_pressed=str(view.pinned).lower(), aria_label=words),
    )


def card(view: View, who: Person, *, editable: bool) -> html.Article:
    """A view in the list."""
    named = [spec for chart in view.body.charts[:PREVIEW] if (spec := named_spec(chart)) is not None]
    more = len(view.body.charts) - len(named)
    return html.Article(
        [
            html.Div(
                [
                    html.H3(html.A(view.name, href=view_path(view), className="view-open", **attrs(data_go="1"))),
                    html.Div([pin_button(view, who, editable=editable), menu(view, who, editable=editable)],
                             className="view-tools"),
                ],
                className="view-head",
            ),
            html.P(view.body.description, className="view-about") if view.body.description else None,
            html.Ul(
                [
                    *[html.Li([icons.icon(_KIND_ICONS.get(spec.kind, "graph-up"), 14), html.Span(str(spec.title))])
                      for spec in named],
                    html.Li(ngettext("and %(num)s more", "and %(num)s more", more), className="view-rest")
                    if more > 0 else None,
                ],
                className="view-charts",
            ),
            html.Div([badges(view), html.Span(facts(view, who))], className="view-facts"),
        ],
        className="panel view-card", **data_of(view),
    )


def cards(found: Sequence[View], who: Person, *, editable: bool) -> Still:
    """All views one may see: first one's own, then what others share."""
    mine = [view for view in found if view.owner_id == who.id]
    others = [view for view in found if view.owner_id != who.id]
    groups = [(_("Yours"), mine), (_("Shared by others"), others)]
    return still(html.Div(
        [
            html.Section(
                [
                    html.H2([title, html.Span(str(len(views)), className="view-count")], className="group-title"),
                    html.Div([card(view, who, editable=editable) for view in views], className="view-cards"),
                ],
                className="view-group",
            )
            for title, views in groups if views
        ] or [empty(editable=editable)],
    ))


def empty(*, editable: bool) -> html.Div:
    """Nobody saved a view yet: what one is, and how to make the first."""
    return html.Div(
        [
            html.Div(icons.icon("collection", 34), className="view-empty-icon"),
            html.H2(_("No saved views yet")),
            html.P(_(
                "A view is a set of charts under a name: the ones you look at every morning, those of one incident, "
                "or what the screen on the wall shows."
            )),
            html.Ol(
                [
                    html.Li(_("Open the menu of any chart and choose “Add to a view”.")),
                    html.Li(_("Or draw charts in Explore and save them all as a view.")),
                    html.Li(_("Pin a view, and it is on the overview and on the wall screen.")),
                ],
            ) if editable else html.P(_("Nobody has shared one with you.")),
            html.Div(
                [
                    html.A([icons.icon("graph-up"), _("Go to Monitoring")], href=href("/monitoring"),
                           className="button button-primary", **attrs(data_go="1")),
                    html.A([icons.icon("search"), _("Go to Explore")], href=href("/explore"), className="button",
                           **attrs(data_go="1")),
                ],
                className="view-empty-actions",
            ) if editable else None,
        ],
        className="panel view-empty",
    )


def away(reason: str) -> html.Div:
    """The store of views cannot be read."""
    return html.Div(states.failed(
        _("The saved views cannot be read now"), reason, _("They are not lost. Reload the page in a moment."),
    ), className="panel")


def head(*, editable: bool) -> Still:
    """The top of the list: what it is, and what one can begin with."""
    return still(html.Div(
        [
            html.Div([
                html.H1(_("Views")),
                html.P(_("Sets of charts under a name, to come back to, to share, or to show on a wall."),
                       className="view-intro"),
            ]),
            html.Div(
                [
                    html.A([icons.icon("arrows-fullscreen"), html.Span(_("Wall screen"))],
                           href=href("/views") + "?kiosk", className="button",
                           title=_("Shows the pinned views in turn, each on the whole screen"),
                           **attrs(data_go="1", data_full="1")),
                    html.Button([icons.icon("upload"), html.Span(_("Import"))], type="button", className="button",
                                title=_("Choose a file, or drop one on this page"), **attrs(data_act="import"))
                    if editable else None,
                    Svg("input", attrs={
                        "type": "file", "accept": ".json,application/json", "className": "view-file", "hidden": True,
                        "aria-label": _("File of a view"), "tabIndex": -1,
                    }),
                    html.A([icons.icon("plus-lg"), html.Span(_("New view"))], href=href("/explore"),
                           className="button button-primary", **attrs(data_go="1")) if editable else None,
                ],
                className="view-actions",
            ),
        ],
        className="view-top",
    ))


def edit_dialog() -> html.Dialog:
    """Renames a view and says what it is for."""
    return dialogs.dialog(
        ids.VIEWS_EDIT, _("Name and description"),
        [still(html.Form([
            dialogs.field(_("Name"), Svg("input", attrs={
                "type": "text", "name": "name", "className": "field", "maxLength": LONGEST_NAME, "required": True,
                "autoComplete": "off",
            })),
            dialogs.field(_("Description"), Svg("input", attrs={
                "type": "text", "name": "description", "className": "field", "maxLength": 500, "autoComplete": "off",
            }), hint=_("One line, shown on its card and above its charts.")),
        ], className="view-form"))],
        [
            html.Button(_("Cancel"), type="button", className="button button-quiet", **attrs(data_close="1")),
            html.Button(_("Save"), type="button", className="button button-primary", **attrs(data_confirm="rename")),
        ],
    )


def delete_dialog() -> html.Dialog:
    """Asks once more before a view is gone."""
    return dialogs.dialog(
        ids.VIEWS_DELETE, _("Delete this view?"),
        [html.P(_(
            "It is gone for everybody, also from the overview and from wall screens. The charts and their data stay. "
            "Save it as a file first if you may want it back."
        ))],
        [
            html.Button(_("Cancel"), type="button", className="button button-quiet", **attrs(data_close="1")),
            html.Button([icons.icon("trash"), _("Delete")], type="button", className="button button-danger",
                        **attrs(data_confirm="delete")),
        ],
        aside=" ",
    )


def page_words() -> dict[str, Any]:
    """What the script says on pages of views, as attributes of their root."""
    return attrs(
        data_words_copied=_("The link is copied."), data_words_link=_("Copy this link:"),
        data_words_pinned=_("“{name}” is on the overview."), data_words_unpinned=_("“{name}” is off the overview."),
        data_words_shared=_("Everybody sees “{name}” now."), data_words_private=_("“{name}” is yours alone now."),
        data_words_deleted=_("“{name}” is deleted."), data_words_saved=_("Saved."),
        data_words_copy=_("Copy of {name}"), data_words_copy_made=_("“{name}” is yours."),
        data_words_imported=_("“{name}” is imported."), data_words_open=_("Open"),
        data_words_not_json=_("{file} is not a file of a view: it holds no JSON."),
        data_words_wrong_file=_("{file} is not a view that this Vigie can show:"),
        data_words_last=_("A view has at least one chart. To be rid of it, delete the view."),
    )


def list_page(children: Any, *, editable: bool) -> html.Div:
    """The whole page."""
    return html.Div(
        [
            head(editable=editable),
            html.Div(className="views-problem state state-failed", hidden=True, role="alert"),
            html.Div(children, id=ids.VIEWS_LIST),
            dcc.Store(id=ids.VIEWS_CHANGED),
            *([edit_dialog(), delete_dialog()] if editable else []),
        ],
        className="page views-page", **attrs(data_drop_words=_("Drop the file to import it")), **page_words(),
    )
