"""Settings and where they come from: command line over environment (``VIGIE_<NAME>``) over ``--config`` file."""

from __future__ import annotations

import argparse
import ipaddress
import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NoReturn
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

PREFIX = "VIGIE_"
LOCK = "vigie.lock"
"""File of a data folder that the running server holds a lock on."""
ROLE_NAMES = ("viewer", "operator", "admin")
LOOPBACK = ("localhost", "127.0.0.1", "::1")
ALIASES = {"DASHBOARD_PORT": "port"}
"""Environment variables of other names that are honoured."""
SECRET_VARIABLES = frozenset({"VIGIE_ADMIN_PASSWORD", "VIGIE_OIDC_CLIENT_SECRET", "VIGIE_TEST_ALL"})
"""``VIGIE_*`` variables that are no settings: read once by the part that needs them, never kept."""
MOVED = {
    "thresholds": "limits stand at monitoring.alertThresholds in config/dashboard_config.json of the data folder, "
    "where a change needs no restart (see docs/configuration.md)",
}
"""Settings of earlier versions, and where what they set stands now."""
STEPS = (0.5, 1.0, 2.0, 5.0, 10.0)
BASE_PATH = re.compile(r"/(?:(?!\.{1,2}/)[A-Za-z0-9._~-]+/)*", re.A)


class SettingsError(Exception):
    """A setting is unknown or wrong; the message is one sentence: which, what was given, what is allowed."""


