"""What a ring promises, on both media."""

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metrics.series import SeriesInfo
from storage.errors import TooManySeries
from storage.ring.base import EPOCH, step_number, step_time
from tests.storage.conftest import NOW

N = step_number(NOW, 1.0)


def info(name="level_ratio", every=1.0, **labels):
    return SeriesInfo(name, tuple(sorted(labels.items())), "ratio", "gauge", "help", every)


def put(ring, n, values, newest=None):
    """Writes {series: value} at step n."""
    handles = np.array([ring.handle(one) for one in values], np.int64)
    ring.write(n, handles, np.array(list(values.values()), np.float32), newest)


def held(ring, one, first=N - 10_000, last=N + 10_000):
    """{step: value} of a series, by window."""
    handles = {i.key: h for h, i in ring.series().items()}
    if one.key not in handles:
        return {}
    ((t, v),) = ring.window([handles[one.key]], step_time(first, ring.step), step_time(last, ring.step))
    assert (np.diff(t) > 0).all()
    return {round((ms / 1000 - EPOCH) / ring.step): value for ms, value in zip(t.tolist(), v.tolist())}


def test_a_tick_is_read_back_at_its_nominal_time(open_ring):
    ring = open_ring()
    put(ring, N, {info(gpu="0"): 0.25, info(gpu="1"): 0.5})
    a, b = (ring.handle(info(gpu=g)) for g in "01")
    (ta, va), (tb, vb) = ring.window([a, b], NOW - 5, NOW + 5)
    assert ta.tolist() == tb.tolist() == [int(NOW * 1000)]
    assert (va.dtype, ta.dtype) == (np.float32, np.int64)
    assert va.tolist() == [0.25] and vb.tolist() == [0.5]
    np.testing.assert_array_equal(ring.read([b, a], N - 1, N + 1), [[np.nan, 0.5, np.nan], [np.nan, 0.25, np.nan]])


def test_a_gap_stays_a_gap_and_a_window_holds_its_edges(open_ring):
    ring = open_ring()
    for n in (N - 5, N - 4, N - 1, N):
        put(ring, n, {info(): float(n - N)})
    assert held(ring, info()) == {N - 5: -5.0, N - 4: -4.0, N - 1: -1.0, N: 0.0}
    assert held(ring, info(), N - 4, N - 1) == {N - 4: -4.0, N - 1: -1.0}


def test_the_oldest_cells_are_overwritten_and_are_gone(open_ring):
    ring = open_ring(capacity=50)
    for n in range(N, N + 120):
        put(ring, n, {info(): float(n - N)})
    assert held(ring, info()) == {n: float(n - N) for n in range(N + 70, N + 120)}
    got = ring.read([ring.handle(info())], N + 60, N + 119)
    assert np.isnan(got[0, :10]).all() and got[0, 10:].tolist() == [float(i) for i in range(70, 120)]


def test_late_samples_land_in_place_but_never_over_newer_ones(open_ring):
    ring = open_ring(capacity=50)
    put(ring, N, {info(): 1.0})
    put(ring, N - 10, {info(): 2.0}, newest=N)
    put(ring, N - 50, {info(): 3.0}, newest=N)  # its cell holds the newer tick N
    assert held(ring, info()) == {N - 10: 2.0, N: 1.0}


def test_a_late_sample_overwrites_a_stamp_of_a_clock_that_was_wrong(open_ring):
    ring = open_ring(capacity=50)
    put(ring, N + 5000, {info(): 9.0})
    put(ring, N, {info(): 1.0}, newest=N + 10)
    assert held(ring, info(), N - 50, N + 50) == {N: 1.0}


def test_what_a_wrong_clock_wrote_is_overwritten_by_the_right_one(open_ring):
    ring = open_ring(capacity=50)
    for n in range(N + 5000, N + 5010):
        put(ring, n, {info(): 9.0})
    for n in range(N, N + 50):
        put(ring, n, {info(): 1.0})
    assert held(ring, info()) == dict.fromkeys(range(N, N + 50), 1.0)


def test_other_steps_than_a_second(open_ring):
    ring = open_ring(step=0.5)
    n = step_number(NOW, 0.5)
    put(ring, n, {info(): 1.0})
    put(ring, n + 1, {info(): 2.0})
    ((t, v),) = ring.window([ring.handle(info())], NOW, NOW + 0.5)
    assert t.tolist() == [NOW * 1000, NOW * 1000 + 500] and v.tolist() == [1.0, 2.0]


