"""Figures of a step, from requests whose times are known."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from analysis.knee import Knee, knee, knees
from metrics.series import Series, SeriesInfo
from serving.bench import dialects, power
from serving.bench.figures import Asked, step

LIMITS = {"first_token": 1.0, "inter_token": 0.1}


def fine(begun: float, first: float, tokens: int = 11, gap: float = 0.05, **more: object) -> Asked:
    last = begun + first + gap * (tokens - 1)
    return Asked(begun, begun + first, last, last, [gap] * (tokens - 1), tokens, 20, 5, tokens, **more)  # type: ignore[arg-type]


def test_figures_of_requests_that_went_well() -> None:
    made = step([fine(0, 0.5), fine(1, 0.7)], 2, 32, 100.0, 0.0, 10.0, LIMITS)
    assert made["ttft"] == pytest.approx({"p50": 0.6, "p95": 0.69, "p99": 0.698})
    assert made["itl"] == pytest.approx({"p50": 0.05, "p95": 0.05})
    assert made["duration"]["p50"] == pytest.approx(1.1)
    assert made["output_per_second"] == pytest.approx(2.2)
    assert made["per_request"] == pytest.approx((11 / 1.0 + 11 / 1.2) / 2)
    assert (made["prompt_mean"], made["prompt_per_second"], made["cached_ratio"]) == (20, 4.0, 0.25)
    assert (made["requests_per_second"], made["goodput"], made["exact"]) == (0.2, 0.2, True)


def test_what_fails_or_breaks_a_limit_is_not_good() -> None:
    asked = [
        fine(0, 0.5), fine(0, 1.5), fine(0, 0.5, gap=0.2),
        Asked(0, ended=0.1, error="connect", message="Connection refused"),
    ]
    made = step(asked, 4, 32, 100.0, 0.0, 10.0, LIMITS)
    assert (made["judged"], made["good"], made["slow_first"], made["slow_tokens"]) == (4, 1, 1, 1)
    assert made["failed"] == {"connect": 1} and made["message"] == "Connection refused"


def test_what_is_cut_off_counts_with_what_it_got_and_is_judged_only_when_late() -> None:
    writes = Asked(9.0, 9.2, 9.9, None, [0.1] * 7, 8, cut=True)
    waits, late = Asked(9.8, cut=True), Asked(5.0, cut=True)
    made = step([writes, waits, late], 3, 32, 100.0, 0.0, 10.0, LIMITS)
    assert (made["cut"], made["finished"], made["output_tokens"], made["failed"]) == (3, 0, 8, {})
    assert (made["judged"], made["good"], made["slow_first"]) == (1, 0, 1)
    assert "duration" not in made and made["ttft"]["p50"] == pytest.approx(0.2)


def test_nothing_is_told_of_a_step_without_an_answer() -> None:
    made = step([], 1, 32, 100.0, 0.0, 1.0, None)
    assert not {"ttft", "itl", "duration", "per_request", "prompt_mean", "goodput"} & set(made)


def test_the_knee_is_the_first_of_the_best_steps() -> None:
    assert knee([1, 2, 4, 8], [1.0, 2.0, 2.01, 0.5]) == Knee(2, 2.0, beyond=False)
    assert knee([1, 2], [1.0, 2.0]) == Knee(2, 2.0, beyond=True)
    assert knee([1, 2], [0.0, 0.0]) is None
    told = [{"prompt_tokens": 32, "concurrency": 1, "goodput": 1.0}, {"prompt_tokens": 512, "concurrency": 1}]
    assert knees(told) == {32: Knee(1, 1.0, beyond=True)}


def test_an_answer_of_ollama_is_read() -> None:
    path, body = dialects.request("ollama", "m", "hello", 8)
    assert path == "/api/chat" and body["options"] == {"num_predict": 8} and body["stream"] is True
    first = dialects.read("ollama", b'{"message":{"role":"assistant","content":"The"},"done":false}\n')
    last = dialects.read(
        "ollama", b'{"message":{"content":""},"done":true,"prompt_eval_count":11,"eval_count":18,"eval_duration":1}\n')
    assert first is not None and first.tokens and not first.over
    assert last is not None and last.over and not last.tokens
    assert (last.told.prompt_tokens, last.told.output_tokens) == (11, 18)
    said = dialects.read("ollama", b'{"error":"model runner has unexpectedly stopped"}')
    assert said is not None and said.error == "model runner has unexpectedly stopped"


def test_what_is_no_answer_is_told() -> None:
    assert dialects.read("vllm", b": ping\n") is None
    with pytest.raises(ValueError):
        dialects.read("vllm", b"data: [1]\n")
    with pytest.raises(ValueError):
        dialects.read("ollama", b"<html>\n")


def drew(*found: tuple[str, dict[str, str], list[float]]) -> Any:
    """A query that finds these series: name, labels, values."""
    def select(selectors: list[str], start: float, end: float) -> Any:
        name = selectors[0].partition("{")[0]
        return SimpleNamespace(series=[
            Series(SeriesInfo(one, tuple(sorted(labels.items())), "", "gauge", ""), np.arange(len(values)),
                   np.array(values), step=1.0)
            for one, labels, values in found if one == name
        ])

    return SimpleNamespace(select=select)


def test_energy_is_that_of_the_models_own_cards() -> None:
    one = step([fine(0, 0.5)], 1, 32, 100.0, 0.0, 2.0, None)
    cards = [("gpu_power_watts", {"gpu": "0"}, [100.0, 120.0]), ("gpu_power_watts", {"gpu": "1"}, [50.0, np.nan])]
    every = power.filled([one], drew(*cards), "box", "m")[0]
    assert every["watts"] == pytest.approx(160) and every["joules_per_token"] == pytest.approx(160 * 2 / 11)
    own = power.filled([one], drew(*cards, ("model_gpu_memory_bytes", {"gpu": "1"}, [1.0])), "box", "m")[0]
    assert own["watts"] == pytest.approx(50)
    processor = power.filled([one], drew(("cpu_power_watts", {}, [30.0])), "box", "m")[0]
    assert processor["watts"] == 30
    both = power.filled([one], drew(*cards, ("cpu_power_watts", {}, [30.0])), "box", "m")[0]
    assert both["watts"] == pytest.approx(190)
    assert "watts" not in power.filled([one], drew(), "box", "m")[0]
