"""Charts and pages of Vigie on another site: in a frame, without cookies, and nothing beside them."""

from __future__ import annotations

import http.server
import json
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Frame, Page, expect

from tests.e2e.harness import PASSWORD, Server
from tests.e2e.nginx import nginx
from tests.e2e.visit import Visitor, drawn, newest, points, ready
from tests.support import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

COOKIES = """() => {
    document.cookie = 'mine=1; SameSite=None; Secure';
    let storage = 'open';
    try { localStorage.setItem('mine', '1'); } catch (error) { storage = error.name; }
    return [document.cookie, storage];
}"""
"""What a frame of another site gets to keep: in a browser that blocks third-party cookies nothing."""
ASK = """async ([method, path, body]) => {
    const sent = {method, headers: {Accept: 'application/json', 'Content-Type': 'application/json'}};
    if (body) sent.body = JSON.stringify(body);
    return (await fetch(path, sent)).status;
}"""
SUBSCRIBE = """key => new Promise(resolve => {
    const root = JSON.parse(document.getElementById('_dash-config').textContent).requests_pathname_prefix;
    const socket = new WebSocket('ws://' + location.host + root + 'ws/metrics');
    socket.onopen = () => socket.send(JSON.stringify({subscribe: [key]}));
    socket.onmessage = event => { socket.close(); resolve(event.data); };
    socket.onclose = event => resolve(String(event.code));
})"""


@dataclass
class Intranet:
    """Another site: ``http://localhost`` is not ``http://127.0.0.1``."""

    server: http.server.ThreadingHTTPServer
    pages: dict[str, str] = field(default_factory=dict)
    host: str = "localhost"

    @property
    def origin(self) -> str:
        return f"http://{self.host}:{self.server.server_port}"

    def show(self, page: Page, html: str, path: str = "/") -> None:
        """Puts a page on the site and goes there."""
        self.pages[path] = f"<!doctype html><title>Intranet</title><h1>Intranet</h1>{html}"
        page.goto(self.origin + path)


@pytest.fixture
def intranet() -> Iterator[Intranet]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(made.pages.get(self.path, "").encode())

        def log_message(self, *args: Any) -> None:
            pass

    made = Intranet(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler))
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join(5)


@pytest.fixture(scope="module")
def maker(server: Server) -> requests.Session:
    """Somebody who may make links, by program."""
    return server.api_login(*server.person())


def link(server: Server, maker: requests.Session, **body: Any) -> dict[str, Any]:
    answer = maker.post(f"{server.url}/api/v1/embeds", json=body, timeout=10)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def state(server: Server, maker: requests.Session, number: int) -> dict[str, Any]:
    data = maker.get(f"{server.url}/api/v1/embeds", timeout=10).json()["data"]
    return next(one for one in data if one["id"] == number)


def framed(page: Page) -> Frame:
    """The frame on a page of the intranet; it comes by itself when it is in sight."""
    found = page.wait_for_selector("iframe").content_frame()
    assert found is not None
    return found


def show(visitor: Visitor, intranet: Intranet, made: dict[str, Any], **options: Any) -> tuple[Page, Frame]:
    """A page of the intranet with the line that the link came with."""
    page = visitor.context(**options).new_page()
    intranet.show(page, made["html"])
    return page, framed(page)


