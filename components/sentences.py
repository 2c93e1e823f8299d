"""Sentences that the rooms below make in English, told in the viewer's language.

Collectors and stores know no viewer: a fixed sentence is found in the catalogue as it is, one that carries a name or
the system's own words is known by its form.
"""

from __future__ import annotations

import re
from functools import cache

from flask_babel import gettext

from security.errors import N_

FORMS = (
    N_("%(place)s cannot grow: the disk is full."),
    N_("%(place)s is read-only."),
    N_("%(place)s cannot be opened: the folder is missing or not readable."),
    N_("%(place)s is damaged and cannot be read; restore it, or move it away to start anew."),
    N_("%(place)s is busy: another program holds its lock."),
    N_("%(place)s has no free connection."),
    N_("%(place)s cannot be opened: %(reason)s."),
    N_("%(place)s refused a statement: %(reason)s"),
    N_("%(place)s has been away since %(time)s UTC (%(reason)s); "
       "%(count)s ticks are buffered (bound %(bound)s), %(lost)s lost."),
    N_("%(place)s has been away since %(time)s UTC (%(reason)s); %(count)s ticks are buffered (bound %(bound)s)."),
    N_("%(place)s is away: %(reason)s"),
    N_("The collection loop stopped: %(error)s"),
    N_("The collection loop is not running."),
    N_("The roll-up loop has stopped."),
    N_("The watch on the configuration file has stopped."),
    N_("The configuration cannot be written: %(reason)s."),
    N_("The configuration file is edited without a pause: try again in a moment."),
    N_("The collection loop has been silent for %(seconds)s s."),
    N_("The ring in %(folder)s is closed."),
    N_("The clock of this machine is wrong: what is read now does not become history."),
    N_("The disk of %(folder)s is full: the ring needs %(size)s MiB more."),
    N_("The disk of %(folder)s is full: the export was not made."),
    N_("The folder of exports %(folder)s cannot be used: %(reason)s."),
    N_("The export is too large to be kept: choose a shorter window or fewer series."),
    N_("The export failed: the log of Vigie says why."),
    N_("Too many exports are being made: wait for one, or cancel it."),
    N_("The alert loop has stopped: %(error)s"),
    N_("The alert loop has been silent for %(seconds)s s."),
    N_("The alert loop failed and goes on: %(error)s"),
    N_("This rule cannot be evaluated: %(error)s"),
    N_("Its window could not be read: %(error)s"),
    N_("What was saved of this rule is not valid: %(error)s"),
    N_("Vigie is stopping."),
    N_("The model did not answer its first request within %(seconds)s s."),
    N_("The first request failed: %(reason)s."),
    N_("The model server answers no more: %(reason)s."),
    N_("The load test took longer than %(seconds)s s and was ended."),
    N_("What the measuring process said makes no sense; it was ended."),
    N_("The measuring process was ended by signal %(number)s: %(reason)s"),
    N_("The measuring process was ended by signal %(number)s."),
    N_("The measuring process ended with code %(code)s: %(reason)s"),
    N_("The measuring process ended with code %(code)s."),
    N_("The measuring process cannot be started: %(reason)s."),
    N_("Its result could not be kept: %(reason)s"),
    N_("The log folder %(folder)s cannot be written: %(reason)s."),
    N_("The audit trail was changed from outside; app.py audit verify names the row."),
    N_("Notifications by %(channel)s wait: %(reason)s"),
    N_("The loop that sends notifications has stopped."),
    N_("The channel is not in the configuration any more."),
    N_("The channel has no URL: enter one on the Configuration page."),
    N_("The URL is none that can be used%(reason)s."),
    N_("The URL of the mail channel is not complete: it names a server, a sender and who gets the mail, as in"
       " mailto://user:password@example.org?from=vigie@example.org&to=ops@example.org."),
    N_("The URL of the webhook is malformed."),
    N_("The URL of the webhook names no host."),
    N_("The message could not be made (%(error)s)."),
    N_("The service cannot be used: %(error)s"),
    N_("%(host)s is a link-local address, where clouds keep their keys."),
    N_("%(host)s has no certificate that can be trusted: %(reason)s"),
    N_("%(host)s does not take the name and password."),
    N_("%(host)s takes mail for none of its readers."),
    N_("%(host)s sends on to another address (%(status)s): give that one."),
    N_("%(host)s has no address: %(reason)s."),
    N_("%(host)s cannot be reached: %(reason)s"),
    N_("%(host)s did not answer in time."),
    N_("%(host)s answered %(status)s."),
    N_("Simulated GPU server: no real machine measured these values."),
    N_("It was not ready within %(seconds)s s: %(path)s answers with %(status)s."),
    N_("It was not ready within %(seconds)s s."),
    N_("The system ended it: it used more than its %(most)s MiB of memory."),
    N_("It used more than its %(most)s MiB of memory."),
    N_("It ended with code %(code)s."),
    N_("It was ended by SIGKILL: by somebody, or by the system for want of memory."),
    N_("It was ended by %(signal)s."),
    N_("Nobody asked it anything for %(minutes)s min."),
    N_("Vigie failed to look after it: %(reason)s."),
    N_("There is no program %(program)s that could be run."),
    N_("The model file %(file)s is not there."),
    N_("%(program)s could not be started: %(reason)s."),
    N_("Process %(pid)s cannot be ended."),
    N_("Port %(port)s is taken by a process of another user."),
    N_("Port %(port)s is taken by %(holder)s (process %(pid)s)."),
    N_("Its output cannot be kept in %(path)s: %(reason)s."),
    N_("%(name)s names no model file, and its command asks for one."),
    N_("%(blank)s of %(name)s begins with - or holds a zero byte, which no value may."),
    N_("The command of %(name)s is empty."),
    N_("The command of %(name)s %(reason)s."),
    N_("A value of %(name)s is of a wrong kind: %(reason)s."),
    N_("The name %(name)s of a model process is not one: letters, digits and - _ . : / @ + are allowed."),
    N_("The model file of %(name)s must be an absolute path."),
    N_("The GPUs of %(name)s are numbers with commas between."),
    N_("The file with the API key of %(name)s must be an absolute path."),
)
"""The forms, the longer ones first. A test compares them with what the rooms write."""


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((form, re.compile(pattern_of(form), re.DOTALL)) for form in FORMS)


def pattern_of(form: str) -> str:
    """The regular expression of a form: each ``%(name)s`` becomes a named group."""
    parts = re.split(r"%\((\w+)\)s", form)
    return "".join(re.escape(part) if i % 2 == 0 else f"(?P<{part}>.+?)" for i, part in enumerate(parts)) + r"\Z"


def sentence(text: str) -> str:
    """``text`` in the viewer's language; as it is when it is not known."""
    if not text:
        return ""
    fixed = str(gettext(text))
    if fixed != text:
        return fixed
    for form, pattern in _patterns():
        if found := pattern.match(text):
            return str(gettext(form, **{name: sentence(value) for name, value in found.groupdict().items()}))
    return text
