"""Sentences of the rooms below, in the viewer's language."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

import serving.processes.supervisor  # noqa: F401 - brings the others
from components.sentences import FORMS, sentence


@pytest.mark.usefixtures("french")
@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("", ""),
        ("The NVIDIA driver is there and finds no GPU.", "Le pilote NVIDIA est là et ne trouve aucun GPU."),
        ("Redis is away: Connection refused", "Redis indisponible\u00a0: Connection refused"),
        (
            "The disk of /srv is full: the ring needs 12 MiB more.",
            "Le disque de /srv est plein\u00a0: il manque 12 Mio à l’anneau.",
        ),
        ("[Errno 5] Input/output error", "[Errno 5] Input/output error"),
        ("100%(bad)s", "100%(bad)s"),
    ],
)
def test_known_sentences_are_translated_and_others_left_alone(written: str, shown: str):
    assert sentence(written) == shown


@pytest.mark.parametrize("file", ["ending", "run", "output", "definition"])
def test_whatever_a_model_process_says_of_itself_is_known_by_its_form(file: str):
    tree = ast.parse(Path(sys.modules[f"serving.processes.{file}"].__file__ or "").read_text())
    said = {
        str(node.args[0].value) for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "N_"
        and isinstance(node.args[0], ast.Constant)
    }
    assert said and not {text for text in said if "%(" in text} - set(FORMS)


@pytest.mark.usefixtures("french")
def test_how_a_model_process_ended_is_translated():
    assert sentence("It ended with code 1.") == "Il s’est terminé avec le code 1."


@pytest.mark.usefixtures("english")
def test_english_stays_as_it_is_written():
    text = "The ring has been away since 12:00 UTC (no route to host); 3 ticks are buffered (bound 600)."
    assert sentence(text) == text
