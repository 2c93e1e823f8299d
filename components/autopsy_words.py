"""Why an answer was slow, in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from flask_babel import gettext as _
from flask_babel import ngettext

from components import metric_words, model_words
from components.formats import ABSENT, figure, human, latency, number


class Found(Protocol):
    """A finding (see `serving.autopsy`)."""

    @property
    def code(self) -> str: ...
    @property
    def weight(self) -> float: ...
    @property
    def facts(self) -> Mapping[str, Any]: ...


class Looked(Protocol):
    """A value of the moment (see `serving.autopsy.found.Value`)."""

    @property
    def code(self) -> str: ...
    @property
    def unit(self) -> str: ...
    @property
    def now(self) -> float: ...
    @property
    def usual(self) -> float | None: ...
    @property
    def of(self) -> str: ...


def headline(findings: Sequence[Found], *, slow: bool, known: int, seconds: float | None) -> str:
    """The sentence that names the likeliest cause, or says that nothing stands out."""
    if not findings or findings[0].code == "alert":
        if not slow and known >= 5:
            return _("It took no longer than is usual for this model, and nothing stands out.")
        return _("Nothing stands out.")
    cause = sentence(findings[0])
    if not slow and known >= 5:
        return _("It took no longer than is usual for this model; what stands out: %(cause)s", cause=cause)
    if seconds:
        share = human(min(findings[0].weight / seconds, 1.0), "ratio")
        return _("Likeliest cause: %(cause)s That explains about %(share)s of its time.", cause=cause, share=share)
    return _("Likeliest cause: %(cause)s", cause=cause)


def sentence(found: Found) -> str:
    """One finding with its evidence."""
    f = found.facts
    return _WORDS[found.code](f)


def _queue(f: Mapping[str, Any]) -> str:
    more = ngettext("%(count)s other request was there.", "%(count)s other requests were there.", f["others"],
                    count=number(f["others"]))
    return _("It waited %(time)s for its turn; %(more)s", time=latency(f["seconds"]), more=more)


def _crowd(f: Mapping[str, Any]) -> str:
    return ngettext(
        "It shared the engine with %(count)s other request: %(now)s between tokens, usually %(usual)s.",
        "It shared the engine with %(count)s other requests: %(now)s between tokens, usually %(usual)s.",
        f["others"], count=number(f["others"]), now=latency(f["itl"]), usual=latency(f["usual"]),
    )


def _loading(f: Mapping[str, Any]) -> str:
    if f.get("seconds"):
        return _("The model was being loaded for %(time)s of it.", time=latency(f["seconds"]))
    return _("The model was being loaded.")


def _engine_queue(f: Mapping[str, Any]) -> str:
    if f.get("waiting") is None:
        return _("The engine began to read its prompt only after %(time)s.", time=latency(f["seconds"]))
    usual = ABSENT if f.get("usual") is None else figure(f["usual"])
    if f.get("running") is None:
        return _("It waited about %(time)s in the engine: %(waiting)s waiting there, usually %(usual)s.",
                 time=latency(f["seconds"]), waiting=number(f["waiting"]), usual=usual)
    return _(
        "It waited about %(time)s in the engine: %(waiting)s waiting there, usually %(usual)s, and %(running)s being "
        "answered.", time=latency(f["seconds"]), waiting=number(f["waiting"]), usual=usual,
        running=number(f["running"]),
    )


def _other_loading(f: Mapping[str, Any]) -> str:
    if f.get("seconds"):
        return _("The same server was loading %(model)s for %(time)s of it.", model=f["model"],
                 time=latency(f["seconds"]))
    return _("The same server loaded %(model)s meanwhile.", model=f["model"])


def _throttled(f: Mapping[str, Any]) -> str:
    reason = {
        "power_cap": _("its power limit"), "software_thermal": _("heat, by the driver"),
        "hardware_thermal": _("heat, by the card"), "power_brake": _("the power brake"),
        "hardware_slowdown": _("the card itself"),
    }.get(str(f.get("reason")), str(f.get("reason")))
    return _("GPU %(gpu)s was held back by %(reason)s.", gpu=f.get("gpu"), reason=reason)


def _alert(f: Mapping[str, Any]) -> str:
    """Named with what it is of: the same rule may fire of the model and of its proxy."""
    labels: Mapping[str, str] = f.get("labels") or {}
    names = [*(one for one in _FIRST if labels.get(one)), *sorted(labels.keys() - {*_FIRST, "engine", "scope"})]
    about = ", ".join(
        model_words.proxy(labels[one]) if one == "proxy" else metric_words.labelled(one, labels[one]) for one in names
    )
    return _("An alert was firing: %(name)s (%(about)s).", name=_(str(f.get("name", ""))),
             about=about or metric_words.metric(str(f.get("metric", ""))))


_FIRST = ("model", "server", "proxy")
_WORDS = {
    "engine_queue": _engine_queue, "other_loading": _other_loading,
    "evicted": lambda f: _("The same server put %(model)s out of memory meanwhile.", model=f["model"]),
    "gpu_memory_full": lambda f: _("The memory of GPU %(gpu)s was full (%(used)s).", gpu=f["gpu"],
                                   used=human(f["used"], "ratio")),
    "device_busy": lambda f: _("Disk %(disk)s had work %(share)s of the time.", disk=f["device"],
                               share=human(f["used"], "ratio")),
    "queue": _queue, "crowd": _crowd, "loading": _loading, "gpu_throttled": _throttled,
    "long_prompt": lambda f: _("Its prompt was long: %(tokens)s tokens, usually %(usual)s.", tokens=number(f["tokens"]),
                               usual=number(f["usual"])),
    "cache_miss": lambda f: _(
        "Little of its prompt was in the cache: %(cached)s of %(tokens)s tokens, usually %(usual)s.",
        cached=number(f["cached"]), tokens=number(f["tokens"]), usual=human(f["usual"], "ratio")),
    "long_answer": lambda f: _("Its answer was long: %(tokens)s tokens, usually %(usual)s; the speed was as usual.",
                               tokens=number(f["tokens"]), usual=number(f["usual"])),
    "slow_decode": lambda f: _("Tokens came slowly: %(now)s between them, usually %(usual)s.", now=latency(f["itl"]),
                               usual=latency(f["usual"])),
    "retried": lambda f: _("The engine was reached only at try %(count)s.", count=number(f["attempts"])),
    "gpu_clocks": lambda f: _("GPU %(gpu)s ran at %(now)s, before at %(usual)s.", gpu=f["gpu"],
                              now=human(f["hertz"], "hertz"), usual=human(f["usual"], "hertz")),
    "cpu_busy": lambda f: _("The processor was at %(now)s.", now=human(f["used"], "ratio")),
    "swapping": lambda f: _("Memory was read back from swap: %(rate)s.",
                            rate=human(f["bytes_per_second"], "bytes_per_second")),
    "memory_pressure": lambda f: _("Programs waited for memory %(share)s of the time.",
                                   share=human(f["waited"], "ratio")),
    "disk_busy": lambda f: _("Programs waited for disks %(share)s of the time.", share=human(f["waited"], "ratio")),
    "on_cpu": lambda f: _("Only %(share)s of the model lay on GPUs; the rest was computed on the processor.",
                          share=human(f["on_gpu"], "ratio")),
    "kv_full": lambda f: _("The KV cache was full (%(used)s).", used=human(f["used"], "ratio")),
    "preempted": lambda _f: _("The engine put requests back for want of KV cache."),
    "alert": _alert,
}


def name(looked: Looked) -> str:
    """What was looked at."""
    return _NAMES[looked.code](looked.of)


def value(looked: Looked) -> str:
    """Its value while the request was answered."""
    return _said(looked, looked.now)


def usual(looked: Looked) -> str:
    """What was usual; empty where that is not known."""
    return "" if looked.usual is None else _("usually %(value)s", value=_said(looked, looked.usual))


def _said(looked: Looked, amount: float) -> str:
    if looked.unit == "seconds":
        return latency(amount)
    if looked.unit:
        return human(amount, looked.unit)
    return number(amount, 0 if float(amount).is_integer() else 1)


_NAMES = {
    "ttft": lambda _of: _("First token"), "queue": lambda _of: _("Waited in the proxy"),
    "engine_wait": lambda _of: _("Waited in the engine"), "itl": lambda _of: _("Between tokens"),
    "prompt_tokens": lambda _of: _("Prompt tokens"), "output_tokens": lambda _of: _("Output tokens"),
    "others": lambda _of: _("Other requests"), "waiting": lambda _of: _("Waiting in the engine"),
    "running": lambda _of: _("Being answered by the engine"), "loads": lambda _of: _("Models loaded"),
    "evictions": lambda _of: _("Models put out of memory"), "kv": lambda _of: _("KV cache in use"),
    "gpu_usage": lambda of: _("GPU %(gpu)s in use", gpu=of), "gpu_clock": lambda of: _("Clock of GPU %(gpu)s", gpu=of),
    "gpu_throttled": lambda of: _("GPU %(gpu)s held back", gpu=of),
    "gpu_memory": lambda of: _("Memory of GPU %(gpu)s", gpu=of), "cpu": lambda _of: _("Processor"),
    "memory": lambda _of: _("Memory"), "swap": lambda _of: _("Read back from swap"),
    "memory_wait": lambda _of: _("Waiting for memory"), "disk_wait": lambda _of: _("Waiting for disks"),
    "disk": lambda of: _("Disk %(disk)s busy", disk=of), "alerts": lambda _of: _("Alerts that fired"),
}
