"""Attributes whose names are no Python names."""

from __future__ import annotations

from typing import Any


def attrs(**named: Any) -> dict[str, Any]:
    """``attrs(aria_label="x", data_unit="y")`` is ``{"aria-label": "x", "data-unit": "y"}``, to pass with ``**``."""
    return {name.replace("_", "-"): value for name, value in named.items()}
