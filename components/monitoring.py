"""The three tabs of Monitoring, from what the sources say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from dash import dcc, html
from flask_babel import gettext as _

from components import ids, panels, states, tables
from components.charts import line_of
from components.chartspecs import CHARTS, PER_GPU, ChartSpec, Tab, find, fitting
from components.sentences import sentence
from metrics.series import SeriesInfo
from metrics.status import SourceStatus


class Newest(Protocol):
    """What a page needs of `storage.latest.Latest`."""

    def snapshot(self, collector: str) -> dict[str, Any]: ...

    def infos(self) -> list[SeriesInfo]: ...


def tab_body(
    tab: Tab, latest: Newest, sources: Sequence[SourceStatus], holds: Callable[[str], bool] | None = None,
) -> Any:
    """Everything below a tab. ``holds`` tells for an embed link which charts it gives; then there are no processes."""
    status = {source.name: source for source in sources}
    if tab == "gpu":
        return gpu_tab(latest.snapshot("nvidia"), status.get("nvidia"), processes=holds is None)
    if tab == "processes":
        return processes_tab(latest.snapshot("processes"), status.get("processes"))
    return system_tab(status, latest.infos(), holds)


def system_tab(
    status: Mapping[str, SourceStatus], infos: Sequence[SeriesInfo], holds: Callable[[str], bool] | None = None,
) -> html.Div:
    """Charts by group; those whose source the machine lacks become one panel that says why."""
    groups: dict[str, list[ChartSpec]] = {}
    for spec in CHARTS.values():
        if spec.tab == "system" and (holds is None or holds(spec.id)):
            groups.setdefault(spec.group, []).append(spec)
    return html.Div([panels.chart_group(name, list(_panels(specs, status, infos))) for name, specs in groups.items()])


def _panels(
    specs: Iterable[ChartSpec], status: Mapping[str, SourceStatus], infos: Sequence[SeriesInfo],
) -> Iterable[Any]:
    lacking: dict[str, list[str]] = {}
    for spec in specs:
        source = status.get(spec.source)
        if source is not None and source.state == "no_data":
            lacking.setdefault(spec.source, []).append(str(spec.title))
        else:
            drawn = fitting(spec, infos)
            yield panels.chart_panel(spec, sum(1 for info in infos if line_of(drawn, info) is not None))
    for name, titles in lacking.items():
        yield panels.missing_panel(titles, sentence(status[name].message))


def gpu_tab(snapshot: Mapping[str, Any], source: SourceStatus | None, *, processes: bool = True) -> Any:
    """Charts for all GPUs when there are several, then for each; then what runs on them unless not ``processes``."""
    gpus = snapshot.get("gpus", [])
    if source is not None and source.state == "no_data":
        return html.Div(states.no_data(
            _("No GPU to watch"), sentence(source.message),
            _("Vigie reads NVIDIA GPUs through their driver. With one installed, it appears here by itself."),
        ), className="panel tab-state")
    if not gpus:
        if source is not None and source.state == "failed":
            return html.Div(states.failed(
                _("The GPU cannot be read"), sentence(source.message),
                _("Try nvidia-smi in a terminal: it tells what the driver says."),
            ), className="panel tab-state")
        return html.Div(states.loading(), className="panel tab-state")
    content: list[Any] = []
    if len(gpus) > 1:
        content.append(panels.chart_group("gpus", [
            panels.chart_panel(spec) for spec in CHARTS.values() if spec.group == "gpus"
        ]))
    for gpu in gpus:
        specs = [find(f"{base}:{gpu['gpu']}") for base in PER_GPU]
        name = _("GPU %(number)s", number=gpu["gpu"]) + (f" · {gpu['name']}" if gpu.get("name") else "")
        charts = [panels.chart_panel(spec) for spec in specs if spec is not None]
        content.append(panels.chart_group("gpu", charts, name, panels.gpu_head(gpu)))
    if not processes:
        return html.Div(content)
    content.append(html.Section(
        [
            html.Div(html.H2(_("Processes on the GPUs"), className="card-title"), className="card-head"),
            html.Div(tables.gpu_processes(gpus), id=ids.GPU_PROCESSES),
            dcc.Interval(id=ids.GPU_POLL, interval=tables.GPU_SECONDS * 1000),
        ],
        className="panel",
    ))
    return html.Div(content)


def processes_tab(snapshot: Mapping[str, Any], source: SourceStatus | None) -> Any:
    """The process table, or why there is none."""
    if not snapshot.get("rows") and source is not None and source.state in ("no_data", "failed"):
        draw = states.failed if source.state == "failed" else states.no_data
        return html.Div(draw(_("No process list"), sentence(source.message)), className="panel tab-state")
    return tables.process_panel(snapshot)
