"""Places and parts of the configuration in words, in the viewer's language."""

from __future__ import annotations

from collections.abc import Iterable

from flask_babel import gettext as _

from config.fields import titles
from config.problems import Problem
from config.store import FILE

MOST_NAMED = 4
"""Places named in one sentence."""


def place(path: str) -> str:
    """A path as forms call it: ``Monitoring › Thresholds › CPU use, warning``."""
    return " › ".join(str(_(title)) for title in titles(path))


def last(path: str) -> str:
    """The end of `place`."""
    return str(_(titles(path)[-1]))


def service(code: str) -> str:
    """A part that goes by the configuration."""
    return {
        "collection": _("Collection"), "gpu": _("NVIDIA GPUs"), "network": _("Network"), "health": _("State"),
        "alerts": _("Alerts"), "notifications": _("Notifications"), "models": _("Models"),
        "ollama": _("Ollama proxy"), "lmstudio": _("LM Studio proxy"), "history": _("Recent history"),
        "pages": _("Pages"), "logging": _("Logs"),
    }.get(code, code)


def allowed(found: Problem) -> str:
    """What is allowed at one place."""
    return str(_(found.message, **found.params)) if found.params else str(_(found.message))


def problem(found: Problem) -> str:
    """What is wrong at one place, without the place."""
    told = allowed(found)
    return _("%(allowed)s (given: %(given)s)", allowed=told, given=found.given) if found.given else told


def author(by: str) -> str:
    """Who changed it: a person, or the file."""
    return _("An edit of the file") if by == FILE else by


def listed(paths: Iterable[str]) -> str:
    """Places in one line, the first few by name."""
    names = [last(path) for path in paths]
    if len(names) > MOST_NAMED:
        return _("%(names)s and %(count)s more", names="; ".join(names[:MOST_NAMED]), count=len(names) - MOST_NAMED)
    return "; ".join(names)
