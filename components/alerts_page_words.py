"""What the scripts of the Alerts page say, in the viewer's language; ``{name}`` is filled in by them, a pair is
singular and plural."""

from __future__ import annotations

from flask_babel import gettext as _

from components.notice_words import severity
from config.dashboard import SEVERITIES

Words = dict[str, str | list[str]]


def categories() -> dict[str, str]:
    """Kinds of alerts, in the order of lists."""
    return {
        "high_resource_usage": _("Use of resources"), "system_alert": _("System"),
        "model_failure": _("Models and proxies"), "config_changed": _("Configuration"),
    }


def words() -> Words:
    """All of them."""
    return {
        **{code: severity(code) for code in SEVERITIES}, **{f"kind_{k}": v for k, v in categories().items()},
        **_state(), **_card(), **_history(), **_rules(), **_editor(), **_silences(),
    }


def _state() -> Words:
    return {
        "away": _("The alerts cannot be read now."), "quiet": _("Nothing is wrong."),
        "firing": [_("{count} alert is firing."), _("{count} alerts are firing.")],
        "all_muted": [_("It is not told to anybody: silenced or muted."),
                      _("They are not told to anybody: silenced or muted.")],
        "muted_count": [_("{count} of them is not told to anybody: silenced or muted."),
                        _("{count} of them are not told to anybody: silenced or muted.")],
        "unacknowledged": [_("Nobody has taken up one of them."), _("Nobody has taken up {count} of them.")],
        "none_acknowledged": [_("Nobody has taken it up."), _("Nobody has taken up any of them.")],
        "all_acknowledged": [_("Somebody has taken it up."), _("Somebody has taken up each of them.")],
        "clear": _("Clear what is over ({count})"),
        "last": _("The last alert was {time}: {name}."), "never": _("There has been no alert so far."),
        "watching": _("{rules} rules watch {series} series."),
        "waiting": [_("{count} rule waits for its source: {names}"),
                    _("{count} rules wait for their source: {names}")],
        "wrong_rules": [_("{count} rule is not evaluated: {names}."), _("{count} rules are not evaluated: {names}.")],
        "more": [_("{count} more alert that fires"), _("{count} more alerts that fire")],
        "pending": [_("{count} that holds, but not yet for long enough"),
                    _("{count} that hold, but not yet for long enough")],
        "for": _("for {time}"),
    }


def _card() -> Words:
    return {
        "is_over": _("over since {time}"), "acknowledged": _("taken up by {name}"), "flapping": _("comes and goes"),
        "inhibited": _("muted by {name}"), "silenced": _("silenced"), "value": _("Now"), "limit": _("limit"),
        "peak": _("Worst"), "began": _("Since"), "server": _("Server"), "labels": _("Labels"), "owner": _("Owner"),
        "nobody": _("nobody"), "since": _("for {time}"), "lasted": _("lasted {time}"),
        "acknowledge": _("Acknowledge"), "acknowledge_again": _("Change the note"), "take": _("I take it"),
        "give_back": _("Give it back"), "taken": _("It is yours."), "given_back": _("It is nobody's again."),
        "acknowledged_toast": _("Acknowledged."), "silence": _("Silence"), "explore": _("Explore"),
        "moment": _("When it began"), "rule": _("Rule"), "story": _("What happened"), "story_close": _("Fold"),
        "same_chart": _("Its chart is the one of “{name}”."), "step_firing": _("fires"),
        "step_unmuted": _("is told: what muted it has ended"), "step_resolved": _("is over"),
        "step_acknowledged": _("taken up by {name}"), "step_assigned": _("given by {name}"),
    }


def _history() -> Words:
    return {
        "no_such": _("There is no such alert: it may be older than what is kept."), "sum_alerts": _("Alerts"),
        "sum_firing": _("Fired in all"), "mtta": _("Mean time to take up"), "mttr": _("Mean time to the end"),
        "most": _("Most often"), "no_rows": _("No alert"), "no_rows_hint": _("Nothing that fits the filter fired."),
        "h_started": _("Started"), "h_alert": _("Alert"), "h_lasted": _("Lasted"), "h_peak": _("Worst"),
        "h_taken": _("Taken up after"), "h_over": _("Over after"), "h_by": _("By"), "still": _("fires"),
        "muted_short": _("muted"),
    }


def _rules() -> Words:
    return {
        "state_off": _("off"), "state_error": _("error"), "state_waiting": _("waits for its source"),
        "state_firing": _("firing: {count}"), "state_pending": _("holds: {count}"), "state_ok": _("ok"),
        "state_nothing": _("nothing to watch"),
        "switch": _("{name}: on or off"), "n_series": [_("1 series"), _("{count} series")],
        "fn_mean": _("mean of {time}"), "fn_min": _("lowest of {time}"), "fn_max": _("highest of {time}"),
        "fn_increase": _("growth in {time}"), "fired_last": _("last {time}"),
        "fired_week": [_("{count} time in 7 days"), _("{count} times in 7 days")], "changed": _("changed"),
        "own": _("own"),
    }


def _editor() -> Words:
    return {
        "new_rule": _("New rule"), "shipped": _("Vigie comes with it"), "changed_by": _("changed by {name}, {time}"),
        "from_config": _("It follows the configuration. Moving the line makes it the rule's own."),
        "sees": _("It sees {count} series now; {holds} would be an alert."), "holds": _("alert"),
        "selector": _("Series to watch"), "drop": _("Take off"), "no_metric": _("No metric is found."),
        "copy_of": _("{name}, copy"), "save": _("Save"), "reset": _("Reset"), "copy": _("Duplicate"),
        "delete": _("Delete"), "saved": _("Saved; it counts from the next value."),
        "was_reset": _("As Vigie comes with it."), "deleted": _("Deleted."),
        "sure_reset": _("Take “{name}” back to how Vigie comes with it?"),
        "sure_discard": _("Leave without saving?"), "discard": _("Discard"),
        "sure_delete": _("Delete the rule “{name}”? What it found stays in the history."),
    }


def _silences() -> Words:
    return {
        "no_silences": _("Nothing is silenced."), "no_inhibitions": _("No alert mutes another."),
        "until": _("until {time}"), "weekly": _("every {days}, {from}–{to} ({zone})"), "by": _("by {name}"),
        "ended_by": _("ended by {name}"), "silence_active": _("in force"), "silence_waiting": _("planned"),
        "silence_over": _("over"), "change": _("Change"), "end": _("End now"),
        "mutes": [_("mutes {count} alert now"), _("mutes {count} alerts now")],
        "inhibits": _("{source} mutes {target} where these are the same: {equal}"),
        "maintenance": _("Maintenance window"), "plan": _("Plan it"), "planned": _("Planned."),
        "silenced_toast": _("Silenced."), "zone": _("Times in {zone}"),
        "preview_empty": _("Say which alerts: for example {severity=\"warning\"}."),
        "preview": [_("It would mute {count} alert now: {names}"), _("It would mute {count} alerts now: {names}")],
        "preview_none": _("It would mute no alert that is there now."), "no_days": _("Choose at least one day."),
        "no_time": _("This is no time."), "mon": _("Mon"), "tue": _("Tue"), "wed": _("Wed"), "thu": _("Thu"),
        "fri": _("Fri"), "sat": _("Sat"), "sun": _("Sun"),
    }
