"""Kinds of broken configuration files: what lies in the file, and a piece of the sentence that refuses it."""

from __future__ import annotations

import json
from typing import Any

GOOD = json.dumps({"ui": {"theme": "dark"}})


def at(path: str, value: Any) -> str:
    """A file that sets one place."""
    for key in reversed(path.split(".")):
        value = {key: value}
    return json.dumps(value)


TEXTS: dict[str, tuple[bytes | str, str]] = {
    # No JSON
    "empty": ("", "The file is empty"),
    "blank": (" \n\n", "The file is empty"),
    "truncated": ('{\n"ui": {"theme": "da', "it ends in line 2 before it is complete"),
    "cut after a comma": ('{"ui": {"theme": "dark"},', "it ends in line 1 before it is complete"),
    "no closing brace": ('{"ui": {}', "it ends in line 1 before it is complete"),
    "comma too many": ('{"ui": {},}', "there is a comma too many"),
    "comma missing": ('{"ui": {} "models": {}}', "line 1, column 11"),
    "comment": ('{\n// mine\n"ui": {}}', "line 2, column 1: JSON knows no comments"),
    "comment in a block": ('{"ui": /* all */ {}}', "JSON knows no comments"),
    "single quotes": ("{'ui': {}}", "line 1, column 2"),
    "bare keys": ("{ui: {}}", "line 1, column 2"),
    "two objects": ('{"ui": {}}{"ui": {}}', "line 1, column 11"),
    "words before": ('config = {"ui": {}}', "line 1, column 1"),
    "YAML": ("ui:\n  theme: dark\n", "line 1, column 1"),
    "a tab in a text": ('{"ui": {"theme": "da\trk"}}', "line 1"),
    "a merge conflict": ('<<<<<<< HEAD\n{"ui": {}}\n=======\n', "line 1, column 1"),
    "not a number": ('{"monitoring": {"updateInterval": NaN}}', "is no number that JSON knows (given: NaN)"),
    "infinite": ('{"monitoring": {"updateInterval": Infinity}}', "is no number that JSON knows"),
    "digits without end": ('{"monitoring": {"updateInterval": ' + "9" * 6000 + "}}", "is no number that JSON knows"),
    "nested without end": ("[" * 60_000, "nests more than 32 levels"),
    "nested too deep": ('{"a":' * 40 + "1" + "}" * 40, "nests more than 32 levels"),
    # No UTF-8
    "UTF-16": (GOOD.encode("utf-16"), "is not UTF-8 text"),
    "Latin-1": ('{"ui":\n{"theme": "é"}}'.encode("latin-1"), "byte 0xe9 in line 2"),
    "binary": (bytes(range(256)), "is not UTF-8 text"),
    "zeros": (b"\0" * 4096, "line 1, column 1"),
    "half a character": ('{"notifications": {"channels": ["\\ud800"]}}', "notifications.channels.0: holds half"),
    # Too large
    "huge": ('{"ui": {}}' + " " * 2**20, "more than 1024 KiB"),
    # No object
    "a list": ("[]", "must hold one JSON object"),
    "a text": ('"dark"', "must hold one JSON object"),
    "null": ("null", "must hold one JSON object"),
    "a section that is a list": (at("ui", []), "ui: must be an object in braces"),
    "a section that is null": (at("monitoring", None), "monitoring: must be an object in braces (given: null)"),
    "a section that is a text": (at("paths", "/srv"), 'paths: must be an object in braces (given: "/srv")'),
    # Unknown keys
    "an unknown section": (at("alerting", {}), "alerting: is not known here; there are: version, metadata, paths"),
    "a misspelt key": (at("ui.themee", "dark"), "ui.themee: is not known here; did you mean theme?"),
    "a key in another spelling": (at("monitoring.update_interval", 1000), "did you mean updateInterval?"),
    "an unknown limit": (at("monitoring.alertThresholds.cpuPercents", 1), "did you mean cpuPercent?"),
    "a key twice": ('{"ui": {"theme": "dark", "theme": "light"}}', "theme: is written twice"),
    # Wrong types
    "a number in quotes": (at("proxies.ollama.port", "11434"),
                           'proxies.ollama.port: must be a whole number from 1 to 65535 (given: "11434")'),
    "a number that is not whole": (at("logging.maxFiles", 1.5), "logging.maxFiles: must be a whole number from 1"),
    "true for a number": (at("proxies.ollama.retries", True), "must be a whole number from 0 to 10 (given: true)"),
    "a number for true": (at("ui.compactMode", 1), "ui.compactMode: must be true or false (given: 1)"),
    "a word for true": (at("ui.compactMode", "yes"), 'must be true or false (given: "yes")'),
    "a number for a text": (at("paths.modelsDirectory", 7), "paths.modelsDirectory: must be a text in quotes"),
    "an object for a list": (at("paths.watchedDirectories", {}), "must be a list in square brackets"),
    "a list for an object": (at("notifications.targets", []), "notifications.targets: must be an object in braces"),
    "null for a number": (at("ui.refreshRateMs", None), "must be one of 500, 1000, 2000, 5000, 10000 (given: null)"),
    # Out of range
    "a port too high": (at("proxies.lmstudio.port", 70_000), "from 1 to 65535 (given: 70000)"),
    "a port of zero": (at("proxies.lmstudio.port", 0), "from 1 to 65535 (given: 0)"),
    "a percentage of 101": (at("monitoring.alertThresholds.memoryPercent", 101), "above 0, up to 100 (given: 101)"),
    "an interval between": (at("monitoring.updateInterval", 1500), "must be one of 500, 1000, 2000, 5000, 10000"),
    "a theme of another app": (at("ui.theme", "blue"), 'must be one of "dark", "light", "auto" (given: "blue")'),
    "a version of the future": (at("version", "9.0.0"), 'version: must be one of "1.0.0"'),
    "a size without a unit": (at("logging.maxFileSize", "10"), "such as 10mb"),
    "a path that is relative": (at("paths.logsDirectory", "logs"), "must be an absolute path"),
    "a path that climbs": (at("paths.logsDirectory", "/var/../etc"), "must be an absolute path"),
    "an ending without a dot": (
        at("paths.watchedDirectories", [{"path": "/srv", "extensions": ["gguf"]}]),
        "paths.watchedDirectories.0.extensions.0: must look like .gguf",
    ),
    "a folder without a path": (at("paths.watchedDirectories", [{}]), "paths.watchedDirectories.0.path: is missing"),
    "too many folders": (
        at("paths.watchedDirectories", [{"path": "/srv"}] * 33), "must have 32 entries at most",
    ),
    "a channel with a space": (at("notifications.channels", ["e mail"]), "1 to 32 small letters"),
    "half a span of hours": (at("notifications.targets.mail", {"fromTime": "08:00"}), "belong together"),
    "no time of day": (at("notifications.targets.mail", {"fromTime": "25:00", "toTime": "8"}), "must be a time of day"),
    "a warning above what is critical": (
        at("monitoring.alertThresholds.cpuPercent", 96), "cpuPercent (96) must not be above cpuCriticalPercent (95)",
    ),
    # Secrets
    "a secret of another installation": (at("proxies.ollama.apiKey", "enc:gAAAA"), "another installation"),
    "a mask of no secret": (at("proxies.ollama.apiKey", "********"), "proxies.ollama.apiKey: stands for a secret"),
    "a secret that is a number": (at("proxies.ollama.apiKey", 12345678), "proxies.ollama.apiKey: must be a text"),
}
