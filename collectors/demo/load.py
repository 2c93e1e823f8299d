"""The demo's simulated load: requests come in bursts, and everything else follows from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

PERIOD = 1800
"""Seconds of the capture; it loops."""
CORES = 64
SEED = 20_26
GIB = 2.0**30
Curve = np.ndarray[Any, np.dtype[np.float64]]

VLLM, LARGE_GIB = 1, 43.1
"""The card that serves the large model all the time, and what the model takes; card 0 has smaller ones."""
MODELS_0 = ((75, 640, 9.4), (760, 1130, 21.8), (1215, 1690, 14.6))
"""Models on card 0: seconds from and until they are loaded, and their GiB."""
BATCHES = ((150, 290), (860, 1010), (1380, 1560))
"""Seconds in which llama-server works on the processor."""


@dataclass(frozen=True)
class Gpu:
    """One card over the period: ratios, watts, Celsius, bytes; ``filling`` 0 to 1 while a model is read into it."""

    index: int
    usage: Curve
    memory: Curve
    memory_total: float
    power: Curve
    temperature: Curve
    filling: Curve


@dataclass(frozen=True)
class Load:
    """The box over the period. ``cores`` (CORES, PERIOD) ratios; ``requests`` 0 to about 1; ``loading`` 0 to 1 while
    models are read from disk; ``memory`` and ``cached`` bytes."""

    requests: Curve
    loading: Curve
    batch: Curve
    cores: Curve
    memory: Curve
    cached: Curve
    gpus: tuple[Gpu, Gpu]
    random: np.random.Generator

    def noise(self, seconds: float) -> Curve:
        """Smooth noise of 0 to 1 that repeats with the period and wanders within about ``seconds``."""
        return _noise(self.random, seconds)

    def lagged(self, target: Curve, seconds: float) -> Curve:
        """What follows ``target`` with the inertia of ``seconds``; its end joins its beginning."""
        return lagged(target, seconds)


def simulate() -> Load:
    """The whole box."""
    random = np.random.default_rng(SEED)
    t = np.arange(PERIOD, dtype=np.float64)
    chat = _bursts(random, count=70, shortest=6, longest=38)
    agents = _bursts(random, count=24, shortest=20, longest=95)
    edge = np.minimum(1.0, np.minimum(t, PERIOD - t) / 25)  # a calm seam
    requests = edge * np.clip(0.12 * _noise(random, 60) + 0.38 * chat + 0.42 * agents, 0, 1.15)
    batch = _sum([_window(t, a, b, 6) for a, b in BATCHES])
    filling = _sum([_window(t, a - 11, a, 1) for a, _, _ in MODELS_0])
    first = _card_0(random, t, chat * edge, filling)
    second = _card_1(random, requests)
    usage_1 = np.clip(requests, 0, 1)
    cores = _cores(random, 0.04 + 0.30 * usage_1 + 0.09 * first.usage + 0.08 * filling, batch)
    resident = _sum([_window(t, a, b, 3) * size * 0.16 for a, b, size in MODELS_0])
    memory = (58 + resident + 13.5 * lagged(batch, 10) + 2.2 * lagged(requests, 40)) * GIB
    cached = (131 + 2.5 * lagged(filling * 4, 200) + 1.5 * _noise(random, 200)) * GIB
    return Load(requests, np.clip(filling, 0, 1), batch, cores, memory, cached, (first, second), random)


def lagged(target: Curve, seconds: float) -> Curve:
    """First-order inertia, run twice around so that the end joins the beginning."""
    values, value, weight = np.empty(PERIOD), float(target.mean()), 1 / max(1.0, seconds)
    for i in range(3 * PERIOD):
        value += (target[i % PERIOD] - value) * weight
        values[i % PERIOD] = value
    return values


def _card_0(random: np.random.Generator, t: Curve, chat: Curve, filling: Curve) -> Gpu:
    loaded = _sum([_window(t, a, b, 0.5) for a, b, _ in MODELS_0])
    usage = np.clip(loaded * (chat > 0.05) * (0.80 + 0.19 * _noise(random, 4)), 0, 1)
    weights = np.zeros(PERIOD)
    for a, b, size in MODELS_0:
        inside = (t >= a - 11) & (t < b)
        weights += inside * size * np.clip((t - (a - 11)) / 11, 0, 1)
    memory = (0.6 + weights + 1.6 * lagged(usage, 20) * loaded) * GIB
    return _card(0, usage, memory, filling, ambient=31)


def _card_1(random: np.random.Generator, requests: Curve) -> Gpu:
    usage = np.clip(requests * 1.25, 0, 1) * (0.9 + 0.1 * _noise(random, 3))
    usage[requests < 0.03] = 0
    memory = np.full(PERIOD, (LARGE_GIB + 0.5) * GIB)  # vLLM takes its share at once
    return _card(1, usage, memory, np.zeros(PERIOD), ambient=34)


def _card(index: int, usage: Curve, memory: Curve, filling: Curve, ambient: float) -> Gpu:
    power = lagged(24 + 52 * (usage > 0.02) + 226 * usage**0.9 + 20 * filling, 3)
    temperature = lagged(ambient + 0.172 * power, 55)
    return Gpu(index, usage, memory, 47.99 * GIB, np.minimum(power, 300), temperature, filling)


def _cores(random: np.random.Generator, common: Curve, batch: Curve) -> Curve:
    """Work wanders over the cores; a batch fills sixteen of them."""
    cores = np.empty((CORES, PERIOD))
    for core in range(CORES):
        liking = 0.35 + 1.5 * _noise(random, 45) ** 2
        spikes = (_noise(random, 3) > 0.93) * 0.35 * _noise(random, 2)
        own = common * liking + spikes * (0.3 + common)
        if core % 4 == 1:
            own = own + batch * (0.88 + 0.1 * _noise(random, 3))
        cores[core] = np.clip(own, 0, 1)
    return cores


def _noise(random: np.random.Generator, seconds: float) -> Curve:
    """White noise smoothed around the circle (by its Fourier transform), stretched to 0..1."""
    frequencies = np.fft.rfftfreq(PERIOD)
    spectrum = np.fft.rfft(random.standard_normal(PERIOD)) * np.exp(-((frequencies * seconds * 2) ** 2))
    spectrum[0] = 0
    smooth = np.fft.irfft(spectrum, PERIOD)
    return np.clip(0.5 + smooth / (4.5 * smooth.std()), 0, 1)


def _bursts(random: np.random.Generator, count: int, shortest: float, longest: float) -> Curve:
    t, total = np.arange(PERIOD, dtype=np.float64), np.zeros(PERIOD)
    for _ in range(count):
        start, length = random.uniform(0, PERIOD), random.uniform(shortest, longest)
        total += random.uniform(0.4, 1.0) * _window(t, start, start + length, 1.5)
    return np.minimum(total, 1.0)


def _window(t: Curve, begin: float, end: float, soft: float) -> Curve:
    """1 from ``begin`` until ``end``, 0 elsewhere, with edges of about ``soft`` seconds."""
    return np.clip((t - begin) / soft, 0, 1) * np.clip((end - t) / soft, 0, 1)


def _sum(curves: list[Curve]) -> Curve:
    total = np.zeros(PERIOD)
    for curve in curves:
        total += curve
    return total