def test_a_chart_on_another_site_is_live_and_nothing_else_answers(
    visitor: Visitor, server: Server, intranet: Intranet, maker: requests.Session
):
    made = link(server, maker, chart="cpu", window="5m", site=intranet.origin)
    page, frame = show(visitor, intranet, made)
    ready(frame)  # type: ignore[arg-type]  # what a page and a frame share
    drawn(frame, "cpu")  # type: ignore[arg-type]
    before, count = newest(frame, "cpu"), points(frame, "cpu")  # type: ignore[arg-type]
    frame.wait_for_function(f"() => vigie.charts.all().get('cpu').lastT > {before} + 2500")
    assert points(frame, "cpu") > 0 < count  # type: ignore[arg-type]
    assert frame.locator("nav, header, .chart-more, a[href]").count() == 0
    assert frame.evaluate(COOKIES) == ["", "SecurityError"]  # third-party cookies are off in this browser
    assert page.context.cookies() == []
    quiet = state(server, maker, made["id"])
    assert (quiet["uses"], quiet["refused"]) == (1, 0)  # watching asks for nothing that is not given

    visitor.allow(r"status of 40[13]")
    visitor.allow(r"WebSocket connection .* failed")
    root = made["url"].removeprefix(server.url)
    for method, path in (
        ("GET", f"{root}monitoring"), ("GET", f"{root}settings"), ("GET", f"{root}api/metrics/latest"),
        ("GET", f"{root}api/v1/embeds"), ("POST", f"{root}api/v1/embeds"), ("GET", f"{root}metrics"),
        ("GET", f"{root}api/metrics/stream"), ("GET", f"{root}login"),
    ):
        assert frame.evaluate(ASK, [method, path, {} if method == "POST" else None]) == 403, path
    for method, path in (
        ("GET", "/api/metrics/latest"), ("GET", "/monitoring"), ("GET", "/_dash-layout"), ("GET", "/metrics"),
        ("POST", "/_dash-update-component"), ("GET", "/api/v1/embeds"),
    ):
        assert frame.evaluate(ASK, [method, path, {} if method == "POST" else None]) == 401, path
    assert frame.evaluate(ASK, ["POST", f"{root}_dash-update-component", chart("cpu")]) == 200
    past = {"start": 1_700_000_000_000, "end": 1_700_000_060_000}
    for body in (chart("memory"), chart("q:cpu_usage_ratio"), chart("cpu", **past), router("/settings"),
                 {"output": "overview-state.children"}):
        assert frame.evaluate(ASK, ["POST", f"{root}_dash-update-component", body]) == 403, body
    assert "does not give" in frame.evaluate(SUBSCRIBE, "memory_used_bytes")
    wait_until(lambda: state(server, maker, made["id"])["refused"] == 8 + 5 + 1, 15, what="all refusals are counted")
    person = server.login()
    told = person.get(f"{server.url}/", headers={"Accept": "text/html"}, timeout=10).text
    assert "The embed link to CPU use was used for something else" in told
    output = server.output()
    assert "embed link refused" in output
    assert made["url"].split("/")[4] not in output  # no log holds the secret


def chart(name: str, **asked: Any) -> dict[str, Any]:
    """The callback of a chart's panel, as a script would post it."""
    match = '{"id":["MATCH"],"type":"%s"}.%s'
    slots = [{"id": {"type": kind, "id": name}, "property": prop}
             for kind, prop in (("chart-data", "data"), ("chart-state", "children"))]
    want = {"id": {"type": "chart-want", "id": name}, "property": "data"}
    return {
        "output": f"..{match % ('chart-data', 'data')}...{match % ('chart-state', 'children')}..", "outputs": slots,
        "inputs": [{**want, "value": {"chart": name, "n": 1, "window": "5m", **asked}}],
        "changedPropIds": [json.dumps(want["id"], sort_keys=True, separators=(",", ":")) + ".data"],
    }


def router(path: str) -> dict[str, Any]:
    """The callback by which Dash changes the page."""
    ids = ("_pages_content.children", "_pages_store.data")
    return {
        "output": f"..{'...'.join(ids)}..", "changedPropIds": ["_pages_location.pathname"],
        "outputs": [dict(zip(("id", "property"), name.split("."), strict=True)) for name in ids],
        "inputs": [{"id": "_pages_location", "property": "pathname", "value": path},
                   {"id": "_pages_location", "property": "search", "value": ""}],
    }


def test_a_cookie_of_the_same_browser_opens_nothing_more(
    visitor: Visitor, server: Server, intranet: Intranet, maker: requests.Session
):
    made = link(server, maker, chart="cpu", site="*")
    page = visitor.open(server)
    page.goto(made["url"])  # first-party: the admin's cookies come along
    ready(page)
    visitor.allow(r"status of 403")
    root = made["url"].removeprefix(server.url)
    assert page.evaluate(ASK, ["GET", f"{root}api/metrics/latest", None]) == 403
    assert page.evaluate(ASK, ["POST", f"{root}_dash-update-component", chart("memory")]) == 403
    assert page.evaluate(ASK, ["GET", "/api/metrics/latest", None]) == 200  # by the cookie, which is the admin's own


def test_a_site_that_was_not_named_cannot_frame_it(
    visitor: Visitor, server: Server, intranet: Intranet, maker: requests.Session
):
    made = link(server, maker, chart="cpu", site="https://another.example")
    page = visitor.context().new_page()
    visitor.allow("frame-ancestors|ERR_BLOCKED_BY_RESPONSE|violates the following")
    with page.expect_console_message(lambda message: "frame-ancestors" in message.text):
        intranet.show(page, made["html"])
    assert framed(page).locator("[data-chart], main").count() == 0
    named = link(server, maker, chart="cpu", site=intranet.origin)
    intranet.show(page, named["html"], "/named")
    framed(page).wait_for_selector("[data-chart=cpu]")


