"""What a model process is told as: plain values, absent where something is not known."""

from __future__ import annotations

from typing import Any

from serving.processes.limits import Bounds
from serving.processes.process import Process
from serving.processes.sentences import ProcessError, Sentence


def facts(process: Process) -> dict[str, Any]:
    """Everything about one process. Times in epoch seconds, sizes in bytes, ``cpu`` in cores, ``on_gpu``
    the share of each model that lies on GPUs (0 to 1)."""
    wanted, run = process.definition, process.run
    made: dict[str, Any] = {
        "name": wanted.name, "engine": wanted.engine, "state": process.state, "detail": process.detail,
        "restarts": process.restarts, "in_flight": process.in_flight, "last_used": process.last_used,
        "idle_stop_at": process.idle_stop_at, "needs_restart": process.needs_restart,
        "on_demand": wanted.on_demand, "api_key_file": wanted.api_key_file or None, "log": str(process.output.path),
        "limits": process.around.limits.facts(wanted.name, Bounds(wanted.memory, wanted.cpu)),
        "exit": process.ending.facts() if process.ending else None,
        **told("message", process.message), **told("output_problem", process.output.problem),
    }
    if run is not None:
        usage = run.meter.usage
        made |= {
            "pid": run.handle.pid, "port": run.facts.port, "url": run.url, "started": run.facts.started,
            "ready_seconds": run.ready_seconds, "responding": run.responding, "command": list(run.facts.command),
            "memory": usage.memory if usage else None, "memory_anon": usage.anon if usage else None,
            "memory_file": usage.file if usage else None, "cpu": run.meter.cpu,
            "gives_way": run.gives_way,
            "processes": len(run.handle.tree.known),
        }
        if process.state == "running" and wanted.engine == "llamacpp":
            made["on_gpu"] = {model or wanted.name: share for model, share in run.offload.shares().items()}
    return {key: value for key, value in made.items() if value is not None}


def refused(name: str, error: ProcessError) -> dict[str, Any]:
    """A process whose definition is none."""
    return {"name": name, "state": "error", "detail": "definition", **told("message", error.sentence)}


def told(key: str, sentence: Sentence | None) -> dict[str, Any]:
    """A sentence in English, and beside it what a page translates: the template and its parameters."""
    if sentence is None:
        return {}
    return {key: str(sentence), f"{key}_template": sentence.template, f"{key}_params": dict(sentence.params)}
