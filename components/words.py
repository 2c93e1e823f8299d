"""What sources, limits and events are called on the screen, in the viewer's language."""

from __future__ import annotations

from flask_babel import gettext as _

from components import config_words, formats
from components.sentences import sentence
from config.problems import Problem
from live.events import Event
from metrics.health import Reason
from metrics.status import SourceStatus


def part_words(part: str) -> str:
    """A loop or store in words."""
    return {
        "scheduler": _("Collection"),
        "roller": _("Roll-up"),
        "ring": _("Recent history"),
        "archive": _("Long history"),
        "accounts": _("Accounts"),
        "config": _("Configuration"),
        "alerts": _("Alerts"),
        "audit": _("Audit trail"),
        "logs": _("Log files"),
        "notifications": _("Notifications"),
        "serving": _("Proxies and model processes"),
        "requests": _("Request log"),
        "files": _("Model files"),
    }.get(part, part)


def source(name: str) -> str:
    """A collector in words."""
    return {
        "cpu": _("CPU"), "memory": _("Memory"), "disk": _("Disks"), "network": _("Network"), "sensors": _("Sensors"),
        "rapl": _("Power of the processor"), "model_servers": _("Model servers"),
        "serving": _("Proxies and model processes"), "objectives": _("Objectives of models"),
        "processes": _("Processes"), "nvidia": _("NVIDIA GPUs"), "pressure": _("Pressure"), "vigie": _("Vigie itself"),
    }.get(name, name)


def source_state(status: SourceStatus) -> str:
    """A source's state in one word."""
    return {
        "ok": _("Answers"), "no_data": _("No data"), "failed": _("Failed"), "pending": _("Waiting"),
    }.get(status.state, status.state)


def process_state(state: str) -> str:
    """What a process does, as the process table says it."""
    return {
        "running": _("running"), "sleeping": _("sleeping"), "disk sleep": _("waits for a disk"), "idle": _("idle"),
        "zombie": _("zombie"), "stopped": _("stopped"), "tracing stop": _("debugged"), "dead": _("dead"),
        "parked": _("parked"), "waking": _("waking"), "wake kill": _("being killed"),
    }.get(state, state)


def what(metric: str, labels: dict[str, str]) -> str:
    """A watched value in words, as the start of a sentence."""
    if metric == "cpu_usage_ratio":
        return _("CPU use")
    if metric == "memory_used_ratio":
        return _("Memory use")
    if metric == "disk_volume_used_ratio":
        return _("Use of %(mount)s", mount=labels.get("mount", "?"))
    if metric == "gpu_memory_used_ratio":
        return _("Memory use of GPU %(gpu)s", gpu=labels.get("gpu", "?"))
    if metric == "gpu_temperature_celsius":
        return _("Temperature of GPU %(gpu)s", gpu=labels.get("gpu", "?"))
    return metric


def _amount(metric: str, value: float) -> str:
    return formats.number(value) + (" °C" if metric.endswith("_celsius") else " %")


def reason(found: Reason) -> str:
    """Why the health is not OK, as a sentence."""
    values = {
        "what": what(found.metric, dict(found.labels)),
        "value": _amount(found.metric, found.value),
        "limit": _amount(found.metric, found.limit),
    }
    if found.health == "CRITICAL":
        return _("%(what)s is at %(value)s, beyond the critical limit of %(limit)s.", **values)
    return _("%(what)s is at %(value)s, beyond the warning limit of %(limit)s.", **values)


def event(happened: Event) -> str:
    """What happened, as a sentence."""
    params = happened.params
    name = source(params.get("source", ""))
    store = part_words(params.get("part", ""))
    error = sentence(params.get("error", ""))
    kind = happened.kind
    if kind == "started":
        return _("Vigie started.")
    if kind == "stopped":
        return _("Vigie stopped.")
    if kind == "source_failed":
        return _("%(source)s failed: %(error)s", source=name, error=error)
    if kind == "source_ok":
        return _("%(source)s: answers again.", source=name)
    if kind == "store_away":
        return _("%(store)s is away: %(error)s", store=store, error=error)
    if kind == "store_back":
        return _("%(store)s is back.", store=store)
    if kind == "health_changed":
        return _health_changed(params)
    if kind == "settings_changed":
        return _("Settings changed: %(what)s", what=params.get("what", "?"))
    if kind == "alert_firing":
        return params.get("text", "")
    if kind == "alert_resolved":
        return _("Over: %(alert)s", alert=params.get("text", ""))
    if kind == "config_refused":
        return _("The configuration file is refused: %(what)s", what=_refused(params))
    if kind == "model_load_failed":
        return _("%(model)s was not loaded: %(error)s", model=params.get("model", "?"), error=error)
    if kind == "config_good":
        return _("The configuration file is good again.")
    if kind == "login_blocked":
        return _(
            "Sign-in blocked for a while: too many failed attempts from %(address)s.",
            address=params.get("address", "?"),
        )
    if kind.startswith("embed_"):
        return _embed(kind, params)
    return kind


def _refused(params: dict[str, str]) -> str:
    needed = {name.removeprefix("p_"): value for name, value in params.items() if name.startswith("p_")}
    path = params.get("path", "")
    said = config_words.problem(Problem(path, params.get("message", "?"), params.get("given", ""), needed))
    return f"{path}: {said}" if path else said


def _embed(kind: str, params: dict[str, str]) -> str:
    title = params.get("embed", "")
    if kind == "embed_created":
        return _("%(name)s made an embed link to %(title)s.", name=params.get("by", "?"), title=title)
    if kind == "embed_revoked":
        return _("%(name)s revoked the embed link to %(title)s.", name=params.get("by", "?"), title=title)
    values = {"title": title, "address": params.get("address", "?"), "path": params.get("path", "")}
    if params.get("why") == "expired":
        return _("An expired embed link to %(title)s was used from %(address)s.", **values)
    if params.get("why") == "revoked":
        return _("A revoked embed link to %(title)s was used from %(address)s.", **values)
    if params.get("why") in ("forged", "unknown"):
        return _("An embed link that is not valid was used from %(address)s.", **values)
    return _("The embed link to %(title)s was used for something else (%(path)s) from %(address)s.", **values)


def _health_changed(params: dict[str, str]) -> str:
    if params.get("health") == "OK":
        return _("All is well again.")
    metric = params.get("metric", "")
    try:
        value, limit = _amount(metric, float(params["value"])), _amount(metric, float(params["limit"]))
    except (KeyError, ValueError):
        return (
            _("The state turned critical.")
            if params.get("health") == "CRITICAL"
            else _("The state turned to a warning.")
        )
    return _("%(what)s reached %(value)s (limit %(limit)s).", what=what(metric, params), value=value, limit=limit)
