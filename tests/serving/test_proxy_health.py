"""How healthy a proxy was, out of when it listened and what it found then."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from metrics import models as m
from metrics.metric import Metric, labels
from metrics.series import Series, SeriesInfo
from serving.service import health

STEP = 60


def series(metric: Metric, at: list[int], values: list[float]) -> Series:
    info = SeriesInfo(metric.name, labels(proxy="lmstudio"), metric.unit, metric.kind, metric.help)
    return Series(info, np.array(at, np.int64) * 1000, np.array(values, np.float32), float(STEP))


def test_a_step_in_which_it_went_down_counts_for_the_time_it_listened() -> None:
    at, value = health(series(m.PROXY_UP, [0, 60], [0.25, 1.0]), series(m.PROXY_HEALTHY, [0, 60], [1.0, 0.5]))
    assert dict(zip(at.tolist(), value.tolist(), strict=True)) == {0: 0.25, 60_000: 0.5}


@given(st.lists(st.tuples(st.sampled_from([0.0, 1.0]), st.booleans()) | st.none(), max_size=60))
def test_each_look_counts_once_and_those_that_found_it_healthy_add_up(
    looks: list[tuple[float, bool] | None],
) -> None:
    there = [(place, *look) for place, look in enumerate(looks) if look is not None]
    listened = [(at, healthy) for at, up, healthy in there if up]
    at, value = health(
        series(m.PROXY_UP, [one[0] for one in there], [one[1] for one in there]),
        series(m.PROXY_HEALTHY, [one[0] for one in listened], [float(one[1]) for one in listened]),
    )
    assert len(at) == len(set(at.tolist())) == len(there)
    assert value.sum() == sum(healthy for _at, healthy in listened)
