"""Every id of a Dash component, once. An id starts with its page's name."""

from __future__ import annotations

from typing import Any

# Shell: on every page.
LIVE_FRAME = "live-frame"
"""dcc.Store: the newest frame ``{q, t, keys, v}``, set by the socket or by the polling callback."""
LIVE_POLL = "live-poll"
"""dcc.Interval that fills ``LIVE_FRAME`` while the socket is down; disabled by default, run by the live script."""
LIVE_WANT = "live-want"
"""dcc.Store: the series keys that the visible page wants, for the polling callback."""
SHELL_LIVE = "shell-live"
SHELL_CLOCK = "shell-clock"
SHELL_THEME = "shell-theme"
SHELL_THEME_CHOSEN = "shell-theme-chosen"
SHELL_THEME_SAVED = "shell-theme-saved"
SHELL_THEME_SHOWN = "shell-theme-shown"
SHELL_PARTS = "shell-parts"
SHELL_PARTS_TICK = "shell-parts-tick"
TOASTS = "shell-toasts"
CHART_MENU = "shell-chart-menu"
"""The menu of a chart, one for all of them."""
CHART_TABLE = "chart-table"
"""The dialog with the data behind a chart."""
KEYS_HELP = "keys-help"
"""The dialog that lists the keys."""
EXPORT_DIALOG = "shell-export"
SHELL_BELL = "shell-bell"
SHELL_ALERTS = "shell-alerts"
"""Alerts that are shown as they happen."""
JOBS_MENU = "shell-jobs"
"""Exports in the making, in the top bar."""
RELOAD = "shell-reload"
"""dcc.Location whose ``href`` reloads the page (a new language shows at once)."""

# Overview.
OVERVIEW_STATE = "overview-state"
OVERVIEW_GAUGES = "overview-gauges"
OVERVIEW_SOURCES = "overview-sources"
OVERVIEW_BUSY = "overview-busy"
OVERVIEW_EVENTS = "overview-events"
OVERVIEW_TICK = "overview-tick"
OVERVIEW_LIVE = "overview-live"
"""dcc.Store: what the page's script needs to move numbers in place (keys, limits, words)."""
OVERVIEW_DRAWN = "overview-drawn"

# Settings.
SETTINGS_THEME = "settings-theme"
SETTINGS_LANGUAGE = "settings-language"
SETTINGS_TIMEZONE = "settings-timezone"
SETTINGS_PASSWORD_CURRENT = "settings-password-current"
SETTINGS_PASSWORD_NEW = "settings-password-new"
SETTINGS_PASSWORD_REPEAT = "settings-password-repeat"
SETTINGS_PASSWORD_CURRENT_ERROR = "settings-password-current-error"
SETTINGS_PASSWORD_NEW_ERROR = "settings-password-new-error"
SETTINGS_PASSWORD_REPEAT_ERROR = "settings-password-repeat-error"
SETTINGS_PASSWORD_SAVE = "settings-password-save"
SETTINGS_SESSIONS = "settings-sessions"
SETTINGS_SESSIONS_END_ALL = "settings-sessions-end-all"
SETTINGS_SESSIONS_CONFIRM = "settings-sessions-confirm"


def session_end(session: Any) -> dict[str, Any]:
    """Id of the button that ends one login session (its row, or a Dash wildcard)."""
    return {"type": "settings-session-end", "session": session}

# A page with charts. A chart's parts are found by pattern: ids {"type": ..., "id": chart}.
TIME_VIEW = "time-view"
"""dcc.Store: the window and zoom that the page opens with, its name and path, and what its own script needs."""
TIME_ENTERED = "time-entered"
"""dcc.Store: nothing in it; a callback without an output would not run when the page is drawn."""
CHART_SLOT = "chart-slot"
CHART_WANT = "chart-want"
CHART_DATA = "chart-data"
CHART_STATE = "chart-state"
CHART_GRAPH = "chart-graph"
"""dcc.Graph that ``assets/charts.js`` puts into the slot."""

# Notes and marks on charts, in the frame.
MARKS_PARTS = "shell-marks-parts"
NOTE_DIALOG = "shell-note"

