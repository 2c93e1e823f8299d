"""The page's script writes values as the server does: a number must not change its look when it becomes live."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from flask import Flask

from components import formats
from pages.i18n import init_i18n
from pages.words import words
from tests.e2e.visit import Visitor

pytestmark = pytest.mark.e2e
SCRIPT = Path(__file__).parents[2] / "assets" / "format.js"
CASES: list[tuple[float | None, str]] = [
    (None, "bytes"), (0.0, "ratio"), (0.0421, "ratio"), (0.0995, "ratio"), (0.42, "ratio"), (1.0, "ratio"),
    (12.5, "ratio"),
    (0, "bytes"), (512, "bytes"), (1023, "bytes"), (1024, "bytes"), (3.2 * 2**30, "bytes"), (999 * 2**20, "bytes"),
    (2**60, "bytes"), (2048.5, "bytes_per_second"), (0.25, "seconds"), (59.9, "seconds"), (3661, "seconds"),
    (90061, "seconds"), (2.4e9, "hertz"), (8e8, "hertz"), (61.25, "celsius"), (61, "celsius"), (250.4, "watts"),
    (12, "per_second"), (1500, "rpm"), (2.5, ""), (16, ""), (123456.7, ""),
    (-0.0004, "ratio"), (-0.04, "watts"), (-0.05, "celsius"), (-0.06, "celsius"),
    (-0.0001, "seconds"), (-3661, "seconds"),
]


@pytest.mark.parametrize("language", ["en", "fr"])
def test_both_write_the_same(visitor: Visitor, language: str) -> None:
    server = Flask("formats")
    init_i18n(server)
    with server.test_request_context(headers={"Accept-Language": language}):
        expected = [formats.human(value, unit) for value, unit in CASES]
        block = json.dumps({"lang": language, "timezone": "UTC", **words()})
    page = visitor.context().new_page()
    page.set_content(f'<script type="application/json" id="vigie-page">{block}</script>')
    page.add_script_tag(content=SCRIPT.read_text(encoding="utf-8"))
    written = page.evaluate("cases => cases.map(([value, unit]) => vigie.format.human(value, unit))", CASES)
    assert written == expected
    assert page.evaluate("vigie.format.clock(1767225600000)") == "00:00:00"
