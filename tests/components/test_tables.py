"""The process table in the viewer's language."""

from __future__ import annotations

import pytest

from collectors.processes import STATES
from components import tables

ROW = {"pid": 1, "name": "sh", "status": "sleeping"}


def test_states_are_said_in_the_viewers_language(french: None):
    assert tables.process_rows([ROW])[0] == ROW | {"status": "en sommeil"}


@pytest.mark.parametrize("state", STATES.values())
def test_every_state_a_process_may_have_has_words(french: None, state: str):
    said = tables.process_rows([{"status": state}])[0]["status"]
    assert said != state or state == "zombie"


def test_a_state_that_is_not_known_is_shown_as_it_came(english: None):
    assert tables.process_rows([{"status": "K"}])[0]["status"] == "K"


def test_numbers_of_processes_are_grouped(english: None):
    assert tables.process_count(400, 1213) == "400 busiest of 1,213 processes"
    assert tables.process_count(1213, 1213) == "1,213 processes"
