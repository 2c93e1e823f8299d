"""``/metrics``: every current value and Vigie itself, in the Prometheus text format 0.0.4.

A histogram is kept as what each tick added to its buckets, which Prometheus could make nothing of: it is told as the
serving process has counted it since it started.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import accumulate, groupby
from typing import Any

from flask import Blueprint, Flask, Response, current_app
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from api.observe import observed
from metrics.metric import series_key
from metrics.models import LE, OF_PROXIES
from metrics.series import SeriesInfo
from security.permissions import requires
from services import vigie


def _help(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def text_of(values: Iterable[tuple[SeriesInfo, float]]) -> str:
    """Values in the text format, one family after the other. Absent values have no line; what ticks added to buckets
    has none either."""
    lines: list[str] = []
    values = [pair for pair in values if pair[0].kind != "histogram"]
    for name, family in groupby(sorted(values, key=lambda pair: pair[0].key), lambda pair: pair[0].name):
        for i, (info, value) in enumerate(family):
            if i == 0:
                kind = info.kind if info.kind in ("gauge", "counter") else "untyped"
                lines += (f"# HELP {name} {_help(info.help)}", f"# TYPE {name} {kind}")
            lines.append(f"{info.key} {value!r}")
    lines.append("")
    return "\n".join(lines)


def histograms_text(told: Iterable[Mapping[str, Any]]) -> str:
    """Histograms as the snapshot of `collectors.serving` has them, one family after the other."""
    helps = {metric.name: metric.help for metric in OF_PROXIES}
    lines: list[str] = []
    for name, family in groupby(sorted(told, key=lambda one: str(one["metric"])), lambda one: str(one["metric"])):
        lines += (f"# HELP {name} {_help(helps[name])}", f"# TYPE {name} histogram")
        for one in family:
            pairs = dict(one["labels"])
            for le, count in zip(LE, accumulate(one["counts"]), strict=True):
                lines.append(f"{series_key(f'{name}_bucket', (pairs | {'le': le}).items())} {count}")
            if one["sum"] is not None:
                lines.append(f"{series_key(f'{name}_sum', pairs.items())} {one['sum']!r}")
            lines.append(f"{series_key(f'{name}_count', pairs.items())} {sum(one['counts'])}")
    lines.append("")
    return "\n".join(lines)


def own_text(registry: Any) -> str:
    """Vigie's own requests and process, without the ``_created`` families, which the format does not need."""
    kept: list[str] = []
    for line in generate_latest(registry).decode().splitlines(keepends=True):
        words = line.split(" ", 3)
        name = words[2] if line.startswith("#") and len(words) > 2 else words[0].partition("{")[0]
        if not name.rstrip("\n").endswith("_created"):
            kept.append(line)
    return "".join(kept)


def init_app(server: Flask) -> None:
    """Adds the route."""
    bp = Blueprint("prometheus", __name__)

    @bp.get("/metrics")
    @requires("metrics:read")
    def prometheus_metrics() -> Response:
        latest = vigie().latest
        histograms = histograms_text(latest.snapshot("serving").get("histograms", ()))
        body = text_of(latest.present()) + histograms + own_text(observed(current_app).registry)
        return Response(body, content_type=CONTENT_TYPE_PLAIN_0_0_4)

    server.register_blueprint(bp)
