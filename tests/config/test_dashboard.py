"""The configuration's model: the spec's own example, closed sections, secrets that stay secret."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from config.dashboard import AlertThresholds, DashboardConfig
from config.secret import KEPT, Cipher, SecretText
from config.section import bytes_of

SPEC: dict[str, Any] = {
    "version": "1.0.0",
    "metadata": {"lastModified": "2024-12-03T10:30:00Z", "modifiedBy": "admin", "autoSave": True},
    "paths": {
        "modelsDirectory": "/home/user/models", "logsDirectory": "/var/log/llama-runner",
        "configDirectory": "/etc/llama-runner", "cacheDirectory": "/tmp/llama-cache",
        "watchedDirectories": [
            {"path": "/home/user/models", "recursive": True, "extensions": [".gguf", ".safetensors", ".bin"]}
        ],
    },
    "proxies": {
        "ollama": {
            "enabled": True, "port": 11434, "host": "127.0.0.1", "timeout": 30000, "retries": 3,
            "healthCheckInterval": 5000,
        },
        "lmstudio": {
            "enabled": True, "port": 1234, "host": "127.0.0.1", "apiKey": "sk-...", "timeout": 30000,
            "rateLimitPerMinute": 1000,
        },
    },
    "monitoring": {
        "updateInterval": 1000, "metricsRetention": 3600000, "enableDetailedLogging": True,
        "enableGpuMonitoring": True, "enableNetworkMonitoring": True,
        "alertThresholds": {
            "cpuPercent": 85, "memoryPercent": 90, "diskPercent": 95, "gpuMemoryPercent": 95, "errorRatePercent": 5,
            "latencyMs": 5000,
        },
    },
    "models": {
        "defaultParameters": {
            "temperature": 0.7, "topP": 0.95, "topK": 40, "contextSize": 2048, "maxTokens": 512, "repeatPenalty": 1.1,
        },
        "resourceLimits": {"maxMemoryMb": 8000, "maxCpuPercent": 90, "maxTimeoutSeconds": 300},
    },
    "ui": {
        "theme": "dark", "refreshRateMs": 1000, "chartsHistoryMinutes": 60, "defaultDashboardTab": "overview",
        "sidebarCollapsed": False, "compactMode": False,
    },
    "notifications": {
        "enabled": True, "channels": ["toast", "email", "slack"],
        "alertTypes": {
            "systemAlert": {"enabled": True, "channels": ["toast", "email"]},
            "modelFailure": {"enabled": True, "channels": ["toast", "email", "slack"]},
            "highResourceUsage": {"enabled": True, "channels": ["toast"]},
            "configChanged": {"enabled": True, "channels": ["toast"]},
        },
    },
    "logging": {"level": "info", "format": "json", "maxFileSize": "10mb", "maxFiles": 10, "enableConsole": True},
}
"""``spec/1`` 4.1, its comments and bare keys made JSON."""


def subset(part: Any, whole: Any) -> bool:
    """True when every value of ``part`` is in ``whole`` at the same place."""
    if isinstance(part, dict):
        return all(key in whole and subset(value, whole[key]) for key, value in part.items())
    return bool(part == whole)


def test_the_spec_example_loads_with_its_values() -> None:
    loaded = DashboardConfig.model_validate_json(json.dumps(SPEC))
    written = loaded.model_dump(mode="json", by_alias=True)
    assert written["proxies"]["lmstudio"].pop("apiKey") == KEPT
    assert loaded.proxies.lmstudio.api_key.reveal() == "sk-..."
    expected = json.loads(json.dumps(SPEC))
    del expected["proxies"]["lmstudio"]["apiKey"]
    assert subset(expected, written)


def test_the_defaults_are_the_spec_thresholds() -> None:
    given = SPEC["monitoring"]["alertThresholds"]
    assert AlertThresholds.model_validate(given) == AlertThresholds()


def test_a_secret_is_shown_nowhere() -> None:
    loaded = DashboardConfig.model_validate({"proxies": {"ollama": {"apiKey": "hunter2"}}})
    assert "hunter2" not in repr(loaded) + str(loaded) + loaded.model_dump_json() + repr(loaded.model_dump())
    with pytest.raises(ValidationError) as refused:
        DashboardConfig.model_validate({"proxies": {"ollama": {"port": 0, "apiKey": "hunter2"}}})
    assert "hunter2" not in str([e["loc"] for e in refused.value.errors(include_input=False)])


def test_a_secret_at_rest_needs_the_installation_key() -> None:
    cipher = Cipher("k" * 43)
    kept = cipher.encrypt("s3cret ü")
    assert "s3cret" not in kept
    assert cipher.decrypt(kept) == "s3cret ü"
    assert cipher.decrypt("typed by hand") == "typed by hand"
    assert cipher.encrypt("") == ""
    with pytest.raises(ValueError, match="another installation"):
        Cipher("j" * 43).decrypt(kept)
    assert SecretText("a") == SecretText("a") != SecretText("b")


@pytest.mark.parametrize(("path", "value", "says"), [
    ("monitoring.alertThresholds", {"cpuPercent": 96}, "cpuPercent (96) must not be above cpuCriticalPercent (95)"),
    ("paths", {"modelsDirectory": "models"}, "absolute path"),
    ("paths", {"modelsDirectory": "/srv/../etc"}, "absolute path"),
    ("logging", {"maxFileSize": "10"}, "such as 10mb"),
    ("notifications", {"channels": ["E mail"]}, "small letters"),
    ("notifications", {"targets": {"email": {"fromTime": "08:00"}}}, "belong together"),
    ("ui", {"themes": "dark"}, "Extra inputs"),
    ("ui", {"default_dashboard_tab": "overview"}, "Extra inputs"),
])
def test_what_is_wrong_is_said(path: str, value: Any, says: str) -> None:
    for part in reversed(path.split(".")):
        value = {part: value}
    with pytest.raises(ValidationError) as refused:
        DashboardConfig.model_validate(value)
    assert says in str(refused.value)


def test_sizes_are_bytes() -> None:
    assert [bytes_of(s) for s in ("1kb", "10mb", "2gb")] == [1024, 10 * 2**20, 2 * 2**30]
