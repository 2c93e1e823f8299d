"""Passwords: what may be one, how it is kept, how it is compared."""

from __future__ import annotations

import re
import secrets
import socket
import threading
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from security.errors import N_, PasswordRefused
from security.weak import is_weak

MIN_LENGTH = 12
"""NIST SP 800-63B and OWASP ASVS 2.1.1. No rule asks for digits or signs, and no password ends by itself."""
MAX_LENGTH = 256
"""Bounds the work that one request can cause."""

ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Letters and digits that cannot be taken for one another."""

# argon2id, 19 MiB, 2 passes, 1 lane: OWASP's first choice (Password Storage Cheat Sheet). The library's default of
# 64 MiB is half of what the whole monitor may use.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_DUMMY = _hasher.hash(secrets.token_hex(16))
_two_at_a_time = threading.BoundedSemaphore(2)
"""So that a burst of sign-ins takes neither all memory nor all threads of a small box."""


def check_new_password(password: str, name: str) -> None:
    """Lets a new password of user ``name`` pass.

    Raises:
        PasswordRefused: it is shorter than 12 or longer than 256 characters, is the user's name, or is made of words
        and runs that are guessed first (the user's name, this machine's and Vigie's among them).
    """
    if len(password) < MIN_LENGTH:
        raise PasswordRefused(N_("The password must have at least %(least)s characters."), least=MIN_LENGTH)
    if len(password) > MAX_LENGTH:
        raise PasswordRefused(N_("The password may have at most %(most)s characters."), most=MAX_LENGTH)
    if password.strip().casefold() == name.casefold():
        raise PasswordRefused(N_("The password must not be the user's name."))
    context = [*re.split(r"[\W_]+", name), name, *re.split(r"[\W_]+", socket.gethostname()), "vigie"]
    if is_weak(password, context):
        raise PasswordRefused(N_(
            "This password is easy to guess: it is made of common words, names, runs or dates. "
            "Use some words of your own."
        ))


def hash_password(password: str) -> str:
    """The argon2id hash to keep, salt and parameters inside."""
    with _two_at_a_time:
        return _hasher.hash(_bytes(password))


def verify_password(stored: str | None, password: str) -> bool:
    """True when ``password`` made ``stored``. With None (no such user) it does the same work and says False."""
    if len(password) > MAX_LENGTH:
        stored, password = None, ""
    with _two_at_a_time:
        try:
            _hasher.verify(stored or _DUMMY, _bytes(password))
        except (Argon2Error, InvalidHashError):
            return False
    return stored is not None


def outdated(stored: str) -> bool:
    """True when ``stored`` was made with other parameters than today's and should be made anew."""
    return _hasher.check_needs_rehash(stored)


def random_password() -> str:
    """A printable password of about 79 bits, in four groups that can be typed from a screen."""
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(4)) for _ in range(4))


def _bytes(password: str) -> bytes:
    # NFC, as RFC 8265 asks for passwords: the same letter typed on another system is the same password. A lone
    # surrogate can come from JSON; it must not be an error.
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
