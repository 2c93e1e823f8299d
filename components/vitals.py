"""The gauges of the first screen, drawn from a `Summary`."""

from __future__ import annotations

from typing import Any

from dash import html
from flask_babel import gettext as _
from flask_babel import ngettext

from components import cards, formats, gauges, icons, states
from components.attrs import attrs
from components.sentences import sentence
from components.still import Still, still
from live.summary import SPARK_SECONDS, Gpu, Reading, Summary
from metrics.status import SourceStatus

QUIET_BYTES = 20 * 1024.0
"""Top of a network sparkline at the least, bytes per second."""
Points = dict[str, list[list[float | None]]]


def signature(summary: Summary) -> list[str]:
    """What the gauges show, without their values: while it stays the same the page's script alone moves them."""
    # The state of a source is drawn where its gauge has nothing to show.
    shown = {"nvidia": summary.gpus, "disk": summary.volume, "sensors": summary.temperature}
    return [
        *summary.spark_keys,
        *(f"{gpu.name}{gpu.memory_total.value}" for gpu in summary.gpus),
        f"{summary.volumes} {summary.temperatures} {summary.cores.value} {summary.memory_total.value}",
        *(source.state for source in summary.sources if not shown.get(source.name, True)),
        *(r.name for r in (summary.cpu, summary.memory, summary.receive) if r.value is None),
        *(repr(r.limits) for r in _judged(summary)),
    ]


def _judged(summary: Summary) -> list[Reading]:
    one = [summary.cpu, summary.memory, *([summary.volume] if summary.volume else [])]
    return [*one, *(r for gpu in summary.gpus for r in (gpu.memory_ratio, gpu.temperature))]


def gauge_cards(summary: Summary, points: Points) -> list[Still]:
    """The rows of gauges: CPU, memory, GPUs, network, fullest volume, temperature; then what this machine has not."""
    found = [
        _cpu(summary, points), _memory(summary, points), *_gpus(summary, points), _network(summary, points),
        _volume(summary, points), _temperature(summary, points),
    ]
    absent = [card for card in found if "metric-empty" in getattr(card, "className", "")]
    present = [card for card in found if card not in absent]
    return [
        still(html.Div(present, className="metrics", style={"--columns": columns(len(present))})),
        *([still(html.Div(absent, className="metrics-absent"))] if absent else []),
    ]


def columns(cards_shown: int) -> int:
    """Columns that leave no lonely card in the last row: all in one row up to six, else four to six."""
    return cards_shown if cards_shown <= 6 else min((6, 5, 4), key=lambda n: -cards_shown % n)


def _spark(reading: Reading, points: Points, floor: float, low: float = 0.0) -> Any:
    return gauges.sparkline(
        [(reading, points.get(reading.key, []))], seconds=SPARK_SECONDS, floor=floor, low=low,
    )


def _ratio_card(
    title: str, icon: str, reading: Reading, detail: Any, points: Points, judge: Reading | None = None
) -> html.Section:
    judge = judge or reading
    words_now = gauges.health_words(judge.health)
    return cards.metric_card(
        title,
        gauges.gauge(title, reading, words=words_now),
        icon=icon, detail=detail, spark=_spark(reading, points, 0.25), judge=judge,
    )


def _cpu(summary: Summary, points: Points) -> html.Section:
    detail: list[Any] = []
    if summary.load.value is not None:
        detail += [_("load"), " ", cards.live(summary.load)]
    if summary.cores.value is not None:
        cores = int(summary.cores.value)
        detail += [" · " if detail else "", ngettext("%(num)s core", "%(num)s cores", cores)]
    return _ratio_card(_("CPU"), "cpu", summary.cpu, detail, points)


def _memory(summary: Summary, points: Points) -> html.Section:
    return _ratio_card(
        _("Memory"), "memory", summary.memory, _of(summary.memory_used, summary.memory_total), points,
    )


def _of(used: Reading | None, total: Reading | None) -> list[Any]:
    """``3.1 GiB of 7.8 GiB``, the first number live."""
    if used is None or total is None or total.value is None:
        return []
    return [cards.live(used), " ", _("of %(total)s", total=formats.human(total.value, total.unit))]


