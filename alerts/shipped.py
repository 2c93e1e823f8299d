"""The rules that Vigie comes with: all types of ``spec/1`` 5.1, and some more.

Those with the source ``models`` watch what is told of models: by model servers, by Vigie's own model processes and,
better, by the measuring proxies. Those with ``proxies`` watch what the proxies alone tell: timeouts and objectives of
requests. Until there is such a thing, they wait.
"""

from __future__ import annotations

from typing import Any

from alerts.rule import Rule
from config.marks import N_

PERCENT = 0.01
MILLI = 0.001
MIB = 2.0**20
ABOVE = N_("{what} is at {value} (limit {limit}).")
MOMENT = 300.0
"""Seconds that something which is over at once is shown for."""


def _use(rule: str, name: str, kind: str, metric: str, field: str, severity: str, **more: Any) -> Rule:
    """A share or a temperature above a limit of the configuration."""
    values: dict[str, Any] = {
        "factor": PERCENT, "for_seconds": 60, "margin": 0.05, "resolve_seconds": 60, "message": ABOVE,
        "category": "high_resource_usage", **more,
    }
    return Rule(
        id=rule, name=name, type=kind, selectors=(metric,), comparison=">=", threshold_from=field, severity=severity,
        **values,
    )


def _of_model(rule: str, name: str, kind: str, selector: str, severity: str, **more: Any) -> Rule:
    return Rule(
        id=rule, name=name, type=kind, selectors=(selector,), severity=severity, category="model_failure",
        **{"source": "models", "resolve_seconds": 30, **more},
    )


_DISK: dict[str, Any] = {"for_seconds": 0, "margin": 0.01, "category": "system_alert", "no_data_seconds": 300}

SYSTEM = (
    _use("high_cpu", N_("High CPU use"), "HIGH_CPU", "cpu_usage_ratio", "cpuPercent", "warning"),
    _use("high_cpu_critical", N_("Very high CPU use"), "HIGH_CPU", "cpu_usage_ratio", "cpuCriticalPercent", "critical",
         for_seconds=300),
    _use("high_memory", N_("High memory use"), "HIGH_MEMORY", "memory_used_ratio", "memoryPercent", "warning"),
    _use("high_memory_critical", N_("Very high memory use"), "HIGH_MEMORY", "memory_used_ratio",
         "memoryCriticalPercent", "critical"),
    _use("disk_filling", N_("Disk filling up"), "DISK_FULL", "disk_volume_used_ratio", "diskWarningPercent", "warning",
         **_DISK),
    _use("disk_full", N_("Disk full"), "DISK_FULL", "disk_volume_used_ratio", "diskPercent", "critical", **_DISK),
    _use("gpu_memory_full", N_("GPU memory full"), "GPU_MEMORY_FULL", "gpu_memory_used_ratio", "gpuMemoryPercent",
         "warning", margin=0.02),
    _use("gpu_memory_full_critical", N_("GPU memory quite full"), "GPU_MEMORY_FULL", "gpu_memory_used_ratio",
         "gpuMemoryCriticalPercent", "critical", margin=0.01),
    _use("gpu_hot", N_("GPU hot"), "", "gpu_temperature_celsius", "gpuTemperatureCelsius", "warning", factor=1),
    _use("gpu_hot_critical", N_("GPU very hot"), "", "gpu_temperature_celsius", "gpuTemperatureCriticalCelsius",
         "critical", factor=1, for_seconds=15),
    Rule(
        id="network_issues", name=N_("Network errors"), type="NETWORK_ISSUES", severity="error", comparison=">",
        selectors=(
            "network_receive_errors_per_second", "network_transmit_errors_per_second",
            "network_receive_drops_per_second", "network_transmit_drops_per_second",
        ),
        function="mean", window_seconds=60, threshold_from="networkErrorsPerSecond", for_seconds=60, margin=0.5,
        resolve_seconds=120, message=N_("{what}: {value} on average over a minute (limit {limit})."),
    ),
    Rule(
        id="disk_io_slow", name=N_("Slow disk"), type="DISK_IO_SLOW", severity="warning",
        selectors=("disk_service_time_seconds",), function="mean", window_seconds=60, threshold_from="diskLatencyMs",
        factor=MILLI, for_seconds=60, margin=0.2, resolve_seconds=120,
        message=N_("A request of disk {device} takes {value} on average (limit {limit})."),
    ),
)

