"""Errors of the API's own making, as ``application/problem+json`` (RFC 9457) with the failing fields. The others
(signed out, forbidden, no such route, a store away) are answered by `security.problems` in the same form."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Flask, Response
from pydantic import ValidationError

from api.models import parameter_names
from metrics.flat import iso
from security.problems import problem

NO_OBJECT = ("model_type", "model_attributes_type", "json_invalid")
"""How pydantic calls a body that is something else than an object."""


class Problem(Exception):
    """An answer that is an error. ``errors`` name the failing fields of a bad request; ``members`` are more of the
    document's own; ``headers`` are written with underscores."""

    def __init__(
        self, status: int, detail: str, errors: list[dict[str, Any]] | None = None, *,
        members: dict[str, Any] | None = None, **headers: str,
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.errors, self.members = status, detail, errors, members or {}
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def response(self) -> Response:
        """The problem document."""
        more = self.members | ({"errors": self.errors} if self.errors else {})
        made = problem(self.status, HTTPStatus(self.status).phrase, self.detail, **more)
        made.headers.update(self.headers)
        return made


def field_problem(field: str, given: Any, allowed: str) -> Problem:
    """400 for one field: what was given and what is allowed."""
    return Problem(400, f"{field}: {allowed}", [{"field": field, "given": given, "allowed": allowed}])


def in_order(start: float | None, end: float | None, names: tuple[str, str] = ("from", "to")) -> None:
    """Raises Problem: 400, a window ends before it begins. Times are epoch seconds; one that is not given is no bound.
    """
    if start is not None and end is not None and start > end:
        raise field_problem(names[0], iso(start), f"lies before {names[1]}, which is {iso(end)}")


def described(words: str) -> dict[str, Any]:
    """An error that a route may answer, for the OpenAPI document: a value of its ``responses``."""
    schema = {"$ref": "#/components/schemas/ProblemDocument"}
    return {"description": words, "content": {"application/problem+json": {"schema": schema}}}


def from_validation(error: ValidationError) -> Response:
    """`validation_problem` as a response."""
    return validation_problem(error).response()


def validation_problem(error: ValidationError) -> Problem:
    """400 that names every failing field, what was given and what is allowed."""
    errors: list[dict[str, Any]] = []
    for found in error.errors(include_url=False, include_context=False):
        given = found["input"] if isinstance(found["input"], str | int | float | bool | None) else None
        allowed = found["msg"].removeprefix("Value error, ")
        if found["type"] in NO_OBJECT and not found["loc"]:
            given, allowed = None, "must be a JSON object"
        elif found["type"] == "extra_forbidden":
            given = None  # it may be a secret whose name is misspelt
            allowed = f"is not known here; there are: {', '.join(parameter_names(error.title, found['loc'][:-1]))}"
        field = ".".join(map(str, found["loc"])) or "body"
        # What was typed into a password field is not sent back, nor into whatever keeps answers.
        errors.append({"field": field, "given": None if "password" in field else given, "allowed": allowed})
    return Problem(400, "; ".join(f"{e['field']}: {e['allowed']}" for e in errors), errors)


def init_app(server: Flask) -> None:
    """Answers `Problem` wherever it is raised, and what flask-openapi3 finds wrong with a request."""
    server.validation_error_callback = from_validation  # type: ignore[attr-defined]
    server.register_error_handler(Problem, lambda error: error.response())
