"""``/api/v1/exports`` and ``/api/v1/jobs``: large exports made in the background."""

from __future__ import annotations

from typing import IO, Any, Literal

from flask import Response, url_for
from flask_openapi3.blueprint import APIBlueprint
from pydantic import BaseModel, Field

from api.export import chunks
from api.export_tables import ExportBody, plan
from api.files import attachment
from api.models import Closed, Parameters
from api.problems import Problem, described
from api.wire import json_response
from components.sentences import sentence
from jobs.formats import MIMES, write
from jobs.pool import Job, Task, TooManyJobs
from metrics.flat import iso
from security import audit
from security.identity import current_identity
from security.permissions import allowed, requires
from services import vigie

SEE_ALL = "users:manage"
"""Who manages people sees and ends everybody's jobs."""


Answers = dict[str | int, type[BaseModel] | dict[Any, Any] | None]
MISSING: Answers = {404: described("There is no such job, it is somebody else's, or its file has expired")}
NOTHING: Answers = {404: described("Nothing is recorded under what was asked for")}


class JobPath(Parameters):
    job: str = Field(pattern="^[0-9a-f]{16}$", description="The job's id")


class JobAnswer(BaseModel):
    """An export in the making. ``file`` is there to be fetched once ``state`` is done, until ``expires``."""

    id: str
    title: str
    file: str
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    progress: float = Field(description="0 to 1")
    message: str = Field(description="Why it failed")
    created: str
    finished: str | None
    expires: str | None
    size: int = Field(description="Bytes of the file")
    url: str = Field(description="Where the file is fetched")


class JobsAnswer(BaseModel):
    data: list[JobAnswer]


class Picture(Closed):
    """A picture that the page has drawn of a chart it shows: nothing is fetched for it, so the page tells of it."""

    chart: str = Field(min_length=1, max_length=2010, description="Name of the chart")
    title: str = Field(max_length=300)
    format: Literal["png", "svg"]


def _me() -> str:
    identity = current_identity()
    return f"{identity.kind}:{identity.id}" if identity else ""


def _told(job: Job, keep: float) -> dict[str, Any]:
    ended = job.finished is not None
    return {
        "id": job.id, "title": job.title, "file": job.file, "state": job.state, "progress": round(job.progress, 3),
        "message": sentence(job.message), "created": iso(job.created),
        "finished": iso(job.finished or 0) if ended else None,
        "expires": iso((job.finished or 0) + keep) if job.state == "done" else None, "size": job.size,
        "url": url_for("api.jobs_file", job=job.id),
    }


def _mine(number: str) -> Job:
    """The job, when it is one's own or one may see all.

    Raises:
        Problem: 404; whose it is, is not told.
    """
    job = vigie().jobs.job(number)
    if job is None or (job.owner != _me() and not allowed(SEE_ALL)):
        raise Problem(404, "There is no such job, or its file has expired.")
    return job


def register(bp: APIBlueprint) -> None:
    """Adds the routes."""

    @bp.post("/exports", summary="Make an export in the background", responses={202: JobAnswer, **NOTHING})
    @requires("metrics:read")
    def exports_add(body: ExportBody) -> Response:
        services = vigie()
        made = plan(services, body)
        kind = body.format

        def work(task: Task, out: IO[bytes]) -> None:
            write(kind, made.table(), out, task.progress, task.folder)

        try:
            job = services.jobs.submit(_me(), made.facts.title, made.file, MIMES[kind], work)
        except TooManyJobs as error:
            raise Problem(429, sentence(str(error)), Retry_After="10") from None
        audit.record("export.make", made.file, after={"title": made.facts.title, "format": kind, "job": job.id})
        response = json_response(_told(job, services.jobs.keep), 202)
        response.headers["Location"] = url_for("api.jobs_one", job=job.id)
        return response

    @bp.post("/exports/picture", summary="Note that a picture of a chart was saved", responses={204: None})
    @requires("metrics:read")
    def exports_picture(body: Picture) -> Response:
        after = {"title": body.title, "format": body.format, "chart": body.chart}
        audit.record("export.make", f"{body.title or body.chart}.{body.format}", after=after)
        return Response(status=204)

    @bp.get("/jobs", summary="Your exports in the making and those to be fetched", responses={200: JobsAnswer})
    @requires("metrics:read")
    def jobs_all() -> Response:
        pool, me, everybody = vigie().jobs, _me(), allowed(SEE_ALL)
        found = [job for job in pool.jobs() if job.state != "cancelled" and (everybody or job.owner == me)]
        return json_response({"data": [{**_told(job, pool.keep), "mine": job.owner == me} for job in found]})

    @bp.get("/jobs/<job>", summary="How far an export is", responses={200: JobAnswer, **MISSING})
    @requires("metrics:read")
    def jobs_one(path: JobPath) -> Response:
        return json_response(_told(_mine(path.job), vigie().jobs.keep))

    @bp.delete("/jobs/<job>", summary="Cancel an export, or remove its file", responses={204: None, **MISSING})
    @requires("metrics:read")
    def jobs_remove(path: JobPath) -> Response:
        vigie().jobs.remove(_mine(path.job))
        return Response(status=204)

    @bp.get(
        "/jobs/<job>/file", summary="The file of an export",
        responses={200: {"description": "The file", "content": {mime: {} for mime in MIMES.values()}}, **MISSING,
                   409: described("The job is not done")},
    )
    @requires("metrics:read")
    def jobs_file(path: JobPath) -> Response:
        job = _mine(path.job)
        if job.state != "done":
            raise Problem(409, "The file is not ready: the job is " + job.state + ".")
        file = vigie().jobs.open(job)
        if file is None:
            raise Problem(404, "There is no such job, or its file has expired.")
        audit.record("export.fetch", job.file, after={"title": job.title, "job": job.id})
        response = attachment(chunks(file), job.file, job.mime)
        response.content_length = job.size
        return response
