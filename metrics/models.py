"""The one set of metrics that every engine, proxy and model process is told in.

Labels: ``server`` (name of the model server), ``engine`` (one of `ENGINES`) where it is known and ``model`` where an
engine tells it or a process of ours runs it; ``proxy``, ``server`` and ``model`` where a measuring proxy counted it.
Two ways to one number are two series, and the label ``proxy`` tells them apart. What a source does not tell is absent.

A histogram is one series per bucket that saw something in the tick: its label ``le`` is the upper bound in seconds, its
value how many observations fell between the bound before and this one since the tick before (not cumulated). A tick
without observations has no sample: no traffic is not zero seconds.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from typing import Literal, get_args

from metrics.metric import Metric

Engine = Literal["ollama", "lmstudio", "llamacpp", "vllm", "sglang", "tgi", "litellm", "openai"]
ENGINES: tuple[str, ...] = get_args(Engine)
"""``openai`` is any server that speaks OpenAI's API and tells nothing more."""
State = Literal["running", "loading", "stopped", "error"]
STATES: tuple[str, ...] = get_args(State)

SERVER_UP = Metric("model_server_up", "gauge", "", "1 while a model server answers, else 0")
UP = Metric("model_up", "gauge", "", "1 while a model that should answer does, else 0")
STATE = Metric("model_state", "gauge", "", "1 for the state a model is in, 0 for the others")
LOADED = Metric("model_loaded", "gauge", "", "1 while a model lies in memory, else 0")
ASLEEP = Metric("model_asleep", "gauge", "", "1 while a server has put its model to sleep, else 0")

RUNNING = Metric("model_requests_running", "gauge", "", "Requests being answered")
WAITING = Metric("model_requests_waiting", "gauge", "", "Requests waiting for their turn")
SLOTS = Metric("model_slots", "gauge", "", "Requests that can be answered at once")
CONTEXT = Metric("model_context_size", "gauge", "", "Tokens that fit into the context of one request")
CONTEXT_USED = Metric("model_context_used_ratio", "gauge", "ratio", "Fullest context in use, of its size")
KV_USED = Metric("model_kv_cache_used_ratio", "gauge", "ratio", "KV cache in use")
CACHE_HITS = Metric("model_prefix_cache_hit_ratio", "gauge", "ratio", "Prompt tokens found in the prefix cache")
LIVE_TOKENS = Metric("model_decode_tokens_per_second", "gauge", "per_second", "Tokens written now")

PROMPT_TOKENS = Metric("model_prompt_tokens_total", "counter", "", "Prompt tokens read, cached ones included")
CACHED_TOKENS = Metric("model_cached_tokens_total", "counter", "", "Prompt tokens found in the prefix cache")
OUTPUT_TOKENS = Metric("model_output_tokens_total", "counter", "", "Tokens written")
REQUESTS = Metric("model_requests_total", "counter", "", "Requests that ended")
ERRORS = Metric("model_request_errors_total", "counter", "", "Requests that failed, by class")
TIMEOUTS = Metric("model_request_timeouts_total", "counter", "", "Requests that timed out")
FINISHED = Metric("model_requests_finished_total", "counter", "", "Requests that ended, by reason")
PREEMPTIONS = Metric("model_preemptions_total", "counter", "", "Requests put back for want of KV cache")
PHASE = Metric("model_request_phase_seconds_total", "counter", "seconds", "Time of requests, by phase")

TTFT = Metric("model_time_to_first_token_seconds", "histogram", "seconds", "Time to the first token")
ITL = Metric("model_inter_token_latency_seconds", "histogram", "seconds", "Time between two tokens")
DURATION = Metric("model_request_duration_seconds", "histogram", "seconds", "Time of a request, end to end")
QUEUE = Metric("model_request_queue_seconds", "histogram", "seconds", "Time a request waited")
PREFILL = Metric("model_request_prefill_seconds", "histogram", "seconds", "Time a prompt was read")
DECODE = Metric("model_request_decode_seconds", "histogram", "seconds", "Time an answer was written")

P95 = Metric("model_request_duration_p95_seconds", "gauge", "seconds", "95 of 100 requests of a minute took less")
MEAN = Metric("model_request_duration_mean_seconds", "gauge", "seconds", "Mean time of a minute's requests")
ERROR_RATIO = Metric("model_request_error_ratio", "gauge", "ratio", "Requests of a minute that failed")

OBJECTIVE = Metric("model_objective_ratio", "gauge", "ratio", "Requests of a window that held to the objective")
BURN = Metric("model_objective_burn", "gauge", "", "Times faster than allowed that the error budget was used")
SUSTAINED = Metric("model_objective_burn_sustained", "gauge", "", "The lesser burn of a window and of its last twelfth")
GOODPUT = Metric("model_goodput_per_second", "gauge", "per_second", "Requests of 5 minutes that held to the objective")

MEMORY = Metric("model_memory_bytes", "gauge", "bytes", "Host memory of a model's processes")
GPU_MEMORY = Metric("model_gpu_memory_bytes", "gauge", "bytes", "GPU memory of a model, by card where that is known")
LOADED_BYTES = Metric("model_loaded_bytes", "gauge", "bytes", "Size of a loaded model, as its engine tells it")
ON_GPU = Metric("model_on_gpu_ratio", "gauge", "ratio", "Share of a loaded model that lies on GPUs")
OFF_GPU = Metric("model_off_gpu_ratio", "gauge", "ratio", "Share of a model that lies outside the GPUs it runs on")
CPU = Metric("model_cpu_ratio", "gauge", "ratio", "CPU that a model's processes use, of one core")

