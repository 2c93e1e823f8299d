"""What a step drew: the mean power of the model's GPUs meanwhile, and joules for each token written.

All that the cards drew counts, idle or not, whoever else used them: a load test is to have them for itself. Without
GPU power the processor's (RAPL) is taken, as in `serving.energy`, and without that nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from metrics import models as m
from metrics.metric import escape
from metrics.series import Series
from serving.bench.wire import Step
from storage.query import Query


def filled(steps: Iterable[Step], query: Query, server: str, model: str) -> list[Step]:
    """The steps with ``watts`` and ``joules_per_token`` where they are known."""
    made = []
    for one in steps:
        watts = _watts(query, server, model, one["begun"], one["begun"] + one["seconds"])
        if watts is not None:
            one = {**one, "watts": watts}
            if one["output_tokens"]:
                one["joules_per_token"] = watts * one["seconds"] / one["output_tokens"]
        made.append(one)
    return made


def _watts(query: Query, server: str, model: str, start: float, end: float) -> float | None:
    def read(selector: str) -> list[Series]:
        return [one for one in query.select([selector], start, end).series if not np.all(np.isnan(one.value))]

    cards = {one.info.label("gpu") for one in read(
        f'{m.GPU_MEMORY.name}{{server="{escape(server)}",model="{escape(model)}"}}')}
    found = read("gpu_power_watts")
    own = [one for one in found if one.info.label("gpu") in cards] or found or read("cpu_power_watts")
    return sum(float(np.nanmean(one.value)) for one in own) if own else None
