"""One saved view with its charts: on its page, on the overview when it is pinned, and on a wall screen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dash import dcc, html
from flask_babel import gettext as _

from components import dialogs, icons, ids, panels, states, timebar
from components.attrs import attrs
from components.links import href
from components.still import still
from components.svg import Svg
from components.view_rules import named_spec
from components.views import badges, delete_dialog, edit_dialog, facts, menu, page_words, pin_button, view_path
from desk.views import Person, View, stamp

WALL_ROWS, WALL_COLUMNS = 4, 6
"""Charts on one another and beside one another on a wall screen, at most."""
ON_OVERVIEW, PINNED_SHOWN = 4, 6
"""Charts of a pinned view on the overview, and pinned views there."""


def _item_tools(title: str) -> Any:
    """What one can do with a chart while its view is edited."""
    def tool(action: str, icon: str, words: str) -> html.Button:
        return html.Button(icons.icon(icon), type="button", className="item-tool", title=words,
                           **attrs(data_item=action, aria_label=f"{words}: {title}"))
    return still(html.Div(
        [
            html.Span(icons.icon("grip-vertical"), className="item-grip", title=_("Drag to another place")),
            html.Span(title, className="item-name"),
            tool("back", "arrow-left", _("Earlier")), tool("on", "arrow-right", _("Later")),
            tool("remove", "x-lg", _("Take out")),
        ],
        className="item-tools",
    ))


def _panel(chart: str) -> Any:
    spec = named_spec(chart)
    if spec is None:
        return panels.missing_panel(
            [chart], _("This Vigie knows no such chart."),
            _("It may be one of a newer version. Take it out of the view."),
        )
    return panels.chart_panel(spec)


def grid(view: View, *, editable: bool = False) -> html.Div:
    """The charts of a view, in its columns."""
    charts = view.body.charts
    columns = wall_columns(len(charts), view.body.columns)
    left = -len(charts) % columns  # on a wall screen the last one takes what is left of its row
    items = []
    for place, chart in enumerate(charts, 1):
        spec = named_spec(chart)
        tools = [_item_tools(str(spec.title) if spec else chart)] if editable else []
        items.append(html.Div(
            [*tools, _panel(chart)], className="view-item", **attrs(data_item_chart=chart),
            style={"--wall-span": str(left + 1)} if left and place == len(charts) else None,
        ))
    return html.Div(
        items, className=f"view-grid columns-{view.body.columns}",
        style={"--wall-columns": str(columns), "--wall-rows": str(-(-len(charts) // columns))},
    )


def wall_columns(charts: int, columns: int) -> int:
    """Columns on a wall screen: the view's own, or more when the charts would become too low."""
    while -(-charts // columns) > WALL_ROWS and columns < WALL_COLUMNS:
        columns += 1
    return columns


def head_children(view: View, who: Person, *, editable: bool) -> list[Any]:
    """Name and actions of a view."""
    mine = editable and view.owned_by(who)
    return [
        html.Div(
            [
                html.H1(view.name, className="view-name", title=view.name),
                still(html.Div([badges(view), html.Span(facts(view, who))], className="view-facts")),
            ],
            className="view-title",
        ),
        still(html.Div(
            [
                pin_button(view, who, editable=editable),
                html.Button([icons.icon("pencil"), html.Span(_("Edit"))], type="button",
                            className="button button-small", **attrs(data_edit="begin")) if mine else None,
                html.A([icons.icon("arrows-fullscreen"), html.Span(_("Full screen"))],
                       href=view_path(view) + "?kiosk", className="button button-small",
                       **attrs(data_go="1", data_full="1")),
                menu(view, who, editable=editable),
            ],
            className="view-actions",
        )),
    ]


def _editor(view: View) -> Any:
    """The bar that stands in for the head while a view is edited."""
    return still(html.Form(
        [
            html.Label([
                html.Span(_("Name"), className="visually-hidden"),
                Svg("input", attrs={"type": "text", "name": "name", "className": "field", "defaultValue": view.name,
                                    "maxLength": 120, "autoComplete": "off"}),
            ], className="editor-name"),
            dialogs.choice("columns", _("Columns"), [("1", "1"), ("2", "2"), ("3", "3")], str(view.body.columns)),
            html.Label([
                Svg("input", attrs={"type": "checkbox", "name": "window"}),
                html.Span(_("Open with the time shown now")),
            ], className="check"),
            html.Div(
                [
                    html.Button(_("Discard"), type="button", className="button button-small button-quiet",
                                **attrs(data_edit="discard")),
                    html.Button([icons.icon("save"), _("Save")], type="submit",
                                className="button button-small button-primary"),
                ],
                className="editor-actions",
            ),
            html.P(_("Drag the charts or use their arrows. “Add to a view” in the menu of any chart puts more in."),
                   className="editor-hint"),
        ],
        className="view-editor",
    ))


def view_page(
    view: View, who: Person, *, editable: bool, window: str, start: int | None, end: int | None,
) -> html.Div:
    """The page of a view.

    Args:
        view: what it shows.
        who: who looks.
        editable: they may change views at all.
        window: the window it opens with, and ``start`` and ``end`` the zoom.
    """
    mine = editable and view.owned_by(who)
    page = timebar.timed_page(
        "view", f"/views/{view.id}",
        [
            timebar.toolbar(
                html.Div(head_children(view, who, editable=editable), id=ids.VIEWS_HEAD, className="view-bar"),
                window, start is not None,
            ),
            *([_editor(view)] if mine else []),
            html.P(view.body.description, className="view-about") if view.body.description else None,
            grid(view, editable=mine),
            dcc.Store(id=ids.VIEWS_HEAD_CHANGED),
            *([edit_dialog(), delete_dialog()] if editable else []),
        ],
        window=window, start=start, end=end, base=view.body.window, class_name="view-page", view=view.id,
        body=view.body.model_dump(by_alias=True),
    )
    said = {
        "data-view": view.id, "data-name": view.name, "data-description": view.body.description,
        "data-changed": stamp(view.changed), "data-shared": str(view.shared).lower(),
        "data-pinned": str(view.pinned).lower(), **page_words(),
    }
    for name, value in said.items():
        setattr(page, name, value)
    return page


def missing_page() -> html.Div:
    """There is no view at this address, or it is somebody else's."""
    return html.Div(
        [
            html.P("404", className="error-code"),
            html.H1(_("There is no such view")),
            html.P(_("It was deleted, or whoever owns it keeps it private. These may help:")),
            html.Ul([
                html.Li(dcc.Link([icons.icon("collection", 18), _("All views")], href=href("/views"))),
                html.Li(dcc.Link([icons.icon("search", 18), _("Explore")], href=href("/explore"))),
            ], className="error-links"),
        ],
        className="page page-narrow error-page",
    )


def pinned_sections(views: Sequence[View], window: str, zoomed: bool) -> list[Any]:
    """Pinned views on the overview: the time of their charts, and the first charts of each. A chart stands there
    once."""
    shown: set[str] = set()
    sections: list[Any] = [html.Div(
        [html.H2(_("Pinned views"), className="group-title"), timebar.time_controls(window, zoomed)],
        className="toolbar pinned-bar",
    )]
    for view in views[:PINNED_SHOWN]:
        charts = [c for c in view.body.charts if c not in shown and named_spec(c) is not None][:ON_OVERVIEW]
        shown.update(charts)
        more = len(view.body.charts) - len(charts)
        sections.append(html.Section(
            [
                html.Div(
                    [
                        html.H2(dcc.Link([icons.icon("pin-angle"), view.name], href=view_path(view)),
                                className="group-title pinned-name"),
                        html.Span(_("%(count)s more in the view", count=more), className="group-aside")
                        if more else None,
                    ],
                    className="group-head",
                ),
                html.Div([_panel(chart) for chart in charts], className="charts pinned-charts"),
            ],
            className="chart-group pinned",
        ))
    return sections


@dataclass(frozen=True, slots=True)
class Turn:
    """What a wall screen shows: one of ``count`` views, and the ``n`` of the request it answers. ``flip`` is another
    each time the view is drawn."""

    view: View | None
    n: int = 0
    index: int = 0
    count: int = 0
    flip: bool = False

    def told(self, version: str) -> dict[str, Any]:
        """For the page's script."""
        return {
            "n": self.n, "flip": self.flip, "view": self.view.id if self.view else None, "index": self.index,
            "count": self.count, "name": self.view.name if self.view else "", "version": version,
            "stamp": stamp(self.view.changed) if self.view else 0,
        }


def wall_body(turn: Turn) -> Any:
    """One view, as a wall screen shows it."""
    if turn.view is None:
        return html.Div(states.no_data(
            _("Nothing to show yet"), _("No view is pinned, or the chosen ones are gone."),
            _("Pin a view to the overview: it appears here by itself."),
        ), className="wall-empty")
    body = turn.view.body
    page = timebar.timed_page(
        "wall", "/views", [html.H1(turn.view.name, className="visually-hidden"), grid(turn.view)],
        window=body.window, start=body.start, end=body.end, base=body.window, class_name="view-page",
    )
    # Another element each time: React then makes the charts anew, instead of turning one into another.
    return (html.Div if turn.flip else html.Section)([page])


def wall_page(turn: Turn, every: int, views: str, version: str) -> html.Div:
    """The wall screen: views in turn, each for ``every`` seconds; ``views`` names them as the address does."""
    return html.Div(
        [
            html.Div(wall_body(turn), id=ids.WALL_BODY),
            dcc.Store(id=ids.WALL_STEP),
            dcc.Store(id=ids.WALL_SHOWN, data=turn.told(version)),
            dcc.Store(id=ids.WALL_DRAWN),
        ],
        className="wall", **attrs(data_wall=every, data_views=views),
    )
