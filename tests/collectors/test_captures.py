"""The collectors against captures of machines unlike this one; each expected value was checked by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

CAPTURES = Path(__file__).parent.parent / "captures"
NAMES = sorted(p.parent.name for p in CAPTURES.glob("*/meta.json"))


def _close(left: Any, right: Any) -> bool:
    if isinstance(left, float | int) and isinstance(right, float | int) and not isinstance(left, bool):
        return bool(left == pytest.approx(right, rel=1e-6, abs=1e-9))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_close(left[k], right[k]) for k in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(_close(a, b) for a, b in zip(left, right))
    return left == right


@pytest.mark.parametrize("name", NAMES)
def test_a_capture_gives_what_was_reviewed(name: str, open_capture: Any) -> None:
    machine = open_capture(name)
    first = machine.read()
    machine.go_on()
    second = machine.read()
    if machine.meta["seconds"] >= 10:  # as much as the slowest metric takes
        assert set(first["samples"]) <= set(second["samples"])
    found = json.loads(json.dumps(second))
    expected = json.loads((CAPTURES / name / "expected.json").read_text(encoding="utf-8"))
    differences = [
        f"{part}: {key}: {found[part].get(key)!r}, expected {expected[part].get(key)!r}"
        for part in ("samples", "snapshots", "no_data")
        for key in sorted(found[part].keys() | expected[part].keys())
        if not _close(found[part].get(key), expected[part].get(key))
    ]
    assert not differences, "\n".join(differences)


@pytest.mark.parametrize("name", NAMES)
def test_a_capture_says_where_it_comes_from(name: str) -> None:
    meta = json.loads((CAPTURES / name / "meta.json").read_text(encoding="utf-8"))
    assert meta["kind"] in ("recorded", "synthetic")
    assert meta["about"]


def test_there_are_captures() -> None:
    assert len(NAMES) >= 8
