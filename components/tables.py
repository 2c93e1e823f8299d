"""Tables: the processes in AG Grid, others in plain HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dash_ag_grid as dag
from dash import dcc, html
from flask_babel import gettext as _

from components import ids, states, words
from components.attrs import attrs
from components.formats import human, number

PROCESS_SECONDS = 2
GPU_SECONDS = 5


def _columns() -> list[dict[str, Any]]:
    figure = {"type": "rightAligned", "filter": "agNumberColumnFilter", "sortingOrder": ["desc", "asc", None],
              "cellClass": "num ag-right-aligned-cell"}
    return [
        {"field": "name", "headerName": _("Process"), "minWidth": 116, "flex": 1, "filter": "agTextColumnFilter"},
        {"field": "cpu_ratio", "headerName": _("CPU"), **figure, "width": 120, "sort": "desc",
         "headerTooltip": _("One core is 100 %"), "valueFormatter": {"function": "vigieRatio(params.value)"}},
        {"field": "memory_bytes", "headerName": _("Memory"), **figure, "width": 98,
         "valueFormatter": {"function": "vigieBytes(params.value)"}},
        {"field": "memory_ratio", "headerName": _("Of memory"), **figure, "width": 120,
         "valueFormatter": {"function": "vigieRatio(params.value)"}},
        {"field": "user", "headerName": _("User"), "width": 104, "filter": "agTextColumnFilter"},
        {"field": "pid", "headerName": _("PID"), **figure, "width": 78},
        {"field": "threads", "headerName": _("Threads"), **figure, "width": 80},
        {"field": "status", "headerName": _("State"), "width": 98, "filter": "agTextColumnFilter"},
        {"field": "uptime_seconds", "headerName": _("Running for"), **figure, "width": 110,
         "valueFormatter": {"function": "vigieDuration(params.value)"}},
        {"field": "command", "headerName": _("Command"), "minWidth": 240, "flex": 2, "filter": "agTextColumnFilter",
         "tooltipField": "command", "cellClass": "mono"},
    ]


def _grid_words() -> dict[str, str]:
    """What AG Grid itself says."""
    return {
        "noRowsToShow": _("No process matches."), "noMatchingRows": _("No process matches."), "filterOoo": _("Filter…"),
        "contains": _("Contains"), "notContains": _("Does not contain"), "equals": _("Equals"),
        "notEqual": _("Is not"), "startsWith": _("Begins with"), "endsWith": _("Ends with"), "blank": _("Empty"),
        "notBlank": _("Not empty"), "lessThan": _("Less than"), "lessThanOrEqual": _("At most"),
        "greaterThan": _("More than"), "greaterThanOrEqual": _("At least"), "inRange": _("Between"),
        "inRangeStart": _("From"), "inRangeEnd": _("To"), "andCondition": _("and"), "orCondition": _("or"),
        "loadingOoo": _("Loading"),
    }


def process_rows(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows of the process table, their states in the viewer's language."""
    return [{**row, "status": words.process_state(str(row.get("status", "")))} for row in rows]


def process_grid(rows: Sequence[Mapping[str, Any]]) -> dag.AgGrid:
    """The process table. Rows are told apart by pid, so that new values keep sort, scroll, selection and filter."""
    return dag.AgGrid(
        id=ids.PROCESS_GRID, rowData=process_rows(rows), columnDefs=_columns(), getRowId="'' + params.data.pid",
        defaultColDef={"sortable": True, "resizable": True, "filter": True, "suppressHeaderMenuButton": True},
        dashGridOptions={
            "theme": {"function": "vigieGridTheme(themeQuartz)"},
            "rowSelection": {"mode": "singleRow", "checkboxes": False, "enableClickSelection": True},
            "rowHeight": 32, "headerHeight": 36, "suppressCellFocus": False, "animateRows": False,
            "suppressScrollOnNewData": True, "tooltipShowDelay": 300, "enableCellTextSelection": True,
            "ensureDomOrder": True, "localeText": _grid_words(),
        },
        className="process-grid", style={"height": "100%", "width": "100%"}, dangerously_allow_code=False,
    )


def process_count(shown: int, total: int) -> str:
    """How many of the machine's processes the table holds."""
    if shown >= total:
        return _("%(total)s processes", total=number(total))
    return _("%(shown)s busiest of %(total)s processes", shown=number(shown), total=number(total))


def process_panel(snapshot: Mapping[str, Any]) -> html.Section:
    """The Processes tab."""
    rows = snapshot.get("rows", [])
    return html.Section(
        [
            html.Div(
                [
                    html.H2(_("Processes"), className="card-title"),
                    html.Span(
                        process_count(len(rows), int(snapshot.get("total", len(rows)))), id=ids.PROCESS_COUNT,
                        className="chart-note",
                    ),
                    html.Label(
                        [
                            html.Span(_("Find a process"), className="visually-hidden"),
                            dcc.Input(
                                id=ids.PROCESS_FILTER, type="search", placeholder=_("Find a process"), debounce=0.2,
                            ),
                        ],
                        className="grid-search",
                    ),
                ],
                className="card-head chart-head",
            ),
            html.Div(process_grid(rows), className="grid-box"),
            dcc.Interval(id=ids.PROCESS_POLL, interval=PROCESS_SECONDS * 1000),
        ],
        className="panel processes",
    )


def gpu_processes(gpus: Sequence[Mapping[str, Any]]) -> Any:
    """What runs on the GPUs, and the memory it holds there."""
    rows = [(gpu, process) for gpu in gpus for process in gpu.get("processes", [])]
    if not rows:
        return states.no_data(_("No process on a GPU"), _("Nothing uses a GPU right now."))
    rows.sort(key=lambda r: -(r[1].get("memory_bytes") or 0))
    head = [(_("GPU"), ""), (_("PID"), "end"), (_("Process"), ""), (_("GPU memory"), "end")]
    return plain(head, [
        html.Tr([
            html.Td(str(gpu.get("gpu", ""))),
            html.Td(str(process.get("pid", "")), className="end num"),
            html.Td(str(process.get("name", ""))),
            html.Td(human(process.get("memory_bytes"), "bytes"), className="end num"),
        ])
        for gpu, process in rows
    ])


def plain(heads: Sequence[tuple[str, str]], rows: Sequence[html.Tr], css: str = "") -> html.Table:
    """A table in plain HTML; its heads are (words, class). A cell knows its head, for phones, where a row is a card."""
    for row in rows:
        for (head, _side), cell in zip(heads, row.children):
            if head and isinstance(cell, html.Td):
                setattr(cell, "data-label", head)
    return html.Table(
        [
            html.Thead(html.Tr([html.Th(words, className=side, scope="col") for words, side in heads])),
            html.Tbody(list(rows)),
        ],
        className=f"plain-table {css}".strip(),
    )


def boxed(
    heads: Sequence[tuple[str, str]], rows: Sequence[html.Tr], label: str, css: str = "model-table",
    box: str = "model-table-box",
) -> html.Div:
    """A plain table in a box that is scrolled sideways where it is too wide; ``label`` says what it is."""
    return html.Div(plain(heads, rows, css), className=box, tabIndex="0", role="region", **attrs(aria_label=label))
