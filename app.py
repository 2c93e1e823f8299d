"""Vigie: ``python app.py``. `create_app` wires every room and starts nothing; `main` checks, then serves."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import startup
from config.settings import Settings, SettingsError, load_settings

if TYPE_CHECKING:
    from flask import Flask

    from loglines import LogOutput
    from pages.index import VigieDash
    from runtime import Runtime

# The imports inside the functions are meant: this module is the gunicorn parent's, which lives as long as Vigie and
# should stay small. What serves and watches is imported in the worker; what checks, in a child that ends.


def create_app(
    settings: Settings, folder: Path | None = None, *, validate: bool = False, logs: LogOutput | None = None,
) -> VigieDash:
    """One app, wired; no thread is started. ``folder`` is the data folder, by default the settings' own. ``logs`` is
    where log lines go, and follows the configuration.

    ``validate`` keeps Dash's layout validation on, for tests.
    """
    from wiring import wire

    return wire(settings, folder or data_folder(settings), validate=validate, logs=logs)


def data_folder(settings: Settings) -> Path:
    """Where this app keeps its files; the demo's never mix with a real machine's."""
    return settings.data_dir / "demo" if settings.demo else settings.data_dir


def main(argv: Sequence[str]) -> int:
    """The command line; returns the exit code."""
    if argv and argv[0] in ("user", "token", "audit"):
        from security.cli import run_cli

        return run_cli(argv, data_folder)
    try:
        settings = load_settings(argv)
        logs = startup.configure_logging(settings)
        folder = data_folder(settings)
        lock = startup.lock_folder(folder)
        startup.check_port(settings.host, settings.port)
        for warning in startup.in_child(partial(_check_stores, settings)):
            print(f"Warning: {warning}", file=sys.stderr)
        startup.in_child(partial(_prepare, settings, folder))
    except (SettingsError, startup.StartError) as error:
        print(f"Vigie cannot start: {error}", file=sys.stderr)
        return 2
    host = "localhost" if settings.host in ("127.0.0.1", "::1", "0.0.0.0", "::") else settings.host
    below = "" if settings.base_path == "/" else settings.base_path
    print(f"Vigie {startup.read_version()} serves http://{host}:{settings.port}{below}", flush=True)
    startup.serve(settings, partial(_make, settings, folder, logs))
    lock.close()
    return 0


def _make(settings: Settings, folder: Path, logs: LogOutput) -> tuple[Flask, Runtime]:
    server = create_app(settings, folder, logs=logs).server
    return server, server.extensions["vigie.runtime"]


def _check_stores(settings: Settings) -> list[str]:
    warnings = []
    if settings.redis_url:
        from storage.ring.redis import check_redis

        warnings.append(check_redis(settings.redis_url))
    if settings.database_url:
        from storage.database import check_database

        warnings.append(check_database(settings.database_url))
    return [w for w in warnings if w]


def _prepare(settings: Settings, folder: Path) -> None:
    """Keys, tables and the first account: what would otherwise fail in the worker, with a trace."""
    from security import audit
    from security.accounts import Accounts
    from security.audit.commands import trail_of
    from security.secrets import load_secrets
    from storage.database import Database
    from storage.errors import StoreUnavailable

    load_secrets(folder)
    try:
        database = Database("state", folder, settings.database_url)
        trail = trail_of(folder, database)
        with audit.using(trail):
            startup.announce_first_admin(Accounts(database))
        trail.flush()
        Database("archive", folder, settings.database_url).migrate()
    except StoreUnavailable:
        if settings.database_url is None:
            raise
        # The check before has said so; the first account is made once the database is there.


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
