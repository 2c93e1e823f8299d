"""Messages out of notices: the usual ones, and those of an admin's templates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

from alerts.language import Words
from alerts.notices import Notice, data
from alerts.sandbox import TemplateProblem, render
from alerts.sinks.base import Message
from alerts.text import fill
from config.dashboard import SEVERITIES, Channel, Notifications
from metrics.names import NAMES

SIGNS = {"info": "🔵", "warning": "🟠", "error": "🔴", "critical": "🔴"}
OVER = "✅"
COLOURS = {"info": "#0EA5E9", "warning": "#FF9500", "error": "#FF3B30", "critical": "#C81E1E"}
GOOD = "#16A34A"
LONGEST_TITLE = 200
TEMPLATES = Path(__file__).parent / "templates"


@lru_cache(maxsize=1)
def _pages() -> Environment:
    return Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True)


def links(public_url: str, notice: Notice) -> tuple[str, str]:
    """Addresses of the alert's page and of where it is silenced; empty without a public address."""
    if not public_url:
        return "", ""
    if not notice.uuid:  # an example
        return f"{public_url}/alerts", f"{public_url}/alerts"
    page = f"{public_url}/alerts?alert={notice.uuid}"
    return page, f"{page}&do=silence"


def severity_words(words: Words, severity: str) -> str:
    """A severity in words."""
    _ = words.gettext
    return {
        "info": _("info"), "warning": _("warning"), "error": _("error"), "critical": _("critical"),
    }.get(severity, severity)


def said(notice: Notice, words: Words) -> str:
    """A rule's message with its blanks filled in; empty where the rule has none."""
    if not notice.message:
        return ""
    value, limit = (words.human(one, notice.unit) for one in (notice.value, notice.threshold))
    return fill(words.gettext(notice.message), {
        **notice.labels, "value": value, "limit": limit, "name": _name(notice, words), "server": notice.server,
        "rule": notice.rule, "metric": notice.metric, "what": _what(notice, words),
    })


def as_webhooks_get_it(notice: Notice, words: Words, public_url: str = "") -> dict[str, Any]:
    """A notice as a webhook's ``alerts`` hold it: `alerts.notices.data`, its message in words."""
    return data(notice, links(public_url, notice)[0]) | {"message": said(notice, words)}


def _name(notice: Notice, words: Words) -> str:
    return words.gettext(notice.name) if notice.name else notice.rule


def _what(notice: Notice, words: Words) -> str:
    return words.gettext(NAMES.get(notice.metric, notice.metric))


def facts(notice: Notice, words: Words, public_url: str) -> dict[str, Any]:
    """A notice as templates know it: every value a text, times and numbers in the reader's language."""
    page, silence = links(public_url, notice)
    value, limit = (words.human(one, notice.unit) for one in (notice.value, notice.threshold))
    over = notice.state == "resolved"
    return {
        "rule": notice.rule, "name": _name(notice, words),
        "state": notice.state, "over": over, "server": notice.server,
        "severity": notice.severity, "severity_words": severity_words(words, notice.severity),
        "category": notice.category, "metric": notice.metric, "what": _what(notice, words),
        "labels": dict(notice.labels), "value": value, "threshold": limit, "comparison": notice.comparison,
        "message": said(notice, words),
        "since": words.moment(notice.since), "at": words.moment(notice.at),
        "duration": words.duration(max(0.0, notice.at - notice.since)),
        "acknowledged_by": notice.acknowledged_by, "flapping": notice.flapping,
        "url": page, "silence_url": silence, "sign": OVER if over else SIGNS.get(notice.severity, "🔴"),
        "colour": GOOD if over else COLOURS.get(notice.severity, COLOURS["critical"]),
    }


def latest(notices: Sequence[Notice]) -> list[Notice]:
    """The newest notice of each alert, in the order in which the alerts came: what fired and is over is told once."""
    found: dict[int, Notice] = {}
    for notice in notices:
        found[notice.alert] = notice
    return list(found.values())


def worst(notices: Sequence[Notice]) -> str:
    """The worst severity of those that still fire; of all when none does."""
    firing = [one.severity for one in notices if one.state == "firing"] or [one.severity for one in notices]
    return max(firing, key=lambda s: SEVERITIES.index(s) if s in SEVERITIES else len(SEVERITIES))


