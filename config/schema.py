"""The configuration as JSON Schemas: of the whole file, and of each of its sections."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from config.dashboard import DashboardConfig

FOLDER = Path(__file__).with_name("schemas")
"""Where they are kept; written by ``python -m tools.schemas``."""
DIALECT = "https://json-schema.org/draft/2020-12/schema"


@cache
def schema() -> dict[str, Any]:
    """Of the whole file."""
    return {"$schema": DIALECT, **DashboardConfig.model_json_schema(by_alias=True)}


def files() -> dict[str, dict[str, Any]]:
    """Name of each file in `FOLDER` -> what it holds."""
    found = {"dashboard_config.schema.json": schema()}
    for name, field in DashboardConfig.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            one = {"$schema": DIALECT, **kind.model_json_schema(by_alias=True)}
            found[f"{field.alias or name}.schema.json"] = one
    return found
