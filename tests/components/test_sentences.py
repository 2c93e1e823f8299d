"""Sentences of the rooms below, in the viewer's language."""

from __future__ import annotations

import pytest

from components.sentences import sentence


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


@pytest.mark.usefixtures("english")
def test_english_stays_as_it_is_written():
    text = "The ring has been away since 12:00 UTC (no route to host); 3 ticks are buffered (bound 600)."
    assert sentence(text) == text
