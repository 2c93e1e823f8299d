"""A subtree as one component: the same elements, and nothing in it that Dash would have to know."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from dash import dcc, html

from components import icons
from components.markup import to_html
from components.still import still
from components.svg import Svg, path

TREE = html.Div(
    [
        html.P(["a", 1, None, html.Br(), [html.Span("<b>", title='"')]]),
        Svg("svg", [path("M0 0")], {"viewBox": "0 0 1 1"}),
    ],
    className="x",
    style={"--columns": 2},
    **{"data-k": "v"},
)


def test_it_is_one_component_with_the_same_elements():
    packed = still(TREE)
    assert packed.to_plotly_json()["type"] == "Still"
    assert list(packed.to_plotly_json()["props"]) == ["tree"]
    # Dash sorts attributes its own way in a component; the elements and texts are the same.
    assert re.sub(r" [\w-]+=\"[^\"]*\"", "", to_html(packed)) == re.sub(r" [\w-]+=\"[^\"]*\"", "", to_html(TREE))
    assert 'title="&quot;">&lt;b&gt;' in to_html(packed)
    assert 'data-k="v"' in to_html(packed)


def test_a_still_subtree_may_hold_another():
    assert still(html.Div(icons.icon("gear"))).tree[2] == [icons.icon("gear").tree]


@pytest.mark.parametrize("part", [html.P("x", id="known"), dcc.Link("x", href="/"), dcc.Store(id="s")])
def test_what_dash_must_know_is_refused(part: object):
    with pytest.raises(TypeError, match="still subtree"):
        still(html.Div([part]))


def test_the_page_has_both_react_halves():
    script = (Path(__file__).parents[2] / "assets" / "svg.js").read_text(encoding="utf-8")
    assert "window.vigie.Svg = Svg" in script
    assert "window.vigie.Still = Still" in script
