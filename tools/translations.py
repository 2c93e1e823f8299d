"""Brings the catalogues up to date with the code: ``python -m tools.translations``.

Reads every marked text by ``babel.cfg``, adds what is new to each ``messages.po``, drops what is gone, and tells what
still waits for a translation (exit code 1).
"""

from __future__ import annotations

import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parent.parent
TRANSLATIONS = ROOT / "translations"
KEYWORDS = {**DEFAULT_KEYWORDS, "N_": None, "_l": None, "NoData": None}
"""Besides gettext's own: marked now and translated later, lazily, and the reasons of collectors."""


def extracted() -> Catalog:
    """A catalogue of every marked text, with the files it comes from."""
    with (ROOT / "babel.cfg").open(encoding="utf-8") as config:
        methods, options = parse_mapping_cfg(config)
    catalogue = Catalog(charset="utf-8")
    for file, _line, message, _comments, _context in extract_from_dir(ROOT, methods, options, KEYWORDS, ()):
        if message:
            catalogue.add(message, None, [(file, 0)])
    return catalogue


def catalogues() -> list[Path]:
    """The ``.po`` files."""
    return sorted(TRANSLATIONS.glob("*/LC_MESSAGES/messages.po"))


def read(path: Path) -> Catalog:
    """One ``.po`` file; the folder is its language."""
    with path.open("rb") as file:
        return read_po(file, locale=path.parent.parent.name)


def missing(catalogue: Catalog) -> list[str]:
    """The texts of ``catalogue`` without a translation, or with a doubtful one."""
    found = []
    for message in catalogue:
        texts = message.string if isinstance(message.string, tuple) else (message.string,)
        if message.id and (message.fuzzy or not all(texts)):
            found.append(str(message.id))
    return found


def main() -> int:
    """Updates every catalogue; 1 when a text waits for its translation."""
    template, waiting = extracted(), 0
    for path in catalogues():
        catalogue = read(path)
        made = catalogue.creation_date
        catalogue.update(template, no_fuzzy_matching=True)
        catalogue.creation_date = made
        catalogue.obsolete.clear()
        with path.open("wb") as file:
            write_po(file, catalogue, width=120, sort_output=True, omit_header=False, include_lineno=False)
        for text in missing(catalogue):
            print(f"{path.parent.parent.name}: {text}")
            waiting += 1
    return 1 if waiting else 0


if __name__ == "__main__":
    sys.exit(main())
