"""What was set anew since the start before: charts mark it, because a line may have bent for that reason alone."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from config.settings import Settings

FILE = "settings-before.json"
SECRET = ("redis_url", "database_url")
"""Settings that may hold a password: that they changed is said, not from what to what."""
MOST_WORDS = 300


def plain(settings: Settings) -> dict[str, str]:
    """Every setting as a word; a secret one as its fingerprint."""
    found: dict[str, str] = {}
    for name, value in settings.model_dump(mode="json").items():
        if isinstance(value, dict):
            found |= {f"{name}.{inner}": _word(one) for inner, one in value.items()}
        elif name in SECRET and value:
            found[name] = hashlib.sha256(str(value).encode()).hexdigest()[:16]
        else:
            found[name] = _word(value)
    return found


def _word(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "–"
    return "–" if value is None else json.dumps(value).strip('"')


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """``ring_hours: 6 → 12; redis_url``; empty when nothing differs. A setting that one of the two did not know yet is
    no change: that was an update."""
    parts = []
    for name, now in after.items():
        was = before.get(name, now)
        if was != now:
            parts.append(name if name in SECRET else f"{name}: {was} → {now}")
    text = "; ".join(parts)
    return text if len(text) <= MOST_WORDS else text[:MOST_WORDS - 1] + "…"


def changed_since(folder: Path, settings: Settings) -> str:
    """The `differences` from the start before, and keeps today's for the next one. Never raises: a folder that cannot
    be written has been told of already."""
    file, now = folder / FILE, plain(settings)
    try:
        before = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        before = {}
    said = differences(before, now) if isinstance(before, dict) else ""
    if before != now:
        with contextlib.suppress(OSError):
            fresh = file.with_suffix(".new")
            fresh.write_text(json.dumps(now, indent=1), encoding="utf-8")
            fresh.chmod(0o600)
            fresh.replace(file)
    return said
