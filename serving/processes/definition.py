"""What a model process is to be: the JSON of ``config.serving.ModelProcess`` with the defaults filled in.

The configuration was checked where it was written. It comes here over a socket, so that what could turn a value into an
option or a second word is looked at again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from config.command import COMMAND, PARAMETERS, asks_for, is_name, words_of
from config.marks import N_
from serving.processes.sentences import BadDefinition, ProcessError

HOST = "127.0.0.1"
"""Where model processes listen: only what runs on this machine reaches them, others go through a proxy."""
POLICIES = ("no", "on-failure", "always")
_MIB = 2**20
_HEALTH = {
    "ollama": "/api/version", "lmstudio": "/v1/models", "sglang": "/v1/models", "tgi": "/info",
    "litellm": "/health/readiness",
}


def health_path_of(engine: str) -> str:
    """What an engine is asked for its health where the definition does not say: a path that it answers from memory.

    Ollama and LM Studio have no ``/health``; SGLang, TGI and LiteLLM generate text to answer theirs (see
    `collectors.engines.recognise`). An engine that is not known is asked as llama.cpp and vLLM are.
    """
    return _HEALTH.get(engine, "/health")


@dataclass(frozen=True)
class Definition:
    """One model process as it is wanted now. ``memory`` is in bytes, ``cpu`` a share of the whole machine, times are
    in seconds; ``idle`` 0 is never, ``port`` 0 any."""

    name: str
    engine: str
    command: str
    file: str
    port: int
    gpus: str
    autostart: bool
    on_demand: bool
    idle: float
    start_timeout: float
    restart: str
    health_path: str
    memory: int
    cpu: float
    api_key_file: str = ""
    parameters: dict[str, str] = field(default_factory=dict)

    def words(self, port: int | str) -> list[str]:
        """The command's words for a start on ``port``, or with a word that stands for it.

        Raises:
            BadDefinition: the command is empty or none, names a model file that is not set, or a value would become an
                option.
        """
        values = {"name": self.name, "host": HOST, "port": str(port), "file": self.file, **self.parameters}
        if asks_for(self.command, "file") and not self.file:
            raise BadDefinition(N_("%(name)s names no model file, and its command asks for one."), name=self.name)
        for blank, value in values.items():
            if value.startswith("-") or "\0" in value:
                raise BadDefinition(
                    N_("%(blank)s of %(name)s begins with - or holds a zero byte, which no value may."),
                    blank=blank, name=self.name,
                )
        try:
            words = words_of(self.command, values)
        except ValueError as error:
            raise BadDefinition(
                N_("The command of %(name)s %(reason)s."), name=self.name, reason=str(error)
            ) from None
        if not words or not words[0]:
            raise BadDefinition(N_("The command of %(name)s is empty."), name=self.name)
        return words

    def fingerprint(self) -> str:
        """Changes with whatever takes effect at a start only."""
        try:
            words = self.words(self.port)
        except BadDefinition:
            words = []
        return hashlib.sha256(json.dumps([words, self.port, self.gpus]).encode()).hexdigest()[:16]


def definitions(models: Mapping[str, Any]) -> tuple[dict[str, Definition], dict[str, ProcessError]]:
    """The definitions of the section ``models``, and why others are none, both by name."""
    good: dict[str, Definition] = {}
    bad: dict[str, ProcessError] = {}
    for raw in models.get("processes") or ():
        name = str(raw.get("name", "")) if isinstance(raw, Mapping) else repr(raw)[:80]
        try:
            good[name] = definition(raw, models)
        except ProcessError as error:
            bad[name] = error
        except (AttributeError, TypeError, ValueError) as error:
            bad[name] = BadDefinition(
                N_("A value of %(name)s is of a wrong kind: %(reason)s."), name=name, reason=str(error)
            )
    return good, bad


def definition(raw: Mapping[str, Any], models: Mapping[str, Any]) -> Definition:
    """One definition with ``models``' command, default parameters and resource limits where it has none of its own.

    Raises:
        BadDefinition: a value that no start could work with; with the field, what was given and what is allowed.
    """
    name = raw.get("name")
    if not isinstance(name, str) or not is_name(name):
        raise BadDefinition(
            N_("The name %(name)s of a model process is not one: letters, digits and - _ . : / @ + are allowed."),
            name=repr(name)[:80],
        )
    file = str(raw.get("file") or "")
    if file and not file.startswith("/"):
        raise BadDefinition(N_("The model file of %(name)s must be an absolute path."), name=name)
    key_file = str(raw.get("apiKeyFile") or "")
    if key_file and not key_file.startswith("/"):
        raise BadDefinition(N_("The file with the API key of %(name)s must be an absolute path."), name=name)
    gpus = str(raw.get("gpus") or "")
    if gpus and not all(part.isdecimal() for part in gpus.split(",")):
        raise BadDefinition(N_("The GPUs of %(name)s are numbers with commas between."), name=name)
    defaults, limits = models.get("defaultParameters") or {}, models.get("resourceLimits") or {}

    def bound(key: str, fallback: float) -> float:
        own = raw.get(key)
        return float(own if own is not None else limits.get(key, fallback))

    parameters = {}
    for key in PARAMETERS:
        value = raw.get(key)
        value = defaults.get(key) if value is None else value
        if value is not None:
            parameters[key] = number(value)
    restart = str(raw.get("restart") or "on-failure")
    engine = str(raw.get("engine") or "llamacpp")
    return Definition(
        name=name, engine=engine,
        command=str(raw.get("command") or models.get("command") or COMMAND), file=file,
        port=int(raw.get("port") or 0), gpus=gpus, autostart=bool(raw.get("autostart", False)),
        on_demand=bool(raw.get("onDemand", True)), idle=60.0 * float(raw.get("idleMinutes") or 0),
        start_timeout=float(raw.get("startTimeoutSeconds") or 120),
        restart=restart if restart in POLICIES else "on-failure",
        health_path=str(raw.get("healthPath") or health_path_of(engine)),
        memory=int(bound("maxMemoryMb", 8000) * _MIB), cpu=bound("maxCpuPercent", 90) / 100,
        api_key_file=key_file, parameters=parameters,
    )


def number(value: float) -> str:
    """A number as a command takes it: 1 and not 1.0, 0.7, never an exponent of a whole number."""
    whole = int(value)
    return str(whole) if whole == value else repr(float(value))
