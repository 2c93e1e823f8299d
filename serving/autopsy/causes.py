"""What was out of the ordinary of a request, of its engine and of the machine, each with the seconds it explains."""

from __future__ import annotations

from collections.abc import Sequence

from metrics import models as m
from metrics.metric import rate_of
from serving.autopsy.found import LONG, Code, Finding, Usual, came_as_written, engine_wait, over
from serving.autopsy.window import AROUND, Window, total
from serving.requests.table import Request

# -- the request beside others of its model


def of_request(request: Request, usual: Usual, beside: int) -> list[Finding]:
    """``beside`` are the requests that the engine answered at the same time."""
    found: list[Finding] = []
    if request.queue:
        found.append(Finding("queue", request.queue, {"seconds": request.queue, "others": beside}))
    if (request.attempts or 1) > 1:
        found.append(Finding("retried", (request.duration or 0.0) * 0.2, {"attempts": request.attempts}))
    prefill, decode = request.prefill, request.decode
    if over(request.prompt_tokens, usual.prompt_tokens, LONG):
        share = 1 - (usual.prompt_tokens or 0.0) / (request.prompt_tokens or 1)
        found.append(Finding("long_prompt", (prefill or request.ttft or 0.0) * share, {
            "tokens": request.prompt_tokens, "usual": usual.prompt_tokens,
        }))
    elif usual.cached_share is not None and usual.cached_share > 0.3 and request.prompt_tokens \
            and request.cached_tokens is not None:
        missed = usual.cached_share - request.cached_tokens / request.prompt_tokens
        if missed > 0.3:
            found.append(Finding("cache_miss", (prefill or request.ttft or 0.0) * missed, {
                "cached": request.cached_tokens, "tokens": request.prompt_tokens, "usual": usual.cached_share,
            }))
    if over(request.output_tokens, usual.output_tokens, LONG) and not over(request.itl, usual.itl, 1.5):
        share = 1 - (usual.output_tokens or 0.0) / (request.output_tokens or 1)
        found.append(Finding("long_answer", (decode or 0.0) * share, {
            "tokens": request.output_tokens, "usual": usual.output_tokens,
        }))
    if over(request.itl, usual.itl, 1.5) and request.output_tokens:
        lost = ((request.itl or 0.0) - (usual.itl or 0.0)) * request.output_tokens
        found.append(Finding("crowd" if beside >= 2 else "slow_decode", lost, {
            "itl": request.itl, "usual": usual.itl, "others": beside,
        }))
    return found


# -- what the engine did meanwhile


def of_engine(request: Request, usual: Usual, window: Window, known: Sequence[Finding]) -> list[Finding]:
    """``known`` are the findings of the request itself: what they explain was not waiting."""
    duration = request.duration or 0.0
    loads = of_models(request, usual, window)
    found = [*loads, *_waited(request, usual, window, [*known, *loads])]
    on_gpu = min((float(one.now.min()) for one in window.of_model(m.ON_GPU.name)), default=None)
    if on_gpu is not None and 0 < on_gpu < 0.999:
        found.append(Finding("on_cpu", duration * (1 - on_gpu), {"on_gpu": on_gpu}))
    kv = max((one.mean for one in window.of_model(m.KV_USED.name)), default=0.0)
    if kv >= 0.95:
        found.append(Finding("kv_full", duration * 0.4, {"used": kv}))
    put_back = max((one.mean for one in window.of_model(rate_of(m.PREEMPTIONS).name)), default=0.0)
    if put_back > 0:
        found.append(Finding("preempted", duration * 0.4, {"per_second": put_back}))
    return found


def of_models(request: Request, usual: Usual, window: Window) -> list[Finding]:
    """Models of the server that were loaded or put out of memory before the first token."""
    first = request.ttft or request.duration or 0.0
    found: dict[str, Finding] = {}
    for one in window.of_server(m.STATE.name):
        if one.info.label("state") == "loading" and one.now.max() >= 1:
            model = one.info.label("model")
            seconds = min(float((one.now >= 1).sum()) * max(one.step, 1.0), first)
            found[model] = _loading(request, model, seconds, told=True)
    slow = usual.ttft is None or over(request.ttft, usual.ttft, 1.5)
    for one in window.of_server(m.LOADED.name):
        model, change = one.info.label("model"), one.changed(request.at, request.at + first + AROUND)
        if change is None or model in found:
            continue
        loaded, at = change
        if loaded and (slow or model == request.model):
            # When it began is not known, only when it lay in memory: of weight, and no figure to tell.
            found[model] = _loading(request, model, 0.0 if one.minutes else min(at - request.at, first), told=False)
        elif slow and not loaded and model != request.model:
            found[model] = Finding("evicted", first * 0.25, {"model": model})
    return list(found.values())