def _gpus(summary: Summary, points: Points) -> list[html.Section]:
    if summary.gpus:
        return [_gpu(gpu, points, len(summary.gpus) > 1) for gpu in summary.gpus]
    words = _("No GPU here"), _("The GPUs do not answer")
    return [_without(_("GPU"), "gpu-card", summary.source("nvidia"), *words)]


def _without(title: str, icon: str, source: SourceStatus | None, none: str, broken: str) -> html.Section:
    """The card of what has no value: ``none`` says that this machine has no such thing, ``broken`` that it fails."""
    if source is None or source.state == "pending":
        body = states.loading("90px")
    elif source.state == "failed":
        body = states.failed(broken, sentence(source.message))
    else:
        body = states.no_data(none, sentence(source.message))
    return cards.card(title, body, icon=icon, className="metric metric-empty")


def _gpu(gpu: Gpu, points: Points, several: bool) -> html.Section:
    detail: list[Any] = [
        html.Span(gpu.name, className="gpu-name", title=gpu.name),
        html.Span([*_of(gpu.memory_used, gpu.memory_total)]),
        html.Span([
            cards.live(gpu.temperature), " · ",
            cards.live(gpu.power),
        ]),
    ]
    worst = max(
        (gpu.memory_ratio, gpu.temperature), key=lambda r: ("OK", "WARNING", "CRITICAL").index(r.health or "OK")
    )
    title = _("GPU %(gpu)s", gpu=gpu.index) if several else _("GPU")
    return _ratio_card(title, "gpu-card", gpu.usage, detail, points, judge=worst)


def _network(summary: Summary, points: Points) -> html.Section:
    receive, transmit = summary.receive, summary.transmit

    def row(icon: str, title: str, reading: Reading, css: str) -> html.Div:
        number, unit = formats.parts(reading.value, reading.unit)
        more = attrs(data_unit=reading.unit, data_every=f"{reading.every:g}")
        return html.Div(
            [
                html.Span([icons.icon(icon), title], className=f"flow-name {css}"),
                html.Span([
                    html.Span(number, className="num flow-value", **attrs(data_value=reading.key, **more)),
                    html.Span(unit, className="flow-unit", **attrs(data_suffix=reading.key, **more)),
                ]),
            ],
            className="flow",
        )

    lines = [(r, points.get(r.key, [])) for r in (receive, transmit)]
    return cards.metric_card(
        _("Network"),
        html.Div(
            [row("arrow-down", _("In"), receive, "flow-0"), row("arrow-up", _("Out"), transmit, "flow-1")],
            className="flows",
        ),
        icon="hdd-network",
        detail=_("all interfaces"),
        spark=gauges.sparkline(lines, seconds=SPARK_SECONDS, floor=QUIET_BYTES),
    )


def _volume(summary: Summary, points: Points) -> html.Section:
    volume = summary.volume
    if volume is None:
        words = _("No volume to watch"), _("Not readable now")
        return _without(_("Disk"), "device-hdd", summary.source("disk"), *words)
    where = html.Span(volume.label("mount"), className="mount", title=volume.label("mount"))
    detail = [where, html.Span(_of(summary.volume_used, summary.volume_total))]
    title = _("Fullest disk") if summary.volumes > 1 else _("Disk")
    return _ratio_card(title, "device-hdd", volume, detail, points)


def _temperature(summary: Summary, points: Points) -> html.Section:
    hottest = summary.temperature
    if hottest is None:
        words = _("No temperature here"), _("Not readable now")
        return _without(_("Temperature"), "thermometer-half", summary.source("sensors"), *words)
    sensor = " ".join(filter(None, (hottest.label("chip"), hottest.label("sensor"))))
    if hottest.name.startswith("gpu_"):
        sensor = _("GPU %(gpu)s", gpu=hottest.label("gpu"))
    return cards.metric_card(
        _("Temperature") if summary.temperatures == 1 else _("Hottest sensor"),
        gauges.gauge(_("Temperature"), hottest, highest=110, words=gauges.health_words(hottest.health)),
        icon="thermometer-half", detail=html.Span(sensor, className="mount", title=sensor),
        spark=_spark(hottest, points, 60, 20), judge=hottest,
    )