def compose(
    key: str, thread: str, notices: Sequence[Notice], settings: Notifications, channel: Channel, now: float,
) -> tuple[Message, list[str]]:
    """The message of ``notices`` (oldest first, at least one), and what is wrong with the channel's templates: for
    those the usual text stands, for a mistake in a template must not hide an alert."""
    words = Words(settings.language, channel.timezone)
    told = latest(notices)
    values = _values(told, words, settings.public_url)
    title, text, wrong = usual_title(values, words), usual_text(values, words), []
    own_text = False
    for name, source in (("titleTemplate", channel.title_template), ("bodyTemplate", channel.body_template)):
        if not source:
            continue
        try:
            made = render(source, values).strip()
        except TemplateProblem as error:
            wrong.append(f"{name}: {error}" + (f" (line {error.line})" if error.line else ""))
            continue
        if name == "titleTemplate":
            title = " ".join(made.split()) or title
        else:
            text, own_text = made or text, bool(made)
    severity: Any = worst(told)
    url = settings.public_url
    page, _ = links(url, told[0])
    return Message(
        key=key, thread=thread, title=title[:LONGEST_TITLE], text=text,
        html=_pages().get_template("message.html").render(
            title=title, text=text if own_text else "", words=words, _=words.gettext,
            rows=lambda one: rows(one, words), **values,
        ),
        severity=severity if severity in SEVERITIES else "critical", over=all(one.state == "resolved" for one in told),
        at=datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        url=page, alerts=[as_webhooks_get_it(one, words, url) for one in notices],
    ), wrong


def preview(title: str, body: str, notices: Sequence[Notice], settings: Notifications, zone: str) -> tuple[str, str]:
    """What templates make of ``notices``.

    Raises:
        TemplateProblem: one is wrong.
    """
    words = Words(settings.language, zone)
    values = _values(latest(notices), words, settings.public_url)
    return (
        " ".join(render(title, values).split()) if title else usual_title(values, words),
        render(body, values).strip() if body else usual_text(values, words),
    )


def _values(told: Sequence[Notice], words: Words, public_url: str) -> dict[str, Any]:
    every = [facts(one, words, public_url) for one in told]
    servers = list(dict.fromkeys(one["server"] for one in every))
    severity = worst(told)
    return {
        "alert": every[0], "alerts": every, "count": len(every), "firing": sum(not one["over"] for one in every),
        "over": sum(one["over"] for one in every), "server": ", ".join(servers), "servers": servers,
        "severity": severity, "severity_words": severity_words(words, severity),
    }


def usual_title(values: dict[str, Any], words: Words) -> str:
    """The title when there is no template."""
    _ = words.gettext
    one = values["alert"]
    if values["count"] > 1:
        sign = OVER if not values["firing"] else SIGNS.get(values["severity"], "🔴")
        text = words.ngettext("%(count)s alert", "%(count)s alerts", values["count"]) % {"count": values["count"]}
        state = _("%(firing)s firing, %(over)s over") % {"firing": values["firing"], "over": values["over"]}
        return f"{sign} {values['server']}: {text} ({state})"
    if one["over"]:
        return f"{OVER} {one['server']}: " + _("%(name)s is over") % {"name": one["name"]}
    return f"{one['sign']} {one['server']}: {one['name']} ({one['severity_words']})"


def usual_text(values: dict[str, Any], words: Words) -> str:
    """The text when there is no template."""
    return "\n\n".join(_block(one, words, values["count"] > 1) for one in values["alerts"])


def _block(one: dict[str, Any], words: Words, headed: bool) -> str:
    lines = [f"{one['sign']} {one['name']} ({one['severity_words']})"] if headed else []
    lines += [f"{label}: {value}" for label, value in rows(one, words)]
    if one["message"]:
        lines.append(one["message"])
    _ = words.gettext
    if one["url"]:
        lines.append(_("See it: %(url)s") % {"url": one["url"]})
        if not one["over"]:
            lines.append(_("Silence it: %(url)s") % {"url": one["silence_url"]})
    return "\n".join(lines)


def rows(one: dict[str, Any], words: Words) -> list[tuple[str, str]]:
    """What is said of an alert, as label and value."""
    _ = words.gettext
    found = [(_("Server"), one["server"])]
    if one["metric"]:
        found.append((_("Metric"), one["what"]))
    if one["value"] != "–":
        limit = one["threshold"]
        told = _("%(value)s (limit %(limit)s)") % {"value": one["value"], "limit": limit}
        found.append((_("Value"), told if limit != "–" else one["value"]))
    if one["labels"]:
        found.append((_("Of"), ", ".join(f"{k}={v}" for k, v in sorted(one["labels"].items()))))
    since = _("%(moment)s, for %(duration)s") % {"moment": one["since"], "duration": one["duration"]}
    found.append((_("Since"), since))
    if one["over"]:
        found.append((_("Over"), one["at"]))
    if one["flapping"]:
        found.append((_("Flapping"), _("it comes and goes: further changes are held back")))
    if one["acknowledged_by"]:
        found.append((_("Taken by"), one["acknowledged_by"]))
    return found
