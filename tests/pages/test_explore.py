"""The explorer as the router draws it."""

from __future__ import annotations

import json

import pytest

from tests.pages.site import BROWSER, ROLES, Site, texts, walk

CORES = "cpu_core_usage_ratio"


def charts(layout: object) -> list[str]:
    return [node["props"]["data-chart"] for node in walk(layout) if "data-chart" in node["props"]]


@pytest.mark.parametrize("role", ROLES)
def test_an_empty_page_offers_what_this_machine_can_draw(site: Site, role: str) -> None:
    layout = site.page(site.signed_in(role), "/explore")
    assert charts(layout) == []
    assert "CPU by core" in json.dumps(layout)
    has_gpu = any(info.name == "gpu_power_watts" for info in site.vigie.query.series())
    assert ("gpu_power_watts" in json.dumps(layout)) == has_gpu


def test_the_address_is_what_is_drawn(site: Site) -> None:
    layout = site.page(site.signed_in(), "/explore", f"?q={CORES}!heat;memory_used_bytes,cpu_usage_ratio&window=15m")
    assert charts(layout) == [f"q:{CORES}!heat", "q:memory_used_bytes,cpu_usage_ratio"]
    view = next(n["props"]["data"] for n in walk(layout) if n["props"].get("id") == "time-view")
    assert view["list"] == [[0, f"{CORES}!heat"], [1, "memory_used_bytes,cpu_usage_ratio"]]
    assert (view["window"], view["base"]) == ("15m", "1h")


def test_a_wrong_part_is_said_and_the_rest_is_drawn(site: Site) -> None:
    layout = site.page(site.signed_in(), "/explore", f"?q={CORES}!what;cpu_load1;c{{")
    assert charts(layout) == ["q:cpu_load1"]
    said = texts(layout)
    assert "“what” is not an option" in said
    assert "heat" in said
    assert "“c{” is not a metric" in said


@pytest.mark.parametrize("q", [
    "%00", ";;;", "!!!", "a" * 5000, "%22", "x{a=~%22(((%22}", ";".join(f"m{i}" for i in range(99)),
])
def test_no_address_breaks_the_page(site: Site, q: str) -> None:
    client = site.signed_in()
    assert client.get(f"/explore?q={q}", headers=BROWSER).status_code == 200
    assert site.page(client, "/explore", f"?q={q}&window=x&from=y&to=1")


def test_nobody_explores_without_signing_in(site: Site) -> None:
    assert site.server.test_client().get("/explore", headers=BROWSER).status_code == 302
