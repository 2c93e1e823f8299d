"""What the routes about model files and the definitions of model processes take and give."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field, JsonValue

from api.models import Closed, Parameters

CacheType = Literal["f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl"]
BASED: Any = Field(
    None, ge=0, le=10**9,
    description="Version of the configuration that it was made from: when others changed this process since, nothing "
                "is saved. Absent: what is there is replaced",
)


class FilesQuery(Parameters):
    search: str = Field("", max_length=200, description="Part of a name, path, architecture or quantisation")
    state: Literal["", "fine", "reading", "missing", "broken", "unopened"] = ""
    limit: int = Field(200, ge=1, le=10_000)


class FileRow(BaseModel):
    """A model on disk, in one file or several. What the file does not say is null."""

    path: str
    name: str
    format: Literal["gguf", "safetensors", "bin", "other", "folder"]
    folder: str
    size: int | None = Field(description="Bytes, of all parts together")
    modified: str | None
    state: Literal["fine", "reading", "missing", "broken", "unopened"]
    problem: str = Field(description="What is wrong, in the asker's language; empty when nothing is")
    parts: list[str] = Field(description="Paths of the shards that are there, of a model in several")
    missing: list[str] = Field(description="Names of the shards that are not")
    companion: str = Field(description="What it is when it is no model: mmproj, adapter, imatrix or other")
    facts: dict[str, JsonValue] | None


class FilesAnswer(BaseModel):
    data: list[FileRow]
    count: int = Field(description="All models that the query means")
    companions: list[FileRow]
    folders: list[str] = Field(description="Folders that are looked through")
    problems: list[str] = Field(description="What is wrong with folders or the watch on them")


class FitQuery(Parameters):
    """Either ``file`` or ``model``."""

    file: str = Field("", max_length=4096, description="Path of a model file, as GET /models/files gives it")
    model: str = Field("", max_length=128, description="Name of a model process")
    context: int | None = Field(
        None, ge=0, le=10_485_760,
        description="Tokens in all; 0: what it was trained with; absent: as it would be started",
    )
    slots: int = Field(1, ge=1, le=256, description="Requests at once that share the context")
    cache_type: CacheType = Field("f16", description="Type of the cache of keys and values")
    gpus: str = Field("", max_length=64, pattern=r"^(\d+(,\d+)*)?$", description="Only these GPUs, such as 0,1")


class NeedAnswer(BaseModel):
    """Bytes. ``cache`` is null where the file says too little: ``total`` is a lower bound then."""

    weights: int
    cache: int | None
    compute: int
    process: int
    total: int
    error: int = Field(description="Bytes that total may be off, up or down")
    share: float = Field(description="The same as a share of total")
    how_sure: str
    source: str = Field(description="Where the formula is from")
    notes: list[str]


class PartsAnswer(BaseModel):
    weights: int
    cache: int | None
    compute: int
    process: int


class PlaceAnswer(BaseModel):
    """A GPU's memory, or the host's, in bytes."""

    gpu: str = Field(description="Number of the GPU; empty for the host")
    name: str
    total: int
    others: int = Field(description="In use by everything else")
    own: int = Field(description="Held by the model already, where it runs")
    free: int = Field(description="What the model may take")
    takes: PartsAnswer | None = Field(description="null: the memory of this machine is not known yet")


class FitAnswer(BaseModel):
    file: str
    name: str
    context: int
    trained: int | None = Field(description="Context that the model was trained with, tokens")
    slots: int
    cache_type: str
    need: NeedAnswer
    fits: Literal["yes", "partly", "no"] | None = Field(description="null: the memory of this machine is not known yet")
    sentence: str
    on_gpu: int | None = Field(description="Layers on GPUs, the output among them")
    layers: int | None
    missing: int | None = Field(description="Bytes that lack for the next better answer")
    tight: bool | None = Field(description="The error of the need could turn the answer")
    gpus: list[PlaceAnswer]
    host: PlaceAnswer | None


class DefinitionPath(Parameters):
    name: str = Field(min_length=1, max_length=128, description="Name of a model process")


class DefinitionChange(Closed):
    version: int | None = BASED
    definition: dict[str, JsonValue] = Field(
        description="As an entry of models.processes of the configuration; its name may be another than the path's"
    )


class DefinitionQuery(Parameters):
    version: int | None = BASED


class DefinitionRow(BaseModel):
    name: str
    definition: dict[str, JsonValue] = Field(description="As in the configuration")
    words: list[str] = Field(description="The command as it is run; what is chosen at the start in braces")
    problem: str = Field(description="Why it cannot be started as it is; empty when it can")


class DefinitionsAnswer(BaseModel):
    version: int = Field(description="Of the configuration")
    data: list[DefinitionRow]


class DefinitionSaved(BaseModel):
    version: int
    name: str
    message: str


class LogsQuery(Parameters):
    model: str = Field(min_length=1, max_length=128, description="Name of a model process")
    after: int = Field(0, ge=0, le=2**53, description="Lines behind this number")
    limit: int = Field(500, ge=1, le=2000, description="The newest so many")


class OutputLine(BaseModel):
    seq: int
    at: str
    text: str


class LogsAnswer(BaseModel):
    """The newest lines, oldest first. In another ``boot`` numbers begin anew."""

    boot: str
    left_out: int = Field(description="Lines behind after that are older than these")
    lines: list[OutputLine]