MODELS = (
    _of_model("model_crashed", N_("Model crashed"), "MODEL_CRASHED", 'model_state{state="error"}', "critical",
              comparison=">=", threshold=1, message=N_("The model {model} has crashed.")),
    _of_model("high_latency", N_("Slow answers of a model"), "HIGH_LATENCY", "model_request_duration_p95_seconds",
              "warning", threshold_from="latencyMs", factor=MILLI, for_seconds=60, margin=0.1,
              message=N_("95 of 100 answers of {model} take up to {value} (limit {limit}).")),
    _of_model("high_error_rate", N_("Failed requests of a model"), "HIGH_ERROR_RATE", "model_request_error_ratio",
              "error", threshold_from="errorRatePercent", factor=PERCENT, for_seconds=60, margin=0.2,
              message=N_("{value} of the requests to {model} fail (limit {limit}).")),
    _of_model("model_not_responding", N_("Model does not respond"), "MODEL_NOT_RESPONDING", "model_up", "critical",
              comparison="<", threshold=1, for_seconds=30, message=N_("The model {model} does not respond.")),
    _of_model("inference_timeout", N_("Requests timed out"), "INFERENCE_TIMEOUT", "model_request_timeouts_total",
              "error", source="proxies", function="increase", window_seconds=300, threshold=0,
              message=N_("Requests to {model} timed out: {value} in 5 minutes.")),
    # The Site Reliability Workbook, chapter 5, table 5-2: a burn of 14.4 uses 2 % of a budget of 30 days in an hour,
    # one of 6 uses 5 % in six hours. The last twelfth of the window has to burn as fast: so it ends with the trouble.
    _of_model("objective_burn_fast", N_("Error budget of a model burns fast"), "",
              'model_objective_burn_sustained{window="1h"}', "critical", source="proxies", threshold=14.4,
              message=N_("{model} uses its error budget {value} times as fast as its objective allows (last hour "
                         "and last 5 minutes; limit {limit}).")),
    _of_model("objective_burn", N_("Error budget of a model burns"), "",
              'model_objective_burn_sustained{window="6h"}', "warning", source="proxies", threshold=6,
              message=N_("{model} uses its error budget {value} times as fast as its objective allows (last 6 hours "
                         "and last 30 minutes; limit {limit}).")),
    _of_model("model_partly_on_gpu", N_("Model only partly on the GPU"), "", "model_off_gpu_ratio", "warning",
              threshold=0.005, for_seconds=60,
              message=N_("{value} of {model} lies in host memory, for the GPU has no room: layers or KV cache are "
                         "reckoned by the processor.")),
)

PROXIES = (
    _of_model("proxy_down", N_("Proxy down"), "PROXY_DOWN", "proxy_up", "critical", source="proxies", comparison="<",
              threshold=1, for_seconds=10, message=N_("The proxy {proxy} is down.")),
    _of_model("proxy_unhealthy", N_("Proxy unhealthy"), "PROXY_UNHEALTHY", "proxy_healthy", "error", source="proxies",
              comparison="<", threshold=1, for_seconds=30,
              message=N_("The proxy {proxy} runs, but what it stands before does not answer.")),
    _of_model("rate_limit_exceeded", N_("Rate limit exceeded"), "RATE_LIMIT_EXCEEDED", "proxy_requests_limited_total",
              "warning", source="proxies", function="increase", window_seconds=300, threshold=0,
              message=N_("The proxy {proxy} refused requests beyond the rate limit: {value} in 5 minutes.")),
)

CONFIG = (
    Rule(
        id="invalid_config", name=N_("Invalid configuration"), type="INVALID_CONFIG", severity="critical",
        selectors=("vigie_config_valid",), comparison="<", threshold=1, category="config_changed",
        message=N_("The configuration file is not valid; the one before stays in force."),
    ),
    Rule(
        id="config_auto_loaded", name=N_("Configuration file taken up"), type="CONFIG_AUTO_LOADED", severity="info",
        selectors=('vigie_config_reloads_total{source="file"}',), function="increase", window_seconds=MOMENT,
        threshold=0, category="config_changed",
        message=N_("The configuration file was changed by hand and is in force."),
    ),
    Rule(
        id="config_validation_failed", name=N_("Configuration refused"), type="CONFIG_VALIDATION_FAILED",
        severity="error", selectors=("vigie_config_rejections_total",), function="increase", window_seconds=MOMENT,
        threshold=0, category="config_changed", message=N_("A change of the configuration was refused ({source})."),
    ),
)

APPLICATION = (
    Rule(
        id="startup_error", name=N_("Error at the start"), type="STARTUP_ERROR", severity="critical",
        selectors=("vigie_part_started",), comparison="<", threshold=1, for_seconds=15,
        message=N_("A part of Vigie has not come up since the start: {part}."),
    ),
    Rule(
        id="memory_leak_detected", name=N_("Vigie's memory grows"), type="MEMORY_LEAK_DETECTED", severity="error",
        selectors=("vigie_memory_bytes",), function="increase", window_seconds=6 * 3600,
        threshold_from="memoryGrowthMb", factor=MIB, resolve_seconds=600, margin=0.1,
        message=N_("Vigie's own memory grew by {value} in 6 hours."),
    ),
    Rule(
        id="service_degradation", name=N_("Part of Vigie fails"), type="SERVICE_DEGRADATION", severity="warning",
        selectors=("vigie_part_up",), comparison="<", threshold=1, for_seconds=30, resolve_seconds=30,
        message=N_("A part of Vigie does not work: {part}."),
    ),
    Rule(
        id="source_failed", name=N_("Source of values fails"), type="SERVICE_DEGRADATION", severity="warning",
        selectors=("vigie_collector_status",), comparison=">=", threshold=2, for_seconds=60, resolve_seconds=30,
        message=N_("A source of values fails: {collector}."),
    ),
)

FLEET = (
    Rule(
        id="server_down", name=N_("Server down"), severity="critical", selectors=("server_up",), comparison="<",
        threshold=1, for_seconds=30, labels={"scope": "server"}, source="fleet", no_data="keep",
        message=N_("The server does not report."),
    ),
)

SHIPPED: tuple[Rule, ...] = (*SYSTEM, *MODELS, *PROXIES, *CONFIG, *APPLICATION, *FLEET)
SHIPPED_BY_ID: dict[str, Rule] = {rule.id: rule for rule in SHIPPED}
