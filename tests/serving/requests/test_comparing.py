"""What the request log gives to a comparison, against numpy by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from serving.requests.comparing import side
from serving.requests.reading import Filter
from serving.requests.table import requests, row_of
from storage.database import Database

NOW = 1_800_000_000.0


@pytest.fixture
def database(state_url: str | None, tmp_path: Path) -> Database:
    """The archive, in a file and in PostgreSQL in turn."""
    return Database("archive", tmp_path, state_url)


def add(database: Database, count: int = 1, *, first: int = 0, joules: float | None = None, **more: Any) -> None:
    found = []
    for n in range(first, first + count):
        told = {
            "seq": n, "id": f"{n:x}", "at": NOW, "proxy": "lmstudio", "server": "box", "engine": "llamacpp",
            "model": "m", "client": "c", "path": "/", "kind": "chat", "stream": True, "status": 200, "finish": "stop",
            "duration": 1.0 + n / 100, "ttft": 0.1 + n / 1000, "itl": 0.02, "prompt_tokens": 5, "output_tokens": 11,
            **more,
        }
        row = row_of(told, "b", NOW)
        assert row is not None
        found.append(row | {"joules": joules})
    with database.write() as connection:
        connection.execute(sa.insert(requests), found)


def test_counts_are_of_all_and_times_of_what_went_well(database: Database) -> None:
    add(database, 40)
    add(database, 10, first=40, error="timeout", finish="", duration=99.0)
    add(database, 5, first=50, model="other", ttft=50.0)
    found = side(database, Filter(model="m", server="box"))
    assert (found.requests, found.failed, found.prompt_tokens, found.output_tokens) == (50, 10, 250, 550)
    assert dict(found.finish) == {"stop": 40}
    ttft = [0.1 + n / 1000 for n in range(40)]
    assert found.quantile("ttft", 0.95) == pytest.approx(np.percentile(ttft, 95))
    assert found.quantile("duration", 0.99) == pytest.approx(np.percentile([1 + n / 100 for n in range(40)], 99))
    speeds = [10 / (0.9 + n / 100 - n / 1000) for n in range(40)]
    assert found.quantile("speed", 0.5) == pytest.approx(np.median(speeds))
    assert found.joules_per_token is None and not found.cut


def test_what_clients_did_has_not_failed(database: Database) -> None:
    add(database, 20)
    add(database, 6, first=20, error="client_gone", finish="", status=499)
    add(database, 4, first=26, error="refused", finish="", status=400)
    add(database, 2, first=30, error="midstream", finish="")
    found = side(database, Filter(model="m"), most=20)
    assert (found.requests, found.failed, found.client_did, found.cut) == (32, 2, 10, False)
    assert found.failed_ratio == pytest.approx(2 / 32) and found.client_ratio == pytest.approx(10 / 32)


def test_energy_is_of_the_requests_that_were_reckoned(database: Database) -> None:
    add(database, 4, joules=22.0)
    add(database, 4, first=4)
    assert side(database, Filter(model="m")).joules_per_token == pytest.approx(2.0)


def test_an_empty_window_and_unknown_times(database: Database) -> None:
    add(database, 3, ttft=None, output_tokens=None)
    found = side(database, Filter(model="m"))
    assert found.known("ttft") == 0 and found.known("duration") == 3 and found.output_tokens is None
    nothing = side(database, Filter(model="m", start=NOW + 1000))
    assert (nothing.requests, nothing.failed_ratio, nothing.quantile("ttft", 0.5)) == (0, None, None)
    assert nothing.prompt_tokens is None and nothing.joules_per_token is None


def test_only_the_newest_times_are_looked_at(database: Database) -> None:
    add(database, 30)
    found = side(database, Filter(model="m"), most=10)
    assert found.cut and found.requests == 30 and found.known("ttft") == 10
    assert found.quantile("ttft", 0) == pytest.approx(0.12)