# Explore.
EXPLORE_ASK = "explore-ask"
"""dcc.Store: an edit that the page's script asks for: ``{n, list: [[slot, text]...], action}``."""
EXPLORE_STATE = "explore-state"
"""dcc.Store: the charts after it: ``{n, list, texts, error}``."""
EXPLORE_STATED = "explore-stated"
EXPLORE_SAID = "explore-said"
EXPLORE_SLOT = "explore-slot"
"""A place for one chart: {"type": EXPLORE_SLOT, "n": number}. Charts keep theirs while others come, go and move."""
EXPLORE_SEARCH = "explore-search"
EXPLORE_OPTIONS = "explore-options"

# Saved views.
VIEWS_LIST = "views-list"
VIEWS_CHANGED = "views-changed"
"""dcc.Store, set by the page's script after it changed something: the list is drawn anew."""
VIEWS_ADD = "views-add"
"""The dialog that adds charts to a view, in the frame."""
VIEWS_EDIT = "views-edit"
VIEWS_DELETE = "views-delete"
VIEWS_HEAD = "views-head"
VIEWS_HEAD_CHANGED = "views-head-changed"
"""dcc.Store ``{view}``, set when the view that is shown was pinned, shared or renamed: its head is drawn anew."""
WALL_BODY = "wall-body"
WALL_STEP = "wall-step"
"""dcc.Store ``{n, view, by, views, stamp}``: the wall screen asks for the view before or after the one it shows."""
WALL_SHOWN = "wall-shown"
"""dcc.Store: what the wall screen shows now."""
WALL_DRAWN = "wall-drawn"

# Embed links.
EMBED_DIALOG = "shell-embed"
"""The dialog that makes a link, in the frame."""
EMBEDS_LIST = "embeds-list"
EMBEDS_ASK = "embeds-ask"
"""dcc.Store, set by the page's script when a link was revoked: the list is drawn anew."""
EMBEDS_REVOKE = "embeds-revoke"

# People, their tokens and sign-ins.
PEOPLE_BODY = "people-body"
PEOPLE_ASK = "people-ask"
"""dcc.Store ``{tab, search, page, n}``: what the page shows; its script sets it, also after it changed something."""
PEOPLE_ADD = "people-add"
PEOPLE_MANAGE = "people-manage"
PEOPLE_REVOKE = "people-revoke"
"""The dialog that asks before a token is revoked."""
SETTINGS_TOKENS = "settings-tokens"
SETTINGS_TOKENS_ASK = "settings-tokens-ask"
SETTINGS_TOKENS_NEW = "settings-tokens-new"
SETTINGS_FACTOR = "settings-factor"
SETTINGS_FACTOR_ASK = "settings-factor-ask"
SETTINGS_FACTOR_ON = "settings-factor-on"
SETTINGS_FACTOR_OFF = "settings-factor-off"

# What else moved?
MOVED_ASK = "moved-ask"
"""dcc.Store {from, to, chart, part}: the window that is asked about, epoch milliseconds."""
MOVED_RESULT = "moved-result"
MOVED_ALL = "moved-all"
"""dcc.Store, set when all series are asked for, ranked."""
MOVED_REST = "moved-rest"

# Alerts.
ALERTS_ASK = "alerts-ask"
"""dcc.Store: charts that the page's script asks for: ``{n, list: [[slot, series or null]...]}``."""
ALERTS_SLOT = "alerts-slot"
"""A place for the chart of an alert: {"type": ALERTS_SLOT, "n": number}."""
ALERTS_ACKNOWLEDGE = "alerts-acknowledge"
ALERTS_SILENCE = "alerts-silence"
ALERTS_SURE = "alerts-sure"

# Configuration.
CONFIGURATION_VIEW = "configuration-view"
"""dcc.Store: what the page opens with, for its script."""
CONFIGURATION_ENTERED = "configuration-entered"
CONFIGURATION_FILE = "configuration-file"
"""The banner about a file on disk that was refused."""
CONFIGURATION_VERSIONS = "configuration-versions"
CONFIGURATION_CHANGED = "configuration-changed"
"""dcc.Store, set by the page's script when a version came: the list and the banner are drawn anew."""
CONFIGURATION_DIFF = "configuration-diff"
CONFIGURATION_LEAVE = "configuration-leave"
CONFIGURATION_FOLDERS = "configuration-folders"

# Monitoring.
MONITORING_OPEN = "monitoring-open"
"""dcc.Store of a tab, set when it is first opened: {"type": MONITORING_OPEN, "tab": tab}."""
MONITORING_BODY = "monitoring-body"
PROCESS_GRID = "process-grid"
PROCESS_POLL = "process-poll"
PROCESS_COUNT = "process-count"
PROCESS_FILTER = "process-filter"
GPU_PROCESSES = "gpu-processes"
GPU_POLL = "gpu-poll"

