"""Which series the charts about models show, and how they say these were got."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components import model_page
from components.drawings import drawing_of
from components.model_charts import Chart, Source, of_all, of_model
from metrics import models as m
from metrics.metric import Metric, labels, rate_of
from metrics.series import SeriesInfo
from storage.selector import Catalogue
from tests.pages.site import texts

pytestmark = pytest.mark.usefixtures("english")
PROXY, ENGINE = "Measured by the proxy", "Told by the engine"
MIXED = "Measured by the proxy where one saw the requests, else "
OF_ALL = (m.P95, m.TTFT, m.LIVE_TOKENS, rate_of(m.REQUESTS))


def told(metric: Metric, server: str, model: str, proxy: str = "", **more: str) -> SeriesInfo:
    more |= {"le": "1"} if metric.kind == "histogram" else {}
    more |= {"proxy": proxy} if proxy else {}
    return SeriesInfo(metric.name, labels(server=server, model=model, **more), metric.unit, metric.kind, "")


def shown(chart: Chart, infos: Sequence[SeriesInfo]) -> list[tuple[str, str, str]]:
    """What a chart draws, as it is asked for: (server, model, proxy)."""
    drawing = drawing_of(chart.spec.id)
    assert drawing is not None
    found = Catalogue().match(drawing.selectors, dict(enumerate(infos)))
    return sorted((i.label("server"), i.label("model"), i.label("proxy")) for i in found)


def by_title(groups: Sequence[tuple[str, list[Chart]]]) -> dict[str, Chart]:
    return {chart.spec.title: chart for _title, charts in groups for chart in charts}


def test_one_proxied_request_leaves_the_models_in_that_only_engines_tell() -> None:
    infos = [
        one for metric in OF_ALL for one in (
            told(metric, "ollama", "llama", "ollama"), told(metric, "ollama", "llama"), told(metric, "vllm", "qwen"),
            told(metric, "router", "seen", "lmstudio"), told(metric, "router", "seen"),
            told(metric, "router", "unseen"),
        )
    ]
    (_title, charts), = of_all(infos)
    assert [c.how for c in charts] == [
        MIXED + "told by the engine", MIXED + "from a histogram of the engine", *[MIXED + "told by the engine"] * 2,
    ]
    for chart in charts:
        assert shown(chart, infos) == [
            ("ollama", "llama", "ollama"), ("router", "seen", "lmstudio"), ("router", "unseen", ""),
            ("vllm", "qwen", ""),
        ]


@pytest.mark.parametrize(("proxy", "hows"), [
    ("ollama", [PROXY] * 4), ("", [ENGINE, "From a histogram of the engine", ENGINE, ENGINE]),
])
def test_charts_of_all_models_from_one_source_name_it(proxy: str, hows: list[str]) -> None:
    infos = [told(metric, "a", model, proxy) for metric in OF_ALL for model in ("m", "n")]
    (_title, charts), = of_all(infos)
    assert [c.how for c in charts] == hows
    assert of_all([told(metric, "a", "", proxy) for metric in OF_ALL]) == []


WHERE = st.tuples(st.sampled_from("abc"), st.sampled_from(["m", "n:7b", 'o"{!}']))


@given(st.lists(st.tuples(WHERE, st.sampled_from(["", "p", "q"])), min_size=1, max_size=20))
def test_each_model_is_drawn_from_its_better_source_and_no_other(made: list[tuple[tuple[str, str], str]]) -> None:
    metric = rate_of(m.REQUESTS)
    infos = [told(metric, *where, proxy) for where, proxy in sorted(set(made))]
    proxied = {where for where, proxy in made if proxy}
    (_title, (chart,)), = of_all(infos)
    assert shown(chart, infos) == sorted(
        (*where, proxy) for where, proxy in set(made) if bool(proxy) == (where in proxied)
    )


def test_too_many_names_for_a_drawing_leave_the_proxies_alone() -> None:
    metric = rate_of(m.REQUESTS)
    infos = [told(metric, f"server-{n:040}", "m", "p") for n in range(60)] + [told(metric, "direct", "m")]
    (_title, (chart,)), = of_all(infos)
    assert chart.how == PROXY and len(shown(chart, infos)) == 60


PHASE, ERRORS = rate_of(m.PHASE), rate_of(m.ERRORS)


@pytest.mark.parametrize(("proxy", "how"), [("p", PROXY), ("", ENGINE)])
def test_phases_and_errors_come_from_whoever_tells_them(proxy: str, how: str) -> None:
    infos = [told(PHASE, "s", "m", proxy, phase="decode"), told(ERRORS, "s", "m", proxy, **{"class": "engine"}),
             told(PHASE, "s", "m", phase="decode"), told(ERRORS, "s", "m", **{"class": "engine"})]
    charts = by_title(of_model(Source.of("s", "m", infos)))
    for title in ("Where the time of requests goes", "Errors by class"):
        assert charts[title].how.split(" · ")[0] == how
        assert {one[2] for one in shown(charts[title], infos)} == {proxy}


def test_the_chart_of_phases_says_what_all_of_it_is() -> None:
    charts = by_title(of_model(Source.of("s", "m", [told(PHASE, "s", "m", "p", phase="decode")])))
    said = charts["Where the time of requests goes"].how
    assert said == f"{PROXY} · 100 % is one request being worked on all the time"


def test_a_chart_of_two_metrics_names_both_sources() -> None:
    infos = [told(rate_of(m.PROMPT_TOKENS), "s", "m", "p"), told(rate_of(m.OUTPUT_TOKENS), "s", "m")]
    chart = by_title(of_model(Source.of("s", "m", infos)))["Tokens in and out"]
    assert chart.how == f"{PROXY} · {ENGINE}"
    assert shown(chart, infos) == [("s", "m", ""), ("s", "m", "p")]


@pytest.mark.parametrize(("proxy", "permitted", "said"), [("p", True, 5), ("p", False, 0), ("", True, 0)])
def test_a_click_lists_requests_only_where_a_proxy_logged_them(
    monkeypatch: pytest.MonkeyPatch, proxy: str, permitted: bool, said: int,
) -> None:
    monkeypatch.setattr(model_page, "allowed", lambda _permission: permitted)
    infos = [told(metric, "s", "m", proxy) for metric in (m.TTFT, m.ITL, m.DURATION, m.LIVE_TOKENS)]
    groups = model_page.chart_groups(of_model(Source.of("s", "m", infos)))
    assert sum(texts(one.to_plotly_json()).count("A click lists the requests") for one in groups) == said


def test_a_chart_that_holds_an_engines_numbers_too_promises_no_list() -> None:
    both = [told(m.TTFT, "s", "m", "p"), told(m.TTFT, "t", "n")]
    (_title, (chart,)), = of_all(both)
    assert not chart.logged
    (_title, (chart,)), = of_all(both[:1])
    assert chart.logged
