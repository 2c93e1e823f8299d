"""``/api/models/definitions``: the model processes that Vigie runs, as entries of the configuration."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flask import Response
from flask_babel import gettext as _
from flask_openapi3.blueprint import APIBlueprint

from api.config import answered, via, who
from api.problems import Problem, described, field_problem
from api.serving_file_models import (
    DefinitionChange,
    DefinitionPath,
    DefinitionQuery,
    DefinitionsAnswer,
    DefinitionSaved,
)
from api.wire import json_response
from components import config_words
from config.command import asks_for
from config.documents import document, masked
from config.problems import ConfigInvalid
from config.versions import VersionMissing
from security import audit
from security.permissions import requires
from services import vigie
from serving.processes.definition import definition
from serving.processes.sentences import ProcessError

Entry = dict[str, Any]
_PLACE = re.compile(r"models\.processes\.(\d+)(?:\.(.+))?\Z")
CLASH: dict[int | str, Any] = {
    409: described("Others changed this process since that version, or it runs and would get another name; "
                   "nothing was saved"),
    503: described("The configuration could not be written; nothing was changed"),
}
NO_PATH: dict[int | str, Any] = {404: described("No name: one with a line break is no path")}
MISSING: dict[int | str, Any] = {404: described("There is no such model process")}


def register(bp: APIBlueprint) -> None:
    """Adds the routes."""

    @bp.get("/models/definitions", summary="The model processes that Vigie runs, as they are defined",
            responses={200: DefinitionsAnswer})
    @requires("models:view")
    def models_definitions() -> Response:
        return json_response({"version": vigie().config.version.number, "data": [_row(one) for one in _entries()]})

    @bp.put("/models/definitions/<path:name>", summary="Define a model process, or change one; in force at once",
            responses={200: DefinitionSaved, **NO_PATH, **CLASH})
    @requires("models:define")
    def models_define(path: DefinitionPath, body: DefinitionChange) -> Response:
        wanted = {"name": path.name, **body.definition}
        entries = _entries()
        names = [one["name"] for one in entries]
        before = _checked(path.name, body.version)
        if wanted["name"] != path.name and wanted["name"] in names:
            raise field_problem("name", wanted["name"], _("There is a model process of that name already."))
        if before is not None and wanted["name"] != path.name:
            _may_be_renamed(path.name, wanted["name"])
        place = names.index(path.name) if path.name in names else len(entries)
        entries[place:place + 1] = [wanted]
        made = _saved(entries, place)
        name = str(wanted["name"])
        audit.record("model.define", name, before=before, after=_entry(name))
        vigie().serving.redefined()
        words = _changed(name, path.name if before is not None else None)
        return json_response({"version": made, "name": name, "message": words})

    @bp.delete("/models/definitions/<path:name>", summary="Remove a model process; it is stopped",
               responses={200: DefinitionSaved, **MISSING, **CLASH})
    @requires("models:define")
    def models_remove(path: DefinitionPath, query: DefinitionQuery) -> Response:
        if _entry(path.name) is None:
            raise Problem(404, _("There is no model process %(name)s.", name=path.name))
        before = _checked(path.name, query.version)
        made = _saved([one for one in _entries() if one["name"] != path.name], None)
        audit.record("model.remove", path.name, before=before)
        vigie().serving.redefined()
        return json_response({
            "version": made, "name": path.name,
            "message": _("%(name)s is removed, and stopped if it ran.", name=path.name),
        })


def _entries(models: Any = None) -> list[Entry]:
    """The entries of ``models.processes``, by default of the configuration in force."""
    section = vigie().config.current.models if models is None else models
    return [document(one, str) for one in section.processes]


def _entry(name: str, models: Any = None) -> Entry | None:
    return next((one for one in _entries(models) if one["name"] == name), None)


def _checked(name: str, version: int | None) -> Entry | None:
    """The entry of that name as it is in force, None when there is none.

    Raises:
        Problem: 409, others changed it since ``version``.
    """
    store = vigie().config
    now = _entry(name)
    if version is None or version == store.version.number:
        return now
    try:
        same = _entry(name, store.read(version).models) == now
    except (VersionMissing, ConfigInvalid):
        same = False
    if not same:
        raise Problem(
            409, _("%(process)s was changed meanwhile: the configuration has version %(number)s now, last saved by "
                   "%(name)s. Nothing was saved.", process=name, number=store.version.number,
                   name=config_words.author(store.version.by)),
            members={"version": store.version.number, "by": store.version.by},
        )
    return now


def _may_be_renamed(name: str, wanted: Any) -> None:
    """Raises Problem: 409, it runs. Under another name it is another process: this one would be stopped."""
    serving = vigie().serving
    serving.look()
    if any(one.server == name and (one.process or {}).get("pid") for one in serving.rows()):
        why = _("%(name)s runs, and with another name it would be stopped: stop it first.", name=name)
        raise Problem(409, why, [{"field": "name", "given": wanted, "allowed": why}])


def _changed(name: str, before: str | None) -> str:
    """What was done with a definition, which had another name ``before``, or none."""
    if before is None:
        return _("%(name)s is defined.", name=name)
    if before != name:
        return _("%(before)s is %(name)s now: clients ask for it by that name.", before=before, name=name)
    return _("%(name)s is changed: what is about its start takes effect at the next one.", name=name)


def _saved(entries: list[Entry], place: int | None) -> int:
    """Puts ``entries`` in force; the version that this made. What is wrong with the one at ``place`` is told by the
    names of its own fields.

    Raises:
        Problem: 400, 409 or 503.
    """
    store = vigie().config
    whole = masked(store.current)
    whole["models"]["processes"] = entries
    if place is not None:
        _needs_file(entries[place], whole["models"])
    with answered():
        try:
            store.examine(whole)  # what is wrong here is for whoever typed it, and no refused configuration
            return store.save(whole, store.version.number, who(), via()).version.number
        except ConfigInvalid as error:
            told = []
            for one in error.problems:
                found = _PLACE.match(one.path)
                own = found is not None and int(found[1]) == place
                told.append({"field": (found[2] or "definition") if found is not None and own else one.path or "file",
                             "given": one.value, "allowed": config_words.allowed(one)})
            raise Problem(400, "; ".join(f"{one['field']}: {one['allowed']}" for one in told), told) from None


def _needs_file(entry: Entry, models: Mapping[str, Any]) -> None:
    """Raises Problem: the command asks for a model file, and none is given."""
    command = entry.get("command") or models["command"]
    if not entry.get("file") and isinstance(command, str) and asks_for(command, "file"):
        raise field_problem("file", None, _("is missing: the command asks for a model file"))


def _row(entry: Entry) -> dict[str, Any]:
    """A definition, as `DefinitionRow`."""
    words, problem = _words(entry)
    return {"name": entry["name"], "definition": entry, "words": words, "problem": problem}


def _words(entry: Entry) -> tuple[list[str], str]:
    """The command as it is run, and why it cannot be."""
    try:
        made = definition(entry, masked(vigie().config.current)["models"])
        return made.words(made.port or "{port}"), ""
    except ProcessError as error:
        return [], _(error.sentence.template, **error.sentence.params)
