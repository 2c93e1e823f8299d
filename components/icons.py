"""Icons as inline SVG, read from the Bootstrap Icons sprite that Bootstrap-Flask carries; and Vigie's own mark."""

from __future__ import annotations

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from components.still import Still, still
from components.svg import Svg, path

NAMES = (
    "activity", "arrow-down", "arrow-up", "bell", "box-arrow-right", "check-circle-fill", "check2", "chevron-down",
    "circle-half", "clock-history", "copy", "cpu", "dash-circle", "device-hdd", "exclamation-octagon-fill",
    "exclamation-triangle", "exclamation-triangle-fill", "gear", "gpu-card", "graph-up", "hdd-network",
    "info-circle", "key", "laptop", "lightning-charge", "memory", "moon-stars", "person-circle", "shield-lock",
    "slash-circle", "speedometer2", "sun", "terminal", "thermometer-half", "x-circle", "x-circle-fill",
    "arrows-fullscreen", "bar-chart", "bookmark", "bookmark-plus", "chat-left-text", "code-slash", "collection",
    "download", "eye", "funnel", "grip-vertical", "link-45deg", "pencil", "pin-angle", "plus-lg", "question-circle",
    "save", "search", "share", "table", "three-dots", "trash", "upload", "x-lg", "zoom-in", "zoom-out",
    "arrow-left", "arrow-right", "grid", "grid-3x3", "lock", "people", "pin-angle-fill", "view-list",
    "bell-fill", "chat-left-text-fill", "flag", "gear-fill", "heart-pulse-fill", "plug-fill", "power", "journal-check",
    "shield-check", "check-circle", "x-octagon", "arrow-counterclockwise", "arrow-left-right", "card-text",
    "file-earmark-code", "folder", "folder2-open", "magic", "send", "signpost-split", "sliders", "window", "envelope",
    "boxes", "pie-chart", "play-fill", "stop-fill", "arrow-repeat", "stopwatch", "eject",
)
"""Icons in use: the sprite holds two thousand."""


@cache
def _shapes() -> dict[str, tuple[str, ...]]:
    """Icon name -> the ``d`` of its paths. Empty when the sprite is not installed: icons only decorate."""
    spec = find_spec("flask_bootstrap")
    if spec is None or spec.origin is None:
        return {}
    sprite = Path(spec.origin).parent / "static" / "bootstrap5" / "icons" / "bootstrap-icons.svg"
    if not sprite.is_file():
        return {}
    text = sprite.read_text(encoding="utf-8")
    found = {}
    for name in NAMES:
        symbol = re.search(rf'<symbol[^>]*\bid="{re.escape(name)}">(.*?)</symbol>', text, re.DOTALL)
        if symbol:
            found[name] = tuple(re.findall(r'\sd="([^"]+)"', symbol[1]))
    return found


@cache
def icon(name: str, size: int = 16) -> Still:
    """A decorative icon in the colour of the text around it; give its meaning in words beside it.

    Made once: it is the same object everywhere, so do not change it.
    """
    return still(Svg(
        "svg", [path(d) for d in _shapes().get(name, ())],
        {"className": "icon", "viewBox": "0 0 16 16", "width": size, "height": size, "fill": "currentColor",
         "aria-hidden": "true"},
    ))


MARK = (
    ("M4.5 5.5 16 28 27.5 5.5", {"className": "mark-v"}),
    ("M9.6 9.4Q16 3.4 22.4 9.4Q16 15.4 9.6 9.4Z", {"className": "mark-eye"}),
    ("M16 7.2a2.2 2.2 0 1 0 0 4.4a2.2 2.2 0 1 0 0-4.4Z", {"className": "mark-pupil"}),
)
"""The mark: a V that carries an eye, the lookout on its mast. ``assets/favicon.svg`` draws the same."""


def mark(size: int = 28) -> Still:
    """Vigie's mark, decorative: its name stands beside it."""
    return still(Svg(
        "svg", [path(d, **attrs) for d, attrs in MARK],
        {"className": "vigie-mark", "viewBox": "0 0 32 32", "width": size, "height": size, "aria-hidden": "true"},
    ))
