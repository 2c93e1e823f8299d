"""Colours that stay apart for every eye: line colours, the shades of heat maps, words beside colours of states."""

from __future__ import annotations

import math
import re
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest

from components import charts, model_memory, theme
from tests.components.test_look import contrast

ASSETS = Path(__file__).parents[2] / "assets"
EYES = {
    "every cone": np.eye(3),
    # Machado, Oliveira and Fernandes, 2009: full severity, on linear RGB.
    "no red cones": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]),
    "no green cones": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]),
}
APART = {"every cone": 18.0, "no red cones": 10.0, "no green cones": 10.0}
"""CIEDE2000 between any two of the first eight colours. 2.3 is just noticeable between large areas side by side; thin
lines need several times that. The eight of Okabe and Ito (2008) come to 6."""


def seen(colour: str, eye: str = "every cone") -> tuple[float, float, float]:
    """CIELAB (D65) of a colour as an eye sees it."""
    rgb = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.clip(EYES[eye] @ np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4), 0, 1)
    xyz = np.array([
        [0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041],
    ]) @ linear / [0.95047, 1.0, 1.08883]
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return float(116 * f[1] - 16), float(500 * (f[0] - f[1])), float(200 * (f[1] - f[2]))


def difference(one: tuple[float, float, float], other: tuple[float, float, float]) -> float:
    """CIEDE2000 of two colours in CIELAB (Sharma, Wu and Dalal, 2005)."""
    (l1, a1, b1), (l2, a2, b2) = one, other
    mean = (math.hypot(a1, b1) + math.hypot(a2, b2)) / 2
    grey = 0.5 * (1 - math.sqrt(mean**7 / (mean**7 + 25**7)))
    a1, a2 = a1 * (1 + grey), a2 * (1 + grey)
    c1, c2 = math.hypot(a1, b1), math.hypot(a2, b2)
    h1, h2 = math.degrees(math.atan2(b1, a1)) % 360, math.degrees(math.atan2(b2, a2)) % 360
    turn = 0.0 if c1 * c2 == 0 else (h2 - h1 + 180) % 360 - 180
    hue = h1 + h2 if c1 * c2 == 0 else (h1 + turn / 2) % 360
    light, chroma = (l1 + l2) / 2, (c1 + c2) / 2
    t = (1 - 0.17 * math.cos(math.radians(hue - 30)) + 0.24 * math.cos(math.radians(2 * hue))
         + 0.32 * math.cos(math.radians(3 * hue + 6)) - 0.20 * math.cos(math.radians(4 * hue - 63)))
    sl = 1 + 0.015 * (light - 50) ** 2 / math.sqrt(20 + (light - 50) ** 2)
    sc, sh = 1 + 0.045 * chroma, 1 + 0.015 * chroma * t
    turned = (-2 * math.sqrt(chroma**7 / (chroma**7 + 25**7))
              * math.sin(math.radians(60 * math.exp(-(((hue - 275) / 25) ** 2)))))
    dl, dc, dh = (l2 - l1) / sl, (c2 - c1) / sc, 2 * math.sqrt(c1 * c2) * math.sin(math.radians(turn / 2)) / sh
    return math.sqrt(dl * dl + dc * dc + dh * dh + turned * dc * dh)


@pytest.mark.parametrize(("one", "other", "apart"), [
    ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
    ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ((22.7233, 20.0904, -46.6940), (23.0331, 14.9730, -42.5619), 2.0373),
])
def test_the_difference_is_that_of_the_published_examples(
    one: tuple[float, float, float], other: tuple[float, float, float], apart: float
):
    assert difference(one, other) == pytest.approx(apart, abs=1e-4)


@pytest.mark.parametrize("name", theme.THEMES)
@pytest.mark.parametrize("eye", EYES)
def test_any_two_lines_can_be_told_apart_by_every_eye(name: theme.Theme, eye: str):
    pairs = {
        (a, b): difference(seen(a, eye), seen(b, eye)) for a, b in combinations(theme.SERIES[name][:8], 2)
    }
    nearest = min(pairs, key=pairs.__getitem__)
    assert pairs[nearest] >= APART[eye], f"{nearest}: {pairs[nearest]:.1f}"


@pytest.mark.parametrize("name", theme.THEMES)
def test_lines_are_seen_on_their_panel_and_look_like_no_state(name: theme.Theme):
    tokens = theme.TOKENS[name]
    for colour in theme.SERIES[name]:
        assert contrast(colour, tokens["panel"]) >= 3, colour
        for state in ("ok", "warning", "critical"):
            assert difference(seen(colour), seen(tokens[state])) >= 10, (colour, state)


@pytest.mark.parametrize("name", theme.THEMES)
def test_what_one_acts_on_is_seen_on_its_ground(name: theme.Theme):
    tokens = theme.TOKENS[name]
    for ground in ("panel", "raised", "bg"):
        for part in ("accent-text", "muted"):  # rims, icons, the edges of what has the focus
            assert contrast(tokens[part], tokens[ground]) >= 3
    assert contrast(tokens["accent"], tokens["on-accent"]) >= 4.5  # handles of the brush


@pytest.mark.parametrize("name", theme.THEMES)
@pytest.mark.parametrize("eye", EYES)
def test_more_is_always_brighter_or_always_darker_in_a_heat_map(name: theme.Theme, eye: str):
    stops = charts.colour_scale(name)
    lightness = []
    for (at, low), (end, high) in pairwise(stops):
        for share in np.linspace(0, 1, 12, endpoint=end == 1):
            mixed = [round(int(low[i : i + 2], 16) * (1 - share) + int(high[i : i + 2], 16) * share) for i in (1, 3, 5)]
            lightness.append(seen("#{:02X}{:02X}{:02X}".format(*mixed), eye)[0])
        assert at < end
    steps = np.diff(lightness) * (1 if name == "dark" else -1)
    assert (steps > 0).all()
    assert abs(lightness[-1] - lightness[0]) > 60  # wide enough to read a value from


def test_the_style_sheets_have_the_colours_of_the_second_line():
    """Copies in style sheets, where a second thing is drawn beside the first."""
    for file in ("panels.css", "overview.css"):
        found = re.findall(r"(?:spark-1|flow-1)[^{]*\{ (?:stroke|color): (#\w{6});", (ASSETS / file).read_text())
        assert found == [theme.SERIES["dark"][1], theme.SERIES["light"][1]], file


@pytest.mark.parametrize(("name", "before"), [("dark", r"(?:^|\} )"), ("light", r'\[data-bs-theme="light"\] ')])
def test_the_style_sheet_of_models_has_the_first_colours_of_lines(name: theme.Theme, before: str):
    text = (ASSETS / "models_sums.css").read_text()
    found = re.findall(before + r"\.tint-(\d) \{ --tint: (#\w{6});", text, re.MULTILINE)
    assert found == [(str(place), colour) for place, colour in enumerate(theme.SERIES[name][:model_memory.TINTS])]
