"""Model files in words: their state, and whether a model fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from flask_babel import gettext as _
from flask_babel import ngettext

from components.formats import human, number

State = Literal["fine", "reading", "missing", "broken", "unopened"]


class Said(Protocol):
    """A sentence of the readers of files (see `serving.files.sentence.Sentence`)."""

    @property
    def text(self) -> str: ...
    @property
    def values(self) -> Mapping[str, str | int]: ...


class File(Protocol):
    """What a state is told of (see `serving.files.rows.ModelFile`)."""

    @property
    def error(self) -> Said | None: ...
    @property
    def missing(self) -> tuple[str, ...]: ...
    @property
    def reading(self) -> bool: ...
    @property
    def facts(self) -> object | None: ...


class Fits(Protocol):
    """An answer (see `serving.files.need.Fit`)."""

    @property
    def fits(self) -> str: ...
    @property
    def on_gpu(self) -> int: ...
    @property
    def layers(self) -> int: ...
    @property
    def missing(self) -> int: ...
    @property
    def tight(self) -> bool: ...


def told(sentence: Said | None) -> str:
    """A sentence in the viewer's language; empty for none."""
    return "" if sentence is None else str(_(sentence.text)).format(**sentence.values)


def all_told(sentences: Sequence[Said]) -> list[str]:
    """Each in the viewer's language."""
    return [told(one) for one in sentences]


def state(file: File) -> State:
    """Whether a model can be used. Files of other formats are never opened."""
    if file.reading:
        return "reading"
    if file.missing:
        return "missing"
    if file.error is not None:
        return "broken"
    return "fine" if file.facts is not None else "unopened"


def state_words(code: State, missing: int = 0) -> str:
    """A state in words."""
    if code == "missing":
        return ngettext("%(count)s part missing", "%(count)s parts missing", missing, count=number(missing))
    return {"fine": _("fine"), "reading": _("still being written"), "broken": _("broken"),
            "unopened": _("not opened")}[code]


def companion_words(kind: str) -> str:
    """What a file is that is no model."""
    return {
        "mmproj": _("projector"), "adapter": _("adapter"), "imatrix": _("importance matrix"),
    }.get(kind, _("other"))


def verdict(found: Fits | None, gpus: int, *, lower_bound: bool = False) -> str:
    """Whether it fits, in a sentence or two; ``gpus`` are those that it would use."""
    if found is None:
        return _("The free memory of this machine is not known yet.")
    lacking = human(found.missing, "bytes")
    if found.fits == "no":
        words = _("It does not fit: %(bytes)s are missing.", bytes=lacking)
    elif found.fits == "partly" and not found.on_gpu:
        words = _("It fits into the memory of the host, and on no GPU: %(bytes)s more there would take all layers.",
                  bytes=lacking)
    elif found.fits == "partly":
        words = _("It fits partly: %(count)s of %(all)s layers on GPUs, the others on the host. %(bytes)s more would "
                  "take all of them.", count=number(found.on_gpu), all=number(found.layers), bytes=lacking)
    elif gpus:
        words = ngettext("It fits: all layers on the GPU.", "It fits: all layers on the GPUs.", gpus)
    else:
        words = _("It fits into the memory of the host; no GPU is seen here.")
    if found.tight:
        words += " " + _("It is close: the error of the estimate could turn the answer.")
    if lower_bound:
        words += " " + _("The need is a lower bound.")
    return words
