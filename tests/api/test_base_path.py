"""The layer that takes the base path off, by itself."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from flask import Flask, request
from werkzeug.test import Client

from api.base_path import below
from config.settings import Settings
from wiring import wire

PROXIED = {"X-Forwarded-For": "192.0.2.1"}


def make(trusted_proxies: int = 0, base_path: str = "/a/vigie/") -> Client:
    server = Flask("sample", static_folder=None)
    server.add_url_rule("/<path:rest>", "any", lambda rest: f"{request.script_root}|{request.path}")
    server.add_url_rule("/", "root", lambda: f"{request.script_root}|{request.path}")
    below(server, base_path, trusted_proxies)
    return Client(server.wsgi_app)


@pytest.mark.parametrize(("asked", "seen"), [
    ("/a/vigie/", "/a/vigie|/"), ("/a/vigie/x/y", "/a/vigie|/x/y"),
    ("/a/vigie/a/vigie/x", "/a/vigie|/a/vigie/x"),
])
@pytest.mark.parametrize("trusted", [0, 1])
def test_the_path_is_taken_off(asked: str, seen: str, trusted: int) -> None:
    assert make(trusted).get(asked).text == seen


@pytest.mark.parametrize("asked", ["/", "/a/vigie", "/a/vigie?x=1"])
def test_the_door_leads_to_the_path(asked: str) -> None:
    answer = make().get(asked)
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/a/vigie/" + ("?x=1" if "?" in asked else "")


@pytest.mark.parametrize("asked", ["/x", "/a", "/a/", "/a/vigies/x", "/A/VIGIE/x"])
@pytest.mark.parametrize("headers", [{}, PROXIED])
def test_what_is_outside_is_not_there(asked: str, headers: dict[str, str]) -> None:
    answer = make().get(asked, headers=headers)
    assert answer.status_code == 404 and "/a/vigie/" in answer.text


def test_only_a_trusted_proxy_may_have_taken_it_off() -> None:
    assert make(1).get("/x", headers=PROXIED).text == "/a/vigie|/x"
    assert make(1).get("/", headers=PROXIED).text == "/a/vigie|/"
    assert make(1).get("/x").status_code == 404
    assert make(0).get("/x", headers=PROXIED).status_code == 404


def test_the_root_is_no_layer() -> None:
    assert make(base_path="/").get("/x").text == "|/x"


def test_every_address_of_the_document_is_below_the_path(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, base_path="/vigie/")
    server = wire(settings, tmp_path).server
    server.extensions["vigie"].accounts.people.add("viewer", "a-long-passphrase-of-ours", "viewer")
    client = server.test_client()
    form = client.get("/vigie/login").text
    token = re.search(r'name="csrf_token" value="([^"]+)"', form)
    assert token is not None
    answer = client.post(
        "/vigie/login", data={"csrf_token": token[1], "username": "viewer", "password": "a-long-passphrase-of-ours"},
    )
    assert answer.headers["Location"] == "/vigie/"
    for path in ("/vigie/", "/vigie/monitoring", "/vigie/settings", "/vigie/nowhere"):
        page = client.get(path).text
        addresses = re.findall(r'(?:src|href|action|data-path|data-plotly)="(/[^"]*)"', page)
        assert len(addresses) > 10
        assert [a for a in addresses if not a.startswith("/vigie/")] == [], path
    overview = client.get("/vigie/").text
    assert 'class="nav-link rail-link active" href="/vigie/"' in overview
    config = re.search(r'id="_dash-config"[^>]*>([^<]*)<', overview)
    assert config is not None and json.loads(config[1])["requests_pathname_prefix"] == "/vigie/"
