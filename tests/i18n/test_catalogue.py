"""Every text on the screen is marked, and every marked text is French too."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog

from collectors.demo import SIMULATED
from components.sentences import FORMS, pattern_of
from pages.i18n import LANGUAGES, compile_catalogues
from tools.translations import catalogues, extracted, missing, read

ROOT = Path(__file__).parents[2]
TEXT_PROPS = {"title", "label", "placeholder", "message", "aria-label", "alt"}
ROOMS = {"html", "dcc", "dbc", "cards", "states"}
"""Where elements are made."""
SAME = {"Vigie", "404", "UTC", "CSV", "JSON"}
"""Texts that are the same in every language."""


@pytest.fixture(scope="module")
def marked() -> Catalog:
    return extracted()


def test_there_is_a_catalogue_for_each_language():
    assert sorted({p.parent.parent.name for p in catalogues()} | {"en"}) == sorted(LANGUAGES)


@pytest.mark.parametrize("path", catalogues(), ids=lambda p: p.parent.parent.name)
def test_every_marked_text_is_translated(path: Path, marked: Catalog):
    catalogue = read(path)
    known, wanted = {m.id for m in catalogue if m.id}, {m.id for m in marked if m.id}
    advice = "run python -m tools.translations, then translate what it lists"
    assert wanted - known == set(), advice
    assert known - wanted == set(), advice
    assert missing(catalogue) == [], advice


@pytest.mark.parametrize("path", catalogues(), ids=lambda p: p.parent.parent.name)
def test_translations_keep_the_places_of_names_and_numbers(path: Path):
    places = re.compile(r"%\(\w+\)[sd]|\{\w+\}")
    for message in read(path):
        ids = message.id if isinstance(message.id, tuple) else (message.id,)
        strings = message.string if isinstance(message.string, tuple) else (message.string,)
        for text in strings if message.id else ():
            assert sorted(set(places.findall(text))) == sorted(set(places.findall(ids[-1]))), ids


def test_french_has_its_spaces_and_apostrophes():
    for message in read(ROOT / "translations" / "fr" / "LC_MESSAGES" / "messages.po"):
        for text in message.string if isinstance(message.string, tuple) else (message.string,):
            if message.id:
                text = re.sub(r"\S+://\S+", "", text)  # an address keeps its own signs
                assert not re.search(r"\w'\w", text), f"a straight apostrophe: {text}"
                assert not re.search(r"[^\s\u00a0\u202f][;?!]| [:;?!]", text), (
                    f"a space that may break, or none: {text}"
                )


# -- nothing is left unmarked


def _texts_of(call: ast.Call) -> Iterator[ast.expr]:
    """What a call of an html or dcc element shows: its children, and the properties that are read out."""
    children = call.args[:1] + [k.value for k in call.keywords if k.arg == "children"]
    for child in children:
        yield from child.elts if isinstance(child, ast.List | ast.Tuple) else [child]
    for keyword in call.keywords:
        if keyword.arg in TEXT_PROPS:
            yield keyword.value
        elif keyword.arg is None and isinstance(keyword.value, ast.Dict):
            pairs = zip(keyword.value.keys, keyword.value.values)
            yield from (v for k, v in pairs if isinstance(k, ast.Constant) and k.value in TEXT_PROPS)
        elif keyword.arg is None and isinstance(keyword.value, ast.Call):  # **attrs(aria_label=...)
            yield from (k.value for k in keyword.value.keywords if k.arg == "aria_label")


def unmarked(source: str) -> list[str]:
    """Texts that elements of ``source`` show without gettext."""
    found = []
    for call in ast.walk(ast.parse(source)):
        function = call.func if isinstance(call, ast.Call) else None
        if (
            isinstance(function, ast.Attribute)
            and getattr(function.value, "id", "") in ROOMS
            and function.attr != "loading"
        ):
            for text in _texts_of(call):
                parts = text.values if isinstance(text, ast.JoinedStr) else [text]
                found += [p.value for p in parts if isinstance(p, ast.Constant) and isinstance(p.value, str)
                          and re.search(r"[A-Za-z]{2}", p.value) and p.value.strip() not in SAME]
    return found


@pytest.mark.parametrize(
    "path", [p for room in ("components", "pages", "callbacks") for p in sorted((ROOT / room).glob("*.py"))],
    ids=lambda p: f"{p.parent.name}/{p.name}",
)
def test_no_text_is_shown_without_being_marked(path: Path):
    assert unmarked(path.read_text(encoding="utf-8")) == []


def test_the_search_for_unmarked_texts_finds_them():
    source = (
        'html.Div(["Plain", _("Marked"), html.P(f"{x} left", title="Also plain", **attrs(aria_label="And this"))], '
    )
    source += 'className="not-a-text")'
    assert sorted(unmarked(source)) == [" left", "Also plain", "And this", "Plain"]


# -- sentences of the rooms below


def _examples() -> set[str]:
    """Every string of the rooms below, each of its fields filled in with ``x``, the last one also otherwise."""
    found = set()
    for path in [
        *ROOT.glob("*.py"),
        *(p for room in ("storage", "collectors", "live", "jobs", "alerts", "security", "config", "serving")
          for p in (ROOT / room).rglob("*.py")),
    ]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                text = "".join(v.value if isinstance(v, ast.Constant) else "\0" for v in node.values)
                head, _, tail = text.rpartition("\0")
                found |= {f"{head}{last}{tail}".replace("\0", "x") for last in ("x", "", ", x lost")}
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return found


def test_the_forms_of_sentences_are_those_that_are_written():
    written = _examples()
    for form in FORMS:
        assert any(re.match(pattern_of(form), text) for text in written), form


def test_forms_do_not_take_each_others_sentences():
    for i, form in enumerate(FORMS):
        text = re.sub(r"%\((\w+)\)s", r"\1", form)
        first = next(f for f in FORMS if re.match(pattern_of(f), text))
        assert first == form, (i, first)


def test_the_words_over_simulated_values_are_known(marked: Catalog):
    assert SIMULATED in marked


def test_a_catalogue_is_compiled_when_it_is_newer(tmp_path: Path):
    folder = tmp_path / "fr" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "messages.po").write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\nmsgid "a"\nmsgstr "b"\n'
    )
    assert compile_catalogues(tmp_path) == [folder / "messages.mo"]
    assert compile_catalogues(tmp_path) == []
    assert sorted(p.name for p in folder.iterdir()) == ["messages.mo", "messages.po"]


def test_a_folder_that_cannot_be_written_is_no_reason_to_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = tmp_path / "fr" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "messages.po").write_text('msgid "a"\nmsgstr "b"\n')

    def refuse(*_args: object, **_named: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pages.i18n.write_mo", refuse)
    assert compile_catalogues(tmp_path) == []
