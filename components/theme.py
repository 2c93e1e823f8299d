"""Colours and type of both themes. ``assets/tokens.css`` holds the same colours; a test compares them."""

from __future__ import annotations

from typing import Literal

Theme = Literal["dark", "light"]
THEMES: tuple[Theme, ...] = ("dark", "light")

TOKENS: dict[Theme, dict[str, str]] = {
    "dark": {
        "bg": "#0A0E1A",
        "panel": "#121829",
        "raised": "#1E2538",
        "line": "#2A3350",
        "text": "#FFFFFF",
        "muted": "#8E94A3",
        "accent": "#00D9FF",
        "accent-text": "#00D9FF",
        "on-accent": "#04202A",
        "ok": "#00FF88",
        "warning": "#FF9500",
        "critical": "#FF5A50",
        "track": "#232B42",
    },
    "light": {
        "bg": "#F8FAFC",
        "panel": "#FFFFFF",
        "raised": "#EEF2F7",
        "line": "#D9E0EA",
        "text": "#0F172A",
        "muted": "#526079",
        "accent": "#0EA5E9",
        "accent-text": "#0369A1",
        "on-accent": "#0B1220",
        "ok": "#047857",
        "warning": "#A34A06",
        "critical": "#C81E1E",
        "track": "#E3E8F0",
    },
}
"""Named colours. ``text``, ``muted``, ``accent-text`` and the states read at 4.5:1 or better on every ground; the dark
red is lighter than an alarm red for that."""

SERIES: dict[Theme, tuple[str, ...]] = {
    "dark": (
        "#00D9FF", "#9663ED", "#F1CF43", "#58B17B", "#DB4CA1", "#849ADC", "#A8863B", "#C8F7EC", "#B5655F", "#A3A9B5",
    ),
    "light": (
        "#0284C7", "#621EEF", "#C5771D", "#6A9F66", "#AF0550", "#084180", "#544E04", "#328183", "#B4583C", "#606060",
    ),
}
"""Colours of lines in a chart, in order. None of them is a state colour: colour of a state means a state. The first
eight stay apart for eyes without red or green cones too: they were searched for that, so change none alone."""

FONT = 'Inter, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'
