"""Static files: compressed once, cached for good where the address says what is in the file, never waited for."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import brotli
import pytest
from flask import Flask
from flask.testing import FlaskClient

from api import static
from api.compressor import compress_once
from api.static import APART, ASK_AGAIN, FOREVER, ROOT, plotly_url, static_files, vendor_url
from tests.api.house import House
from tests.support import wait_until

ANY = {"Accept-Encoding": "gzip, deflate, br, zstd"}
TEXT = "/* a comment that goes on */\n" * 500


@pytest.fixture
def server(tmp_path: Path) -> Flask:
    """A server with an assets folder and nothing else."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "a.css").write_text(TEXT, encoding="ascii")
    (tmp_path / "assets" / "small.css").write_text("b {}", encoding="ascii")
    (tmp_path / "secret.txt").write_text("secret", encoding="ascii")
    made = Flask("static", static_folder=None)
    static.init_app(made, tmp_path / "cache", tmp_path / "assets")
    return made


@pytest.fixture
def client(server: Flask) -> FlaskClient:
    return server.test_client()


def idle(server: Flask) -> None:
    wait_until(lambda: not static_files(server).busy, 60, "compression done")


def test_first_as_it_is_then_compressed(server: Flask, client: FlaskClient) -> None:
    first = client.get("/assets/a.css", headers=ANY)
    assert first.status_code == 200
    idle(server)
    packed = client.get("/assets/a.css", headers=ANY)
    assert packed.headers["Content-Encoding"] == "br"
    assert brotli.decompress(packed.data).decode() == TEXT
    zipped = client.get("/assets/a.css", headers={"Accept-Encoding": "gzip"})
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(zipped.data).decode() == TEXT
    plain = client.get("/assets/a.css")
    assert "Content-Encoding" not in plain.headers
    assert plain.text == TEXT
    tags = {answer.headers["ETag"] for answer in (packed, zipped, plain)}
    assert len(tags) == 3
    assert all(answer.headers["Vary"] == "Accept-Encoding" for answer in (packed, zipped, plain))
    assert packed.content_type == "text/css; charset=utf-8"


def test_kept_across_restarts_and_not_made_twice(server: Flask, client: FlaskClient, tmp_path: Path) -> None:
    client.get("/assets/a.css", headers=ANY)
    idle(server)
    kept = sorted((tmp_path / "cache").iterdir())
    assert [path.suffix for path in kept] == [".br", ".gzip"]
    again = Flask("again", static_folder=None)
    static.init_app(again, tmp_path / "cache", tmp_path / "assets")
    assert again.test_client().get("/assets/a.css", headers=ANY).headers["Content-Encoding"] == "br"
    assert not static_files(again).busy


def test_changed_content_has_another_tag(server: Flask, client: FlaskClient, tmp_path: Path) -> None:
    before = client.get("/assets/a.css").headers["ETag"]
    assert client.get("/assets/a.css", headers={"If-None-Match": before}).status_code == 304
    (tmp_path / "assets" / "a.css").write_text(TEXT + "c {}", encoding="ascii")
    after = client.get("/assets/a.css", headers={"If-None-Match": before})
    assert (after.status_code, after.text) == (200, TEXT + "c {}")


def test_forever_only_when_the_address_changes_with_the_content(client: FlaskClient, tmp_path: Path) -> None:
    modified = int((tmp_path / "assets" / "a.css").stat().st_mtime)
    assert client.get(f"/assets/a.css?m={modified}").headers["Cache-Control"] == FOREVER
    for address in ("/assets/a.css", f"/assets/a.css?m={modified - 1}.0", "/assets/a.css?m=x"):
        assert client.get(address).headers["Cache-Control"] == ASK_AGAIN


def test_component_suites(client: FlaskClient) -> None:
    import dash

    path = Path(dash.__file__).parent / "dcc" / "dash_core_components.js"
    name = f"dash_core_components.v4_4_1m{int(path.stat().st_mtime)}.js"
    finger = client.get(f"/_dash-component-suites/dash/dcc/{name}")
    assert (finger.status_code, finger.headers["Cache-Control"]) == (200, FOREVER)
    plain = client.get("/_dash-component-suites/dash/dcc/dash_core_components.js")
    assert (plain.data, plain.headers["Cache-Control"]) == (path.read_bytes(), ASK_AGAIN)
    old = client.get("/_dash-component-suites/dash/dcc/dash_core_components.v4_4_1m1.js")
    assert old.headers["Cache-Control"] == ASK_AGAIN


@pytest.mark.parametrize("address", [
    "/assets/../secret.txt", "/assets/%2e%2e/secret.txt", "/assets//etc/passwd", "/assets/none.css", "/assets/",
    "/_dash-component-suites/dash/dash.py", "/_dash-component-suites/flask/app.py",
    "/_dash-component-suites/dash/../flask/app.js", "/_dash-component-suites/dash/dcc/../../../x.js",
    "/static/vendor/bootstrap-0000/bootstrap.min.css", "/static/vendor/nothing-1/x", "/static/plotly/../../app.js",
    "/static/vendor/x", "/static/none.css",
])
def test_nothing_else_gets_out(address: str, client: FlaskClient) -> None:
    assert client.get(address).status_code == 404


