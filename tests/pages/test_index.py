"""The HTML document: what is in the first answer, and what the Content-Security-Policy says about it."""

from __future__ import annotations

import base64
import hashlib
import json
import re

import pytest

from api.static import FOREVER
from pages.index import BOOT, ROOT, trim_scripts
from tests.pages.site import BROWSER, Site


def scripts(html: str) -> list[tuple[str, str]]:
    return re.findall(r"<script([^>]*)>(.*?)</script>", html, re.DOTALL)


def test_the_first_answer_holds_the_page_with_its_values(site: Site):
    html = site.signed_in().get("/", headers=BROWSER).text
    first = html.split('<div id="first-paint">')[1].split('<div id="react-entry-point">')[0]
    memory = site.vigie.latest.value("memory_used_ratio")
    assert "Overview" in first
    assert re.search(rf'data-value="memory_used_ratio"[^>]*>{memory * 100:.1f}|>{memory * 100:.0f}<', first)
    assert 'id="' not in first, "ids belong to the live page; twice in a document they are wrong"


def test_scripts_wait_and_unused_ones_are_left_out(site: Site):
    html = site.signed_in().get("/", headers=BROWSER).text
    loaded = [tag for tag, _ in scripts(html) if "src=" in tag]
    assert all("defer" in tag for tag in loaded)
    assert any("dash_renderer" in tag for tag in loaded)
    for unused in ("polyfill", "dash_table", "dash_ag_grid"):
        assert not any(unused in tag for tag in loaded), unused
    assert json.loads(re.search(r'id="vigie-page">(.*?)</script>', html)[1])["grid"].endswith(".js")


def test_all_scripts_and_all_styles_of_our_own_are_one_file_each(site: Site):
    client = site.signed_in()
    html = client.get("/", headers=BROWSER).text
    for ending in ("js", "css"):
        (address,) = re.findall(rf'"(/static/bundle/[^"]+[.]{ending})"', html)
        bundle = client.get(address)
        assert bundle.headers["Cache-Control"] == FOREVER
        parts = sorted((ROOT / "assets").glob(f"*.{ending}"))
        places = [bundle.text.index(part.read_text().strip()) for part in parts]
        assert places == sorted(places), "in the order in which Dash would load them"
    assert "/assets/" not in html.replace("/assets/favicon.svg", "")


def test_trimming_keeps_inline_scripts_and_finds_the_grid():
    tags, grid = trim_scripts('<script src="/a/polyfill.js"></script>\n<script src="/b.js"></script>\n'
                              '<script src="/s/dash_ag_grid/dash_ag_grid.min.js"></script>\n<script>inline()</script>')
    assert tags == '<script defer src="/b.js"></script>\n<script>inline()</script>'
    assert grid == "/s/dash_ag_grid/dash_ag_grid.min.js"


def test_every_inline_script_is_named_by_the_policy(site: Site):
    client = site.signed_in()
    answer = client.get("/", headers=BROWSER)
    allowed = re.search(r"script-src ([^;]+)", answer.headers["Content-Security-Policy"])[1].split()
    inline = [text for tag, text in scripts(answer.text) if "src=" not in tag and "application/json" not in tag]
    assert BOOT in inline
    for text in inline:
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in allowed, text[:80]
    assert not any("unsafe" in source for source in allowed)


@pytest.mark.parametrize(
    ("path", "status", "title"),
    [
        ("/", 200, "Overview"),
        ("/monitoring", 200, "Monitoring"),
        ("/settings", 200, "Settings"),
        ("/views", 200, "Views"),
        ("/views/1000", 404, "View"),
        ("/nowhere", 404, "Not found"),
    ],
)
def test_each_path_has_its_title_and_status(site: Site, path: str, status: int, title: str):
    answer = site.signed_in().get(path, headers=BROWSER)
    assert answer.status_code == status
    assert f"<title>{title}" in answer.text


def test_the_theme_is_there_before_anything_is_drawn(site: Site):
    client = site.signed_in()
    assert "data-bs-theme" not in client.get("/", headers=BROWSER).text.split("<head>")[0]
    client.set_cookie("vigie-theme", "light")
    assert '<html lang="en" data-bs-theme="light"' in client.get("/", headers=BROWSER).text
    client.set_cookie("vigie-theme", '"><script>')
    assert "data-bs-theme" not in client.get("/", headers=BROWSER).text.split("<head>")[0]


def test_the_browsers_language_is_taken_and_numbers_follow_it(site: Site):
    html = site.signed_in(language="fr-FR,fr;q=0.9,en;q=0.5").get("/", headers=BROWSER).text
    assert '<html lang="fr"' in html
    assert "Vue d’ensemble" in html
    assert json.loads(re.search(r'id="vigie-page">(.*?)</script>', html)[1])["units"]["bytes"][0] == "o"


def test_times_are_in_the_browsers_zone_once_it_has_told_it(site: Site):
    clocks = []
    for zone in ("Asia/Tokyo", "America/New_York", "no/where"):
        client = site.signed_in()
        client.set_cookie("vigie-timezone", zone)
        clocks.append(re.search(r'class="clock"[^>]*>(\d\d):', client.get("/", headers=BROWSER).text)[1])
    assert (int(clocks[0]) - int(clocks[1])) % 24 in (13, 14)


def test_nothing_is_fetched_from_elsewhere(site: Site):
    html = site.signed_in().get("/", headers=BROWSER).text
    assert re.findall(r'(?:src|href)="(?:https?:)?//[^"]*"', html) == []
