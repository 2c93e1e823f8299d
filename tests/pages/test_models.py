"""The Models page while something is down: it says so, and nothing disappears."""

from __future__ import annotations

import numpy as np
import pytest

from metrics import models as m
from metrics.metric import Metric, labels
from metrics.series import Selection, Series, SeriesInfo
from serving.service import PIECE
from tests.pages.site import Site

MINUTE = 60


def looked(site: Site, monkeypatch: pytest.MonkeyPatch, *found: tuple[Metric, list[int], list[float]]) -> None:
    """Has the query answer with values of a proxy, by epoch seconds."""
    answer = [
        Series(SeriesInfo(metric.name, labels(proxy="lmstudio"), metric.unit, metric.kind, metric.help),
               np.array(at, np.int64) * 1000, np.array(values, np.float32), float(MINUTE))
        for metric, at, values in found
    ]
    monkeypatch.setattr(site.vigie.serving._query, "select", lambda names, *_: Selection(
        [one for one in answer if one.info.name in names], float(MINUTE),
    ))


def test_a_day_that_a_proxy_was_down_is_no_day_without_data(own_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    own_site.vigie.latest._snapshots["serving"] = {"answers": True, "proxies": [{"name": "lmstudio"}]}
    now = int(own_site.vigie.latest.at // PIECE * PIECE)
    before = list(range(now - 23 * 3600, now, MINUTE))
    looked(own_site, monkeypatch, (m.PROXY_UP, [*before, now], [*[0.0] * len(before), 1.0]),
           (m.PROXY_HEALTHY, [now], [1.0]))
    strip, = own_site.vigie.serving.proxies()
    assert strip.shares[-1] == 1 and set(strip.shares[-93:-1]) == {0.0}
    assert set(strip.shares[:-93]) == {None}, "nobody looked then"