class Settings(BaseModel):
    """Everything that can be set. Closed: an unknown key stops the start."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 for all")
    port: int = Field(8050, ge=1, le=65535, description="Port to listen on")
    base_path: str = Field("/", description="Path that Vigie is served at, such as /vigie/")
    interval: float | None = Field(None, description=f"Seconds between two collections: one of {STEPS}; default 1")
    adaptive_interval: bool = Field(
        False, description="0.5 s above 80 % CPU, 1 s from 40 %, 2 s below; not with --interval"
    )
    data_dir: Path = Field(Path("data"), description="Folder for history, users and keys")
    redis_url: str | None = Field(None, description="Keep the newest hours in this Redis instead of files")
    database_url: str | None = Field(None, description="Keep history and users in this PostgreSQL instead of files")
    demo: bool = Field(False, description="Show a simulated GPU server instead of this machine")
    ring_hours: float = Field(6, ge=0.1, le=48, description="Hours kept at full resolution")
    viewer_limit: int = Field(48, ge=1, le=1000, description="Live viewers at a time; each holds a thread")
    session_hours: float = Field(12, ge=0.1, description="Hours until a login ends when not used")
    remember_days: float = Field(30, ge=1, description="Days that 'remember me' lasts")
    frame_ancestors: tuple[str, ...] = Field((), description="Sites that may show Vigie in a frame")
    embed_max_days: float = Field(365, gt=0, le=3650, description="Days that an embed link may last at most")
    audit_days: float = Field(365, ge=0, le=36500, description="Days that audit rows are kept; 0 keeps them for ever")
    trusted_proxies: int = Field(0, ge=0, le=5, description="Reverse proxies before Vigie whose headers count")
    oidc_issuer: str | None = Field(None, description="OpenID Connect: address of the provider")
    oidc_client_id: str | None = Field(None, description="OpenID Connect: what Vigie is called at the provider")
    oidc_client_secret_file: Path | None = Field(None, description="OpenID Connect: file that holds the secret")
    oidc_scopes: str = Field("openid profile email", description="OpenID Connect: what is asked for")
    oidc_groups_claim: str = Field("groups", description="OpenID Connect: the claim that names a person's groups")
    oidc_button: str = Field("OpenID Connect", max_length=60, description="OpenID Connect: words on the sign-in button")
    proxy_user_header: str | None = Field(None, description="Header in which a trusted proxy names who is signed in")
    proxy_groups_header: str = Field("Remote-Groups", description="Header in which it names their groups")
    proxy_addresses: tuple[str, ...] = Field((), description="Addresses that such headers are taken from")
    sign_in_groups: tuple[str, ...] = Field((), description="Roles by group, as group=role; *=role for everybody")
    sign_in_create: bool = Field(True, description="Who comes by provider or proxy at first gets an account")
    volumes_exclude: tuple[str, ...] = Field((), description="Mount points not to watch")
    browse_roots: tuple[str, ...] = Field(
        ("/home", "/srv", "/opt", "/mnt", "/media", "/data", "/models", "/var/lib"),
        description="Folders below which an administrator may look for models",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level logged")
    log_format: Literal["console", "json"] = Field("console", description="How log lines look")

    @field_validator("interval")
    @classmethod
    def _one_of_the_steps(cls, value: float | None) -> float | None:
        if value is not None and value not in STEPS:
            raise ValueError(f"must be one of {', '.join(map(str, STEPS))} seconds")
        return value

    @field_validator("browse_roots")
    @classmethod
    def _absolute(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any(not root.startswith("/") for root in value):
            raise ValueError("must be absolute paths, such as /srv")
        return value

    @field_validator("base_path")
    @classmethod
    def _path(cls, value: str) -> str:
        if not BASE_PATH.fullmatch(value):
            raise ValueError("must begin and end with '/', with letters, digits, . _ ~ - between, such as /vigie/")
        return value

    @field_validator("redis_url")
    @classmethod
    def _redis(cls, value: str | None) -> str | None:
        return _check_url(value, ("redis", "rediss", "unix"), "redis://host:6379/0")

    @field_validator("database_url")
    @classmethod
    def _database(cls, value: str | None) -> str | None:
        return _check_url(value, ("postgresql", "postgres"), "postgresql://user:password@host/name")

    @field_validator("oidc_issuer")
    @classmethod
    def _issuer(cls, value: str | None) -> str | None:
        checked = _check_url(value, ("https", "http"), "https://id.example/realms/main")
        if checked and urlsplit(checked).scheme == "http" and urlsplit(checked).hostname not in LOOPBACK:
            raise ValueError("must begin with https://; plain http is for this machine alone")
        return checked

    @field_validator("oidc_client_secret_file")
    @classmethod
    def _readable(cls, value: Path | None) -> Path | None:
        if value is not None:
            try:
                value.read_text(encoding="utf-8")
            except (OSError, ValueError) as error:
                raise ValueError(f"cannot be read: {getattr(error, 'strerror', None) or 'it is no text'}") from None
        return value

    @field_validator("oidc_scopes")
    @classmethod
    def _scopes(cls, value: str) -> str:
        if "openid" not in value.split():
            raise ValueError("must hold openid")
        return value

    @field_validator("proxy_user_header", "proxy_groups_header")
    @classmethod
    def _header(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{0,63}", value):
            raise ValueError("must be the name of a header, such as Remote-User")
        return value

    @field_validator("proxy_addresses")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            try:
                ipaddress.ip_network(one, strict=False)
            except ValueError:
                raise ValueError(f"holds {one!r}, which is no address or network such as 10.0.0.0/24") from None
        return value

    @field_validator("sign_in_groups")
    @classmethod
    def _groups(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            group, _equals, role = one.rpartition("=")
            if not group or role not in ROLE_NAMES:
                raise ValueError(f"holds {one!r}, which is not group=role with one of {', '.join(ROLE_NAMES)}")
        return value

    @model_validator(mode="after")
    def _together(self) -> Settings:
        if self.oidc_issuer and not self.oidc_client_id:
            raise ValueError("oidc_issuer needs oidc_client_id too")
        if self.proxy_user_header and not self.proxy_addresses:
            raise ValueError("proxy_user_header needs proxy_addresses too: else anybody could say who they are")
        return self

    @property
    def step(self) -> float:
        """Seconds of one ring step."""
        if self.interval is not None:
            return self.interval
        return 0.5 if self.adaptive_interval else 1.0

    @property
    def capacity(self) -> int:
        """Cells of one series."""
        return round(self.ring_hours * 3600 / self.step)


LISTS = tuple(name for name, field in Settings.model_fields.items() if str(field.annotation).startswith("tuple"))
"""Settings that are lists: no options of the command line."""


def _check_url(value: str | None, schemes: tuple[str, ...], example: str) -> str | None:
    if value is None:
        return None
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError as error:
        raise ValueError(f"is not a URL ({error}); for example {example}") from None
    if parts.scheme not in schemes or not (parts.netloc or parts.path):
        raise ValueError(f"must look like {example}")
    return value


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, without the whole usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{message[:1].upper()}{message[1:]}; see {self.prog} --help.\n")


def build_parser() -> Parser:
    """The options of ``python app.py``, one per setting (limits and lists are set in the file)."""
    parser = Parser(
        prog="app.py", description="Vigie watches the machines that serve AI models.", allow_abbrev=False,
        epilog="Each option has an environment variable: --data-dir is VIGIE_DATA_DIR. "
        "Other commands: app.py user --help, app.py token --help, app.py audit --help.",
    )
    parser.add_argument("--config", metavar="FILE", help="JSON file with settings (VIGIE_CONFIG)")
    for name, field in Settings.model_fields.items():
        if name in LISTS:
            continue
        flag = "--" + name.replace("_", "-")
        about = (field.description or "").replace("%", "%%")
        if field.annotation is bool:
            parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=None, help=about)
        else:
            default = "" if field.default is None else f" (default {field.default})"
            parser.add_argument(flag, metavar=name.upper(), help=about + default)
    return parser


def load_settings(argv: Sequence[str], environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from the command line, the environment and the file, in that order of weight.

    Raises:
        SettingsError: an unknown or wrong setting, or an unreadable file.
        SystemExit: from argparse, for an unknown option or ``--help``.
    """
    environ = os.environ if environ is None else environ
    given = {k: v for k, v in vars(build_parser().parse_args(list(argv))).items() if v is not None}
    from_env = _from_environment(environ)
    path = given.pop("config", None) or from_env.pop("config", None)
    from_env.pop("config", None)
    values: dict[str, Any] = _from_file(Path(path)) if path else {}
    values |= from_env | given
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        raise SettingsError(_sentence(error, path)) from None
    if settings.adaptive_interval and settings.interval is not None:
        raise SettingsError("interval fixes the interval and adaptive_interval varies it: give one of the two.")
    return settings


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for variable, field in ALIASES.items():
        if environ.get(variable):
            values[field] = environ[variable]
    for variable, text in environ.items():
        if not variable.startswith(PREFIX) or variable in SECRET_VARIABLES:
            continue
        name = variable.removeprefix(PREFIX).lower()
        if name in MOVED:
            raise SettingsError(f"environment variable {variable} is no setting any more: {MOVED[name]}.")
        if name != "config" and name not in Settings.model_fields:
            allowed = ", ".join(PREFIX + f.upper() for f in Settings.model_fields)
            raise SettingsError(f"environment variable {variable} is not a setting; known are {allowed}.")
        if name in LISTS:
            values[name] = tuple(part.strip() for part in text.split(",") if part.strip())
        else:
            values[name] = text
    return values


def _from_file(path: Path) -> dict[str, Any]:
    try:
        loaded = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"config file {path} cannot be read: {error.strerror or error}.") from None
    except ValueError as error:
        raise SettingsError(f"config file {path} is not valid JSON: {error}.") from None
    if not isinstance(loaded, dict):
        raise SettingsError(f"config file {path} must hold one JSON object with settings.")
    for name in MOVED.keys() & loaded.keys():
        raise SettingsError(f"{name} in {path} is no setting any more: {MOVED[name]}.")
    return loaded


def _sentence(error: ValidationError, path: str | None) -> str:
    parts = []
    for problem in error.errors():
        name = ".".join(str(p) for p in problem["loc"])
        if problem["type"] == "extra_forbidden":
            where = f" in {path}" if path else ""
            parts.append(f"{name} is not a setting{where}; known are {', '.join(Settings.model_fields)}")
            continue
        text = problem["msg"].removeprefix("Value error, ")
        if not name:  # about several at once
            parts.append(text)
            continue
        given = "" if name in ("redis_url", "database_url") else f" (given: {problem['input']!r})"
        parts.append(f"{name} {text[0].lower()}{text[1:]}{given}")
    return "; ".join(parts) + "."
