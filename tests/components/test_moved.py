"""What a series did, in words and in a small chart."""

from __future__ import annotations

import re

import numpy as np
import pytest
from flask import Flask
from flask_babel import Babel

from analysis.moved import Move, Moved
from analysis.moved_plan import NoWindowError, Plan
from components import moved, moved_charts, moved_words
from components.drawings import parse_all
from components.markup import to_html
from metrics.series import Series, SeriesInfo

T0 = 1_800_000_000.0
PLAN = Plan("samples", 1.0, T0 - 3900, T0 - 300, T0)
CPU = SeriesInfo("cpu_core_usage_ratio", (("core", "0"),), "ratio", "gauge", "One core in use")
SLOW = SeriesInfo("disk_wait_seconds", (("device", "sda"),), "seconds", "gauge", "Wait")
DISK = SeriesInfo("disk_volume_used_bytes", (("mount", "/srv"),), "bytes", "gauge", "Used")


@pytest.fixture(autouse=True)
def request_of_somebody():
    server = Flask("words")
    Babel(server)
    with server.test_request_context():
        yield


def move(direction="up", reason="level", now=0.43, low=0.03, high=0.08, info=CPU, swings=6.2, score=72.0):
    return Move(info, score, direction, reason, swings, now, low, high)


@pytest.mark.parametrize(("made", "said"), [
    (move(), "X was 43 % in this window, 3.0 % to 8.0 % before."),
    (move(low=0.05, high=0.05), "X was 43 % in this window, 5.0 % before."),
    (move("up", "step", low=0.2, high=0.2), "X went from 20 % to 43 %, further at once than ever before."),
    (move("up", "peak", low=0.2, high=0.2), "X reached 43 % in this window, never more than 20 % before."),
    (move("down", "dip", 0.01, 0.2, 0.2), "X fell to 1.0 % in this window, never below 20 % before."),
    (move("rougher", "rough", 0.2, 0.01, 0.02),
     "X changed by 20 % from one value to the next, by 1.0 % to 2.0 % before."),
    (move("rougher", "rough", 0.0011, 0.00012, 0.00012, SLOW),
     "X changed by 1 ms from one value to the next, by 120 µs before."),
    (move("calmer", "rough", 0.0010, 0.0012, 0.0014, SLOW),
     "X changed by 1.00 ms from one value to the next, by 1.20 ms to 1.40 ms before."),
    (move("down", "level", 0.0096, 0.0100, 0.0120, SLOW), "X went 400 µs below its lowest before, to 10 ms."),
    (move("stopped", "presence", 0.0, 1.0, 1.0), "X has no values in this window; it had before."),
    (move("stopped", "presence", 0.4, 1.0, 1.0), "X has only 40 % of its values in this window."),
    (move("appeared", "presence", 0.4, 0.0, 0.0), "X has values for the first time: 40 %."),
    (move(info=DISK, now=5.01e9, low=5.0e9, high=5.008e9), "X went 1.9 MiB beyond its highest before, to 4.7 GiB."),
    (move("down", info=DISK, now=5.0e9, low=5.01e9, high=5.02e9),
     "X went 9.5 MiB below its lowest before, to 4.7 GiB."),
])
def test_a_sentence_tells_what_is_now_and_what_was(made, said):
    assert moved_words.sentence(made, "X") == said


def test_a_series_is_called_by_its_metric_and_labels():
    assert moved_words.name(CPU) == "CPU use · core 0"
    assert moved_words.name(DISK) == "Space used · /srv"


def test_how_far_is_told_in_swings():
    assert moved_words.swings(move()) == "6.2 times its farthest swing before"
    assert moved_words.swings(move(swings=99.0)) == "More than 99 times its farthest swing before"


@pytest.mark.parametrize("lack", ["too_short", "too_old", "too_long", "not_yet"])
def test_why_not_says_what_would_do(lack):
    title, how = moved_words.lack(NoWindowError(lack, 600))
    assert title and how.endswith(".")


def drawn(values, reason="level"):
    t = (1000 * (T0 - len(values) + np.arange(len(values)))).astype(np.int64)
    return moved_charts.spark(Series(CPU, t, np.array(values, np.float32), 1.0), move(reason=reason), PLAN, T0)


def test_a_small_chart_has_its_window_shaded_and_breaks_at_gaps():
    html = to_html(drawn([0.1] * 600 + [np.nan] + [0.4] * 600))
    line = re.search(r'd="([^"]+)" class="move-line"', html) or re.search(r'class="move-line" d="([^"]+)"', html)
    assert line is not None
    assert line[1].count("M") == 2
    assert "move-shade" in html and "move-usual" in html and "nan" not in html
    numbers = [float(n) for n in re.findall(r"-?\d+\.\d", line[1])]
    assert min(numbers[1::2]) >= 0 and max(numbers[1::2]) <= moved_charts.HEIGHT


def test_a_chart_without_values_is_still_a_chart():
    assert "move-shade" in to_html(moved_charts.spark(None, move(), PLAN, T0))
    assert "nan" not in to_html(drawn([np.nan] * 5))
    assert "move-line" in to_html(drawn([0.2] * 50))


def found(moves, apart, groups, **more):
    return Moved(PLAN, moves, apart, groups, **({"short_past": 0, "few_values": 0, "windows": 12, "past": T0 - 3900}
                                                | more))


def shown(answer):
    return to_html(moved.answer(answer, {}, {CPU.name: "cpu"}, {CPU.key}, seconds=0.12, now=T0))


def test_what_moved_together_is_one_card():
    cores = [SeriesInfo(CPU.name, (("core", str(i)),), "ratio", "gauge", "") for i in range(16)]
    html = shown(found([move(info=core) for core in cores], 16, [list(range(16))]))
    assert html.count('class="panel move"') == 1 and "and 15 alike" in html and "16 series stand out" in html
    assert "In the chart you came from" in html and "q=cpu_core_usage_ratio&amp;" in html


def test_nothing_stands_out_is_said_with_what_to_do():
    html = shown(found([move(score=20)], 0, []))
    assert "Nothing stands out" in html and "Show all, ranked" in html and 'class="panel move"' not in html
    html = shown(found([], 0, [], short_past=40))
    assert "There is not enough past" in html and "40 left out" in html and "Show all" not in html
    assert "Nothing recorded" in shown(found([], 0, []))


def test_a_label_of_any_kind_makes_an_address_that_explore_understands():
    odd = SeriesInfo("x_things", (("name", 'a"b;c!d{e}\\ é'),), "", "gauge", "")
    text = moved.drawing_text([odd, CPU])
    (drawing,) = parse_all(text)
    assert len(drawing.selectors) == 2


def test_the_answer_says_what_it_rests_on():
    html = shown(found([move()], 1, [[0]]))
    assert "Compared with the 1 h before it" in html and "12 windows" in html and "1 series looked at in 120 ms" in html
    assert "How this is computed" in html and "Ibragimov" in html and "95 %" in html
