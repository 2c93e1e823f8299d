"""Values and times in words, in two languages."""

from __future__ import annotations

import pytest

from components import formats

CASES = [
    (0.42, "ratio", "42 %"),
    (0.0421, "ratio", "4.2 %"),
    (1.0, "ratio", "100 %"),
    (0.0, "ratio", "0.0 %"),
    (0.0995, "ratio", "10 %"),
    (512, "bytes", "512 B"),
    (1536, "bytes", "1.5 KiB"),
    (3.2 * 2**30, "bytes", "3.2 GiB"),
    (999 * 2**20, "bytes", "999 MiB"),
    (2**60, "bytes", "1,024 PiB"),
    (2048, "bytes_per_second", "2.0 KiB/s"),
    (0.25, "seconds", "250 ms"),
    (59.9, "seconds", "59 s"),
    (90061, "seconds", "1 d 1 h"),
    (2.4e9, "hertz", "2.40 GHz"),
    (8e8, "hertz", "800 MHz"),
    (61.25, "celsius", "61.2 °C"),
    (250, "watts", "250 W"),
    (12, "per_second", "12 /s"),
    (1500, "rpm", "1,500 rpm"),
    (2.5, "", "2.5"),
    (16, "", "16"),
    (0, "bytes", "0 B"),
    (3 * 2**30, "bytes_per_second", "3.0 GiB/s"),
    (93784, "seconds", "1 d 2 h"),
    (61, "celsius", "61 °C"),
    (-0.04, "watts", "0.0 W"),
    (-0.06, "watts", "-0.1 W"),
    (-3661, "seconds", "-1 h 1 min"),
]


@pytest.mark.parametrize(("value", "unit", "text"), CASES)
@pytest.mark.usefixtures("english")
def test_values_read_as_people_write_them(value: float, unit: str, text: str):
    assert formats.human(value, unit) == text


@pytest.mark.parametrize("value", [None, float("nan")])
@pytest.mark.usefixtures("english")
def test_what_is_absent_is_a_dash_and_never_a_number(value: float | None):
    assert formats.human(value, "bytes") == "–"


@pytest.mark.usefixtures("french")
def test_french_writes_numbers_units_and_times_its_own_way():
    assert formats.human(3.2 * 2**30, "bytes") == "3,2 Gio"
    assert formats.human(2048, "bytes_per_second") == "2,0 Kio/s"
    assert formats.duration(90061) == "1 j 1 h"
    assert formats.clock(1_767_225_600) == "01:00:00"  # 2026-01-01 00:00 UTC in Paris
    assert formats.moment(1_767_225_600, 1_767_225_600 + 60) == "01:00"
    assert formats.moment(1_767_225_600, 1_767_225_600 + 86400 * 3) == "1 janv. 01:00"


@pytest.mark.usefixtures("english")
def test_a_day_begins_at_the_viewers_midnight():
    assert formats.moment(1_767_225_600 - 60, 1_767_225_600 + 60) == "31 Dec 23:59"
    assert formats.iso(1_767_225_600) == "2026-01-01T00:00:00Z"
