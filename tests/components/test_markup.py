"""The HTML of a layout, as the first answer holds it."""

from __future__ import annotations

import dash_bootstrap_components as dbc
from dash import dcc, html

from components.markup import to_html
from components.svg import Svg


def test_elements_attributes_and_styles():
    node = html.Div(
        [html.P("a", className="x", id="gone"), html.Label("b", htmlFor="c"), html.Button("d", disabled=True)],
        style={"minHeight": "4px", "--columns": 3}, **{"aria-label": "w"},
    )
    assert to_html(node) == (
        '<div style="min-height:4px;--columns:3" aria-label="w"><p class="x">a</p><label for="c">b</label>'
        '<button disabled>d</button></div>'
    )


def test_what_a_process_calls_itself_stays_text():
    evil = '<img src=x onerror="alert(1)">'
    assert to_html(html.Span(evil, title=evil)) == (
        '<span title="&lt;img src=x onerror=&quot;alert(1)&quot;&gt;">&lt;img src=x onerror="alert(1)"&gt;</span>'
    )
    assert "onclick" not in to_html(Svg("path", attrs={"onclick": "alert(1)", "d": "M0 0"}))


def test_links_know_where_they_are_and_controls_keep_their_place():
    links = [dbc.NavLink("Here", href="/a", className="l"), dcc.Link("There", href="/b")]
    assert to_html(links, "/a") == '<a class="nav-link l active" href="/a">Here</a><a class="" href="/b">There</a>'
    assert (
        to_html([dcc.Store(id="s"), dcc.Interval(id="i"), dcc.Dropdown(id="d", className="wide")])
        == '<div class="wide"></div>'
    )


def test_odd_children():
    assert to_html([None, 0, 1.5, [html.Br(), ["x"]], False]) == "01.5<br>x"
