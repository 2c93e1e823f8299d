"""``/api/models/files``, ``/fit`` and ``/logs``: models on disk, whether they fit, and what their processes write."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Response
from flask_babel import gettext as _
from flask_openapi3.blueprint import APIBlueprint

from api.problems import Problem, described, field_problem
from api.serving_file_models import FilesAnswer, FilesQuery, FitAnswer, FitQuery, LogsAnswer, LogsQuery
from api.wire import json_response
from components import file_words
from components.formats import human
from components.sentences import sentence
from config.serving import ModelProcess
from metrics.flat import iso
from security.permissions import requires
from services import vigie
from serving import fitting
from serving.acts import CannotAct
from serving.files.facts import ModelFacts
from serving.files.need import GPU_CONTEXT
from serving.files.rows import ModelFile, matches
from serving.files.scan import folders_of

FACTS = (
    "architecture", "name", "parameters", "quantisation", "bits_per_weight", "context_length", "block_count",
    "embedding_length", "feed_forward_length", "heads", "kv_heads", "experts", "experts_used", "vocabulary",
    "tokenizer", "chat_template", "licence", "size_label", "version", "tensors", "types", "complete",
)
MIB = 2**20
NO_FILE: dict[int | str, Any] = {
    404: described("There is no such model file, or no such model process"),
    409: described("The file does not say what a model needs"),
}


def register(bp: APIBlueprint) -> None:
    """Adds the routes."""

    @bp.get("/models/files", summary="Model files in the watched folders", responses={200: FilesAnswer})
    @requires("models:view")
    def models_files(query: FilesQuery) -> Response:
        services = vigie()
        files = services.serving.files
        found = [
            row for row in files.models()
            if query.state in ("", file_words.state(row)) and matches(row, query.search)
        ]
        return json_response({
            "data": [file_row(row) for row in found[:query.limit]], "count": len(found),
            "companions": [file_row(row) for row in files.companions() if matches(row, query.search)][:query.limit],
            "folders": [one.path for one in folders_of(services.config.current.paths)],
            "problems": file_words.all_told(files.problems()),
        })

    @bp.get("/models/fit", summary="Will it fit? The memory that a model needs, and whether it is there",
            responses={200: FitAnswer, **NO_FILE})
    @requires("models:view")
    def models_fit(query: FitQuery) -> Response:
        return json_response(_fit(query))

    @bp.get("/models/logs", summary="The newest lines that a model process wrote", responses={
        200: LogsAnswer, 404: described("There is no such model process"),
        503: described("The serving process does not answer"),
    })
    @requires("requests:view")
    def models_logs(query: LogsQuery) -> Response:
        if all(one.name != query.model for one in vigie().config.current.models.processes):
            raise Problem(404, _("There is no model process %(name)s.", name=query.model))
        try:
            told = vigie().serving.output(query.model, query.after, query.limit)
        except CannotAct as error:
            raise Problem(error.status, sentence(str(error))) from None
        return json_response({**told, "lines": [{**line, "at": iso(line["at"])} for line in told["lines"]]})


def file_row(row: ModelFile) -> dict[str, Any]:
    """A model file, as `FileRow`."""
    return {
        "path": row.path, "name": row.name, "format": row.format, "folder": row.folder, "size": row.size,
        "modified": None if row.modified is None else iso(row.modified), "state": file_words.state(row),
        "problem": file_words.told(row.error), "parts": list(row.parts), "missing": list(row.missing),
        "companion": row.companion,
        "facts": None if row.facts is None else {name: getattr(row.facts, name) for name in FACTS},
    }


def _fit(query: FitQuery) -> dict[str, Any]:
    """The answer to `FitQuery`.

    Raises:
        Problem: 400, 404 or 409.
    """
    if bool(query.file) == bool(query.model):
        raise field_problem("file", query.file or None, "give either file (a path) or model (the name of a process)")
    services = vigie()
    models = services.config.current.models
    process = next((one for one in models.processes if query.model and one.name == query.model), None)
    row, facts = _meant(query, process)
    context = query.context
    if context is None:
        own = process.context_size if process is not None else None
        context = own or models.default_parameters.context_size
    running = _running(process)
    found = fitting.answer(
        facts, context, query.slots, query.cache_type,
        fitting.places(services.serving.cards(), query.gpus or (process.gpus if process is not None else ""), running),
        fitting.host(services.latest.value("memory_total_bytes"), services.latest.value("memory_available_bytes"),
                     running),
    )
    own_limit = process.max_memory_mb if process is not None else None
    return _told(query, row, facts, found, (own_limit or models.resource_limits.max_memory_mb) * MIB)


def _meant(query: FitQuery, process: ModelProcess | None) -> tuple[ModelFile, ModelFacts]:
    """The file that is asked about. Only what the catalogue has is looked at, whatever path is given.

    Raises:
        Problem: 404, there is none; 409, it does not say what is needed.
    """
    if query.model and process is None:
        raise Problem(404, _("There is no model process %(name)s.", name=query.model))
    path = process.file if process is not None else query.file
    row = fitting.of_file(vigie().serving.files.models(), path)
    if row is None:
        raise Problem(404, _("There is no model file %(path)s in the watched folders.", path=path or "–"))
    if row.facts is None or row.missing or row.format != "gguf":
        why = file_words.told(row.error) or (
            _("It is still being written.") if row.reading else _("What a model needs is known of GGUF files only.")
        )
        raise Problem(409, why)
    return row, row.facts


def _running(process: ModelProcess | None) -> dict[str, Any] | None:
    """What is told of a process that runs now."""
    told = vigie().latest.snapshot("serving").get("processes", [])
    return next((one for one in told if process is not None and one.get("name") == process.name), None)


def _told(query: FitQuery, row: ModelFile, facts: ModelFacts, found: fitting.Answer, most: int) -> dict[str, Any]:
    asked, fit = found.need, found.fit
    notes = file_words.all_told(asked.notes)
    if row.error is not None:
        notes.insert(0, file_words.told(row.error))
    if found.on_host.total > most:
        notes.insert(0, _("Vigie holds a model process to %(bytes)s of memory: raise its most memory in the "
                          "configuration.", bytes=human(most, "bytes")))
    if fit is not None and fit.on_gpu:
        notes.append(_("Each GPU in use holds a context of %(bytes)s and compute buffers of its own besides.",
                       bytes=human(GPU_CONTEXT, "bytes")))
    return {
        "file": row.path, "name": row.name, "context": asked.context, "trained": facts.context_length,
        "slots": asked.slots, "cache_type": query.cache_type,
        "need": {
            "weights": asked.weights, "cache": asked.cache, "compute": asked.compute, "process": asked.process,
            "total": asked.total, "error": asked.error, "share": round(asked.share, 4),
            "how_sure": file_words.told(asked.how_sure), "source": file_words.told(asked.source), "notes": notes,
        },
        "fits": fit.fits if fit is not None else None,
        "sentence": file_words.verdict(
            fit, sum(one.total > 0 for one in found.on_gpus), lower_bound=asked.cache is None,
        ),
        **{name: getattr(fit, name) if fit is not None else None for name in ("on_gpu", "layers", "missing", "tight")},
        "gpus": [_place(one, takes, found) for one, takes in zip(found.gpus, found.on_gpus, strict=True)],
        "host": None if found.host is None else _place(found.host, found.on_host, found),
    }


def _place(one: fitting.Place, takes: fitting.Parts, found: fitting.Answer) -> dict[str, Any]:
    """A memory, as `PlaceAnswer`; what is not known of the need is not known of its parts."""
    told = None if found.fit is None else asdict(takes) | ({"cache": None} if found.need.cache is None else {})
    return {**asdict(one), "free": one.free, "takes": told}
