"""Monitoring: the tabs when they are opened, the process table, what runs on the GPUs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dash import MATCH, ClientsideFunction, Dash, Input, Output, State, no_update

from callbacks import requires
from components import ids, monitoring, tables
from services import vigie

LOOK_SECONDS = 6.0
"""How long one poll of the process table counts as someone looking at it."""


def fill_tab(_opened: Any, name: Mapping[str, str] | None) -> Any:
    """The content of a tab that was opened."""
    services = vigie()
    tab = name.get("tab") if isinstance(name, Mapping) else None
    if tab not in ("system", "gpu", "processes") or not _opened:
        return no_update
    if tab == "processes":
        services.hub.look("processes", LOOK_SECONDS)
    return monitoring.tab_body(tab, services.latest, services.sources())  # type: ignore[arg-type]


def processes(_tick: int | None) -> tuple[Any, Any]:
    """Rows of the process table and their count; tells the collector that someone looks."""
    services = vigie()
    services.hub.look("processes", LOOK_SECONDS)
    snapshot = services.latest.snapshot("processes")
    rows = snapshot.get("rows")
    if rows is None:
        return no_update, no_update
    return tables.process_rows(rows), tables.process_count(len(rows), int(snapshot.get("total", len(rows))))


def gpu_processes(_tick: int | None) -> Any:
    """What runs on the GPUs."""
    return tables.gpu_processes(vigie().latest.snapshot("nvidia").get("gpus", []))


def register(app: Dash) -> None:
    """Registers this page's callbacks."""
    view = requires("dashboard:view")
    tab = lambda kind: ids.monitoring_tab(kind, MATCH)  # noqa: E731 - one word for the pattern, three times below
    app.callback(
        Output(tab(ids.MONITORING_BODY), "children"),
        Input(tab(ids.MONITORING_OPEN), "data"), State(tab(ids.MONITORING_OPEN), "id"), prevent_initial_call=True,
    )(view(fill_tab))
    app.callback(
        Output(ids.PROCESS_GRID, "rowData"), Output(ids.PROCESS_COUNT, "children"),
        Input(ids.PROCESS_POLL, "n_intervals"), prevent_initial_call=True,
    )(view(processes))
    app.clientside_callback(
        ClientsideFunction("vigie", "search"), Output(ids.PROCESS_GRID, "dashGridOptions"),
        Input(ids.PROCESS_FILTER, "value"), prevent_initial_call=True,
    )
    app.callback(
        Output(ids.GPU_PROCESSES, "children"), Input(ids.GPU_POLL, "n_intervals"), prevent_initial_call=True,
    )(view(gpu_processes))
