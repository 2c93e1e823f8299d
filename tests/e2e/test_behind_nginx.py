"""Vigie below a path of another site, TLS before it, by a proxy that keeps the path and by one that takes it off."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
import requests
import websocket

from tests.e2e.harness import PASSWORD, Server
from tests.e2e.nginx import nginx
from tests.e2e.visit import Visitor, drawn, frames, newest, ready

pytestmark = pytest.mark.e2e
BASE = "/vigie/"


@dataclass
class Behind:
    """A Vigie and how browsers reach it."""

    server: Server
    url: str
    """Without the last slash."""
    origin: str
    cert: str

    def get(self, path: str, session: requests.Session | None = None, **headers: str) -> requests.Response:
        return (session or requests).get(
            self.origin + path, headers=headers, verify=self.cert, timeout=10, allow_redirects=False
        )

    def login(self) -> requests.Session:
        session = requests.Session()
        session.verify, session.trust_env = self.cert, False  # REQUESTS_CA_BUNDLE would outweigh ours
        form = session.get(f"{self.url}/login", timeout=10).text
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', form)
        assert token is not None
        answer = session.post(
            f"{self.url}/login", data={"username": "admin", "password": PASSWORD, "csrf_token": token[1]},
            headers={"Referer": f"{self.url}/login"}, timeout=10, allow_redirects=False,
        )
        assert (answer.status_code, answer.headers["Location"]) == (302, BASE)
        return session


@pytest.fixture(scope="module")
def proxies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Behind]]:
    folder = tmp_path_factory.mktemp("nginx")
    server = Server(folder / "data", f"--base-path={BASE}", "--trusted-proxies=1", "--demo").start()
    direct = f"http://127.0.0.1:{server.port}"
    try:
        with nginx(folder / "nginx", BASE, [direct, f"{direct}/"]) as ports:
            cert = str(folder / "nginx" / "cert.pem")
            origins = [f"https://localhost:{port}" for port in ports]
            yield {
                name: Behind(server, origin + BASE.rstrip("/"), origin, cert)
                for name, origin in zip(("kept", "stripped"), origins, strict=True)
            }
    finally:
        server.stop()


@pytest.fixture(params=["kept", "stripped"])
def behind(request: pytest.FixtureRequest, proxies: dict[str, Behind]) -> Behind:
    return proxies[request.param]


def test_a_browser_signs_in_sees_live_charts_walks_and_signs_out(behind: Behind, visitor: Visitor) -> None:
    context = visitor.context(ignore_https_errors=True)
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    page = context.new_page()
    sockets: list[str] = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    page.goto(f"{behind.url}/monitoring?window=15m")
    assert page.url.startswith(f"{behind.url}/login?next=")
    page.fill("input[name=username]", "admin")
    page.fill("input[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url(f"{behind.url}/monitoring?window=15m")
    ready(page)
    drawn(page, "cpu")
    before = newest(page, "cpu")
    frames(page, 2)
    page.wait_for_function("before => vigie.charts.all().get('cpu').lastT > before", arg=before)
    assert sockets == [f"{behind.url.replace('https', 'wss')}/ws/metrics"]
    assert page.locator("#react-entry-point .rail-link.active").inner_text().strip() == "Monitoring"
    page.click('#react-entry-point [data-window="1h"]')
    page.wait_for_url(f"{behind.url}/monitoring*window=1h*")

    page.click("#react-entry-point .brand")
    page.wait_for_url(f"{behind.url}/")
    page.wait_for_selector("#react-entry-point #main .gauge, #react-entry-point #main [data-arc]", state="attached")
    ready(page)
    links = page.eval_on_selector_all("a[href]", "all => all.map(a => a.href)")
    assert len(links) > 5
    assert [link for link in links if not link.startswith(behind.url + "/")] == []
    for path in [urlsplit(link).path for link in links]:
        assert page.request.get(behind.origin + path).status in (200, 404), path

    page.goto(f"{behind.url}/settings")
    ready(page)
    page.click("#react-entry-point details.menu:last-of-type summary")
    page.click(f"#react-entry-point form[action='{BASE}logout'] button")
    page.wait_for_url(f"{behind.url}/login?out")
    page.goto(f"{behind.url}/")
    assert page.url == f"{behind.url}/login"
    assert [url for url in asked if not url.startswith(behind.url + "/")] == []


def test_cookies_are_for_this_path_and_for_tls_only(behind: Behind) -> None:
    answer = behind.get(f"{BASE}login")
    cookies = answer.raw.headers.getlist("Set-Cookie")
    assert len(cookies) == 2
    for cookie in cookies:
        assert f"Path={BASE}" in cookie and "Secure" in cookie
    assert "max-age" in answer.headers["Strict-Transport-Security"]


def test_redirects_stay_below_the_path(behind: Behind) -> None:
    navigate = {"Sec-Fetch-Mode": "navigate"}
    assert behind.get(f"{BASE}monitoring?tab=gpu", **navigate).headers["Location"] == (
        f"{BASE}login?next={BASE}monitoring%3Ftab%3Dgpu"
    )
    assert behind.get(BASE.rstrip("/")).status_code == 301  # nginx's own
    session = behind.login()
    assert behind.get(f"{BASE}login?next={BASE}settings", session).headers["Location"] == f"{BASE}settings"
    for elsewhere in ("/other/", "//evil.example/", f"{BASE}/evil.example", "https://evil.example/", "/settings"):
        assert behind.get(f"{BASE}login?next={elsewhere}", session).headers["Location"] == BASE, elsewhere


def test_programs_and_their_documentation_work_below_the_path(behind: Behind) -> None:
    session = behind.login()
    assert behind.get(f"{BASE}api/v1/metrics/latest", session).status_code == 200
    assert behind.get(f"{BASE}metrics", session).status_code == 200
    assert behind.get(f"{BASE}api/openapi.json", session).json()["servers"] == [{"url": "/vigie"}]
    page = behind.get(f"{BASE}api/docs", session).text
    for address in re.findall(r'(?:src|href)="(/[^"]+)"', page):
        assert address.startswith(BASE)
        assert behind.get(address).status_code == 200, address
    with session.get(f"{behind.url}/api/metrics/stream", stream=True, timeout=10) as stream:
        assert next(line for line in stream.iter_lines() if line.startswith(b"data: "))


def test_a_socket_opens_for_this_site_and_for_no_other(behind: Behind) -> None:
    session = behind.login()
    cookie = "; ".join(f"{c.name}={c.value}" for c in session.cookies)
    url = f"{behind.url.replace('https', 'wss')}/ws/metrics"
    tls = {"ca_certs": behind.cert}
    socket = websocket.create_connection(url, sslopt=tls, origin=behind.origin, cookie=cookie, timeout=10)
    assert socket.recv()
    socket.close()
    with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
        websocket.create_connection(url, sslopt=tls, origin="https://evil.example", cookie=cookie, timeout=10)


def test_an_embed_link_leads_here_and_shows_its_chart(behind: Behind, visitor: Visitor) -> None:
    session = behind.login()
    token = next(c.value for c in session.cookies if "csrf" in c.name)
    made = session.post(
        f"{behind.url}/api/v1/embeds", json={"chart": "cpu"}, timeout=10,
        headers={"X-CSRFToken": str(token), "Origin": behind.origin},
    ).json()
    assert made["url"].startswith(f"{behind.url}/embed/")
    context = visitor.context(ignore_https_errors=True)
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    page = context.new_page()
    page.goto(made["url"])
    page.wait_for_selector('#react-entry-point [data-chart="cpu"][data-drawn]')
    assert [url for url in asked if not url.startswith(behind.url + "/")] == []


def test_asked_directly_it_is_at_its_path_only(proxies: dict[str, Behind]) -> None:
    server = proxies["kept"].server
    root = f"http://127.0.0.1:{server.port}"
    assert f"serves http://localhost:{server.port}{BASE}" in server.output()
    for path in ("/", BASE.rstrip("/")):
        answer = requests.get(root + path, timeout=10, allow_redirects=False)
        assert (answer.status_code, answer.headers["Location"]) == (302, BASE)
    for path in ("/monitoring", "/api/health", "/login", "/vigiemonitoring", "/assets/favicon.svg"):
        assert requests.get(root + path, timeout=10).status_code == 404, path
    assert requests.get(f"{root}{BASE}api/health", timeout=10).status_code == 200
