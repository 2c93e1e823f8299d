"""Models in words: states, engines, how a number was got, what is wrong with a request."""

from __future__ import annotations

from flask_babel import gettext as _

from components.formats import ABSENT, human, number
from live.models import Model, Reading

ENGINES = {
    "ollama": "Ollama", "lmstudio": "LM Studio", "llamacpp": "llama.cpp", "vllm": "vLLM", "sglang": "SGLang",
    "tgi": "TGI", "litellm": "LiteLLM", "openai": "OpenAI API",
}
STATE_CLASSES = {"running": "is-ok", "loading": "is-warning", "error": "is-critical", "stopped": "is-plain"}


CLIENT_DID = frozenset({"client_gone", "refused", "rate_limited", "too_large", "unauthorized"})
"""Classes of errors that are the client's doing: such requests have not failed (`serving.wire.FAILURES`)."""


def engine(name: str) -> str:
    """An engine as its makers spell it."""
    return ENGINES.get(name, name or ABSENT)


def state(model: Model) -> str:
    """The state of a model, with what more is known of it."""
    words = {
        "running": _("running"), "loading": _("loading"), "stopped": _("stopped"), "error": _("error"),
        "": ABSENT, "unknown": _("not known"),
    }.get(model.state, model.state)
    detail = {
        "asleep": _("asleep"), "not responding": _("not responding"), "starting": _("starting"),
        "stopping": _("stopping"), "restarting": _("starting again"), "waiting": _("waiting to start again"),
    }.get(model.detail, "")
    return detail or words


def state_how(model: Model) -> str | None:
    """Why a state is not told, as its tooltip says it."""
    return None if model.state else _("The server does not tell whether this model is loaded")


def how(reading: Reading | None) -> str:
    """How a number was got, as its tooltip says it."""
    if reading is None:
        return _("Not told by the engine, and seen by no proxy")
    return {
        "proxy": _("Measured by the proxy"), "engine gauge": _("Told by the engine (gauge)"),
        "engine counter": _("From a counter of the engine"), "engine histogram": _("From a histogram of the engine"),
        "process": _("Measured on the process"), "driver": _("Told by the GPU driver"),
        "slots": _("Counted in the engine's slots"),
        "layers": _("From what the engine wrote while it loaded; else, and then at most so much, from the GPU memory "
                    "of its process and the size of its weights"),
    }[reading.how]


def traffic(model: Model) -> str:
    """What a model does now, short: its speed, or that nothing comes."""
    if not model.could_answer:
        return ""
    speed = model.value("tokens_per_second")
    if speed:
        return _("%(count)s tokens/s", count=number(speed, 0 if speed >= 10 else 1))
    if model.busy:
        return _("busy")
    if model.traffic:
        return _("nothing just now")
    return ABSENT if model.traffic is None else _("no traffic")


def traffic_how(model: Model) -> str | None:
    """What would tell the traffic that nobody tells, as a tooltip says it; None where it is told."""
    if not model.could_answer or model.traffic is not None:
        return None
    return _("The engine does not tell; a measuring proxy before it would")


def amount(model: Model, name: str, unit: str) -> str:
    """A number of a row, or a dash."""
    return human(model.value(name), unit)


def phase(code: str) -> str:
    """What a request's time went into."""
    return {
        "queue": _("waiting for its turn"), "prefill": _("reading the prompt"), "decode": _("writing the answer"),
    }.get(code, code)


def ended(code: str) -> str:
    """Why an answer ended, as its engine told it."""
    return {
        "stop": _("complete"), "eos_token": _("at the end of the text"), "stop_sequence": _("at a stop word"),
        "length": _("at its length limit"), "tool_calls": _("with a call of a tool"),
        "content_filter": _("by a content filter"), "abort": _("broken off"), "error": _("with an error"),
    }.get(code, code)


def error(code: str) -> str:
    """What went wrong with a request."""
    return {
        "": _("fine"), "connect": _("engine not reached"), "timeout": _("timed out"),
        "first_byte_timeout": _("timed out before the first part"), "idle_timeout": _("fell silent"),
        "upstream": _("engine failed"), "midstream": _("broke off"), "client_gone": _("client left"),
        "refused": _("refused by the engine"), "rate_limited": _("over the rate limit"), "too_large": _("too large"),
        "unauthorized": _("wrong key"), "queue_full": _("queue full"), "bad_request": _("bad request"),
        "not_found": _("no such model"), "start": _("model did not start"),
        "internal": _("fault of the proxy"),
    }.get(code, code)


def proxy(name: str) -> str:
    """What a proxy is called."""
    return {"ollama": "Ollama", "lmstudio": "LM Studio / OpenAI"}.get(name, name)