def test_series_and_cells_survive_a_restart(open_ring):
    ring = open_ring()
    odd = SeriesInfo("disk_volume_used_bytes", (("mount", '/srv/Modèles "a"\n{x}'),), "bytes", "gauge", "Used", 5.0)
    put(ring, N, {odd: 7.0, info(): 1.0})
    ring.close()
    again = open_ring()
    assert set(again.series().values()) == {odd, info()}
    assert held(again, odd) == {N: 7.0}
    put(again, N + 1, {info(): 2.0})
    assert held(again, info()) == {N: 1.0, N + 1: 2.0}


def test_a_changed_description_is_kept(open_ring):
    ring = open_ring()
    handle = ring.handle(info(every=1.0))
    assert ring.handle(info(every=5.0)) == handle
    ring.close()
    assert [i.every for i in open_ring().series().values()] == [5.0]


def test_other_settings_make_a_new_generation_and_the_old_one_is_read(open_ring):
    ring = open_ring(step=1.0, capacity=600)
    for n in range(N - 20, N):
        put(ring, n, {info(): 1.0, info(gpu="gone"): 3.0})
    ring.close()
    again = open_ring(step=2.0, capacity=100, now=NOW + 4)
    half = step_number(NOW, 2.0)
    put(again, half, {info(): 2.0})
    put(again, half + 1, {info(): 2.0})
    handles = {i.key: h for h, i in again.series().items()}
    (t, v), (_, gone) = again.window([handles[info().key], handles[info(gpu="gone").key]], NOW - 30, NOW + 30)
    assert t.tolist() == [int(NOW - 20 + i) * 1000 for i in range(20)] + [int(NOW) * 1000, int(NOW + 2) * 1000]
    assert v.tolist() == [1.0] * 20 + [2.0] * 2 and gone.tolist() == [3.0] * 20
    assert again.oldest() == NOW + 4 - 600


def test_no_room_for_one_more_series(open_ring):
    ring = open_ring(max_series=3)
    for i in range(3):
        ring.handle(info(core=str(i)))
    with pytest.raises(TooManySeries, match="3 series"):
        ring.handle(info(core="3"))
    assert ring.handle(info(core="2")) is not None


def test_an_empty_window_and_no_series(open_ring):
    ring = open_ring()
    assert ring.window([], NOW - 10, NOW) == [] and ring.series() == {}
    handle = ring.handle(info())
    assert ring.window([handle], NOW, NOW - 10)[0][0].size == 0
    assert ring.read([handle], N, N - 1).shape == (1, 0)
    assert ring.window([handle], -1e9, 1e15)[0][0].size == 0


CAPACITY = 12
OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("tick"), st.integers(0, 60), st.dictionaries(st.integers(0, 3), st.floats(width=32,
                  allow_nan=False, allow_infinity=False), max_size=4)),
        st.tuples(st.just("late"), st.integers(0, 60), st.dictionaries(st.integers(0, 3), st.floats(width=32,
                  allow_nan=False, allow_infinity=False), min_size=1, max_size=2)),
        st.just(("again",)),
        st.just(("restart",)),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(OPERATIONS)
def test_any_order_of_writes_gives_the_cells_of_a_plain_dict(media, operations):
    place = media()
    ring = place(capacity=CAPACITY)
    model: dict[int, dict[int, tuple[int, float]]] = {}
    newest, before = N, None
    for operation in operations:
        if operation == ("restart",):
            ring.close()
            ring = place(capacity=CAPACITY)
            continue
        if operation == ("again",):
            if before is None:
                continue
            operation = before
        kind, ahead, values = before = operation
        n = N + ahead
        late = newest if kind == "late" else None
        newest = max(newest, n) if kind == "late" else n
        put(ring, n, {info(core=str(c)): v for c, v in values.items()}, late)
        for core, value in values.items():
            cells = model.setdefault(core, {})
            stamp = cells.get(n % CAPACITY, (0, 0.0))[0]
            if late is None or not n < stamp <= late:
                cells[n % CAPACITY] = (n, value)
    try:
        for core in range(4):
            wanted = dict(sorted(model.get(core, {}).values()))
            assert held(ring, info(core=str(core))) == pytest.approx(wanted, abs=0, rel=0)
            for first, last in ((N, N + 60), (N + 7, N + 9), (N + 20, N + 31)):
                inside = {n: v for n, v in wanted.items() if first <= n <= last}
                assert held(ring, info(core=str(core)), first, last) == inside
            if core in model:
                handle = ring.handle(info(core=str(core)))
                read = ring.read([handle], newest - 20, newest)[0]
                for n, value in zip(range(newest - 20, newest + 1), read.tolist()):
                    fits = n > newest - CAPACITY and n in wanted
                    assert value == wanted[n] if fits else math.isnan(value)
    finally:
        ring.close()
