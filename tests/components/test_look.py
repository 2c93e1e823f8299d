"""Colours, icons and the mark: each fact is told once, or compared where it must be told twice."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from components import icons, theme

ROOT = Path(__file__).parents[2]
CSS = (ROOT / "assets" / "tokens.css").read_text(encoding="utf-8")


def css_tokens(name: theme.Theme) -> dict[str, str]:
    block = re.search(rf'\[data-bs-theme="{name}"\] \{{(.*?)\n\}}', CSS, re.DOTALL)[1]
    return dict(re.findall(r"--v-([\w-]+): (#\w{6});", block))


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, 1.4.3."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("name", theme.THEMES)
def test_the_style_sheet_and_the_charts_have_the_same_colours(name: theme.Theme):
    assert css_tokens(name) == theme.TOKENS[name]


@pytest.mark.parametrize("name", theme.THEMES)
@pytest.mark.parametrize("colour", ["text", "muted", "accent-text", "ok", "warning", "critical"])
@pytest.mark.parametrize("ground", ["bg", "panel", "raised"])
def test_every_text_can_be_read(name: theme.Theme, colour: str, ground: str):
    assert contrast(theme.TOKENS[name][colour], theme.TOKENS[name][ground]) >= 4.5


@pytest.mark.parametrize("name", theme.THEMES)
def test_buttons_and_lines_can_be_told_from_their_ground(name: theme.Theme):
    tokens = theme.TOKENS[name]
    assert contrast(tokens["on-accent"], tokens["accent"]) >= 4.5
    assert min(contrast(line, tokens["panel"]) for line in theme.SERIES[name]) >= 3


def test_no_line_has_the_colour_of_a_state():
    for name in theme.THEMES:
        assert not set(theme.SERIES[name]) & {theme.TOKENS[name][state] for state in ("ok", "warning", "critical")}


def test_every_icon_in_use_is_in_the_sprite():
    assert set(icons._shapes()) == set(icons.NAMES)
    used = set()
    for file in (ROOT / "components").glob("*.py"):
        used |= set(re.findall(r'icons?\.icon\("([\w-]+)"|icon="([\w-]+)"', file.read_text(encoding="utf-8")))
    assert {name for pair in used for name in pair if name} <= set(icons.NAMES)


def test_the_mark_is_the_same_in_pages_and_templates():
    template = (ROOT / "templates" / "mark.html").read_text(encoding="utf-8")
    assert re.findall(r' d="([^"]+)"', template) == [d for d, _ in icons.MARK]


def test_the_pages_own_style_sheets_fetch_nothing_from_elsewhere():
    for file in (ROOT / "assets").glob("*.css"):
        assert not re.search(r"url\(\s*[\"']?(?:https?:)?//|@import", file.read_text(encoding="utf-8")), file.name
