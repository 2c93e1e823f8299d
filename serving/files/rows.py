"""From files to models: the shards of one model are one row, and what only helps a model is marked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from config.marks import N_
from serving.files import beside
from serving.files.facts import ModelFacts, Weights
from serving.files.scan import CONFIG, INDEX, Scan, Seen
from serving.files.sentence import Sentence

Format = Literal["gguf", "safetensors", "bin", "other", "folder"]
SHARD = re.compile(r"(.+)-(\d{5})-of-(\d{5})(\.[a-z0-9]+)", re.IGNORECASE)
MOST_MISSING = 100
_CACHED = re.compile(r"models--([^/]+?)--([^/]+)/snapshots/[^/]+$")
_FORMATS: dict[str, Format] = {".gguf": "gguf", ".safetensors": "safetensors", ".bin": "bin"}


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model on disk, in one file or several, or a folder that cannot be read.

    ``size`` is in bytes, of all parts together; ``modified`` in seconds since 1970; ``parts`` are the paths of the
    shards that are there, ``missing`` the names of those that are not, 100 at most. With ``error`` there may be facts
    all the same. ``companion`` says what it is to a model when it is none: mmproj, adapter, imatrix or other.
    ``reading`` is True while the file is still being written or was not read yet.
    """

    path: str
    name: str
    format: Format
    folder: str
    size: int | None = None
    modified: float | None = None
    facts: ModelFacts | None = None
    error: Sentence | None = None
    parts: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    companion: str = ""
    reading: bool = False


def format_of(path: str) -> Format:
    """By its ending."""
    return _FORMATS.get("." + path.rpartition(".")[2].lower(), "other")


def matches(row: ModelFile, search: str) -> bool:
    """Whether every word of ``search`` is somewhere in what is shown of a file."""
    facts = row.facts
    more = (facts.architecture, facts.quantisation, facts.licence) if facts is not None else ()
    text = " ".join([row.path, row.name, *(one for one in more if one)]).casefold()
    return all(word in text for word in search.casefold().split())


def rows(scan: Scan, read: Callable[[Seen], Any]) -> tuple[ModelFile, ...]:
    """One row for each model; ``read`` gives what came of reading a file: its facts or what stands in it, why there is
    nothing (a sentence), or None when it was not read yet."""
    indexes = {path: read(seen) for path, seen in scan.beside.items() if path.endswith(INDEX)}
    made = [_row(group, missing, read) for group, missing in _groups(scan.files, indexes)]
    made = [_with_config(row, scan, read) if row.format == "safetensors" else row for row in made]
    made += [ModelFile(seen.path, seen.name, "folder", seen.folder, error=seen.error) for seen in scan.unreadable]
    there = {seen.path for seen in scan.files}
    made += [
        _only_named(scan.beside[path], names) for path, names in indexes.items()
        if isinstance(names, tuple) and names and there.isdisjoint(f"{scan.beside[path].parent}/{one}" for one in names)
    ]
    made += [
        ModelFile(path, path.rpartition("/")[2], "safetensors", scan.beside[path].folder, error=answer)
        for path, answer in indexes.items() if isinstance(answer, Sentence)
    ]
    return tuple(sorted(made, key=lambda row: (row.name.casefold(), row.path)))


def _groups(files: Sequence[Seen], indexes: dict[str, Any]) -> Iterator[tuple[list[Seen], list[str]]]:
    """Files that belong together, in their order, with the names of those that are missing."""
    left = {seen.path: seen for seen in files}
    for path, names in indexes.items():
        folder = path.rpartition("/")[0]
        if isinstance(names, tuple):
            found = [left.pop(one) for name in names if (one := f"{folder}/{name}") in left]
            if found:
                yield found, [name for name in names if f"{folder}/{name}" not in {seen.path for seen in found}]
    shards: dict[tuple[str, str, int, str], dict[int, Seen]] = {}
    for seen in left.values():
        named = SHARD.fullmatch(seen.name)
        if named and 1 <= int(named[2]) <= int(named[3]):
            key = seen.parent, named[1], int(named[3]), named[4]
            shards.setdefault(key, {})[int(named[2])] = seen
        else:
            yield [seen], []
    for (_, prefix, count, ending), found_by_number in shards.items():
        absent = (number for number in range(1, count + 1) if number not in found_by_number)
        missing = [f"{prefix}-{number:05}-of-{count:05}{ending}" for number, _ in zip(absent, range(MOST_MISSING))]
        yield [found_by_number[number] for number in sorted(found_by_number)], missing