def _loading(request: Request, model: str, seconds: float, *, told: bool) -> Finding:
    weight = max(seconds, (request.ttft or request.duration or 0.0) * 0.5)
    facts = {"seconds": seconds if told else None}
    if model == request.model:
        return Finding("loading", weight, facts)
    return Finding("other_loading", weight * 0.5, {"model": model, **facts})


def _waited(request: Request, usual: Usual, window: Window, known: Sequence[Finding]) -> list[Finding]:
    """The engine's own queue: its length as told, and the time to the first token that nothing else explains."""
    waiting_series = window.of_model(m.WAITING.name)
    waiting = total(waiting_series, lambda one: float(one.now.max()))
    loading = sum(one.weight for one in known if one.code in ("loading", "other_loading"))
    reading = sum(one.weight for one in known if one.code in ("long_prompt", "cache_miss"))
    seconds, wait = 0.0, engine_wait(request)
    if wait is not None and usual.engine_wait is not None:
        seconds = wait - usual.engine_wait - loading
    if waiting is not None and waiting >= 1 and _only_first(request, usual) and usual.ttft is not None:
        # Where the engine does not tell how long it read the prompt, the wait is in that time.
        seconds = max(seconds, (request.ttft or 0.0) - (request.queue or 0.0) - usual.ttft - loading - reading)
    if seconds <= 0:
        return []
    return [Finding("engine_queue", seconds, {
        "seconds": seconds, "waiting": waiting or None, "usual": total(waiting_series, lambda one: one.usual),
        "running": total(window.of_model(m.RUNNING.name), lambda one: float(one.now.max())),
    })]


def _only_first(request: Request, usual: Usual) -> bool:
    """Whether the time to the first token is not longer for the writing of a long answer that came in one piece."""
    if came_as_written(request):
        return True
    tokens = request.output_tokens
    return tokens is not None and usual.output_tokens is not None and tokens <= 1.5 * usual.output_tokens


# -- what the machine did meanwhile


def of_machine(request: Request, window: Window) -> list[Finding]:
    """Only of use where the server runs on this machine."""
    return [*_of_cards(request, window), *_of_host(request, window), *_of_disks(request, window)]


def _of_cards(request: Request, window: Window) -> list[Finding]:
    found: list[Finding] = []
    duration = request.duration or 0.0
    for one in window.on_cards("gpu_throttled"):
        reason, usual = one.info.label("reason"), window.at_work(one)
        # A card at its power limit works as it was told to: only more of it than usual is news.
        if one.mean > 0 and (usual is not None or reason != "power_cap"):
            found.append(Finding("gpu_throttled", duration * 0.5 * (one.mean - (usual or 0.0)), {
                "gpu": one.info.label("gpu"), "reason": reason, "share": one.mean, "usual": usual,
            }))
    for one in window.on_cards("gpu_sm_clock_hertz"):
        high = one.reached
        if high is not None and window.works(one.info.label("gpu")) and one.mean < 0.8 * high:
            found.append(Finding("gpu_clocks", duration * (1 - one.mean / high), {
                "gpu": one.info.label("gpu"), "hertz": one.mean, "usual": high,
            }))
    for one in window.on_cards("gpu_memory_used_ratio"):
        used = float(one.now.max())
        if used >= 0.97 and (one.usual is None or used > one.usual + 0.02):
            found.append(Finding("gpu_memory_full", duration * 0.25, {
                "gpu": one.info.label("gpu"), "used": used, "usual": one.usual,
            }))
    return found


def _of_host(request: Request, window: Window) -> list[Finding]:
    found: list[Finding] = []
    duration = request.duration or 0.0
    cpu = window.highest("cpu_usage_ratio")
    if cpu and cpu.mean > 0.85 and (cpu.usual is None or cpu.mean > cpu.usual + 0.2):
        found.append(Finding("cpu_busy", duration * 0.35 * cpu.mean, {"used": cpu.mean, "usual": cpu.usual}))
    swap = window.highest("swap_in_bytes_per_second")
    if swap and swap.mean > 1e6:
        found.append(Finding("swapping", duration * 0.6, {"bytes_per_second": swap.mean}))
    pressures: tuple[tuple[str, Code, float], ...] = (("memory", "memory_pressure", 0.1), ("io", "disk_busy", 0.2))
    for resource, code, least in pressures:
        one = window.highest(f'pressure_some_ratio{{resource="{resource}"}}')
        if one and one.mean > least and (one.usual is None or one.mean > LONG * one.usual):
            found.append(Finding(code, duration * min(one.mean, 1.0), {"waited": one.mean, "usual": one.usual}))
    return found


def _of_disks(request: Request, window: Window) -> list[Finding]:
    """Disks that had work all the time: weaker evidence than programs that waited for them."""
    return [
        Finding("device_busy", (request.duration or 0.0) * 0.3 * one.mean, {
            "device": one.info.label("device"), "used": one.mean, "usual": one.usual,
        })
        for one in window.during("disk_busy_ratio")
        if one.mean > 0.8 and (one.usual is None or one.mean > one.usual + 0.3)
    ]
