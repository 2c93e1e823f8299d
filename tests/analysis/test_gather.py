"""Series fetched piece by piece are those fetched at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis import gather as room
from analysis.frames import align
from analysis.gather import gather
from analysis.transform import aggregate
from metrics.series import Selection, Series, SeriesInfo

NOW = 1_800_000_000


class Store:
    """Cores of which each sample is its time's last digits, at ``step`` seconds; rollups from 60 s on."""

    def __init__(self, cores: int, step: int = 1) -> None:
        self.infos = [SeriesInfo("x", (("core", str(i)),), "", "gauge", "") for i in range(cores)]
        self.step, self.asked = step, 0

    def series(self, matchers: Sequence[str] | None = None) -> list[SeriesInfo]:
        return self.infos

    def select(self, matchers: Sequence[str], start: float, end: float, points: int | None = None) -> Selection:
        assert start <= end
        self.asked += 1
        t = np.arange(np.ceil(start / self.step), np.floor(end / self.step) + 1, dtype=np.int64) * self.step
        found = []
        for place, info in enumerate(self.infos if t.size else []):
            value = ((t + place) % 997).astype(np.float32)
            some = t[:: 1 if points is None else max(len(t) // points, 1)]
            keep = np.isin(t, some)
            edges = (value[keep] - 1, value[keep] + 1) if self.step >= 60 else (None, None)
            found.append(Series(info, some * 1000, value[keep], float(self.step), *edges))
        return Selection(found, float(self.step), ["The archive is away."])


@given(st.integers(1, 20), st.integers(0, 1500), st.integers(1, 4000))
def test_pieces_lose_nothing_and_count_nothing_twice(cores: int, before: int, seconds: int):
    store, start = Store(cores), NOW - before
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "PIECE", 600)
        found = gather(store, ["x"], start, start + seconds)
    whole = store.select(["x"], start, start + seconds)
    assert [f.info for f in found.series] == [w.info for w in whole.series]
    for one, other in zip(found.series, whole.series, strict=True):
        assert np.array_equal(one.t, other.t)
        assert np.array_equal(one.value, other.value)
    assert found.step == 1
    assert found.problems == ["The archive is away."]


@given(st.integers(1, 12), st.integers(0, 700), st.integers(1300, 4000))
def test_what_is_done_to_pieces_is_as_if_done_to_the_whole(cores: int, before: int, seconds: int):
    store, start = Store(cores), NOW - before
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "PIECE", 600)
        (found,) = gather(store, ["x"], start, start + seconds, work=lambda s: aggregate(s, "p95")).series
    (whole,) = aggregate(store.select(["x"], start, start + seconds).series, "p95")
    assert np.array_equal(found.t, whole.t)
    assert np.array_equal(found.value, whole.value)
    assert store.asked > 2


@given(st.integers(2, 12), st.integers(0, 700), st.integers(1300, 4000))
def test_too_many_samples_become_means_that_know_their_extremes(cores: int, before: int, seconds: int):
    store, start = Store(cores), NOW - before
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "PIECE", 600)
        patch.setattr(room, "MOST", cores * seconds // 7)
        found = gather(store, ["x"], start, start + seconds)
    whole = store.select(["x"], start, start + seconds).series
    assert 7 < found.step <= 24
    for one, other in zip(found.series, whole, strict=True):
        assert np.all(np.diff(one.t) == found.step * 1000)
        assert one.low is not None
        assert one.high is not None
        assert (one.low.min(), one.high.max()) == (other.value.min(), other.value.max())


def test_rollups_beyond_measure_are_thinned_alike():
    store = Store(4, 60)
    store.infos = store.infos[:1] * 1 + store.infos[1:]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "MOST_STEPS", 100)
        found = gather(store, ["x"], NOW - 86_400, NOW, 100)
    assert found.step > 60
    t, values = align(found.series)
    assert t.size < 120
    assert not np.isnan(values).any()
    assert gather(store, ["x"], NOW - 86_400, NOW).step == 60


def test_no_series_is_no_series():
    assert gather(Store(0), ["x"], NOW - 4000, NOW).series == []
