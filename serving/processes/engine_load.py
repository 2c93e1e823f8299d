"""Loads and unloads models in engines that have an API for it: an operator's action on a model server, not on a process
of ours.

Ollama: ``POST /api/generate`` without a prompt, ``keep_alive`` 0 unloads; LM Studio 0.4 and later: ``POST
/api/v1/models/load|unload``, unloading by instance; llama.cpp as a router: ``POST /models/load|unload``.
Synchronous: the web process calls it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests

from config.marks import N_
from serving.processes.sentences import ProcessError

CONNECT = 3.0
"""Seconds to a connection."""
LOAD = 600.0
"""Seconds that loading a model may take: from a slow disk it is minutes."""
UNLOAD = 60.0
LONGEST_SAID = 300
MOST_BYTES = 4 * 2**20
NO_ROUTE = "File Not Found"
"""What llama.cpp answers to a path that it does not have; of a model that a router does not know it says something
else."""
KEEP_ALIVE = "5m"
"""Ollama's own default for how long a model stays after its last request."""


class EngineRefused(ProcessError):
    """The model server did not do it; the sentence says what it said."""


class NoWay(EngineRefused):
    """Nothing is wrong with the model server: it has no way to load and unload models."""


@dataclass(frozen=True)
class Target:
    """A model server: its base URL and the API key it asks for (empty: none)."""

    url: str
    api_key: str = ""


def can(engine: str) -> bool:
    """True for engines whose models can be loaded and unloaded from outside."""
    return engine in _WAYS


def load(engine: str, target: Target, model: str) -> None:
    """Loads ``model`` and returns when that is done (llama.cpp: when it has begun).

    Raises:
        EngineRefused: the server is not there, refuses, or the engine has no such API.
    """
    _ways(engine)[0](target, model)


def unload(engine: str, target: Target, model: str) -> None:
    """Takes ``model`` out of memory; of LM Studio, all its instances. One that is not loaded is fine.

    Raises:
        EngineRefused: as for `load`.
    """
    _ways(engine)[1](target, model)


def _load_ollama(target: Target, model: str) -> None:
    _call(target, "POST", "/api/generate", {"model": model, "stream": False, "keep_alive": KEEP_ALIVE}, LOAD)


def _unload_ollama(target: Target, model: str) -> None:
    _call(target, "POST", "/api/generate", {"model": model, "stream": False, "keep_alive": 0}, UNLOAD)


def _load_lmstudio(target: Target, model: str) -> None:
    _call(target, "POST", "/api/v1/models/load", {"model": model}, LOAD)


def _unload_lmstudio(target: Target, model: str) -> None:
    listed = _call(target, "GET", "/api/v1/models", None, UNLOAD)
    for instance in _instances(listed, model):
        _call(target, "POST", "/api/v1/models/unload", {"instance_id": instance}, UNLOAD)


def _load_llamacpp(target: Target, model: str) -> None:
    _call(target, "POST", "/models/load", {"model": model}, LOAD)


def _unload_llamacpp(target: Target, model: str) -> None:
    _call(target, "POST", "/models/unload", {"model": model}, UNLOAD)


Way = Callable[[Target, str], None]
_WAYS: dict[str, tuple[Way, Way]] = {
    "ollama": (_load_ollama, _unload_ollama), "lmstudio": (_load_lmstudio, _unload_lmstudio),
    "llamacpp": (_load_llamacpp, _unload_llamacpp),
}


def _ways(engine: str) -> tuple[Way, Way]:
    """How models are loaded and unloaded."""
    if engine not in _WAYS:
        raise NoWay(N_("Models of %(engine)s cannot be loaded or unloaded from outside."), engine=engine)
    return _WAYS[engine]


def _instances(listed: Any, model: str) -> list[str]:
    """Ids of the loaded instances of ``model``, which may be given as its key or as an instance's id."""
    found = []
    for one in (listed.get("models") or ()) if isinstance(listed, dict) else []:
        ids = [str(loaded["id"]) for loaded in one.get("loaded_instances") or () if loaded.get("id")]
        found += ids if one.get("key") == model else [name for name in ids if name == model]
    return found


def _call(target: Target, method: str, path: str, body: dict[str, Any] | None, seconds: float) -> Any:
    """What the server answers, as JSON; None where it is none."""
    headers = {"Authorization": f"Bearer {target.api_key}"} if target.api_key else {}
    host = urlsplit(target.url).netloc
    try:
        with requests.Session() as session:
            session.trust_env = False  # a proxy of the environment is not for machines of the house
            answer = session.request(
                method, target.url.rstrip("/") + path, json=body, headers=headers, timeout=(CONNECT, seconds),
                allow_redirects=False,
            )
    except requests.Timeout:
        raise EngineRefused(N_("%(host)s did not answer in time."), host=host) from None
    except requests.RequestException as error:
        raise EngineRefused(
            N_("%(host)s cannot be reached: %(reason)s."), host=host, reason=type(error).__name__
        ) from None
    told = _json(answer)
    if answer.status_code == 404 and _said(told) == NO_ROUTE:
        raise NoWay(
            N_("%(host)s is a llama.cpp with one model, which it loads when it is started: only a router can load and "
               "unload."), host=host,
        )
    if answer.status_code in (404, 405) and not _said(told):
        raise EngineRefused(N_("%(host)s has no %(path)s: it is too old, or another engine."), host=host, path=path)
    if answer.status_code == 401:
        raise EngineRefused(N_("%(host)s asks for an API key, or for another one."), host=host)
    if answer.status_code >= 300 or (isinstance(told, dict) and told.get("success") is False):
        raise EngineRefused(
            N_("%(host)s refused (%(status)s): %(reason)s"), host=host, status=answer.status_code,
            reason=_said(told) or answer.reason or "?",
        )
    return told


def _json(answer: requests.Response) -> Any:
    if len(answer.content) > MOST_BYTES:
        return None
    try:
        return answer.json()
    except ValueError:
        return None


def _said(told: Any) -> str:
    """The engine's own words about what is wrong: ``{"error": "…"}`` or ``{"error": {"message": "…"}}``."""
    error = told.get("error") if isinstance(told, dict) else None
    text = error.get("message") if isinstance(error, dict) else error
    return text.strip()[:LONGEST_SAID] if isinstance(text, str) else ""