def test_bootstrap_and_its_icons_find_their_fonts(client: FlaskClient) -> None:
    css = client.get(vendor_url("bootstrap.min.css"))
    assert (css.status_code, css.headers["Cache-Control"]) == (200, FOREVER)
    assert "Bootstrap" in css.text[:200]
    icons = vendor_url("bootstrap-icons.min.css")
    font = re.search(r"url\([\"']?([^\"')?]+\.woff2)", client.get(icons).text)
    assert font
    answer = client.get(f"{icons.rpartition('/')[0]}/{font[1]}", headers=ANY)
    assert (answer.status_code, answer.content_type) == (200, "font/woff2")
    assert "Content-Encoding" not in answer.headers
    with pytest.raises(KeyError):
        vendor_url("none.css")


def test_the_plotly_bundle(client: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(static, "PLOTLY_DIR", tmp_path / "plotly")
    assert plotly_url() is None
    (tmp_path / "plotly").mkdir()
    (tmp_path / "plotly" / "plotly-abc123.min.js").write_text("bundle", encoding="ascii")
    url = plotly_url()
    assert url == "/static/plotly/plotly-abc123.min.js"
    answer = client.get(url)
    assert (answer.text, answer.headers["Cache-Control"]) == ("bundle", FOREVER)


def test_the_bundle_follows_its_parts(server: Flask, client: FlaskClient, tmp_path: Path) -> None:
    files = static_files(server)
    assert files.bundle_url(".js") is None, "there is no script"
    first = files.bundle_url(".css")
    assert client.get(first).text == f"{TEXT.strip()}\nb {{}}\n"
    assert client.get(first).headers["Cache-Control"] == FOREVER
    (tmp_path / "assets" / "small.css").write_text("i {}", encoding="ascii")
    second = files.bundle_url(".css")
    assert second != first and client.get(second).text.endswith("\ni {}\n")
    assert client.get(first).status_code == 404
    next((tmp_path / "cache").glob("vigie-*.css")).unlink()
    assert client.get(files.bundle_url(".css")).status_code == 200, "one that somebody removed is made again"


def test_without_a_folder_to_write_to_pages_name_each_file(server: Flask, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way", encoding="ascii")
    assert static_files(server).bundle_url(".css") is None
    (tmp_path / "cache").unlink()
    assert static_files(server).bundle_url(".css") is not None, "it is tried again"


def test_pages_before_a_sign_in_name_what_is_not_in_the_bundles() -> None:
    templates = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "templates").glob("*.html"))
    assert set(re.findall(r"/assets/([\w.-]+)", templates)) == set(APART)


def test_warming_makes_what_pages_load(
    server: Flask, client: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(static, "FIRST", (("dash", "html/*.min.js"), ("no_such_package", "*.js")))
    monkeypatch.setattr(static, "VENDOR", {"bootstrap": static.VENDOR["bootstrap"]})
    monkeypatch.setattr(static, "PLOTLY_DIR", tmp_path)
    (tmp_path / "plotly-1.min.js").write_text(TEXT, encoding="ascii")
    static_files(server).warm()
    idle(server)
    for address in (vendor_url("bootstrap.min.css"), static_files(server).bundle_url(".css"),
                    "/static/plotly/plotly-1.min.js",
                    "/_dash-component-suites/dash/html/dash_html_components.min.js"):
        assert client.get(address, headers=ANY).headers["Content-Encoding"] == "br"
    assert "Content-Encoding" not in client.get("/assets/small.css", headers=ANY).headers


def test_what_pages_load_is_there() -> None:
    """The packages' files are where we look for them."""
    for package, pattern in static.FIRST:
        base = static._package_dir(package)
        assert base is not None
        assert list(base.glob(pattern)), pattern


def test_a_folder_that_cannot_be_written_costs_nothing(server: Flask, client: FlaskClient, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way", encoding="ascii")
    client.get("/assets/a.css", headers=ANY)
    idle(server)
    packed = client.get("/assets/a.css", headers=ANY)
    assert brotli.decompress(packed.data).decode() == TEXT


def test_a_variant_that_somebody_removed_is_made_again(server: Flask, client: FlaskClient, tmp_path: Path) -> None:
    client.get("/assets/a.css", headers=ANY)
    idle(server)
    for file in (tmp_path / "cache").iterdir():
        file.unlink()
    assert client.get("/assets/a.css", headers=ANY).text == TEXT
    idle(server)
    assert client.get("/assets/a.css", headers=ANY).headers["Content-Encoding"] == "br"


def test_a_compression_that_fails_stops_no_other(
    server: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_gzip(body: bytes, encoding: str) -> bytes:
        if encoding == "gzip":
            raise OSError(12, "Cannot allocate memory")
        return compress_once(body, encoding)

    monkeypatch.setattr(static, "compress_apart", no_gzip)
    client.get("/assets/a.css", headers=ANY)
    idle(server)
    assert client.get("/assets/a.css", headers=ANY).headers["Content-Encoding"] == "br"
    assert client.get("/assets/a.css", headers={"Accept-Encoding": "gzip"}).text == TEXT


def test_head_and_post(client: FlaskClient) -> None:
    head = client.head("/assets/a.css")
    assert (head.status_code, head.data, head.headers["Content-Length"]) == (200, b"", str(len(TEXT)))
    assert client.post("/assets/a.css").status_code == 404


def test_files_are_the_same_for_everybody(house: House) -> None:
    """No ``Vary: Cookie``, whatever looked at the session: a sign-in must not empty the browser's cache."""
    answer = house.server.test_client().get(vendor_url("bootstrap.min.css"))
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
