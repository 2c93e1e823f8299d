"""The panel of model files: drawn anew when the catalogue has changed, or another search is typed."""

from __future__ import annotations

from typing import Any

from dash import Dash, Input, Output, State, no_update

from callbacks import requires
from components import ids, model_files
from security.audit.entry import word
from security.permissions import allowed
from services import vigie
from serving.files.rows import matches
from serving.files.scan import folders_of

LONGEST = 200


def files(_tick: Any, search: Any, seen: Any) -> tuple[Any, Any]:
    """The files that the search leaves, and what is shown now."""
    services = vigie()
    catalogue, folders = services.serving.files, folders_of(services.config.current.paths)
    wanted = word(search, LONGEST) if isinstance(search, str) else ""
    problems = catalogue.problems()
    shown = [catalogue.revision(), wanted, len(folders), [str(one) for one in problems]]
    if shown == seen:
        return no_update, no_update
    return model_files.body(
        [row for row in catalogue.models() if matches(row, wanted)],
        [row for row in catalogue.companions() if matches(row, wanted)], problems, wanted, folders=bool(folders),
        may_define=allowed("models:define"),
    ), shown


def register(app: Dash) -> None:
    """Registers the callback."""
    app.callback(
        Output(ids.MODELS_FILES, "children"), Output(ids.MODELS_FILES_SEEN, "data"),
        Input(ids.MODELS_FILES_TICK, "n_intervals"), Input(ids.MODELS_FILES_SEARCH, "value"),
        State(ids.MODELS_FILES_SEEN, "data"),
    )(requires("models:view")(files))
