from metrics.metric import Metric, Sample
from metrics.rates import Rates

BYTES = Metric("x_bytes_total", "counter", "bytes", "h")
GAUGE = Metric("level", "gauge", "", "h")


def rate(rates, total, at):
    return [s.value for s in rates.derive([Sample(BYTES, (), total), Sample(GAUGE, (), 1)], at)]


def test_the_first_sight_of_a_counter_has_no_rate():
    assert rate(Rates(), 100, 1) == []


def test_the_rate_divides_by_the_time_that_passed():
    rates = Rates()
    rate(rates, 100, 1.0)
    assert rate(rates, 400, 2.5) == [200.0]


def test_a_count_is_spread_over_the_time_between_what_is_kept_and_adds_up_again():
    rates, refused, found = Rates(), Metric("refused_total", "counter", "", "h"), []
    for total, read_at, kept_at in ((0, 50.0, 7.0), (36, 50.97, 8.0), (40, 52.03, 9.0), (40, 53.01, 8000.0)):
        found += [one.value for one in rates.derive([Sample(refused, (), total)], read_at, kept_at)]
    assert found[:2] == [36, 4], "36 in a second that was read after 970 ms are 36"
    assert found[2] == 0, "a clock that was set makes no rate vanish"
    bytes_ = Rates()
    list(bytes_.derive([Sample(BYTES, (), 0)], 50.0, 7.0))
    assert next(iter(bytes_.derive([Sample(BYTES, (), 97)], 50.97, 8.0))).value == 97 / (50.97 - 50.0)


def test_a_reset_counter_is_a_gap_and_not_a_negative_rate():
    rates = Rates()
    rate(rates, 100, 1)
    assert rate(rates, 5, 2) == []
    assert rate(rates, 15, 3) == [10.0]


def test_a_long_hole_is_a_gap_and_not_its_mean():
    rates = Rates(longest=10)
    rate(rates, 0, 0)
    assert rate(rates, 1000, 100) == []
    assert rate(rates, 1010, 101) == [10.0]


def test_two_label_sets_are_two_counters():
    rates = Rates()
    a, b = (("d", "a"),), (("d", "b"),)
    list(rates.derive([Sample(BYTES, a, 10), Sample(BYTES, b, 1000)], 0))
    found = list(rates.derive([Sample(BYTES, a, 20), Sample(BYTES, b, 1001)], 1))
    assert [(s.labels, s.value) for s in found] == [(a, 10), (b, 1)]
