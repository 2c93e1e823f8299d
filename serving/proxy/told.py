"""What an engine itself tells of an answer at its end: token counts, times, why it ended.

Sources: llama.cpp's server README (``timings``), OpenAI's API reference (``usage``), Ollama's docs/api.md (counts, and
durations in nanoseconds), LM Studio's REST reference (``stats``, seconds), Anthropic's Messages (``input_tokens``).
Counts are trusted in this order: timings, usage, eval_count, stats.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

NANO = 1e-9
MILLI = 1e-3
_NESTED = ("response", "message", "result")
"""Where OpenAI's Responses, Anthropic's Messages and LM Studio's own streams keep what they tell."""


STOP_TYPES = {"eos": "stop", "word": "stop", "limit": "length"}
"""Why llama.cpp's own form says that it ended, in OpenAI's words."""


@dataclass(slots=True)
class Told:
    """What is not told is None. Times in seconds."""

    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    output_tokens: int | None = None
    prefill: float | None = None
    decode: float | None = None
    finish: str | None = None
    error: str | None = None
    """The kind of error that the engine named in its answer, never its text: that may quote the prompt."""

    def read(self, document: Any) -> None:
        """Takes up what one JSON value of the answer tells; a later one outweighs."""
        if not isinstance(document, dict):
            return
        for nested in _NESTED:
            inner = document.get(nested)
            if isinstance(inner, dict) and ("usage" in inner or "stats" in inner):
                self._read(inner)
        self._read(document)

    def _read(self, document: dict[str, Any]) -> None:
        if "stats" in document:
            self._stats(document["stats"])
        if "eval_count" in document or "prompt_eval_count" in document:
            self._ollama(document)
        if "usage" in document:
            self._usage(document["usage"])
        if "timings" in document:
            self._timings(document["timings"])
        self._finish(document)
        if document.get("error"):
            self.error = error_kind(document)

    def _timings(self, timings: Any) -> None:
        if not isinstance(timings, dict):
            return
        cached, read, written = (_count(timings.get(key)) for key in ("cache_n", "prompt_n", "predicted_n"))
        if read is not None and cached is not None:  # older engines tell only what they read anew
            self.prompt_tokens = read + cached
        self.cached_tokens = _or(cached, self.cached_tokens)
        self.output_tokens = _or(written, self.output_tokens)
        self.prefill = _or(_seconds(timings.get("prompt_ms"), MILLI), self.prefill)
        self.decode = _or(_seconds(timings.get("predicted_ms"), MILLI), self.decode)

    def _usage(self, usage: Any) -> None:
        if not isinstance(usage, dict):
            return
        prompt = _or(_count(usage.get("prompt_tokens")), _count(usage.get("input_tokens")))
        output = _or(_count(usage.get("completion_tokens")), _count(usage.get("output_tokens")))
        beside = [_count(usage.get(f"cache_{what}_input_tokens")) for what in ("read", "creation")]
        if prompt is not None and "prompt_tokens" not in usage:  # Anthropic counts what was cached apart
            prompt += sum(filter(None, beside))
        self.cached_tokens = _or(beside[0], self.cached_tokens)
        self.prompt_tokens, self.output_tokens = _or(prompt, self.prompt_tokens), _or(output, self.output_tokens)
        for key in ("prompt_tokens_details", "input_tokens_details"):
            details = usage.get(key)
            if isinstance(details, dict):
                self.cached_tokens = _or(_count(details.get("cached_tokens")), self.cached_tokens)

    def _ollama(self, document: dict[str, Any]) -> None:
        self.prompt_tokens = _or(_count(document.get("prompt_eval_count")), self.prompt_tokens)
        self.output_tokens = _or(_count(document.get("eval_count")), self.output_tokens)
        self.prefill = _or(_seconds(document.get("prompt_eval_duration"), NANO), self.prefill)
        self.decode = _or(_seconds(document.get("eval_duration"), NANO), self.decode)

    def _stats(self, stats: Any) -> None:
        if not isinstance(stats, dict):
            return
        self.prompt_tokens = _or(_count(stats.get("input_tokens")), self.prompt_tokens)
        self.output_tokens = _or(_count(stats.get("total_output_tokens")), self.output_tokens)
        first = _or(stats.get("time_to_first_token"), stats.get("time_to_first_token_seconds"))
        self.prefill = _or(_seconds(first, 1.0), self.prefill)
        self.decode = _or(_seconds(stats.get("generation_time"), 1.0), self.decode)

    def _finish(self, document: dict[str, Any]) -> None:
        choices = document.get("choices")
        first = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
        delta = document.get("delta")
        anthropic = delta.get("stop_reason") if isinstance(delta, dict) else None
        found = (first.get("finish_reason"), document.get("done_reason"), document.get("stop_reason"), anthropic,
                 STOP_TYPES.get(str(document.get("stop_type"))), _of_response(document))
        for reason in found:
            if isinstance(reason, str) and reason:
                self.finish = reason[:32]


def _of_response(document: Mapping[str, Any]) -> str | None:
    """Why a response of OpenAI's API ended."""
    if document.get("object") != "response" or document.get("status") not in ("completed", "incomplete"):
        return None
    details = document.get("incomplete_details")
    why = details.get("reason") if isinstance(details, Mapping) else None
    return {None: "stop", "max_output_tokens": "length"}.get(why, str(why))


def error_words(document: Mapping[str, Any]) -> str:
    """An engine's own words about an error, for its client alone; empty where it gives none."""
    error = document.get("error")
    if isinstance(error, Mapping):
        error = error.get("message")
    found = (error, document.get("message"), document.get("detail"))
    return next((one for one in found if isinstance(one, str) and one), "")


def error_kind(document: Any) -> str:
    """The short word by which an engine names an error: its ``type`` or ``code``; "error" where it gives only text."""
    error = document.get("error") if isinstance(document, dict) else None
    if isinstance(error, dict):
        for key in ("type", "code"):
            word = error.get(key)
            if isinstance(word, str | int) and word != "":
                return str(word)[:64]
    return "error"


def _or(value: Any, otherwise: Any) -> Any:
    return otherwise if value is None else value


def _count(value: Any) -> int | None:
    whole = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e12
    return int(value) if whole else None


def _seconds(value: Any, factor: float) -> float | None:
    good = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value * factor < 1e7
    return value * factor if good else None
