"""User names: what may be one, and which spellings are the same."""

from __future__ import annotations

import re
import unicodedata

_NAME = re.compile(r"[\w.@+-]{1,64}")


def login_of(name: str) -> str:
    """What two spellings of one name share: compared without case, as people type it."""
    return unicodedata.normalize("NFKC", name.strip()).casefold()


def name_of(text: str) -> str | None:
    """``text`` as the name that it is; None when it can be nobody's."""
    name = unicodedata.normalize("NFKC", text.strip())
    return name if _NAME.fullmatch(name) else None


def sought(text: str) -> str:
    """What to look for among names and addresses: without what neither holds, and no database can be asked about."""
    return "".join(c for c in text if c.isprintable())