PROXY_UP = Metric("proxy_up", "gauge", "", "1 while a proxy runs, 0 when it should and does not")
PROXY_HEALTHY = Metric("proxy_healthy", "gauge", "", "1 while what a proxy stands before answers, else 0")
PROXY_UPTIME = Metric("proxy_uptime_seconds", "gauge", "seconds", "Time since a proxy started")
PROXY_RUNNING = Metric("proxy_requests_running", "gauge", "", "Requests a proxy is passing on")
PROXY_WAITING = Metric("proxy_requests_waiting", "gauge", "", "Requests waiting in a proxy")
PROXY_LATENCY = Metric("proxy_request_duration_mean_seconds", "gauge", "seconds", "Mean time of a minute's requests")
PROXY_REQUESTS = Metric("proxy_requests_total", "counter", "", "Requests a proxy took on")
PROXY_ERRORS = Metric("proxy_request_errors_total", "counter", "", "Requests a proxy took on and that failed")
PROXY_REFUSED = Metric("proxy_requests_refused_total", "counter", "", "Requests that were wrong themselves (4xx)")
PROXY_GONE = Metric("proxy_clients_gone_total", "counter", "", "Requests whose client left before the end")
PROXY_LIMITED = Metric("proxy_requests_limited_total", "counter", "", "Requests refused beyond the rate limit")
PROXY_RECEIVED = Metric("proxy_receive_bytes_total", "counter", "bytes", "Bytes of requests")
PROXY_SENT = Metric("proxy_transmit_bytes_total", "counter", "bytes", "Bytes of answers")
PROXY_NUMBERS: Mapping[str, Metric] = {
    "uptime": PROXY_UPTIME, "running": PROXY_RUNNING, "waiting": PROXY_WAITING, "mean": PROXY_LATENCY,
    "requests": PROXY_REQUESTS, "errors": PROXY_ERRORS, "refused": PROXY_REFUSED, "gone": PROXY_GONE,
    "limited": PROXY_LIMITED, "received": PROXY_RECEIVED, "sent": PROXY_SENT,
}
"""A number of a proxy, as the serving process calls it, and its metric."""

OF_ENGINES: tuple[Metric, ...] = (
    SERVER_UP, UP, STATE, LOADED, ASLEEP, RUNNING, WAITING, SLOTS, CONTEXT, CONTEXT_USED, KV_USED, CACHE_HITS,
    LIVE_TOKENS, PROMPT_TOKENS, CACHED_TOKENS, OUTPUT_TOKENS, REQUESTS, ERRORS, FINISHED, PREEMPTIONS, PHASE, TTFT, ITL,
    DURATION, QUEUE, PREFILL, DECODE, P95, MEAN, ERROR_RATIO, MEMORY, GPU_MEMORY, LOADED_BYTES, ON_GPU, OFF_GPU,
    CPU,
)
"""What the collector of model servers may yield."""
OF_PROXIES: tuple[Metric, ...] = (
    PROXY_UP, PROXY_HEALTHY, PROXY_UPTIME, PROXY_RUNNING, PROXY_WAITING, PROXY_LATENCY, PROXY_REQUESTS, PROXY_ERRORS,
    PROXY_REFUSED, PROXY_GONE, PROXY_LIMITED, PROXY_RECEIVED, PROXY_SENT,
    RUNNING, WAITING, LIVE_TOKENS, PROMPT_TOKENS, CACHED_TOKENS, OUTPUT_TOKENS, REQUESTS, ERRORS, TIMEOUTS, FINISHED,
    PHASE, TTFT, ITL, DURATION, QUEUE, P95, ERROR_RATIO, STATE, UP, MEMORY, CPU, ON_GPU, OFF_GPU,
)
"""What the collector of the serving process (proxies and model processes) may yield."""
OF_OBJECTIVES: tuple[Metric, ...] = (OBJECTIVE, BURN, SUSTAINED, GOODPUT)
"""What the collector of objectives yields, of models that had requests; the label ``window`` but for `GOODPUT`."""

BOUNDS: tuple[float, ...] = tuple(0.00025 * 2 ** (k / 2) for k in range(43))
"""Upper bounds of the buckets of Vigie's own histograms, seconds: two to an octave, 0.25 ms to 524 s. What is longer
falls into the bucket ``+Inf``."""
LE: tuple[str, ...] = (*(f"{bound:.6g}" for bound in BOUNDS), "+Inf")
"""The label ``le`` of each bucket."""


def on_and_off_gpu(share: float) -> tuple[tuple[Metric, float], ...]:
    """What tells of a model of which ``share`` (0 to 1) lies on GPUs. One that lies wholly in host memory runs there on
    purpose, or there is no GPU: of it nothing is told to be off them."""
    return ((ON_GPU, share), (OFF_GPU, 1.0 - share)) if share else ((ON_GPU, share),)


def bucket_of(seconds: float) -> int:
    """The place in `LE` of the bucket that ``seconds`` falls into: bounds are inclusive, as Prometheus' are."""
    return bisect_left(BOUNDS, seconds)
