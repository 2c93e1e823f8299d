"""What holds for saved views wherever they are read or changed: who asks, and which charts there are."""

from __future__ import annotations

from dataclasses import replace

from flask_babel import gettext as _

from components.chartspecs import ChartSpec, find
from components.drawings import drawing_of, spec_of
from desk.views import Person
from security.identity import current_identity
from security.permissions import allowed

MANAGE = "users:manage"
"""Who may manage people may change and delete what others share."""


def person() -> Person:
    """Who makes the request in hand; a program's views are told from people's by an id below 0. An embed link has none
    of its own."""
    identity = current_identity()
    if identity is None or identity.kind == "embed":
        return Person(0, "")
    return Person(identity.id if identity.kind == "user" else -identity.id, identity.name, allowed(MANAGE))


def chart_spec(chart: str) -> ChartSpec | None:
    """The chart of an id, Vigie's own or a drawing; None when there is none."""
    drawing = drawing_of(chart)
    return spec_of(drawing) if drawing else find(chart)


def own_spelling(chart: str) -> str:
    """The id of a chart as its panel has it: a drawing can be spelled in several ways."""
    drawing = drawing_of(chart)
    return drawing.id if drawing else chart


def named_spec(chart: str) -> ChartSpec | None:
    """`chart_spec` with a title that tells it from others: a chart of one GPU names the GPU."""
    spec = chart_spec(chart)
    if spec is None or spec.group != "gpu":
        return spec
    gpu = chart.partition(":")[2]
    return replace(spec, title=_("%(chart)s · GPU %(gpu)s", chart=spec.title, gpu=gpu))
