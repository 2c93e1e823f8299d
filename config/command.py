"""The name of a model process, the template of its command, and the words it gives. Imports no pydantic: the serving
process uses it, too."""

from __future__ import annotations

import re
import shlex
import string

from config.marks import N_

COMMAND = (
    "llama-server --model {file} --alias {name} --host {host} --port {port} --ctx-size {contextSize} "
    "--temp {temperature} --top-p {topP} --top-k {topK} --n-predict {maxTokens} --repeat-penalty {repeatPenalty} "
    "--metrics"
)
PARAMETERS = ("contextSize", "temperature", "topP", "topK", "maxTokens", "repeatPenalty")
PLACEHOLDERS = ("file", "name", "host", "port", *PARAMETERS)
MASK = "********"
LONGEST_OPTION = 64

_LETTERS = frozenset(string.ascii_letters + string.digits + "-_.:/@+")
_BRACES = re.compile(r"\{\{(?P<literal>[A-Za-z_]\w*)\}\}|\{(?P<blank>[A-Za-z_]\w*)\}", re.ASCII)
"""A blank; and with two braces on each side a word in braces that is none."""
_SECRET = re.compile(r"(^|[-_])(key|token|secret|password)$", re.IGNORECASE)

_TOLD_SECRET = re.compile(
    r"""((authorization|api[-_]?key|(access|auth|hf)[-_]token|secret|password)["']?\s*:|\bBearer\s)\s*["']?(?=[^\s"'])""",
    re.IGNORECASE,
)
"""What a secret stands behind within a word: a header, or a key of JSON."""


def is_name(value: str) -> bool:
    """Whether a model process may be called so: never an option, a path or a second word."""
    return value[:1].isalnum() and set(value) <= _LETTERS


def words_of(command: str, values: dict[str, str]) -> list[str]:
    """The words of a command template, blanks filled in; a word stays one word whatever is filled in, and no shell sees
    it. A blank that ``values`` does not name stays as it is, and so do braces that are none, as those of JSON.

    Raises:
        ValueError: a quotation is not closed, or a blank has no meaning.
    """
    try:
        words = shlex.split(command)
    except ValueError:
        raise ValueError(N_("has a quotation mark that is not closed")) from None
    return [_BRACES.sub(lambda found: _filled(found, values), word) for word in words]


def asks_for(command: str, blank: str) -> bool:
    """Whether a command template has that blank."""
    return any(found["blank"] == blank for found in _BRACES.finditer(command))


def _filled(found: re.Match[str], values: dict[str, str]) -> str:
    name = found["blank"]
    if name is None:
        return "{" + found["literal"] + "}"
    if name not in PLACEHOLDERS:
        raise ValueError(N_("may hold these blanks only: {file} {name} {host} {port} and the default parameters"))
    return values.get(name, "{" + name + "}")


def shown(words: list[str]) -> list[str]:
    """The words of a command with what follows ``--api-key`` and its like masked, in headers (``Authorization: …``) and
    JSON, too."""
    made: list[str] = []
    hide = False
    for word in words:
        option, equals, _value = word.partition("=")
        secret = bool(_SECRET.search(option)) and len(option) < LONGEST_OPTION
        told = _TOLD_SECRET.search(word)
        if hide:
            made.append(MASK)
        elif secret and equals:
            made.append(f"{option}={MASK}")
        else:
            made.append(word if told is None else word[:told.end()] + MASK)
        hide = secret and not equals and not hide and word.startswith("-")
    return made


def holds_key(command: str) -> bool:
    """Whether a command template has a key in it, be it one that is no command otherwise."""
    try:
        words = shlex.split(command)
    except ValueError:
        words = [*command.split(), command]  # a quotation that is not closed: taken as a whole, too
    return shown(words) != words
