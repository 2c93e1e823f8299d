"""How the running parts follow the configuration: at the start, and at every change, without a restart."""

from __future__ import annotations

from typing import Any

from config import affected
from config.dashboard import DashboardConfig
from config.differences import ABSENT
from config.limits import HealthLimits
from config.marks import N_
from config.outcomes import Applied
from config.problems import Problem
from config.settings import Settings
from config.store import ConfigStore
from live.events import Events
from live.hub import Hub
from loglines import LogOutput
from runtime import Runtime
from security.audit import Trail
from storage.latest import Latest

SWITCHED_OFF = N_("Switched off in the configuration.")
MOST_WORDS = 300


def off(config: DashboardConfig) -> dict[str, str]:
    """Collectors that the configuration switches off -> why."""
    monitoring = config.monitoring
    switches = {"nvidia": monitoring.enable_gpu_monitoring, "network": monitoring.enable_network_monitoring}
    return {name: SWITCHED_OFF for name, on in switches.items() if not on}


def first_page(config: DashboardConfig) -> str:
    """Where a sign-in leads that asked for no page."""
    tab = config.ui.default_dashboard_tab
    return "/" if tab == "overview" else f"/{tab}"


def in_words(applied: Applied) -> str:
    """What changed, as an event tells it: ``ui.theme: dark → light; proxies.ollama.apiKey``."""
    parts = []
    for change in applied.changes:
        plain = all(isinstance(side, str | int | float) for side in (change.before, change.after))
        secret = "********" in (change.before, change.after)
        shown = f"{change.path}: {_word(change.before)} → {_word(change.after)}"
        parts.append(shown if plain and not secret else change.path)
    text = "; ".join(parts)
    return text if len(text) <= MOST_WORDS else text[: MOST_WORDS - 1] + "…"


def _word(value: Any) -> str:
    return ("on" if value else "off") if isinstance(value, bool) else str(value) or "–"


def follow(
    store: ConfigStore, settings: Settings, runtime: Runtime, latest: Latest, hub: Hub, events: Events,
    trail: Trail, logs: LogOutput,
) -> None:
    """Sets every part as configured, and has it follow each change."""

    def set_parts(config: DashboardConfig) -> None:
        logs.follow(config)
        latest.judge_by(HealthLimits(config.monitoring.alert_thresholds))
        runtime.runner.switch_off(off(config))
        runtime.detailed = config.monitoring.enable_detailed_logging
        if not settings.adaptive_interval:
            runtime.collect_every(affected.interval(config, settings.step))

    def changed(_before: DashboardConfig, after: DashboardConfig, applied: Applied) -> None:
        set_parts(after)
        events.add("settings_changed", what=in_words(applied), by=applied.version.by)
        _record(trail, applied)
        hub.publish("config", news(applied, after, affected.waiting(settings, after)))

    def refused(problems: tuple[Problem, ...]) -> None:
        if problems:
            trail.record("config.refused", problems[0].path, result="refused",
                         after={"problems": [problem.sentence for problem in problems[:20]]})
            first = problems[0]
            events.add(
                "config_refused", "error", path=first.path, message=first.message, given=first.given,
                more=str(len(problems) - 1), **{f"p_{name}": value for name, value in first.params.items()},
            )
        else:
            events.add("config_good")
        hub.publish("config", {"valid": not problems})

    set_parts(store.current)
    store.subscribe(changed)
    store.on_file(refused)
    if store.problems:
        refused(store.problems)


def _record(trail: Trail, applied: Applied) -> None:
    """Keeps in the audit trail what changed. Both sides of a secret are masked alike: that it is another is said."""
    version = applied.version
    trail.record(
        "config.change", f"version {version.number} ({version.source})", name=version.by,
        before={change.path: change.before for change in applied.changes if change.before is not ABSENT},
        after={
            change.path: f"{change.after} (new)" if change.after == change.before else change.after
            for change in applied.changes if change.after is not ABSENT
        },
    )


def news(applied: Applied, config: DashboardConfig, waiting: list[str]) -> dict[str, Any]:
    """A change as the hub's topic ``config`` carries it; ``restart`` are the paths that wait for the next start, ``ui``
    is how pages look from now on."""
    ui = {"theme": config.ui.theme, "compact": config.ui.compact_mode, "narrow": config.ui.sidebar_collapsed,
          "refresh": config.ui.refresh_rate_ms}
    return {
        **({"ui": ui} if "pages" in applied.services else {}),
        "changes": list(applied.paths), "services": list(applied.services), "by": applied.version.by,
        "version": applied.version.number, "source": applied.version.source,
        "restart": [path for path in waiting if path in applied.paths],
    }


def config_stats(store: ConfigStore) -> dict[Any, float]:
    """What Vigie tells of its configuration, as `collectors.vigie.Stats`."""
    told: dict[Any, float] = {"vigie_config_valid": 0.0 if store.problems else 1.0}
    for name, counts in (("reloads", store.counts.reloads), ("rejections", store.counts.rejections)):
        told |= {(f"vigie_config_{name}_total", (("source", way),)): float(n) for way, n in counts.items()}
    return told