# Models.
MODELS_TICK = "models-tick"
MODELS_TILES = "models-tiles"
MODELS_GRID = "models-grid"
MODELS_TABLE = "models-table"
MODELS_SERVERS = "models-servers"
MODELS_PROXIES = "models-proxies"
MODELS_HEAD = "models-head"
MODELS_NOW = "models-now"
MODELS_OBJECTIVE = "models-objective"
MODELS_SLOW_TICK = "models-slow-tick"
MODELS_ONE_TICK = "models-one-tick"
MODELS_ONE_SLOW_TICK = "models-one-slow-tick"
MODELS_CHARTS = "models-charts"
MODELS_CHARTED = "models-charted"
"""dcc.Store: which charts are shown."""
MODELS_CHARTS_TICK = "models-charts-tick"
MODELS_ONE_CHARTS = "models-one-charts"
MODELS_ONE_CHARTED = "models-one-charted"
MODELS_LOG_TICK = "models-log-tick"
MODELS_REQUESTS = "models-requests"
MODELS_MORE = "models-more"
MODELS_NEXT = "models-next"
MODELS_NEWEST = "models-newest"
"""dcc.Store: the number of the newest request that is shown."""
MODELS_EXPORT = "models-export"
MODELS_OF = "models-of"
MODELS_SERVER = "models-server"
MODELS_ERROR = "models-error"
MODELS_SLOW = "models-slow"
MODELS_TEXT = "models-text"
MODELS_CELL = "models-cell"
"""dcc.Store, set when a cell of a latency heatmap is clicked: ``{from, to, above, upTo, measure}``, or null."""
MODELS_CELL_SAID = "models-cell-said"
MODELS_FILES = "models-files"
MODELS_FILES_SEARCH = "models-files-search"
MODELS_FILES_TICK = "models-files-tick"
MODELS_FILES_SEEN = "models-files-seen"
"""dcc.Store: the revision of the catalogue and the search that are shown."""
MODELS_FIT = "models-fit"
"""The dialog that says whether a model fits."""
MODELS_DEFINE = "models-define"
MODELS_REMOVE = "models-remove"
MODELS_SPAN = "models-span"
"""dcc.Store: the span of time that the page's charts show, ``{from, to}`` in epoch milliseconds."""

MODELS_BENCH_LIVE = "models-bench-live"
MODELS_BENCH_TICK = "models-bench-tick"
MODELS_BENCH_ASK = "models-bench-ask"
"""dcc.Store, set by the page's script when it has started, cancelled, named or deleted a load test."""
MODELS_BENCH_KNOWN = "models-bench-known"
"""dcc.Store: which load test runs and which ones are kept, as a word that changes with them."""
MODELS_BENCH_SHOWN = "models-bench-shown"
MODELS_BENCH_OTHER = "models-bench-other"
MODELS_BENCH_RESULTS = "models-bench-results"

AUDIT_FACTS = "audit-facts"
AUDIT_VERIFY = "audit-verify"
AUDIT_VERIFIED = "audit-verified"
AUDIT_WHO = "audit-who"
AUDIT_ACTION = "audit-action"
AUDIT_RESULT = "audit-result"
AUDIT_FROM = "audit-from"
AUDIT_TO = "audit-to"
AUDIT_TEXT = "audit-text"
AUDIT_EXPORT = "audit-export"
AUDIT_ROWS = "audit-rows"
AUDIT_MORE = "audit-more"
AUDIT_NEXT = "audit-next"
AUDIT_SEARCHED = "audit-searched"


def chart(part: str, chart_id: Any) -> dict[str, Any]:
    """Id of one part of a chart; ``chart_id`` may be dash.MATCH."""
    return {"type": part, "id": chart_id}


def explore_slot(number: Any) -> dict[str, Any]:
    """Id of a place for a chart; ``number`` may be dash.ALL."""
    return {"type": EXPLORE_SLOT, "n": number}


def alerts_slot(number: Any) -> dict[str, Any]:
    """Id of a place for the chart of an alert; ``number`` may be dash.ALL."""
    return {"type": ALERTS_SLOT, "n": number}


def monitoring_tab(part: str, tab: Any) -> dict[str, Any]:
    """Id of one part of a tab of Monitoring; ``tab`` may be dash.MATCH."""
    return {"type": part, "tab": tab}
