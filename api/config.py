"""``/api/config``: the configuration in force, its versions, what a change would do, and the change itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

from flask import Response, request
from flask_babel import gettext as _
from flask_openapi3.blueprint import APIBlueprint

from api.config_models import (
    ChangesAnswer,
    ConfigAnswer,
    ConfigChange,
    ConfigRestore,
    ConfigTrial,
    DiffQuery,
    FolderAnswer,
    FolderQuery,
    JsonObject,
    PresetsAnswer,
    SavedAnswer,
    TrialAnswer,
    VersionAnswer,
    VersionPath,
    VersionsAnswer,
)
from api.problems import Problem, described, field_problem
from api.wire import json_response, raw_json
from components import config_words
from components.sentences import sentence
from config import affected, folders
from config.checking import LARGEST
from config.differences import Change, Document, merge_patch
from config.documents import masked
from config.outcomes import ConfigConflict, ConfigUnwritable, Saved, Via
from config.preset import PRESETS
from config.problems import ConfigInvalid
from config.schema import schema
from config.versions import Version, VersionMissing
from metrics.flat import iso
from security import audit
from security.identity import current_identity
from security.permissions import requires
from services import vigie


def _of_version(version: Version) -> dict[str, Any]:
    return {**version.plain(), "at": iso(version.at)}


def _changes(changes: list[Change] | tuple[Change, ...]) -> list[dict[str, Any]]:
    return [{**change.plain(), "title": config_words.place(change.path)} for change in changes]


def state() -> dict[str, Any]:
    """The configuration in force and the state of its file, as ``GET /api/config`` tells it."""
    services = vigie()
    store = services.config
    problems = [
        {"field": one.path, "given": one.given or None, "allowed": config_words.problem(one)} for one in store.problems
    ]
    return {
        "version": store.version.number, "by": store.version.by, "at": iso(store.version.at),
        "source": store.version.source, "config": masked(store.current),
        "file": {"path": str(store.path), "valid": not problems, "problems": problems},
        "restart": affected.waiting(services.settings, store.current),
    }


def _wanted(body: ConfigChange | ConfigTrial, onto: Document) -> Document:
    """The whole document that is asked for.

    Raises:
        Problem: both or none of config and patch.
    """
    if (body.config is None) == (body.patch is None):
        raise field_problem("config", None, "give either config (all of it) or patch (what is to change)")
    return dict(body.config) if body.config is not None else merge_patch(onto, body.patch or {})


def refuse(error: ConfigInvalid) -> NoReturn:
    """400 with every failing field, in the asker's language.

    Raises:
        Problem: always.
    """
    told = [(one.path or "file", one.given or None, config_words.problem(one)) for one in error.problems]
    raise Problem(
        400, "; ".join(f"{path}: {allowed}" for path, _given, allowed in told),
        [{"field": path, "given": given, "allowed": allowed} for path, given, allowed in told],
    ) from None


@contextmanager
def answered() -> Iterator[None]:
    """What the store refuses, as the answers of these routes.

    Raises:
        Problem: 400, 404, 409 or 503.
    """
    try:
        yield
    except ConfigInvalid as error:
        refuse(error)
    except ConfigConflict as clash:
        places = ", ".join(config_words.place(one.path) for one in clash.clashes)
        clashes = [{"field": one.path, **{k: v for k, v in one.plain().items() if k != "path"}}
                   for one in clash.clashes]
        raise Problem(
            409, _("%(name)s changed the same in version %(number)s: %(places)s. Nothing was saved.",
                   name=config_words.author(clash.theirs.by), number=clash.theirs.number, places=places),
            members={"conflicts": clashes, "version": vigie().config.version.number, "by": clash.theirs.by},
        ) from None
    except VersionMissing:
        raise Problem(404, _("There is no such version: it may no longer be kept.")) from None
    except ConfigUnwritable as error:
        raise Problem(503, sentence(str(error)), Retry_After="10") from None


def _effects(changes: Sequence[Change]) -> dict[str, Any]:
    """Whom changes reach, and what of them waits for the next start."""
    services = vigie()
    codes, paths = affected.services(change.path for change in changes), {change.path for change in changes}
    config = services.config.current.model_copy(update={
        "monitoring": services.config.current.monitoring.model_copy(update={
            name: change.after for change in changes
            for path, name in affected.AT_START.items() if change.path == path
        }),
    })
    return {
        "services": list(codes), "affects": ", ".join(map(config_words.service, codes)),
        "restart": [path for path in affected.waiting(services.settings, config) if path in paths],
    }


def _trial(examine: Callable[[], list[Change]]) -> Response:
    """What a change would do, or what is wrong with it."""
    try:
        changes = examine()
    except ConfigInvalid as error:
        problems = [
            {"field": one.path or "file", "given": one.given or None, "allowed": config_words.problem(one)}
            for one in error.problems
        ]
        return json_response({"valid": False, "problems": problems, "changes": []})
    return json_response({"valid": True, "problems": [], "changes": _changes(changes), **_effects(changes)})


def _saved(saved: Saved) -> Response:
    return json_response({
        "version": saved.version.number, "changes": _changes(saved.changes), "merged": _changes(saved.merged),
        "emptied": list(saved.emptied), "set_aside": saved.set_aside, **_effects(saved.changes),
    })


def via() -> Via:
    """People who are signed in change it by the page's forms, tokens by programs."""
    identity = current_identity()
    return "form" if identity is not None and identity.kind == "user" else "api"


def who() -> str:
    identity = current_identity()
    return identity.name if identity is not None else ""


