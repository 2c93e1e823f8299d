"""The page of an embed link, and that a link opens nothing else: every route and every callback is tried."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from components import ids
from security.embed_guard import MOST_BODY, RULES
from security.embeds import Embed, Target
from security.permissions import embeds_of
from tests.pages.site import BROWSER, Site, spelt, texts, walk

FRAMED = {**BROWSER, "Sec-Fetch-Dest": "iframe"}
PARTS = ((ids.CHART_DATA, "data"), (ids.CHART_STATE, "children"))
CHART = "..{}..".format("...".join(spelt({"id": ["MATCH"], "type": kind}, prop) for kind, prop in PARTS))
ZOOM = (1_700_000_000.0, 1_700_000_600.0)


class Guest:
    """Somebody who has a link, and no more."""

    def __init__(self, site: Site, target: Target, **more: Any) -> None:
        self.site, self.client = site, site.server.test_client()
        links = site.server.extensions["vigie.security"].embeds
        values = {"title": "A link", "expires": time.time() + 3600, "site": "*", "created_by": "admin", "owner_id": 3}
        self.embed: Embed = links.add(target, **{**values, **more})
        self.root = f"/embed/{links.token(self.embed)}/"

    def get(self, rest: str = "", **more: Any) -> TestResponse:
        return self.client.get(self.root + rest, headers=FRAMED, **more)

    def refused(self) -> int:
        return int(self.site.server.extensions["vigie.security"].embeds.get(self.embed.id).refused)

    def post(self, body: Any) -> TestResponse:
        return self.client.post(self.root + "_dash-update-component", json=body)

    def chart(self, chart: str, **asked: Any) -> TestResponse:
        """Asks for a chart's window as its panel does."""
        slot = {"type": ids.CHART_WANT, "id": chart}
        return self.post({
            "output": CHART,
            "outputs": [{"id": {"type": kind, "id": chart}, "property": prop} for kind, prop in PARTS],
            "inputs": [{"id": slot, "property": "data", "value": {"chart": chart, "n": 1, "window": "5m", **asked}}],
            "changedPropIds": [spelt(slot, "data")],
        })

    def answer(self, chart: str, **asked: Any) -> dict[str, Any]:
        response = self.chart(chart, **asked)
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json["response"][json.dumps(
            {"id": chart, "type": ids.CHART_DATA}, separators=(",", ":"),
        )]["data"]
        return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The demo: it has every chart."""
    site = Site(tmp_path_factory.mktemp("embedded"), demo=True)
    site.signed_in().get("/", headers=BROWSER)
    yield site
    site.runtime.stop()


@pytest.fixture
def guest(whole: Site) -> Guest:
    return Guest(whole, Target("chart", "cpu", "5m"))


KINDS = {
    "chart": Target("chart", "cpu", "5m"), "overview": Target("overview"),
    "monitoring": Target("monitoring", "gpu", "1h"), "explore": Target("explore", "cpu_usage_ratio;cpu_load1", "5m"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_route_of_the_app_is_closed_but_those_of_the_page(whole: Site, kind: str) -> None:
    guest = Guest(whole, KINDS[kind])
    answers = {}
    for rule in whole.server.url_map.iter_rules():
        address = rule.rule
        for name, converter in rule._converters.items():
            filled = "1" if "Integer" in type(converter).__name__ else "monitoring"
            address = address.replace(f"<{name}>", filled)
            for spelling in ("int", "path", "string"):
                address = address.replace(f"<{spelling}:{name}>", filled)
        for method in rule.methods - {"OPTIONS", "HEAD"}:
            sent = {"Upgrade": "websocket", "Connection": "Upgrade"} if rule.websocket else {}
            answer = guest.client.open(guest.root.rstrip("/") + address, method=method, headers=sent)
            answers[(method, rule.rule)] = answer.status_code
            assert "Set-Cookie" not in answer.headers
    open_ones = {key for key, status in answers.items() if status not in (403, 404, 405)}
    assert open_ones <= {("GET", rule) for rule in RULES} | {("POST", "/_dash-update-component")}, open_ones
    assert {("GET", "/"), ("GET", "/_dash-layout"), ("GET", "/_dash-dependencies")} <= open_ones
    assert len(answers) > 40
    assert guest.refused() > 30


@pytest.mark.parametrize("kind", KINDS)
def test_every_callback_is_closed_but_those_of_the_page(whole: Site, kind: str) -> None:
    guest = Guest(whole, KINDS[kind])
    server_side = {name: entry for name, entry in whole.dash.callback_map.items() if "callback" in entry}
    assert len(server_side) > 15
    before, closed = guest.refused(), 0
    for name, entry in server_side.items():
        if kind in embeds_of(entry["callback"]):
            continue
        answer = guest.post({"output": name, "inputs": [], "outputs": [], "changedPropIds": [], "state": []})
        assert answer.status_code == 403, name
        closed += 1
    allowed = {name for name, entry in server_side.items() if kind in embeds_of(entry["callback"])}
    assert guest.refused() - before == closed
    page = next(n for n in server_side if ids.OVERVIEW_GAUGES in n) if kind == "overview" else CHART
    assert allowed == {f"{ids.LIVE_FRAME}.data", page}
    for body in ({}, [], {"output": 7}, {"output": "nothing.here"}, None):
        assert guest.post(body).status_code == 403
    listed = {one["output"] for one in guest.get("_dash-dependencies").json if not one["clientside_function"]}
    assert listed == allowed


def test_the_router_does_not_answer_a_link(guest: Guest) -> None:
    names = ["_pages_content.children", "_pages_store.data"]
    answer = guest.post({
        "output": f"..{'...'.join(names)}..", "changedPropIds": ["_pages_location.pathname"],
        "outputs": [{"id": n.split(".")[0], "property": n.split(".")[1]} for n in names],
        "inputs": [{"id": "_pages_location", "property": "pathname", "value": "/settings"},
                   {"id": "_pages_location", "property": "search", "value": ""}],
    })
    assert answer.status_code == 403


def test_the_document_asks_below_the_link_and_loads_files_as_ever(whole: Site, guest: Guest) -> None:
    text = guest.get().text
    config = json.loads(text.split('id="_dash-config" type="application/json">')[1].split("<")[0])
    assert config["requests_pathname_prefix"] == guest.root
    assert 'data-embed="chart"' in text
    assert text.count(guest.root[:-1]) == 2  # the configuration, and what is loaded ahead
    assert '<script defer src="/_dash-component-suites/' in text
    assert 'name="csrf_token"' not in text and "localhost/" not in text
    assert guest.client._cookies == {}


@pytest.mark.parametrize("kind", KINDS)
def test_the_layout_is_the_content_alone(whole: Site, kind: str) -> None:
    layout = Guest(whole, KINDS[kind]).get("_dash-layout").json
    found = {node["props"].get("id") for node in walk(layout) if isinstance(node["props"].get("id"), str)}
    assert not found & {
        "_pages_content", "_pages_location", ids.SHELL_THEME, ids.CHART_MENU, ids.EMBED_DIALOG, ids.RELOAD,
        ids.PROCESS_GRID, ids.GPU_PROCESSES,
    }
    types = {node["type"] for node in walk(layout)}
    assert not types & {"Location", "Link", "A", "Form", "AgGrid", "NavLink"}
    charts = {node["props"]["data-chart"] for node in walk(layout) if "data-chart" in node["props"]}
    expected = {"chart": {"cpu"}, "overview": set(), "explore": {"q:cpu_usage_ratio", "q:cpu_load1"}}
    if kind == "monitoring":
        assert charts and all(chart.startswith("gpu") for chart in charts)
    else:
        assert charts == expected[kind]


def test_the_overview_of_a_link_names_nobody(whole: Site) -> None:
    guest = Guest(whole, KINDS["overview"])
    whole.vigie.events.add("login_blocked", "warning", address="198.51.100.7", name="")
    names = {row["name"] for row in whole.vigie.latest.snapshot("processes")["rows"]}
    assert names
    layout = texts(guest.get("_dash-layout").json)
    outputs = (ids.OVERVIEW_STATE, ids.OVERVIEW_GAUGES, ids.OVERVIEW_LIVE, ids.OVERVIEW_BUSY, ids.OVERVIEW_SOURCES,
               ids.OVERVIEW_EVENTS, ids.OVERVIEW_MODELS)
    props = ("children", "children", "data", "children", "children", "children", "children")
    answer = guest.post({
        "output": "..{}..".format("...".join(f"{i}.{p}" for i, p in zip(outputs, props, strict=True))),
        "outputs": [{"id": i, "property": p} for i, p in zip(outputs, props, strict=True)],
        "inputs": [{"id": ids.OVERVIEW_TICK, "property": "n_intervals", "value": 1}],
        "state": [{"id": ids.OVERVIEW_LIVE, "property": "data", "value": None}],
        "changedPropIds": [f"{ids.OVERVIEW_TICK}.n_intervals"],
    })
    assert answer.status_code == 200
    for text in (layout, answer.text, guest.get().text):
        assert "198.51.100.7" not in text
        assert not [name for name in names if len(name) > 6 and name in text]


# ---- charts

def test_a_link_gives_its_chart_and_no_other(guest: Guest) -> None:
    answer = guest.answer("cpu")
    assert answer["figure"] is not None
    before = guest.refused()
    for other in ("memory", "gpu-power:0", "q:cpu_usage_ratio", "q:memory_used_bytes", "q:{__name__=~\".+\"}"):
        assert guest.chart(other).status_code == 403, other
    assert guest.refused() == before + 5


def test_a_chart_of_explore_is_the_one_that_was_drawn(whole: Site) -> None:
    guest = Guest(whole, KINDS["explore"])
    assert guest.answer("q:cpu_load1")["figure"] is not None
    for other in ("cpu", "q:cpu_load5", "q:cpu_load1,cpu_load5", "q:cpu_load1!vs=memory_used_bytes"):
        assert guest.chart(other).status_code == 403, other


@pytest.mark.parametrize("target", [
    Target("chart", 'q:cpu_core_usage_ratio{core="0"}', "5m"),
    Target("explore", 'cpu_core_usage_ratio{core="0"}', "5m"),
])
def test_a_chart_spelled_otherwise_is_the_same_chart(whole: Site, target: Target) -> None:
    guest = Guest(whole, target)
    (shown,) = set(re.findall(r'"id":"(q:[^"]*)"', guest.get("_dash-layout").text))
    assert shown == "q:cpu_core_usage_ratio{core=0}"
    assert guest.answer(shown)["figure"] is not None


@pytest.mark.parametrize("more", [
    {}, {"inputs": "x"}, {"inputs": [1]}, {"inputs": [{"value": 1}]}, {"inputs": []}, {"inputs": [], "outputs": []},
    {"inputs": [], "changedPropIds": 5}, {"inputs": [], "state": 7}, {"inputs": [], "outputs": "x"},
])
def test_a_request_that_is_no_callbacks_is_told_so(guest: Guest, more: dict[str, Any]) -> None:
    answer = guest.post({"output": CHART, **more})
    assert answer.status_code == 400, answer.text
    assert answer.content_type == "application/problem+json"


def test_a_body_without_end_is_refused(guest: Guest) -> None:
    address = guest.root + "_dash-update-component"
    for body, status in (("[" * 200_000, 403), ('{"a":' * 100_000, 403), (f'"{"x" * MOST_BODY}"', 413)):
        answer = guest.client.post(address, data=body, content_type="application/json")
        assert answer.status_code == status, body[:9]


def test_a_counter_gives_the_rate_that_is_drawn_for_it(whole: Site) -> None:
    guest = Guest(whole, Target("explore", "network_all_receive_bytes_total", "5m"))
    answer = guest.answer("q:network_all_receive_bytes_total")
    keys = [key for key in answer["figure"]["layout"]["meta"]["keys"] if key]
    assert keys == ["network_all_receive_bytes_per_second"]
    assert poll(guest, [*keys, "network_all_transmit_bytes_per_second"])["keys"] == keys


def test_monitoring_gives_the_charts_of_its_tab(whole: Site) -> None:
    guest = Guest(whole, KINDS["monitoring"])
    for chart, status in (("gpu-power:0", 200), ("gpus-use", 200), ("cpu", 403), ("memory", 403), ("q:cpu_load1", 403)):
        assert guest.chart(chart).status_code == status, chart


def test_a_live_window_reaches_no_further_back(guest: Guest) -> None:
    now = guest.site.vigie.latest.at * 1000
    wide = guest.answer("cpu", window="30d")
    assert now - wide["start"] < (300 + 100) * 1000
    zoomed = guest.answer("cpu", start=now - 3_600_000, end=now)
    assert now - zoomed["start"] < (300 + 100) * 1000
    inner = guest.answer("cpu", start=now - 60_000, end=now - 30_000)
    assert (inner["start"], inner["end"]) == (round(now - 60_000), round(now - 30_000))
    assert guest.chart("cpu", start=now - 7_200_000, end=now - 3_600_000).status_code == 403


def test_a_fixed_window_gives_that_span_and_nothing_of_now(whole: Site) -> None:
    end = whole.vigie.latest.at - 600
    guest = Guest(whole, Target("chart", "cpu", "", end - 900, end))
    answer = guest.answer("cpu", start=(end - 1800) * 1000, end=(end + 600) * 1000)
    assert (answer["start"], answer["end"]) == (round((end - 900) * 1000), round(end * 1000))
    assert answer.get("text", "") == ""  # which would tell the newest values
    assert guest.chart("cpu", window="5m").status_code == 403
    assert guest.chart("cpu", start=ZOOM[0] * 1000, end=ZOOM[1] * 1000).status_code == 403
    page = guest.get("_dash-layout").json
    assert ids.LIVE_FRAME not in {n["props"].get("id") for n in walk(page) if isinstance(n["props"].get("id"), str)}
    assert poll(guest, ["cpu_usage_ratio"])["v"] == []
    bars = Guest(whole, Target("monitoring", "system", "", end - 900, end))
    assert bars.chart("volumes").status_code == 403


def poll(guest: Guest, keys: list[str]) -> dict[str, Any]:
    answer = guest.post({
        "output": f"{ids.LIVE_FRAME}.data", "outputs": {"id": ids.LIVE_FRAME, "property": "data"},
        "inputs": [{"id": ids.LIVE_POLL, "property": "n_intervals", "value": 1}],
        "state": [{"id": ids.LIVE_WANT, "property": "data", "value": keys},
                  {"id": ids.LIVE_FRAME, "property": "data", "value": None}],
        "changedPropIds": [f"{ids.LIVE_POLL}.n_intervals"],
    })
    assert answer.status_code == 200, answer.text
    frame: dict[str, Any] = answer.json["response"][ids.LIVE_FRAME]["data"]
    return frame


def test_polling_gives_the_series_of_the_chart_alone(guest: Guest) -> None:
    before = guest.refused()
    assert poll(guest, ["cpu_usage_ratio"])["keys"] == ["cpu_usage_ratio"]
    assert guest.refused() == before
    mixed = poll(guest, ["cpu_usage_ratio", "memory_used_bytes", "cpu_load1"])
    assert mixed["keys"] == ["cpu_usage_ratio"]
    assert guest.refused() == before + 1


def test_a_view_is_shown_as_long_as_its_maker_may_see_it(whole: Site) -> None:
    from desk.views import Person, ViewBody

    maker = Person(3, "admin")
    view = whole.vigie.views.create(maker, "Wall", ViewBody(charts=["cpu", "q:cpu_load1"]))
    guest = Guest(whole, Target("view", str(view.id), "5m"))
    assert guest.answer("q:cpu_load1")["figure"] is not None
    assert guest.chart("memory").status_code == 403
    stranger = Guest(whole, Target("view", str(view.id), "5m"), owner_id=4)
    assert stranger.get().status_code == 410
    whole.vigie.views.update(view.id, maker, body=ViewBody(charts=["memory"]))
    assert guest.answer("memory")["figure"] is not None
    assert guest.chart("cpu").status_code == 403
    whole.vigie.views.delete(view.id, maker)
    gone = guest.get()
    assert (gone.status_code, "no longer there" in gone.text) == (410, True)
    assert guest.chart("memory").status_code == 403


def test_charts_of_several_gpus_are_told_apart(whole: Site) -> None:
    from desk.views import Person, ViewBody

    view = whole.vigie.views.create(Person(3, "admin"), "GPUs", ViewBody(charts=["gpu-power:0", "gpu-power:1"]))
    layout = Guest(whole, Target("view", str(view.id), "5m")).get("_dash-layout").text
    assert "Power · GPU 0" in layout
    assert "Power · GPU 1" in layout


def test_times_are_written_in_the_readers_zone_without_a_cookie(whole: Site) -> None:
    guest = Guest(whole, Target("overview", timezone="Asia/Tokyo"))
    with whole.server.test_request_context(
        "/", headers={"X-Vigie-Timezone": "America/New_York", "Cookie": "vigie-timezone=Europe/Paris"},
        environ_overrides={"vigie.embed": guest.root.split("/")[2]},
    ):
        from pages.i18n import timezone

        assert whole.server.preprocess_request() is None
        assert timezone() == "America/New_York"
    for sent in ({}, {"X-Vigie-Timezone": "No/Where"}):
        with whole.server.test_request_context(
            "/", headers=sent, environ_overrides={"vigie.embed": guest.root.split("/")[2]},
        ):
            from pages.i18n import timezone

            assert whole.server.preprocess_request() is None
            assert timezone() == "Asia/Tokyo"


def test_the_theme_is_the_links(whole: Site) -> None:
    dark = Guest(whole, Target("chart", "cpu", "5m", theme="dark"))
    dark.client.set_cookie("vigie-theme", "light")
    assert 'data-bs-theme="dark"' in dark.get().text
    system = Guest(whole, Target("chart", "cpu", "5m"))
    system.client.set_cookie("vigie-theme", "light")
    assert "data-bs-theme=" not in system.get().text.split("<head>")[0]


def test_people_see_the_page_of_links(whole: Site) -> None:
    Guest(whole, Target("chart", "cpu", "5m"), title="Theirs", owner_id=99)
    links = {}
    for name in ("viewer", "admin"):
        client: FlaskClient = whole.signed_in(name)
        assert client.get("/embeds", headers=BROWSER).status_code == 200
        answer = whole.callback(client, [(ids.EMBEDS_LIST, "children")], [(ids.EMBEDS_ASK, "data", None)])
        assert answer.status_code == 200, answer.text
        links[name] = answer.text
    assert "Theirs" in links["admin"]
    assert "Theirs" not in links["viewer"]
    assert whole.server.test_client().get("/embeds", headers=BROWSER).status_code == 302
