"""The Models page while something is down: it says so, and nothing disappears."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from components import ids, model_words, models_page
from config.store import FILE
from metrics import models as m
from metrics.metric import Metric, labels
from metrics.series import Selection, Series, SeriesInfo
from serving.service import PIECE
from tests.pages.site import Site, texts, walk

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
    strip, = own_site.vigie.serving.proxy_strips()
    assert strip.shares[-1] == 1 and set(strip.shares[-93:-1]) == {0.0}
    assert set(strip.shares[:-93]) == {None}, "nobody looked then"


@pytest.fixture(scope="module")
def silent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A proxy and a model of its own are configured, and the serving process does not answer."""
    folder = tmp_path_factory.mktemp("silent")
    file = folder / "config" / FILE
    file.parent.mkdir()
    file.write_text(json.dumps({
        "version": "1.0.0", "proxies": {"lmstudio": {"enabled": True, "port": 1240}},
        "models": {"discover": False, "processes": [{"name": "own", "file": "/srv/own.gguf"}]},
    }))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("collectors.serving.STARTING", 0.0)
        made = Site(folder)
        yield made
        made.runtime.stop()


def test_a_serving_process_that_does_not_answer_is_said_and_takes_nothing_with_it(silent: Site) -> None:
    page = silent.page(silent.signed_in("operator"), "/models")
    assert "The serving process does not answer." in part(page, ids.MODELS_TABLE)
    assert "LM Studio / OpenAI down 127.0.0.1:1240" in " ".join(part(page, ids.MODELS_PROXIES).split())
    row = silent.vigie.serving.row("own", "own")
    assert row is not None and row.state == "unknown" and model_words.state(row) == "not known"
    assert "own" in part(page, ids.MODELS_TABLE).split()
    assert models_page.actions(row, may_start=True, may_stop=True) == [], "nobody would do it"


def test_since_when_it_is_silent_is_said_at_the_next_look(silent: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    told = silent.vigie.latest._snapshots
    monkeypatch.setitem(told, "serving", told["serving"] | {"since": silent.vigie.latest.at})
    outputs = [(ids.MODELS_TILES, "children"), (ids.MODELS_TABLE, "children"), (ids.MODELS_SERVERS, "children")]

    def seen() -> str:
        answer = silent.callback(silent.signed_in(), outputs, [(ids.MODELS_TICK, "n_intervals", 1)])
        return texts(answer.json["response"][ids.MODELS_TABLE]["children"])

    assert "The serving process has not answered since" in seen()
    monkeypatch.setitem(told, "serving", {"answers": True, "proxies": [], "processes": []})
    assert "serving process" not in seen()


def test_the_api_tells_that_a_state_is_not_known(silent: Site) -> None:
    proxy, = silent.signed_in().get("/api/v1/models/proxies").json["data"]
    assert (proxy["name"], proxy["state"], proxy["up"], proxy["healthy"]) == ("lmstudio", "down", False, False)
    assert proxy["message"] == "The serving process does not answer."
    assert proxy["requests"] is None and proxy["upstreams"] is None
    told = silent.signed_in().get("/api/v1/models?state=unknown").json["data"]
    assert [(one["model"], one["state"], one["message"]) for one in told] == [
        ("own", "unknown", "The serving process does not answer."),
    ]


def test_a_model_that_is_gone_is_not_shown_as_it_was(own_site: Site) -> None:
    operator, told = own_site.signed_in("operator"), own_site.vigie.latest._snapshots
    told["model_servers"] = {"servers": [{"name": "box", "engine": "ollama", "url": "http://box", "state": "ok",
                                          "models": [{"name": "m", "state": "running"}]}]}

    def seen() -> str:
        answer = own_site.callback(
            operator, [(ids.MODELS_HEAD, "children"), (ids.MODELS_NOW, "children")],
            [(ids.MODELS_ONE_TICK, "n_intervals", 1)], [(ids.TIME_VIEW, "data", {"server": "box", "model": "m"})],
        )
        return " ".join(texts(one["children"]) for one in answer.json["response"].values())

    assert "running" in seen() and "Unload" in seen()
    told["model_servers"] = {"servers": []}
    assert "No server tells of this model now" in seen()
    assert "running" not in seen() and "Unload" not in seen() and "no traffic" not in seen()


def part(page: dict[str, Any], name: str) -> str:
    """The text of what has an id."""
    return texts(next(node for node in walk(page) if node["props"].get("id") == name))
