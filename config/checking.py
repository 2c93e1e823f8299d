"""From bytes to a configuration, or to sentences that say what is wrong with them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from pydantic import ValidationError

from config.dashboard import DashboardConfig
from config.differences import ABSENT, Document, copied, look_up
from config.documents import document, secret_places
from config.marks import N_
from config.problems import ConfigInvalid, Problem, from_validation
from config.secret import KEPT, Cipher, SecretText

LARGEST = 2**20
"""Bytes of a configuration file."""
DEEPEST = 32
"""Braces and brackets in one another."""
EMPTY = N_("The file is empty; it must hold one JSON object.")
LARGE = N_("The file has more than %(most)s KiB.")
NOT_UTF8 = N_("The file is not UTF-8 text: byte %(byte)s in line %(line)s.")
NOT_JSON = N_("The file is not valid JSON: line %(line)s, column %(column)s: %(reason)s.")
NO_COMMENTS = N_("The file is not valid JSON: line %(line)s, column %(column)s: JSON knows no comments.")
TRAILING = N_("The file is not valid JSON: line %(line)s, column %(column)s: there is a comma too many.")
CUT_OFF = N_("The file is not valid JSON: it ends in line %(line)s before it is complete.")
NO_OBJECT = N_("The file must hold one JSON object in braces.")
TOO_DEEP = N_("The file nests more than %(most)s levels deep.")
TWICE = N_("is written twice in one object")
NO_NUMBER = N_("is no number that JSON knows")
NO_UNICODE = N_("holds half a character (a lone surrogate)")
OTHER_KEY = N_("was encrypted by another installation: enter it anew")
NOTHING_KEPT = N_("stands for a secret that is kept, and there is none here: enter it")


def parse(data: bytes) -> Document:
    """The JSON object in ``data``.

    Raises:
        ConfigInvalid: there is none; with one sentence.
    """
    if len(data) > LARGEST:
        _refuse(LARGE, most=str(LARGEST // 1024))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        _refuse(NOT_UTF8, byte=f"0x{data[error.start]:02x}", line=str(data.count(b"\n", 0, error.start) + 1))
    if not text.strip():
        _refuse(EMPTY)
    try:
        found = json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except json.JSONDecodeError as error:
        _say_where(text, error)
    except RecursionError:
        _refuse(TOO_DEEP, most=str(DEEPEST))
    except ValueError:  # Python's own bound on the digits of a whole number
        raise ConfigInvalid([Problem("", NO_NUMBER)]) from None
    if not isinstance(found, dict):
        _refuse(NO_OBJECT)
    _look_through(found, "", DEEPEST)
    return found


def _refuse(message: str, **params: str) -> NoReturn:
    raise ConfigInvalid([Problem("", message, params=params)])


def _object(pairs: list[tuple[str, Any]]) -> Document:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        raise ConfigInvalid([Problem(name, TWICE) for name in made if names.count(name) > 1])
    return made


def _constant(name: str) -> NoReturn:
    raise ConfigInvalid([Problem("", NO_NUMBER, name)])


def _say_where(text: str, error: json.JSONDecodeError) -> NoReturn:
    place = {"line": str(error.lineno), "column": str(error.colno)}
    rest = text[error.pos:].lstrip()
    if text[error.pos:error.pos + 1] == "/" or rest.startswith(("//", "/*")):
        _refuse(NO_COMMENTS, **place)
    if not rest or error.msg.startswith("Unterminated string"):
        _refuse(CUT_OFF, line=str(text.rstrip().count("\n") + 1))
    before = text[:error.pos].rstrip()
    if "trailing comma" in error.msg or (before.endswith(",") and rest[:1] in "}]"):
        _refuse(TRAILING, **place)
    _refuse(NOT_JSON, **place, reason=error.msg[:1].lower() + error.msg[1:])


def _look_through(value: Any, path: str, deeper: int) -> None:
    """Refuses what JSON texts can hold and nobody can work with.

    Raises:
        ConfigInvalid: nested too deep, or no Unicode.
    """
    if deeper == 0:
        _refuse(TOO_DEEP, most=str(DEEPEST))
    if isinstance(value, dict):
        for key, inner in value.items():
            _look_through(key, path, deeper)
            _look_through(inner, f"{path}.{key}" if path else key, deeper - 1)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            _look_through(inner, f"{path}.{number}", deeper - 1)
    elif isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value):
        raise ConfigInvalid([Problem(path.encode(errors="replace").decode(), NO_UNICODE)])


def check(raw: Mapping[str, Any]) -> DashboardConfig:
    """The configuration in a document whose secrets are in the clear. Types are those of JSON, none is bent.

    Raises:
        ConfigInvalid: with every problem.
    """
    try:
        return DashboardConfig.model_validate_json(json.dumps(raw), strict=True)
    except ValidationError as error:
        raise ConfigInvalid(from_validation(error.errors(include_url=False))) from None
    except (TypeError, ValueError) as error:
        raise ConfigInvalid([Problem("", N_("is no JSON: %(reason)s"), params={"reason": str(error)})]) from None


def unseal(raw: Document, cipher: Cipher) -> tuple[Document, bool]:
    """A copy of ``raw`` with its secrets in the clear, and whether one of them lay in the clear already.

    Raises:
        ConfigInvalid: a secret was encrypted with another key.
    """
    opened, clear, problems = copied(raw), False, []
    for path, holder, key in list(secret_places(opened)):
        kept = holder[key]
        try:
            holder[key] = cipher.decrypt(kept)
        except ValueError:
            problems.append(Problem(".".join(path), OTHER_KEY))
        clear = clear or (bool(kept) and holder[key] == kept)
    if problems:
        raise ConfigInvalid(problems)
    return opened, clear


def seal(raw: Document, cipher: Cipher) -> Document:
    """A copy of ``raw`` with the secrets that lie in the clear encrypted."""
    sealed: Document = copied(raw)
    for _, holder, key in list(secret_places(sealed)):
        if cipher.decrypt(holder[key]) == holder[key]:
            holder[key] = cipher.encrypt(holder[key])
    return sealed


def sealed(config: DashboardConfig, cipher: Cipher) -> Document:
    """A configuration as it lies on disk."""
    made: Document = document(config, lambda secret: cipher.encrypt(secret.reveal()))
    return made


def _kept_at(mark: str, path: Sequence[str]) -> str:
    """Where the secret lies that a `KEPT` at ``path`` stands for: there, or where the same entry had another name."""
    way = mark.removeprefix(KEPT).split(".")
    renamed = len(way) == len(path) and sum(one != other for one, other in zip(way, path)) == 1 and way[-1] == path[-1]
    return ".".join(way if renamed and mark != KEPT else path)


def with_kept(raw: Mapping[str, Any], kept: DashboardConfig, *, lenient: bool = False) -> tuple[Document, list[str]]:
    """A copy of ``raw`` in which each `KEPT` is the secret that ``kept`` has at that place, and the paths for which it
    has none: an error, or, ``lenient``, an empty secret. With a path behind it, `KEPT` is the secret of that place: of
    an entry that got another name.

    Raises:
        ConfigInvalid: there is none, and not ``lenient``.
    """
    filled, known, lost = copied(raw), document(kept), []
    for path, holder, key in list(secret_places(filled)):
        if isinstance(holder[key], str) and holder[key].startswith(KEPT):
            secret = look_up(known, _kept_at(holder[key], path))
            if secret is ABSENT or not secret:
                lost.append(".".join(path))
            holder[key] = secret.reveal() if isinstance(secret, SecretText) else ""
    if lost and not lenient:
        raise ConfigInvalid([Problem(path, NOTHING_KEPT) for path in lost])
    return filled, lost
