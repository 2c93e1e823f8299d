"""What metrics and labels are called in charts that people make: short, in the viewer's language."""

from __future__ import annotations

from collections.abc import Sequence

from flask_babel import gettext as _

from components import model_words
from metrics.names import NAMES
from metrics.series import SeriesInfo

_NUMBERED = ("core", "gpu", "cpu", "node", "rank")
KINDS = ("class", "phase", "reason")
"""Labels that say what it is that a series counts."""


def metric(name: str, help_text: str = "") -> str:
    """A metric in a few words; for one that is not Vigie's own its help, else its name."""
    if name in NAMES:
        return str(_(NAMES[name]))
    return help_text if help_text and len(help_text) <= 48 else name


def label(name: str) -> str:
    """What a label is called within a sentence."""
    known = {
        "core": _("core"), "gpu": _("GPU"), "device": _("device"), "interface": _("interface"), "mount": _("volume"),
        "sensor": _("sensor"), "chip": _("chip"), "mode": _("mode"), "resource": _("resource"),
        "reason": _("reason"), "collector": _("source"), "server": _("server"), "model": _("model"),
        "engine": _("engine"), "state": _("state"), "phase": _("phase"), "class": _("class"),
        "part": _("part"), "source": _("way"),
        "__name__": _("metric"),
    }
    return known.get(name, name)


def labelled(name: str, value: str) -> str:
    """A label's value in a legend: ``core 0``, ``GPU 1``, ``eth0``."""
    if not value:
        return _("without %(label)s", label=label(name))
    if name in _NUMBERED or value.isdecimal():
        return f"{label(name)} {value}"
    return {"class": model_words.error, "phase": model_words.phase, "reason": model_words.ended}.get(name, str)(value)


def legends(infos: Sequence[SeriesInfo], single: str = "", by: Sequence[str] = ()) -> list[str]:
    """The shortest names that tell series apart: only labels that differ, and the metric where there are several.

    Args:
        single: what a series is called that nothing distinguishes; its metric's words when empty.
        by: labels that are told even where they tell nothing apart, for they are what is asked.
    """
    words = {info.name: metric(info.name, info.help) or single for info in infos}
    varying = {name: _varying([i for i in infos if i.name == name]) for name in words}
    found = []
    for info in infos:
        parts = [words[info.name]] if len(words) > 1 else []
        told = varying[info.name] or [n for n in by if info.label(n)]
        parts += [labelled(n, info.label(n)) for n in told]
        found.append(" · ".join(p for p in parts if p) or single or words[info.name])
    for more in (_with_labels, _with_name):
        found = [
            name if found.count(name) == 1 else more(name, info) for name, info in zip(found, infos, strict=True)
        ]
    return found


def _varying(infos: Sequence[SeriesInfo]) -> list[str]:
    """The labels whose values differ among these series."""
    names = dict.fromkeys(n for info in infos for n, _v in info.labels)
    return [n for n in names if len({info.label(n) for info in infos}) > 1]


def _with_labels(name: str, info: SeriesInfo) -> str:
    return " · ".join([name, *[text for n, v in info.labels if v and (text := labelled(n, v)) not in name]])


def _with_name(name: str, info: SeriesInfo) -> str:
    return f"{name} · {info.name}"