@pytest.mark.parametrize(("body", "selector"), [
    ({"page": "overview"}, "#overview-gauges .metric"),
    ({"page": "monitoring", "tab": "system", "window": "5m"}, "[data-chart=memory][data-drawn]"),
    ({"page": "explore", "q": "cpu_usage_ratio;memory_used_bytes!area", "window": "5m"}, "[data-chart][data-drawn]"),
])
def test_a_page_on_another_site_is_live_and_asks_for_no_more(
    visitor: Visitor, server: Server, intranet: Intranet, maker: requests.Session, body: dict[str, Any], selector: str
):
    made = link(server, maker, site=intranet.origin, **body)
    page, frame = show(visitor, intranet, made, viewport={"width": 1200, "height": 900})
    ready(frame)  # type: ignore[arg-type]
    frame.wait_for_selector(f"#react-entry-point {selector}")
    frame.wait_for_function("() => window.framesSeen > 7")  # longer than the overview's callback takes to come
    assert frame.locator("nav, header, a[href], .chart-more, .ag-root-wrapper, .top-table").count() == 0
    assert page.context.cookies() == []
    assert state(server, maker, made["id"])["refused"] == 0
    visitor.check()


def test_the_theme_is_the_links_and_a_phone_has_room(
    visitor: Visitor, server: Server, intranet: Intranet, maker: requests.Session
):
    made = link(server, maker, chart="memory", theme="light", site=intranet.origin)
    page, frame = show(visitor, intranet, made, viewport={"width": 390, "height": 800}, color_scheme="dark")
    ready(frame)  # type: ignore[arg-type]
    drawn(frame, "memory")  # type: ignore[arg-type]
    assert frame.evaluate("document.documentElement.dataset.bsTheme") == "light"
    assert frame.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert frame.evaluate("document.documentElement.scrollHeight <= innerHeight")  # one chart takes the frame, no more
    system = link(server, maker, chart="memory", site=intranet.origin)
    page.context.close()
    for scheme in ("dark", "light"):
        _, frame = show(visitor, intranet, system, color_scheme=scheme)
        assert frame.evaluate("document.documentElement.dataset.bsTheme") == scheme


def test_a_fixed_window_stays_where_it_is(
    visitor: Visitor, server: Server, intranet: Intranet, maker: requests.Session
):
    latest = maker.get(f"{server.url}/api/metrics/latest", timeout=10).json()["timestamp"]
    until = int(datetime.fromisoformat(latest).timestamp() * 1000)
    made = link(server, maker, chart="cpu", site=intranet.origin, **{"from": until - 60_000, "to": until})
    page = visitor.context().new_page()
    sockets: list[str] = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    intranet.show(page, made["html"])
    frame = framed(page)
    drawn(frame, "cpu")  # type: ignore[arg-type]
    expect(frame.locator(".embed-span")).to_contain_text("–")
    span = "() => { const [a, b] = vigie.charts.span(); return [Math.round(a), Math.round(b)]; }"
    assert frame.evaluate(span) == [until - 60_000, until]
    frame.evaluate(f"() => vigie.zoom.to({until} - 30000, {until} + 600000)")
    assert frame.evaluate(span)[1] <= until  # nothing later is asked for
    frame.evaluate("() => vigie.charts.follow()")
    assert frame.evaluate(span) == [until - 60_000, until]
    assert sockets == []
    assert state(server, maker, made["id"])["refused"] == 0


def test_a_link_that_is_revoked_says_so_in_the_frame_at_once(
    visitor: Visitor, server: Server, intranet: Intranet, maker: requests.Session
):
    made = link(server, maker, chart="cpu", site=intranet.origin)
    page, frame = show(visitor, intranet, made, viewport={"width": 500, "height": 500})
    ready(frame)  # type: ignore[arg-type]
    visitor.allow(r"status of 410")
    assert maker.delete(f"{server.url}/api/v1/embeds/{made['id']}", timeout=10).status_code == 204
    expect(page.frame_locator("iframe").locator("h1")).to_have_text("This link was withdrawn", timeout=20_000)
    assert requests.get(made["url"], timeout=10).status_code == 410
    assert page.context.cookies() == []


def test_a_link_that_has_expired_says_so(
    visitor: Visitor, server: Server, intranet: Intranet, maker: requests.Session
):
    made = link(server, maker, chart="cpu", site=intranet.origin)
    with sqlite3.connect(server.data_dir / "vigie.db", timeout=10) as state_file:
        state_file.execute("update embeds set expires = created + 1 where id = ?", (made["id"],))
    visitor.allow(r"status of 410")
    wait_until(lambda: requests.get(made["url"], timeout=10).status_code == 410, 10, what="it has expired")
    page, _ = show(visitor, intranet, made, viewport={"width": 400, "height": 500})
    expect(page.frame_locator("iframe").locator("h1")).to_have_text("This link has expired")
    tampered = made["url"][:-2] + ("A/" if made["url"][-2] != "A" else "B/")
    visitor.allow(r"status of 403")
    intranet.show(page, f'<iframe src="{tampered}"></iframe>', "/tampered")
    expect(page.frame_locator("iframe").locator("h1")).to_have_text("This link is not valid")