def _base(number: int) -> Document:
    """The document that a patch is laid over: the one it was made from, while that is kept."""
    store = vigie().config
    try:
        return masked(store.current if number == store.version.number else store.read(number))
    except (VersionMissing, ConfigInvalid):
        return masked(store.current)


REFUSED: Mapping[str | int, Any] = {
    409: described("Others changed the same places: conflicts has the three values of each"),
    503: described("It could not be written; nothing was changed"),
}
MISSING: Mapping[str | int, Any] = {404: described("There is no such version")}


def register(bp: APIBlueprint) -> None:
    """Adds the routes."""
    _register_reading(bp)
    _register_changing(bp)


def _register_reading(bp: APIBlueprint) -> None:
    @bp.get("/config", summary="The configuration in force, its secrets masked, and the state of its file", responses={
        200: ConfigAnswer,
    })
    @requires("config:view")
    def config_get() -> Response:
        return json_response(state())

    @bp.get("/config/schema", summary="The configuration as a JSON Schema", responses={200: JsonObject})
    @requires("config:view")
    def config_schema() -> Response:
        return json_response(schema())

    @bp.get("/config/versions", summary="The versions that are kept, newest first", responses={200: VersionsAnswer})
    @requires("config:view")
    def config_versions() -> Response:
        return json_response({"data": [_of_version(version) for version in vigie().config.versions()]})

    @bp.get("/config/versions/<int:number>", summary="One version", responses={
        200: VersionAnswer, **MISSING,
    })
    @requires("config:view")
    def config_version(path: VersionPath) -> Response:
        store = vigie().config
        with answered():
            config = masked(store.read(path.number))
            found = store.about(path.number)
        return json_response({**_of_version(found), "config": config})

    @bp.get("/config/versions/<int:number>/diff", summary="What changed since a version", responses={
        200: ChangesAnswer, **MISSING,
    })
    @requires("config:view")
    def config_diff(path: VersionPath, query: DiffQuery) -> Response:
        with answered():
            return json_response({"changes": _changes(vigie().config.difference(path.number, query.to))})

    @bp.get("/config/presets", summary="Presets, and what each would change", responses={200: PresetsAnswer})
    @requires("config:view")
    def config_presets() -> Response:
        config = vigie().config.current
        return json_response({"data": [
            {"kind": one.kind, "name": one.name, "title": _(one.title), "description": _(one.description),
             "patch": one.overlay, "changes": _changes(one.changes(config))} for one in PRESETS
        ]})

    @bp.get("/config/folders", summary="A folder of this machine, with the models in it", responses={
        200: FolderAnswer,
        403: described("The folder lies outside of browse_roots, or may not be read"),
        404: described("There is no such folder"),
    })
    @requires("config:edit")
    def config_folders(query: FolderQuery) -> Response:
        allowed = vigie().settings.browse_roots
        if not query.path:
            return json_response({"path": "", "parent": "", "folders": folders.roots(allowed), "models": [],
                                  "count": 0, "size": 0, "writable": False, "complete": True})
        try:
            found = folders.look(query.path, allowed)
        except folders.FolderRefused as refused:
            raise Problem(refused.status, _(refused.message)) from None
        models = [{"name": name, "size": size} for name, size in found.models]
        return json_response({
            "path": found.path, "parent": found.parent, "folders": found.folders, "models": models,
            "count": found.count, "size": found.size, "writable": found.writable, "complete": found.complete,
        })


def _register_changing(bp: APIBlueprint) -> None:
    @bp.post("/config", summary="Change the configuration; in force at once", responses={
        200: SavedAnswer, **REFUSED,
    })
    @requires("config:edit")
    def config_save(body: ConfigChange) -> Response:
        with answered():
            return _saved(vigie().config.save(_wanted(body, _base(body.version)), body.version, who(), via()))

    @bp.post("/config/validate", summary="What a change would do, or what is wrong; changes nothing", responses={
        200: TrialAnswer,
    })
    @requires("config:edit")
    def config_validate(body: ConfigTrial) -> Response:
        store = vigie().config
        wanted = _wanted(body, masked(store.current))
        return _trial(lambda: store.examine(wanted))

    @bp.post("/config/restore", summary="Put an older version in force, as a new one", responses={
        200: SavedAnswer, **MISSING, **REFUSED,
    })
    @requires("config:edit")
    def config_restore(body: ConfigRestore) -> Response:
        with answered():
            return _saved(vigie().config.restore(body.number, who(), via()))

    @bp.get("/config/export", summary="The configuration as a file, its secrets masked", responses={200: JsonObject})
    @requires("config:edit")
    def config_export() -> Response:
        audit.record("config.export", f"version {vigie().config.version.number}")
        response = raw_json(vigie().config.export())
        response.headers.set("Content-Disposition", "attachment", filename="dashboard_config.json")
        return response

    @bp.post(
        "/config/import", summary="Put a file's configuration in force; the body is the file",
        responses={200: SavedAnswer, **REFUSED},
        description="Masked secrets stay as they are here; those that are not set here are listed in emptied.",
    )
    @requires("config:edit")
    def config_import() -> Response:
        with answered():
            return _saved(vigie().config.import_file(request.stream.read(LARGEST + 1), who(), via()))

    @bp.post(
        "/config/import/validate", summary="What importing a file would do, or what is wrong; changes nothing",
        responses={200: TrialAnswer}, description="The body is the file.",
    )
    @requires("config:edit")
    def config_import_validate() -> Response:
        store, data = vigie().config, request.stream.read(LARGEST + 1)
        return _trial(lambda: store.examine_file(data))
