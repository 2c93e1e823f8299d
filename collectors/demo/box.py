"""The demo's simulated box: its names, its cards, its processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from collectors.demo.load import BATCHES, GIB, LARGE_GIB, MODELS_0, PERIOD, VLLM, Curve, Load

BOOT = 1_766_966_400
STEP = 5
"""Seconds between two values of a process."""
TOTAL = 251.6 * GIB
OLLAMA, RUNNERS, VLLM_PID, LLAMA = 2214, (48_102, 48_977, 49_655), 2890, (48_310, 49_120, 50_004)
NAMES = ("qwen3-8b-q8_0", "gpt-oss-20b-mxfp4", "mistral-small-3.2-24b-q4_k_m")


def facts(load: Load) -> dict[str, dict[str, Any]]:
    """Snapshots of the cpu, disk, network and nvidia collectors."""
    gpus = []
    for gpu in load.gpus:
        gpus.append({
            "gpu": str(gpu.index), "name": "NVIDIA RTX 6000 Ada Generation",
            "uuid": f"GPU-5100a7ed-0000-4000-8000-00000000000{gpu.index}", "driver": "580.95.05", "state": "ok",
            "message": "", "processes": _on_card(gpu.index, load),
        })
    return {
        "cpu": {
            "hostname": "gpu-box", "os": "Debian GNU/Linux 13 (trixie)", "kernel": "6.12.48+deb13-amd64",
            "cpu_model": "AMD EPYC 9554P 64-Core Processor", "cores": 64, "container": False, "limits": {},
        },
        "disk": {"volumes": [
            {"mount": "/", "device": "/dev/nvme0n1p2", "kind": "ext4", "silent": False},
            {"mount": "/boot/efi", "device": "/dev/nvme0n1p1", "kind": "vfat", "silent": False},
            {"mount": "/srv/models", "device": "/dev/nvme1n1", "kind": "xfs", "silent": False},
        ]},
        "network": {"interfaces": [
            {"interface": "lo", "addresses": ["127.0.0.1", "::1"], "speed_bytes_per_second": None, "up": True},
            {"interface": "eno1", "addresses": ["192.0.2.17", "2001:db8::17"], "speed_bytes_per_second": 1.25e9,
             "up": True},
            {"interface": "docker0", "addresses": ["172.17.0.1"], "speed_bytes_per_second": None, "up": True},
        ]},
        "nvidia": {"gpus": gpus},
    }


def _on_card(index: int, load: Load) -> list[dict[str, Any]]:
    if index == VLLM:
        return [{"pid": VLLM_PID, "name": "python3", "memory_bytes": LARGE_GIB * GIB}]
    memory = _curve(load.gpus[0].memory - 0.5 * GIB, 0)
    return [
        {"~during": [a - 11, b], "pid": pid, "name": "ollama", "memory_bytes": memory}
        for pid, (a, b, _) in zip(RUNNERS, MODELS_0)
    ]


def process_rows(load: Load) -> list[dict[str, Any]]:
    """The process table: model servers that follow the load, and what else runs on such a box."""
    usage_0, usage_1 = load.gpus[0].usage, load.gpus[1].usage
    rows = [
        _row(VLLM_PID, "python3", "vllm", 1.1 + 3.4 * usage_1 + 0.2 * load.noise(4), 21.4, 218,
             "python3 -m vllm.entrypoints.openai.api_server --model Qwen/Qwen3-32B-AWQ --port 8000 --api-key *** "
             "--gpu-memory-utilization 0.92 --max-model-len 32768"),
        _row(2961, "VLLM::EngineCor", "vllm", 0.9 + 1.3 * usage_1, 6.8, 96, "VLLM::EngineCore"),
        _row(OLLAMA, "ollama", "ollama", 0.02 + 0.3 * usage_0, 0.9, 41, "/usr/local/bin/ollama serve"),
    ]
    for pid, (a, b, size), model in zip(RUNNERS, MODELS_0, NAMES):
        rows.append(_row(
            pid, "ollama", "ollama", 0.15 + 1.9 * usage_0 + 0.1 * load.noise(3), size * 0.16, 27,
            f"/usr/local/bin/ollama runner --model /srv/models/{model}.gguf --ctx-size 16384 --port {pid - 7000}",
            during=(a - 11, b),
        ))
    for pid, (a, b) in zip(LLAMA, BATCHES):
        rows.append(_row(
            pid, "llama-server", "batch", 15.6 * load.batch - 0.4 * load.noise(3), 13.4, 19,
            "llama-server --model /srv/models/gguf/embed-large-f16.gguf --embeddings --threads 16 --port 8091",
            during=(a, b),
        ))
    rows.extend(_row(
        3400 + worker, "gunicorn", "api", 0.05 + 0.5 * load.requests * (0.6 + 0.5 * load.noise(6)), 0.31, 9,
        "gunicorn: worker [gateway.wsgi]",
    ) for worker in range(8))
    rows.extend(_row(3600 + worker, "nginx", "www-data", 0.02 + 0.2 * load.requests * load.noise(5), 0.03, 1,
                     "nginx: worker process") for worker in range(6))
    rows.extend(_row(
        3700 + n, "postgres", "postgres", 0.12 * load.requests * load.noise(4), 0.09 + 0.02 * n, 1,
        f"postgres: {what}",
    ) for n, what in enumerate((
        "checkpointer", "background writer", "walwriter", "autovacuum launcher",
        "gateway gateway 192.0.2.17(41822) idle", "gateway gateway 192.0.2.17(41830) idle",
        "gateway gateway 192.0.2.17(41846) SELECT",
    )))
    for pid, name, user, cpu, memory, threads, command in _OTHERS:
        rows.append(_row(pid, name, user, cpu * (0.5 + load.noise(10)), memory, threads, command))
    rows.extend(_row(30 + n, f"kworker/{n}:1-ev", "root", 0.004 * load.noise(3), 0.0, 1, f"[kworker/{n}:1-events]")
                for n in range(24))
    return rows


_OTHERS: tuple[tuple[int, str, str, float, float, int, str], ...] = (
    (1, "systemd", "root", 0.002, 0.013, 1, "/sbin/init"),
    (612, "systemd-journald", "root", 0.01, 0.08, 1, "/usr/lib/systemd/systemd-journald"),
    (701, "dbus-daemon", "messagebus", 0.001, 0.005, 1, "/usr/bin/dbus-daemon --system --nofork"),
    (733, "nvidia-persiste", "nvidia-persistenced", 0.0, 0.002, 1, "/usr/bin/nvidia-persistenced --verbose"),
    (1180, "sshd", "root", 0.0, 0.009, 1, "sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups"),
    (1215, "containerd", "root", 0.03, 0.07, 38, "/usr/bin/containerd"),
    (1302, "dockerd", "root", 0.02, 0.12, 44, "/usr/sbin/dockerd -H fd://"),
    (1388, "postgres", "postgres", 0.004, 0.21, 1, "/usr/lib/postgresql/17/bin/postgres -D /var/lib/postgresql"),
    (1409, "redis-server", "redis", 0.03, 0.14, 6, "/usr/bin/redis-server 127.0.0.1:6379"),
    (1500, "nginx", "root", 0.0, 0.01, 1, "nginx: master process /usr/sbin/nginx -g daemon on; master_process on;"),
    (3390, "gunicorn", "api", 0.002, 0.05, 1, "gunicorn: master [gateway.wsgi]"),
    (4012, "python", "vigie", 0.02, 0.09, 24, "python app.py --host 127.0.0.1 --port 8050"),
    (4100, "node", "web", 0.04, 0.26, 11, "node /srv/chat/server.js --port 3000"),
    (5120, "rsync", "backup", 0.03, 0.01, 1, "rsync -a --delete /srv/models/ backup@192.0.2.40:/models/"),
    (5301, "Überwachung-日本", "ops", 0.003, 0.04, 2, "/opt/outils/Überwachung-日本 --données /srv/relevés"),
    (6001, "bash", "ana", 0.0, 0.006, 1, "-bash"),
    (6044, "tmux: server", "ana", 0.001, 0.008, 1, "tmux new -s train"),
    (6102, "python3", "ana", 0.6, 5.2, 21, "python3 train_adapter.py --base Qwen/Qwen3-4B --rank 16 --device cpu"),
)


def _row(
    pid: int, name: str, user: str, cpu: Curve, memory_gib: float, threads: int, command: str,
    during: tuple[float, float] | None = None,
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "pid": pid, "name": name, "user": user, "cpu_ratio": _curve(np.maximum(cpu, 0), 3),
        "memory_bytes": memory_gib * GIB, "memory_ratio": round(memory_gib * GIB / TOTAL, 5), "threads": threads,
        "status": "running" if float(cpu.mean()) > 1 else "sleeping",
        "uptime_seconds": {"~": "age"} if during else {"~": "since", "at": BOOT + 20 + pid / 100}, "command": command,
    }
    return {"~during": list(during), **row} if during else row


def _curve(values: Curve, digits: int) -> dict[str, Any]:
    means = values.reshape(PERIOD // STEP, STEP).mean(axis=1)
    to_number: Callable[[float], float] = (lambda v: round(float(v), digits)) if digits else (lambda v: float(round(v)))
    return {"~": "curve", "every": STEP, "values": [to_number(v) for v in means]}
