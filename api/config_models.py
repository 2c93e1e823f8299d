"""What the routes of the configuration take and give, as types."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, JsonValue, RootModel

from api.models import Closed, FieldError, Parameters
from config.versions import Source

BASED = Field(ge=0, le=10**9, description="The version that it was made from: changes of others since then are kept")
WHOLE = Field(None, description="All of it; a secret given as ******** stays as it is")
PATCH = Field(None, description="A JSON merge patch (RFC 7396): only what is to change; null sets back to the default")


class ConfigChange(Closed):
    """Either ``config`` or ``patch``."""

    version: int = BASED
    config: dict[str, JsonValue] | None = WHOLE
    patch: dict[str, JsonValue] | None = PATCH


class ConfigTrial(Closed):
    """Either ``config`` or ``patch``."""

    config: dict[str, JsonValue] | None = WHOLE
    patch: dict[str, JsonValue] | None = PATCH


class ConfigRestore(Closed):
    number: int = Field(ge=1, le=10**9, description="The version that is to be in force again")


class VersionPath(Parameters):
    number: Annotated[int, Field(ge=1, le=10**9, description="Number of a version")]


class DiffQuery(Parameters):
    to: int | None = Field(None, ge=1, le=10**9, description="Another version; what is in force when absent")


class FolderQuery(Parameters):
    path: str = Field("", max_length=4096, description="Absolute path; absent: the folders to begin at")


class JsonObject(RootModel[dict[str, Any]]):
    """One JSON object."""


class FileState(BaseModel):
    path: str
    valid: bool = Field(description="What lies there is what is in force")
    problems: list[FieldError]


class ConfigAnswer(BaseModel):
    """The configuration in force; secrets that are set read ``********``."""

    version: int
    by: str
    at: str
    source: Source
    config: dict[str, Any]
    file: FileState
    restart: list[str] = Field(description="Paths whose value takes effect with the next start")


class ChangeAnswer(BaseModel):
    """One place that differs; a side that has no such key is absent."""

    path: str
    title: str = Field(description="In the asker's language")
    before: JsonValue = None
    after: JsonValue = None


class ChangesAnswer(BaseModel):
    changes: list[ChangeAnswer]


class SavedAnswer(BaseModel):
    version: int = Field(description="The one in force now")
    changes: list[ChangeAnswer]
    merged: list[ChangeAnswer] = Field(description="What others changed since the version it was made from")
    emptied: list[str] = Field(description="Secrets that an imported file did not carry and that are not set here")
    set_aside: str = Field(description="Where a file lies now that was refused and stood in the way; mostly empty")
    services: list[str] = Field(description="Parts that go by what changed")
    affects: str = Field(description="The same in words, in the asker's language")
    restart: list[str] = Field(description="Changed paths that take effect with the next start")


class TrialAnswer(BaseModel):
    """What a change would do; without effects when it is not valid."""

    valid: bool
    problems: list[FieldError]
    changes: list[ChangeAnswer]
    services: list[str] | None = Field(None, description="Parts that would go by what changed")
    affects: str | None = Field(None, description="The same in words, in the asker's language")
    restart: list[str] | None = Field(None, description="Changed paths that would wait for the next start")


class VersionRow(BaseModel):
    """One version: who made it, when, by which way."""

    number: int
    at: str
    by: str
    source: Source
    changes: list[str] = Field(description="Paths that differ from the version before")
    note: str = Field(description="Of a restore: the number of the version that was restored")


class VersionsAnswer(BaseModel):
    data: list[VersionRow]


class VersionAnswer(VersionRow):
    config: dict[str, Any]


class PresetAnswer(BaseModel):
    kind: Literal["config", "models"]
    name: str
    title: str
    description: str
    patch: dict[str, Any]
    changes: list[ChangeAnswer] = Field(description="What it would change now")


class PresetsAnswer(BaseModel):
    data: list[PresetAnswer]


class ModelFile(BaseModel):
    name: str = Field(description="Path below the folder")
    size: int = Field(description="Bytes")


class FolderAnswer(BaseModel):
    """A folder; without a path the folders to begin at."""

    path: str
    parent: str = Field(description="Empty where there is no way up")
    folders: list[str]
    models: list[ModelFile] = Field(description="Those in it and below, the largest first, 200 at most")
    count: int = Field(description="All models that were found")
    size: int = Field(description="Their bytes")
    writable: bool
    complete: bool = Field(description="Everything was looked at and is listed")
