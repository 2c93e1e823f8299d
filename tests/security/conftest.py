"""A small app behind the real security room, over a real SQLite file and with a clock that tests set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask, jsonify
from flask.testing import FlaskClient
from flask_babel import Babel
from werkzeug.test import TestResponse

import security
from config.settings import Settings
from security import passwords
from security.accounts import Accounts
from security.identity import current_identity
from security.permissions import requires
from security.secrets import Secrets, load_secrets
from storage.database import Database
from storage.errors import StoreUnavailable

ROOT = Path(__file__).parents[2]
PASSWORD = "correct horse battery"
BROWSER = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}


class Clock:
    """Seconds since 1970 that only a test moves."""

    def __init__(self) -> None:
        self.at = 1_800_000_000.0

    def __call__(self) -> float:
        return self.at

    def forward(self, seconds: float) -> None:
        self.at += seconds


@dataclass
class Site:
    """One app with its accounts and helpers to use it as people do."""

    server: Flask
    accounts: Accounts
    secrets: Secrets
    database: Switch
    clock: Clock
    blocked: list[tuple[str, str]]

    def client(self) -> FlaskClient:
        return self.server.test_client()

    def csrf(self, client: FlaskClient) -> str:
        """A CSRF token as the page gives it: by the cookie that scripts may read."""
        client.get("/login", headers=BROWSER)
        cookie = client.get_cookie(self.secrets.csrf_cookie)
        if cookie is None:  # signed in: /login sends on to the overview, which gives the cookie
            client.get("/", headers=BROWSER)
            cookie = client.get_cookie(self.secrets.csrf_cookie)
        assert cookie is not None
        return cookie.value

    def sign_in(
        self, client: FlaskClient, name: str = "viewer", password: str = PASSWORD, **more: Any
    ) -> TestResponse:
        headers = {**BROWSER, **more.pop("headers", {})}
        form = {"username": name, "password": password, "csrf_token": self.csrf(client), **more.pop("form", {})}
        return client.post("/login", data=form, headers=headers, **more)

    def signed_in(self, name: str = "viewer", **form: str) -> FlaskClient:
        client = self.client()
        response = self.sign_in(client, name, form=form)
        assert response.status_code == 302, response.text
        return client


def make_server(
    settings: Settings, accounts: Accounts, secrets: Secrets, *, overview: bool = True, **more: Any
) -> Flask:
    """An app with a few routes behind the guard; the one at ``/`` may be left to Dash."""
    server = Flask("sample", template_folder=str(ROOT / "templates"))
    Babel(server)
    security.init_app(server, settings, accounts, secrets, **more)

    if overview:
        server.add_url_rule("/", "overview", requires("dashboard:view")(lambda: "<p>overview</p>"))

    @server.route("/api/metrics/latest", methods=["GET", "POST"])
    @requires("metrics:read")
    def latest() -> Any:
        identity = current_identity()
        return jsonify(name=identity.name if identity else None)

    @server.post("/api/models/start")
    @requires("models:start")
    def start() -> Any:
        return jsonify(ok=True)

    @server.put("/api/users")
    @requires("users:manage")
    def manage() -> Any:
        return jsonify(ok=True)

    @server.get("/forgotten")
    def forgotten() -> str:
        return "nobody said who may see this"

    @server.get("/api/health")
    def health() -> Any:
        return jsonify(who=getattr(current_identity(), "name", None))

    @server.post("/api/auth/login")
    def api_login() -> Any:
        return jsonify(who=getattr(current_identity(), "name", None))

    @server.route("/ws/metrics", websocket=True)
    @requires("metrics:read")
    def socket() -> str:
        return "open"

    @server.get("/broken")
    @requires("dashboard:view")
    def broken() -> str:
        raise RuntimeError("a secret detail")

    return server


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """argon2 with as little work as it takes: dozens of sign-ins a second."""
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords, "_hasher", cheap)
    monkeypatch.setattr(passwords, "_DUMMY", cheap.hash("nobody's"))


@pytest.fixture
def clock() -> Clock:
    return Clock()


class Switch(Database):
    """A real database that a test can take away."""

    away = False

    @contextmanager
    def read(self) -> Iterator[Any]:
        with self._there(), super().read() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Any]:
        with self._there(), super().write() as connection:
            yield connection

    @contextmanager
    def _there(self) -> Iterator[None]:
        if self.away:
            raise StoreUnavailable("The database is out for lunch.")
        yield


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Switch]:
    """SQLite; files that test the rows themselves ask for `both_databases` instead."""
    made = Switch("state", tmp_path)
    yield made
    made.close()


@pytest.fixture
def both_databases(state_url: str | None, tmp_path: Path) -> Iterator[Switch]:
    made = Switch("state", tmp_path, state_url)
    yield made
    made.close()


@pytest.fixture
def accounts(database: Switch, clock: Clock) -> Accounts:
    return Accounts(database, clock)


@pytest.fixture
def make_site(tmp_path: Path, clock: Clock, accounts: Accounts, database: Switch) -> Callable[..., Site]:
    def make(*, overview: bool = True, **settings: Any) -> Site:
        for role in ("viewer", "operator", "admin"):
            accounts.people.add(role, PASSWORD, role)
        secrets, blocked = load_secrets(tmp_path), []
        server = make_server(
            Settings(**settings), accounts, secrets, overview=overview,
            on_blocked=lambda address, name: blocked.append((address, name)),
        )
        return Site(server, accounts, secrets, database, clock, blocked)

    return make


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    return make_site()
