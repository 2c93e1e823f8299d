"""Objectives, as they are collected."""

from __future__ import annotations

import pytest

from collectors.base import NoData
from collectors.objectives import LEAST, Attained, Objectives
from tests.collectors.reading import read_keys


def test_what_is_told_and_what_is_not() -> None:
    def some(total: int) -> list[Attained]:
        return [Attained("box", "m", "5m", total, 1, 0.01), Attained("box", "m", "1h", total, total // 2, 0.01)]

    found = read_keys(Objectives(lambda _now: some(LEAST)))
    assert found['model_objective_ratio{model="m",server="box",window="1h"}'] == 0.5
    assert found['model_objective_burn{model="m",server="box",window="1h"}'] == pytest.approx(50)
    assert found['model_objective_burn_sustained{model="m",server="box",window="1h"}'] == pytest.approx(100 / LEAST)
    assert found['model_goodput_per_second{model="m",server="box"}'] == pytest.approx((LEAST - 1) / 300)
    few = read_keys(Objectives(lambda _now: some(LEAST - 1)))
    assert not any("sustained" in key for key in few)
    with pytest.raises(NoData, match="No request"):
        read_keys(Objectives())
