"""The moment of a request: what was looked at, its value then and what was usual. What is not told is left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from metrics import models as m
from serving.autopsy.found import Usual, Value, engine_wait
from serving.autopsy.window import AROUND, Seen, Window, total
from serving.requests.table import Request

_ON_CARDS: tuple[tuple[str, str, str, Callable[..., Seen]], ...] = (
    ("gpu_usage", "gpu_usage_ratio", "ratio", max), ("gpu_clock", "gpu_sm_clock_hertz", "hertz", min),
    ("gpu_throttled", "gpu_throttled", "ratio", max), ("gpu_memory", "gpu_memory_used_ratio", "ratio", max),
)
"""Code, metric, unit, and which card is told of several."""
_ON_HOST: tuple[tuple[str, str, str], ...] = (
    ("cpu", "cpu_usage_ratio", "ratio"), ("memory", "memory_used_ratio", "ratio"),
    ("swap", "swap_in_bytes_per_second", "bytes_per_second"),
    ("memory_wait", 'pressure_some_ratio{resource="memory"}', "ratio"),
    ("disk_wait", 'pressure_some_ratio{resource="io"}', "ratio"), ("disk", "disk_busy_ratio", "ratio"),
)


def moment(request: Request, usual: Usual, window: Window, others: int, *, here: bool, alerts: int) -> Iterator[Value]:
    """Its values; of the machine's only where the server runs on it (``here``)."""
    yield from _of_request(request, usual)
    yield Value("others", "", others, None)
    yield from _of_engine(request, window)
    if here:
        for code, metric, unit, which in _ON_CARDS:
            cards = window.on_cards(metric)
            if cards:
                one = which(cards, key=lambda seen: seen.mean)
                yield Value(code, unit, one.mean, _usual(code, one, window), one.info.label("gpu"))
        for code, selector, unit in _ON_HOST:
            if (seen := window.highest(selector)) is not None:
                yield Value(code, unit, seen.mean, seen.usual, seen.info.label("device"))
    yield Value("alerts", "", alerts, None)


def _usual(code: str, seen: Seen, window: Window) -> float | None:
    """What is usual of a card, as the causes have it: of one at rest clocks and limits say nothing."""
    if code == "gpu_clock":
        return seen.reached
    return window.at_work(seen) if code == "gpu_throttled" else seen.usual


def _of_request(request: Request, usual: Usual) -> Iterator[Value]:
    told: tuple[tuple[str, str, float | None, float | None], ...] = (
        ("ttft", "seconds", request.ttft, usual.ttft), ("queue", "seconds", request.queue, None),
        ("engine_wait", "seconds", engine_wait(request), usual.engine_wait),
        ("itl", "seconds", request.itl, usual.itl), ("prompt_tokens", "", request.prompt_tokens, usual.prompt_tokens),
        ("output_tokens", "", request.output_tokens, usual.output_tokens),
    )
    yield from (Value(code, unit, now, then) for code, unit, now, then in told if now is not None)


def _of_engine(request: Request, window: Window) -> Iterator[Value]:
    for code, metric in (("waiting", m.WAITING.name), ("running", m.RUNNING.name)):
        found = window.of_model(metric)
        most = total(found, lambda one: float(one.now.max()))
        if most is not None:
            yield Value(code, "", most, total(found, lambda one: one.usual))
    if loaded := [one for one in window.of_server(m.LOADED.name) if one.earlier(request.at).size]:
        changes = [one.changed(request.at, request.ended + AROUND) for one in loaded]
        yield Value("loads", "", sum(1 for change in changes if change and change[0]), None)
        yield Value("evictions", "", sum(1 for change in changes if change and not change[0]), None)
    if (kv := max(window.of_model(m.KV_USED.name), key=lambda one: one.mean, default=None)) is not None:
        yield Value("kv", "ratio", kv.mean, kv.usual)