def _only_named(index: Seen, names: Sequence[str]) -> ModelFile:
    """A model of which nothing is there but the index of its parts."""
    name = _name(replace(index, path=f"{index.parent}/{names[0]}"))
    missing = tuple(names[:MOST_MISSING])
    return ModelFile(index.path, name, "safetensors", index.folder, missing=missing, error=_missing(list(names)))


def _row(group: list[Seen], missing: list[str], read: Callable[[Seen], Any]) -> ModelFile:
    first, kind = group[0], format_of(group[0].path)
    row = ModelFile(
        first.path, _name(first), kind, first.folder, size=sum(seen.size for seen in group),
        modified=max(seen.modified_ns for seen in group) / 1e9,
        parts=tuple(seen.path for seen in group) if len(group) > 1 or missing else (),
        missing=tuple(missing[:MOST_MISSING]), error=next((seen.error for seen in group if seen.error), None),
    )
    if row.error:
        return replace(row, size=None, modified=None)
    if kind not in ("gguf", "safetensors"):
        return replace(row, error=_missing(missing))
    found = [read(seen) for seen in group]
    facts = [one for one in found if isinstance(one, ModelFacts)]
    wrong = next((one for one in found if isinstance(one, Sentence)), None)
    if wrong or len(facts) < len(found):
        return replace(row, error=wrong, reading=not wrong)
    joined = _joined(facts)
    return replace(row, facts=joined, error=_trouble(joined, group, missing), companion=_companion(joined))


def _joined(facts: list[ModelFacts]) -> ModelFacts:
    """The facts of the first part, with the sums of all."""
    if len(facts) == 1:
        return facts[0]
    types: dict[str, int] = {}
    for one in facts:
        for name, count in one.types.items():
            types[name] = types.get(name, 0) + count
    parameters = sum(one.parameters or 0 for one in facts) or None
    weights = _sum([one.weights for one in facts if one.weights]) if all(one.weights for one in facts) else None
    whole = [one.complete for one in facts]
    return replace(
        facts[0], file_size=sum(one.file_size for one in facts), tensors=sum(one.tensors for one in facts),
        parameters=parameters, types=types, weights=weights,
        quantisation=facts[0].quantisation or (max(types, key=lambda name: types[name]) if types else None),
        complete=False if False in whole else None if None in whole else True,
    )


def _sum(parts: list[Weights]) -> Weights:
    count = max(len(one.layers) for one in parts)
    layers = tuple(sum(one.layers[n] for one in parts if n < len(one.layers)) for n in range(count))
    return Weights(
        layers, sum(one.embedding for one in parts), sum(one.output for one in parts), sum(one.rest for one in parts),
        tied=all(one.tied for one in parts),
    )


def _trouble(facts: ModelFacts, group: list[Seen], missing: list[str]) -> Sentence | None:
    if facts.complete is False:
        return Sentence(N_("The file ends before its tensors do: it was not copied or downloaded as a whole."))
    split = facts.split_count or 0
    if facts.format == "gguf" and split > 1 and split != len(group) + len(missing) and len(missing) < MOST_MISSING:
        return Sentence(N_("The header says that this is one of {given} parts; by its name there are {named}."),
                        {"given": split, "named": len(group) + len(missing)})
    return _missing(missing)


def _missing(names: list[str]) -> Sentence | None:
    if not names:
        return None
    more = ", …" if len(names) > 3 else ""
    return Sentence(N_("Parts of this model are missing: {names}."), {"names": ", ".join(names[:3]) + more})


def _companion(facts: ModelFacts) -> str:
    if facts.kind != "model":
        return facts.kind
    return "" if facts.tensors or facts.split_count else "other"  # a vocabulary alone is no model


def _with_config(row: ModelFile, scan: Scan, read: Callable[[Seen], Any]) -> ModelFile:
    seen = scan.beside.get(f"{row.path.rpartition('/')[0]}/{CONFIG}")
    if not seen or not row.facts or row.companion:
        return row
    given = read(seen)
    if isinstance(given, Sentence):
        return replace(row, error=row.error or given)
    return replace(row, facts=beside.described(row.facts, given)) if given else row


def _name(seen: Seen) -> str:
    """What people know the model by: the name of its file, or that of the folder where all files are named alike."""
    shard = SHARD.fullmatch(seen.name)
    stem = shard[1] if shard else seen.name.rpartition(".")[0]
    if stem.lower() in ("model", "pytorch_model", "adapter_model", "diffusion_pytorch_model"):
        cached = _CACHED.search(seen.parent)
        return f"{cached[1]}/{cached[2]}" if cached else seen.parent.rpartition("/")[2] or stem
    return stem
