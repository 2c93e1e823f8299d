"""The keys of one installation, made at its first start and kept in the data folder, readable by its owner only."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path

FILE = "secrets.json"
_KEY_BYTES = 32


class SecretsError(Exception):
    """The keys cannot be read or made; the message is one sentence."""


@dataclass(frozen=True, slots=True, repr=False)
class Secrets:
    """Keys and what follows from them. Two installations on one host name differ, so their cookies never mix."""

    session_key: str
    """Signs cookies and CSRF tokens."""
    token_key: str
    """Signs access tokens (JWT)."""
    instance: str
    """Eight characters that name this installation; no secret."""

    @property
    def session_cookie(self) -> str:
        """Name of the session cookie."""
        return f"vigie_{self.instance}"

    @property
    def csrf_cookie(self) -> str:
        """Name of the cookie whose value Dash sends back as a header: ``Dash(csrf_token_name=...)``."""
        return f"vigie_csrf_{self.instance}"


def load_secrets(folder: Path) -> Secrets:
    """Reads the keys in ``folder``, or makes them there with mode 0600.

    Raises:
        SecretsError: the folder or the file cannot be written or read, or the file is damaged.
    """
    path = folder / FILE
    try:
        if not path.exists():
            _make(path)
        loaded = json.loads(path.read_text(encoding="ascii"))
        session_key, token_key = loaded["session_key"], loaded["token_key"]
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
    except OSError as error:
        raise SecretsError(f"The keys in {path} cannot be read or made: {error.strerror or error}.") from None
    except (ValueError, KeyError, TypeError):
        raise SecretsError(f"{path} is damaged: remove it, and everybody has to sign in again.") from None
    if not all(isinstance(key, str) and len(key) >= _KEY_BYTES for key in (session_key, token_key)):
        raise SecretsError(f"{path} holds a key that is too short: remove it, and everybody has to sign in again.")
    instance = hashlib.sha256(b"instance:" + session_key.encode()).hexdigest()[:8]
    return Secrets(session_key, token_key, instance)


def _make(path: Path) -> None:
    """Writes new keys whole or not at all; the first of two writers wins, and both read the same keys."""
    keys = {name: secrets.token_urlsafe(_KEY_BYTES) for name in ("session_key", "token_key")}
    # mkstemp makes the file 0600 before the first byte; a link fails where a rename would replace another's keys.
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            json.dump(keys, file)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)
        except FileExistsError:
            return
        except OSError:
            Path(temporary).rename(path)  # a file system without hard links
    finally:
        Path(temporary).unlink(missing_ok=True)
