"""What a load test found: its curve, its table, and what differs from another one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dash import html
from flask_babel import gettext as _
from flask_babel import ngettext

from analysis.knee import Knee, knees
from components import icons, model_bench_charts, model_words
from components.attrs import attrs
from components.formats import ABSENT, human, latency, moment, number
from components.links import href
from components.sentences import sentence
from components.still import Still, still
from components.svg import Svg
from components.tables import boxed

Test = Mapping[str, Any]
"""A load test that is kept, as `serving.bench.store.Bench` has it."""
SAME = 0.03
"""Differences below are noise."""


def results(one: Test, other: Test | None, now: float, *, may_start: bool) -> list[Any]:
    """All that is shown of a load test, beside another one where that is chosen."""
    steps = one["result"].get("steps", [])
    found = knees(steps)
    limits = one["result"].get("limits")
    tests = [(_title(one, now), steps, _places(found))]
    if other is not None:
        its = other["result"].get("steps", [])
        tests.append((_title(other, now), its, _places(knees(its))))
    return [
        _about(one, now, may_start=may_start),
        *_told(one, found, limits),
        model_bench_charts.charts(tests, limits["first_token"] if limits else None),
        *([_differences(one, other, now)] if other is not None else []),
        _table(steps, found),
        html.P(_(
            "Measured by Vigie at the model server, from another process of this machine. What was unanswered at the "
            "end of a step was cut off, and counts with the tokens that had come.",
        ), className="model-how"),
    ]


def _places(found: Mapping[int, Knee]) -> dict[int, int]:
    return {length: at.concurrency for length, at in found.items()}


def _title(one: Test, now: float) -> str:
    return " · ".join(part for part in (one["note"] or moment(one["at"], now), one["model"], one["quantisation"])
                      if part)


def _about(one: Test, now: float, *, may_start: bool) -> Still:
    plan = one["plan"]
    facts = [
        moment(one["at"], now), _("by %(name)s", name=one["by"]) if one["by"] else "",
        f"{model_words.engine(one['engine'])} {one['version']}".strip(), one["quantisation"],
        _("context %(count)s", count=number(one["context_size"])) if one["context_size"] else "",
        _("answers of %(count)s tokens", count=number(plan["answer_tokens"])),
        _("the same prompt each time") if plan.get("cached") else _("another prompt each time"),
    ]
    address = href(f"/api/v1/models/bench/{one['id']}/export")
    return still(html.Div(
        [
            html.P(" · ".join(part for part in facts if part), className="muted bench-facts"),
            html.Div([
                *([Svg("input", attrs={
                    "key": one["id"], "type": "text", "className": "field bench-note", "maxLength": 200,
                    "defaultValue": one["note"],
                    "placeholder": _("Note, such as what was changed"), "aria-label": _("Note"),
                    "data-bench-note": one["id"],
                })] if may_start else []),
                html.A([icons.icon("download"), html.Span("JSON")], href=address, className="button button-small",
                       **attrs(download="", aria_label=_("Export as %(format)s", format="JSON"))),
                *([html.Button([icons.icon("trash"), html.Span(_("Delete"))], type="button",
                               className="button button-small button-danger",
                               **attrs(data_bench_delete=one["id"], data_words=_("Press again to delete")))]
                  if may_start else []),
            ], className="bench-acts"),
        ],
        className="bench-about",
    ))


def _told(one: Test, found: Mapping[int, Knee], limits: Mapping[str, float] | None) -> list[Any]:
    """The best step in words, and why the test ended early."""
    said: list[Any] = []
    result = one["result"]
    if result.get("ended") == "cancelled":
        said.append(html.P(_("It was cancelled: these are the steps that were over by then."), className="bench-early"))
    elif result.get("problem"):
        said.append(html.P(sentence(result["problem"]), className="bench-early"))
    if limits is None:
        said.append(html.P(_("Nothing is asked of this model, so no step is the best: objectives stand in the "
                             "configuration under Models."), className="muted"))
        return said
    lengths = sorted({step["prompt_tokens"] for step in result.get("steps", [])})
    said += [html.P(_knee_words(length, found.get(length), limits, one), className="bench-knee") for length in lengths]
    return said


def _knee_words(length: int, at: Knee | None, limits: Mapping[str, float], one: Test) -> str:
    asked = _("first token within %(first)s, %(tokens)s between tokens", first=latency(limits["first_token"]),
              tokens=latency(limits["inter_token"]))
    if at is None:
        return _("Prompts of %(count)s tokens: no step held to the objective (%(asked)s).", count=number(length),
                 asked=asked)
    words = ngettext(
        "Prompts of %(count)s tokens: best with %(at)s at once, %(goodput)s requests/s that hold to the objective "
        "(%(asked)s).",
        "Prompts of %(count)s tokens: best with %(at)s at once, %(goodput)s requests/s that hold to the objective "
        "(%(asked)s).",
        at.concurrency, count=number(length), at=number(at.concurrency), goodput=number(at.goodput, 2), asked=asked,
    )
    if at.beyond:
        return f"{words} {_('It is the last step: more at once may do better still.')}"
    return f"{words} {_next_words(length, at, one)}".strip()


def _next_words(length: int, at: Knee, one: Test) -> str:
    """What gives way in the step after the knee."""
    after = next((step for step in one["result"]["steps"]
                  if step["prompt_tokens"] == length and step["concurrency"] > at.concurrency), None)
    if after is None or not after.get("judged"):
        return ""
    ways = [
        (after["slow_first"], _("first tokens come too late")), (after["slow_tokens"], _("tokens come too slowly")),
        (sum(after["failed"].values()), _("requests fail")),
    ]
    count, words = max(ways)
    if not count:
        return _("With more at once it does no better.")
    return _("With %(at)s at once, %(words)s in %(share)s of the requests.", at=number(after["concurrency"]),
             words=words, share=human(count / max(after["judged"], 1), "ratio"))


def _table(steps: Sequence[Test], found: Mapping[int, Knee]) -> Still:
    energy = any("joules_per_token" in one for one in steps)
    judged = any("goodput" in one for one in steps)
    heads = [
        _("Prompt"), _("At once"), _("Tokens/s"), _("Tokens/s each"), _("First token p50 / p95 / p99"),
        _("Between tokens p50 / p95"), _("End to end p50 / p95"), _("Prompt tokens/s"), _("Requests/s"),
        *([_("Goodput")] if judged else []), _("Answered"), _("Failed"), *([_("J/token")] if energy else []),
    ]
    rows = []
    for one in steps:
        at = found.get(one["prompt_tokens"])
        best = at is not None and at.concurrency == one["concurrency"]
        cells = [
            number(one["prompt_tokens"]), number(one["concurrency"]), number(one["output_per_second"], 1),
            _amount(one.get("per_request"), 1), _times(one.get("ttft"), "p50", "p95", "p99"),
            _times(one.get("itl"), "p50", "p95"), _times(one.get("duration"), "p50", "p95"),
            _amount(one.get("prompt_per_second"), 1), number(one["requests_per_second"], 2),
            *([_amount(one.get("goodput"), 2)] if judged else []), _answered(one), _failed(one),
            *([_amount(one.get("joules_per_token"), 3)] if energy else []),
        ]
        rows.append(html.Tr([html.Td(cell, className="end num") for cell in cells],
                            className="is-best" if best else ""))
    return _boxed(heads, rows, _("Steps of the load test"))


def _boxed(heads: Sequence[str], rows: Sequence[html.Tr], label: str) -> Still:
    return still(boxed([(words, "end") for words in heads], rows, label, "bench-table"))


def _amount(value: float | None, digits: int) -> str:
    return ABSENT if value is None else number(value, digits)


def _times(told: Mapping[str, float] | None, *names: str) -> str:
    return " / ".join(latency(told[name]) for name in names) if told else ABSENT


def _answered(one: Test) -> str:
    if one["cut"]:
        return ngettext("%(count)s, %(cut)s cut off", "%(count)s, %(cut)s cut off", one["cut"],
                        count=number(one["finished"]), cut=number(one["cut"]))
    return number(one["finished"])


def _failed(one: Test) -> str:
    parts = [f"{number(count)} {model_words.error(code)}" for code, count in sorted(one["failed"].items())]
    return ", ".join(parts) or "0"


def _differences(one: Test, other: Test, now: float) -> html.Div:
    """By how much the shown test differs from the other, step by step, and what was set otherwise."""
    before = {(s["prompt_tokens"], s["concurrency"]): s for s in other["result"].get("steps", [])}
    pairs = [
        (before[key], s) for s in one["result"].get("steps", [])
        if (key := (s["prompt_tokens"], s["concurrency"])) in before
    ]
    title = html.H3(_("Against %(name)s", name=_title(other, now)), className="bench-chart-title")
    changed = html.Dl([part for label, was, is_ in _settings(one, other)
                       for part in (html.Dt(label), html.Dd(f"{was or ABSENT} → {is_ or ABSENT}"))], className="facts")
    if not pairs:
        return html.Div([title, changed, html.P(_("No step has the same prompts and as many requests at once in both."),
                                                className="muted")])
    columns: list[tuple[str, Callable[[Test], float | None], bool]] = [
        (_("Tokens/s"), lambda s: s.get("output_per_second"), True),
        (_("First token p95"), lambda s: (s.get("ttft") or {}).get("p95"), False),
        (_("Between tokens p95"), lambda s: (s.get("itl") or {}).get("p95"), False),
        (_("End to end p95"), lambda s: (s.get("duration") or {}).get("p95"), False),
        (_("Requests/s"), lambda s: s.get("requests_per_second"), True),
        (_("Goodput"), lambda s: s.get("goodput"), True), (_("J/token"), lambda s: s.get("joules_per_token"), False),
    ]
    columns = [c for c in columns if any(c[1](was) and c[1](is_) is not None for was, is_ in pairs)]
    rows = [
        html.Tr([html.Td(number(is_["prompt_tokens"]), className="end num"),
                 html.Td(number(is_["concurrency"]), className="end num"),
                 *(_difference(value(was), value(is_), more_is_better=more) for _label, value, more in columns)])
        for was, is_ in pairs
    ]
    return html.Div([title, changed, _boxed([_("Prompt"), _("At once"), *(c[0] for c in columns)], rows,
                                            _("Differences of the load tests"))])


def _difference(was: float | None, is_: float | None, *, more_is_better: bool) -> html.Td:
    if not was or is_ is None:
        return html.Td(ABSENT, className="end num muted")
    change = is_ / was - 1
    words = f"{'−' if change < 0 else '+'}{number(abs(change) * 100)} %"
    if abs(change) < SAME:
        return html.Td(words, className="end num muted")
    better = (change > 0) == more_is_better
    return html.Td(
        words, className=f"end num {'bench-better' if better else 'bench-worse'}",
        title=_("better") if better else _("worse"),
    )


def _settings(one: Test, other: Test) -> list[tuple[str, str, str]]:
    """What differs of what both ran with: (words, before, now)."""
    words = {
        "model": _("Model"), "server": _("Server"), "engine": _("Engine"), "version": _("Version"),
        "quantisation": _("Quantisation"), "context_size": _("Context"),
    }
    more = {
        "slots": _("Slots"), "on_gpu": _("On GPUs"), "size": _("Size"), "digest": _("Digest"), "path": _("File"),
        "command": _("Command"),
    }
    planned = {"answer_tokens": _("Answer, tokens"), "cached": _("The same prompt each time")}
    found = [(label, other.get(key), one.get(key)) for key, label in words.items()]
    found += [(label, other["settings"].get(key), one["settings"].get(key)) for key, label in more.items()]
    found += [(label, other["plan"].get(key), one["plan"].get(key)) for key, label in planned.items()]
    return [(label, _plain(was), _plain(is_)) for label, was, is_ in found if was != is_]


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return "" if value is None else number(value) if isinstance(value, int) else str(value)
