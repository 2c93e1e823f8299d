"""Hides secrets in command lines before they leave the collector: everybody who may look sees the process list."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

HIDDEN = "***"

_SECRET_WORDS = frozenset((
    "password", "passwd", "passphrase", "passcode", "pwd", "pass", "secret", "secrets", "token", "apikey",
    "authtoken", "accesstoken", "credential", "credentials", "cookie", "bearer", "requirepass", "masterauth", "auth",
    "authorization", "jwt", "psk",
))
_SECRET_ENDS = ("password", "passwd", "passphrase", "secret", "apikey", "token")
"""Words glued to another: PGPASSWORD, authtoken."""
_SECRET_PAIRS = frozenset(
    (first, "key") for first in (
        "api", "access", "secret", "private", "auth", "encryption", "master", "signing", "account", "storage", "ssh",
    )
)
_HARMLESS_ENDS = frozenset((
    "file", "path", "dir", "folder", "type", "kind", "mode", "ttl", "limit", "length", "len", "size", "count",
    "counts", "timeout", "timeouts", "policy", "backend", "method", "methods", "url", "endpoint", "provider",
    "enabled", "required",
))
"""Last words that make an option tell something about a secret, and not the secret: --token-limit, --password-file."""
_PATH = re.compile(r"[./~]?[\w.+~-]*/|.*\.(pem|key|crt|json|ya?ml|toml|env|txt)\Z")

_TOKENS = re.compile(
    r"""(?<![A-Za-z0-9])(?:
        sk-[A-Za-z0-9_-]{8,}                                  # OpenAI and its like
      | (?:hf|api_org)_[A-Za-z0-9]{8,}                        # Hugging Face
      | gh[pousr]_[A-Za-z0-9]{8,} | github_pat_[A-Za-z0-9_]{8,}
      | glpat-[A-Za-z0-9_-]{8,} | xox[abeprs]-[A-Za-z0-9-]{8,}
      | nvapi-[A-Za-z0-9_-]{8,} | pypi-[A-Za-z0-9_-]{16,} | npm_[A-Za-z0-9]{16,}
      | (?:AKIA|ASIA)[A-Z0-9]{12,} | AIza[A-Za-z0-9_-]{20,}
      | gsk_[A-Za-z0-9]{8,} | r8_[A-Za-z0-9]{8,} | tvly-[A-Za-z0-9_-]{8,}
      | eyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?  # JSON web tokens
    )""",
    re.VERBOSE,
)
_URL_LOGIN = re.compile(r"(?<![A-Za-z0-9+.-])([A-Za-z][A-Za-z0-9+.-]*://)([^\s/@:]*):([^\s/]*)@")
_QUERY = re.compile(r"([?&;])([^\s=&;#?]+)=([^\s&;#'\"]+)")
_HEADER = re.compile(
    r"((?:proxy-)?authorization|x-[a-z-]*(?:key|token|secret)|api-key|set-cookie|cookie)(\s*[:=]\s*)(?!\s)[^'\"]+",
    re.IGNORECASE,
)
_SCHEME = re.compile(r"\b(Bearer|Basic|Digest)\s+[^\s'\"]+", re.IGNORECASE)
_PAIR = re.compile(r"""(?<![\w.-])(["']?)([A-Za-z_][\w.-]*)\1(\s*[:=]\s*)("[^"]*"|'[^']*'|[^\s,;&'"}]+)""")
_NAME = re.compile(r"-{0,2}[A-Za-z_][\w.-]*\Z")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_PIECES = re.compile(r"""\s+|(?:[^\s'"]|'[^']*'|"[^"]*"|['"])+""")

_SHORT = {
    "curl": ("-u", "--user", "-U", "--proxy-user"), "docker": ("-p",), "ldapsearch": ("-w",), "mongo": ("-p",),
    "mongodump": ("-p",), "mongosh": ("-p",), "mosquitto_pub": ("-P",), "mosquitto_sub": ("-P",),
    "openssl": ("-k", "-K"), "podman": ("-p",), "redis-cli": ("-a",), "smbclient": ("-U",),
    "snmpwalk": ("-c", "-A", "-X"), "sqlcmd": ("-P",), "sshpass": ("-p",), "unzip": ("-P",), "zip": ("-P",),
}
"""Programs whose short options carry a secret in the next argument."""
_GLUED = {
    "7z": "-p", "mariadb": "-p", "mongo": "-p", "mongosh": "-p", "mysql": "-p", "mysqladmin": "-p", "mysqldump": "-p",
    "redis-cli": "-a", "sshpass": "-p",
}
"""Programs whose short option has the secret glued to it: -pSECRET."""


def is_secret_name(name: str) -> bool:
    """Whether an option, variable or field of this name holds a secret, judged by its words.

    ``--api-key``, ``HF_TOKEN`` and ``clientSecret`` do; ``--max-tokens``, ``--token-limit`` and ``tokenizer`` do not.
    """
    words = [word.lower() for word in _WORDS.findall(name)]
    if not words or words[-1] in _HARMLESS_ENDS:
        return False
    if words == ["key"]:
        return True
    if any(word in _SECRET_WORDS or word.endswith(_SECRET_ENDS) for word in words):
        return True
    return any(pair in _SECRET_PAIRS for pair in pairwise(words))


def mask_command(argv: Sequence[str]) -> str:
    """A command line as one text, each secret in it replaced by ``***``.

    An argument that itself holds a command line (``sh -c "..."``, a program that renamed itself) is masked inside.
    """
    return " ".join(_mask_arguments(list(argv), depth=0))


def _mask_arguments(argv: list[str], depth: int) -> list[str]:
    masked: list[str] = []
    program = argv[0].rsplit("/", 1)[-1] if argv else ""
    short, glued = _SHORT.get(program, ()), _GLUED.get(program)
    if program in ("docker", "podman") and "login" not in argv:
        short = ()  # their -p is a port elsewhere
    hide_next = ""
    for place, argument in enumerate(argv):
        if hide_next:
            named, hide_next = hide_next, ""
            if not argument.startswith("--") or named == "always":
                masked.append(argument if named == "key" and _PATH.match(argument) else HIDDEN)
                continue
        if place and glued and argument.startswith(glued) and len(argument) > len(glued) and argument[1] != "-":
            masked.append(glued + HIDDEN)
            continue
        if place and argument in short:
            masked.append(argument)
            hide_next = "always"
            continue
        name, equals, value = argument.partition("=")
        if argument.startswith("-") and _NAME.match(name) and is_secret_name(name):
            plain = name.lstrip("-").lower()
            if equals:
                keep = plain == "key" and _PATH.match(value)
                masked.append(argument if keep else f"{name}={HIDDEN}")
            else:
                masked.append(argument)
                hide_next = "key" if plain == "key" else "yes"
            continue
        if equals and _NAME.match(name) and is_secret_name(name):
            keep = name == "key" and _PATH.match(value)
            masked.append(argument if keep else f"{name}={HIDDEN}")
            continue
        masked.append(_mask_text(argument, depth))
    return masked


def _mask_text(text: str, depth: int) -> str:
    """One argument: known kinds of secrets anywhere in it, then, where it is a text of its own, its inner arguments."""
    if len(text) < 4:
        return text
    text = _URL_LOGIN.sub(rf"\1\2:{HIDDEN}@", text)
    text = _QUERY.sub(lambda m: f"{m[1]}{m[2]}={HIDDEN}" if is_secret_name(m[2]) else m[0], text)
    text = _HEADER.sub(rf"\1\2{HIDDEN}", text)
    text = _SCHEME.sub(rf"\1 {HIDDEN}", text)
    text = _TOKENS.sub(HIDDEN, text)
    text = _PAIR.sub(_hide_pair, text)
    if depth < 3 and any(c.isspace() for c in text):
        pieces: list[str] = _PIECES.findall(text)
        words = [p for p in pieces if not p.isspace()]
        if len(words) > 1:
            hidden = iter(_mask_arguments([_bare(w) for w in words], depth + 1))
            parts = []
            for piece in pieces:
                if piece.isspace():
                    parts.append(piece)
                else:
                    inner = next(hidden)
                    parts.append(piece if inner == _bare(piece) else inner)
            text = "".join(parts)
    return text


def _bare(word: str) -> str:
    """A word without the quotes around it."""
    return word[1:-1] if len(word) > 1 and word[0] == word[-1] and word[0] in "'\"" else word


def _hide_pair(match: re.Match[str]) -> str:
    quote, name, between, value = match[1], match[2], match[3], match[4]
    if not is_secret_name(name) or (name.lower() == "key" and _PATH.match(value.strip("'\""))):
        return match[0]
    if value[0] in "'\"":
        return f"{quote}{name}{quote}{between}{value[0]}{HIDDEN}{value[0]}"
    return f"{quote}{name}{quote}{between}{HIDDEN}"
