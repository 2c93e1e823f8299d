"""Finds out which engine answers at an address, by asking it for what only that engine has.

Each step is a harmless GET (never ``/health``: LiteLLM, SGLang and TGI generate text to answer it). The order is by
what could be taken for another: several engines also speak OpenAI's and Ollama's API, so those that say who they are
come first, and a server that merely lists models comes last.

1. ``/v1/models``: ``owned_by`` tells llama.cpp (``llamacpp``), vLLM (``vllm``) and SGLang (``sglang``); llama.cpp that
   loads its model answers 503 with words of its own. A 401 is kept in mind: another step may still tell.
2. ``/props`` with ``build_info``: llama.cpp, also as a router.
3. ``/api/version`` with a version and ``/api/ps`` with models: Ollama.
4. ``/api/v1/models`` with keys, or ``/api/v0/models`` with states: LM Studio.
5. ``/model_info`` or ``/get_model_info``: SGLang. ``/info`` with ``model_id``: TGI.
6. ``/health/readiness`` with ``litellm_version``: LiteLLM.
7. ``/version`` and ``/metrics`` with ``vllm:``: vLLM behind other names.
8. ``/v1/models`` lists models: a server that speaks OpenAI's API.

A server that does not answer the first question in time is not asked another.
"""

from __future__ import annotations

from collections.abc import Callable

from collectors.engines.base import Adapter, NotThis, rows, table, text
from collectors.engines.client import Answer, Client, KeyAsked, Unanswered
from collectors.engines.litellm import READINESS, LiteLlm, is_readiness
from collectors.engines.llamacpp import LlamaCpp, is_loading
from collectors.engines.lmstudio import V0, V1, LmStudio, is_v0, is_v1
from collectors.engines.ollama import Ollama
from collectors.engines.openai import MODELS, OpenAi, is_list
from collectors.engines.prometheus import read
from collectors.engines.sglang import MODEL_INFO, Sglang
from collectors.engines.tgi import Tgi, is_info
from collectors.engines.vllm import Vllm

ADAPTERS: dict[str, Callable[[str, Callable[[], float]], Adapter]] = {
    one.engine: one for one in (Ollama, LmStudio, LlamaCpp, Vllm, Sglang, Tgi, LiteLlm, OpenAi)
}
"""Adapter of each engine; it takes the server's name and a clock."""
_OWNERS = {"llamacpp": "llamacpp", "vllm": "vllm", "sglang": "sglang"}


def recognise(client: Client) -> str:
    """The engine that answers; "" for a server that is none.

    Raises:
        Unanswered: nothing answers.
        KeyAsked: it asks for an API key and tells nothing without.
    """
    asked: KeyAsked | None = None
    try:
        first = client.get(MODELS)
    except KeyAsked as refused:
        first, asked = None, refused
    if first is not None and (known := _of_models(first)):
        return known
    for engine, tells in _STEPS:
        try:
            if tells(client):
                return engine
        except KeyAsked as refused:
            asked = asked or refused
        except (Unanswered, NotThis):
            continue
    if first is not None and first.status == 200 and is_list(first.json()):
        return "openai"
    if asked is not None:
        raise asked
    return ""


def _of_models(answer: Answer) -> str:
    if is_loading(answer):
        return "llamacpp"
    owners = {text(row.get("owned_by")) for row in rows(answer.json(), "data")}
    return next((engine for owner, engine in _OWNERS.items() if owner in owners), "")


def _is_llamacpp(client: Client) -> bool:
    return "build_info" in table(client.json("/props"))


def _is_ollama(client: Client) -> bool:
    told = table(client.json("/api/version"))
    return bool(text(told.get("version"))) and isinstance(table(client.json("/api/ps")).get("models"), list)


def _is_lmstudio(client: Client) -> bool:
    return is_v1(client.json(V1)) or is_v0(client.json(V0))


def _is_sglang(client: Client) -> bool:
    return any("model_path" in table(client.json(path)) for path in MODEL_INFO)


def _is_tgi(client: Client) -> bool:
    return is_info(client.json("/info"))


def _is_litellm(client: Client) -> bool:
    return is_readiness(client.json(READINESS))


def _is_vllm(client: Client) -> bool:
    return bool(text(table(client.json("/version")).get("version"))) and read(client, ("vllm:",)) is not None


_STEPS: tuple[tuple[str, Callable[[Client], bool]], ...] = (
    ("llamacpp", _is_llamacpp), ("ollama", _is_ollama), ("lmstudio", _is_lmstudio), ("sglang", _is_sglang),
    ("tgi", _is_tgi), ("litellm", _is_litellm), ("vllm", _is_vllm),
)