def test_a_chart_is_embedded_from_its_menu_seen_listed_and_revoked(
    visitor: Visitor, server: Server, intranet: Intranet
):
    name, password = server.person()
    page = visitor.open(server, "/monitoring", name, password)
    drawn(page, "memory")
    page.locator("[data-chart=memory] [data-chart-menu]").click()
    page.locator("#shell-chart-menu [data-action=embed]").click()
    dialog = page.locator("#shell-embed")
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="Make the link").click()
    expect(dialog.locator(".dialog-say")).to_contain_text("Say which site")
    dialog.locator("[name=site]").fill("nonsense")
    dialog.locator("[name=days]").select_option("7")
    visitor.allow(r"status of 400")
    dialog.get_by_role("button", name="Make the link").click()
    expect(dialog.locator(".dialog-say")).to_contain_text("https://intranet.example")
    dialog.locator("[name=site]").fill(intranet.origin)
    dialog.get_by_role("button", name="Make the link").click()
    expect(dialog.locator(".embed-made")).to_be_visible()
    line, address = dialog.locator("[name=html]").input_value(), dialog.locator("[name=url]").input_value()
    assert address in line
    preview = page.frame_locator(".embed-preview")
    expect(preview.locator("[data-chart=memory][data-drawn]")).to_be_visible(timeout=20_000)
    dialog.get_by_role("button", name="Done").click()
    guest = visitor.context().new_page()
    intranet.show(guest, line)
    drawn(framed(guest), "memory")  # type: ignore[arg-type]

    page.goto(f"{server.url}/embeds")
    row = page.locator(".embed-list tbody tr")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("Memory")
    expect(row).to_contain_text(intranet.origin)
    for width in (1440, 1010, 900, 725, 390):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
    row.get_by_role("button", name="Revoke").click()
    visitor.allow(r"status of 410")
    page.locator("#embeds-revoke").get_by_role("button", name="Revoke").click()
    expect(row).to_contain_text("revoked by")
    expect(guest.frame_locator("iframe").locator("h1")).to_have_text("This link was withdrawn", timeout=20_000)


def test_a_whole_page_is_embedded_from_the_bar_above_it(visitor: Visitor, server: Server):
    page = visitor.open(server, "/monitoring?tab=gpu", *server.person())
    ready(page)
    page.locator("[data-embed-page]").click()
    dialog = page.locator("#shell-embed")
    dialog.get_by_role("radio", name="Any site").check()
    with page.expect_request("**/api/v1/embeds") as asked:
        dialog.get_by_role("button", name="Make the link").click()
    body = asked.value.post_data_json
    assert (body["page"], body["tab"], body["site"], body["window"]) == ("monitoring", "gpu", "*", "5m")
    expect(dialog.locator(".embed-made")).to_be_visible()
    dialog.get_by_role("button", name="Done").click()
    page.goto(f"{server.url}/settings")
    ready(page)
    expect(page.locator("[data-embed-page]")).to_be_hidden()


def test_a_link_works_below_a_path_behind_a_proxy_with_tls(
    visitor: Visitor, start_server: Any, intranet: Intranet, tmp_path: Path
):
    server = start_server("--base-path=/vigie/", "--trusted-proxies=1", "--demo")
    intranet.host = "127.0.0.1"  # another site than the proxy's
    with nginx(tmp_path / "nginx", "/vigie/", [f"http://127.0.0.1:{server.port}"]) as (port,):
        behind = f"https://localhost:{port}/vigie"
        cert = str(tmp_path / "nginx" / "cert.pem")
        maker = server.api_login("admin", PASSWORD)
        maker.trust_env = False  # REQUESTS_CA_BUNDLE would outweigh ours
        answer = maker.post(
            f"{behind}/api/v1/embeds", json={"chart": "cpu", "site": intranet.origin}, verify=cert, timeout=10,
        )
        made = answer.json()
        assert made["url"].startswith(f"{behind}/embed/")
        page, frame = show(visitor, intranet, made, ignore_https_errors=True)
        ready(frame)  # type: ignore[arg-type]
        drawn(frame, "cpu")  # type: ignore[arg-type]
        before = newest(frame, "cpu")  # type: ignore[arg-type]
        frame.wait_for_function(f"() => vigie.charts.all().get('cpu').lastT > {before} + 1500")
        assert page.context.cookies() == []
        root = made["url"].removeprefix(f"https://localhost:{port}")
        visitor.allow(r"status of 40[13]")
        assert frame.evaluate(ASK, ["GET", f"{root}api/metrics/latest", None]) == 403
        assert frame.evaluate(ASK, ["GET", "/vigie/api/metrics/latest", None]) == 401
        intranet.show(page, f'<iframe src="{behind}/embed/made.up/"></iframe>', "/forged")
        expect(page.frame_locator("iframe").locator("h1")).to_have_text("This link is not valid")
