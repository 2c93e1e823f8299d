"""What a step drew: the mean power of the model's GPUs and the processor meanwhile, and joules for each token written.

All that these drew counts, idle or not, whoever else used them: a load test is to have them for itself. Whose power
it is goes by `serving.energy.Power`; where none is known nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from serving.bench.wire import Step
from serving.energy import Power
from storage.query import Query


def filled(steps: Iterable[Step], query: Query, server: str, model: str) -> list[Step]:
    """The steps with ``watts`` and ``joules_per_token`` where they are known."""
    made = []
    for one in steps:
        drawn = Power(query, one["begun"], one["begun"] + one["seconds"]).of(server, model)
        if drawn:
            watts = sum(float(np.nanmean(series.value)) for series in drawn)
            one = {**one, "watts": watts}
            if one["output_tokens"]:
                one["joules_per_token"] = watts * one["seconds"] / one["output_tokens"]
        made.append(one)
    return made
