"""How a start of a model process ended."""

from __future__ import annotations

import signal
from dataclasses import dataclass, replace
from typing import Any

from config.marks import N_
from serving.processes.sentences import Parameter, Sentence

LAST_LINES = 20
"""Lines of output kept with an end."""


@dataclass(frozen=True)
class Ending:
    """``failed``: nobody asked for it, and it was no good end; ``idle``: nobody asked it anything; ``port_taken``: its
    port went to somebody else before it listened. ``at`` is in epoch seconds, None when nothing had run; ``ran`` says
    for how many seconds it had been ready."""

    sentence: Sentence | None = None
    failed: bool = False
    idle: bool = False
    port_taken: bool = False
    code: int | None = None
    signal: str | None = None
    at: float | None = None
    lines: tuple[str, ...] = ()
    ran: float = 0.0

    def facts(self) -> dict[str, Any]:
        """As status tells it: code or signal (neither for one that was not our child), at, lines."""
        made: dict[str, Any] = {"at": self.at, "lines": list(self.lines)}
        if self.signal:
            made["signal"] = self.signal
        elif self.code is not None:
            made["code"] = self.code
        return made


def said(template: str, **params: Parameter) -> Sentence:
    """A sentence, shorter to write."""
    return Sentence(template, params)


def ended(reason: Ending | None, code: int | None, *, by_itself: bool, out_of_memory: int | None) -> Ending:
    """How it ended, out of what was wanted and what was seen.

    ``reason`` is why it was stopped, None when an operator asked or it ended by itself; ``code`` is its exit code,
    negative for a signal, None when that is not known; ``out_of_memory`` is the bound in bytes for which the kernel
    ended it.
    """
    name = _signal_name(-code) if code is not None and code < 0 else None
    told = Ending(code=code if name is None else None, signal=name)
    if out_of_memory is not None and by_itself:
        most = out_of_memory >> 20
        sentence = said(N_("The system ended it: it used more than its %(most)s MiB of memory."), most=most)
        return replace(told, failed=True, sentence=sentence)
    if reason is not None:
        return replace(told, failed=reason.failed, idle=reason.idle, sentence=reason.sentence)
    if not by_itself:
        return told
    if name is not None:
        return replace(told, failed=True, sentence=_by_signal(name))
    if code is None:
        unknown = said(N_("It ended; how is not known to Vigie, which was started later."))
        return replace(told, failed=True, sentence=unknown)
    return replace(told, failed=code != 0, sentence=said(N_("It ended with code %(code)s."), code=code))


def _by_signal(name: str) -> Sentence:
    if name == "SIGKILL":
        return said(N_("It was ended by SIGKILL: by somebody, or by the system for want of memory."))
    return said(N_("It was ended by %(signal)s."), signal=name)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
