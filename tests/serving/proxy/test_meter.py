"""The meter: any split of the bytes gives the same counts; what an engine tells outweighs what was counted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.proxy.body import answer_text
from serving.proxy.lines import LONGEST_LINE
from serving.proxy.meter import Form, Meter, form_of
from serving.proxy.told import Told, error_kind
from serving.proxy.usage_event import WithoutUsage

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=12)
SPACED: tuple[tuple[str, str], ...] = ((",", ":"), (", ", ": "))
TIMINGS = {"cache_n": 3, "prompt_n": 5, "prompt_ms": 20.0, "predicted_n": 41, "predicted_ms": 400.0}


def splits(data: bytes, at: list[int]) -> list[bytes]:
    """``data`` cut at some places."""
    cuts = sorted({place % (len(data) + 1) for place in at})
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)]) if a < b]


def measured(data: bytes, form: Form, at: list[int]) -> tuple[Meter, Told]:
    meter = Meter(form)
    for chunk in splits(data, at):
        meter.feed(chunk)
    return meter, meter.told()


def sse(events: list[Any], spacing: tuple[str, str], end: str = "\n\n") -> bytes:
    lines = [f"data: {json.dumps(one, separators=spacing, ensure_ascii=False)}{end}" for one in events]
    return ("".join(lines) + f": ping{end}data: [DONE]{end}").encode()


def chat(text: str | None, **more: Any) -> dict[str, Any]:
    return {"choices": [{"finish_reason": None, "index": 0, "delta": {"role": "assistant", "content": text}}], **more}


@given(st.lists(TEXTS, max_size=12), st.sampled_from(SPACED), st.sampled_from(["\n\n", "\r\n\r\n"]),
       st.lists(st.integers(0, 10_000), max_size=60))
def test_events_of_a_chat_are_counted_however_they_are_cut(
    texts: list[str], spacing: tuple[str, str], end: str, at: list[int]
) -> None:
    last = {"choices": [{"finish_reason": "length", "index": 0, "delta": {}}], "timings": TIMINGS}
    data = sse([chat(None), *map(chat, texts), last], spacing, end)
    meter, told = measured(data, "sse", at)
    assert meter.events == sum(bool(text) for text in texts)
    assert meter.done
    assert (told.output_tokens, told.prompt_tokens, told.cached_tokens, told.finish) == (41, 8, 3, "length")
    assert (told.prefill, told.decode) == (pytest.approx(0.02), pytest.approx(0.4))


@given(st.lists(TEXTS, max_size=12), st.sampled_from(SPACED), st.sampled_from(["chat", "generate"]),
       st.lists(st.integers(0, 10_000), max_size=60), st.booleans())
def test_lines_of_ollama_are_counted_however_they_are_cut(
    texts: list[str], spacing: tuple[str, str], kind: str, at: list[int], ended: bool
) -> None:
    def line(text: str, **more: Any) -> str:
        said = {"message": {"role": "assistant", "content": text}} if kind == "chat" else {"response": text}
        return json.dumps({"model": "m", **said, "done": False, **more}, separators=spacing, ensure_ascii=False)

    last = line("", done=True, done_reason="stop", total_duration=5, prompt_eval_count=7,
                prompt_eval_duration=2_000_000, eval_count=20, eval_duration=9_000_000)
    data = "\n".join([*map(line, texts), last]).encode() + (b"\n" if ended else b"")
    meter, told = measured(data, "ndjson", at)
    assert meter.events == sum(bool(text) for text in texts)
    assert (told.output_tokens, told.prompt_tokens, told.finish, told.decode) == (20, 7, "stop", pytest.approx(0.009))
    assert meter.done and meter.output_tokens(told) == (20, True)


@given(TEXTS)
def test_a_text_that_looks_like_json_is_no_event(text: str) -> None:
    hidden = {"choices": [{"delta": {"role": f'"content":"{text}" "usage":{{', "content": ""}}]}
    meter, told = measured(sse([hidden], (",", ":")), "sse", [])
    assert (meter.events, told.output_tokens) == (0, None)


@given(st.binary(max_size=300), st.sampled_from(["sse", "ndjson", "whole"]), st.lists(st.integers(0, 300), max_size=9))
def test_garbage_is_taken(data: bytes, form: Form, at: list[int]) -> None:
    meter, told = measured(data, form, at)
    assert told.output_tokens is None or told.output_tokens >= 0
    assert meter.events >= 0


def test_thinking_and_calls_of_tools_are_events_and_empty_ones_are_none() -> None:
    deltas = [{"reasoning_content": "a"}, {"reasoning": "b"}, {"tool_calls": [{"index": 0}]}, {"tool_calls": []},
              {"content": ""}, {"content": None}]
    data = sse([{"choices": [{"delta": delta}]} for delta in deltas], (",", ":"))
    assert measured(data, "sse", [])[0].events == 3


def test_a_line_without_end_is_not_kept_for_ever() -> None:
    meter = Meter("sse")
    for _ in range(LONGEST_LINE // 65_536 + 2):
        meter.feed(b"x" * 65_536)
    meter.feed(b"\n" + sse([chat("a")], (",", ":")))
    assert meter.events == 1


def test_who_is_trusted_more() -> None:
    told = Told()
    told.read({"usage": {"prompt_tokens": 9, "completion_tokens": 8, "prompt_tokens_details": {"cached_tokens": 2}}})
    assert (told.prompt_tokens, told.output_tokens, told.cached_tokens) == (9, 8, 2)
    told.read({"usage": {"completion_tokens": 8, "prompt_tokens": 9}, "timings": TIMINGS})
    assert (told.prompt_tokens, told.output_tokens, told.cached_tokens) == (8, 41, 3)
    old = Told()
    old.read({"usage": {"prompt_tokens": 9}, "timings": {"prompt_n": 5, "predicted_n": 2}})
    assert (old.prompt_tokens, old.cached_tokens) == (9, None)
    nothing = Told()
    nothing.read({"usage": {"completion_tokens": -1, "prompt_tokens": "9"}, "timings": {"predicted_n": True}})
    assert (nothing.prompt_tokens, nothing.output_tokens) == (None, None)
    assert Meter("sse").output_tokens(nothing) == (0, False)
    assert Meter("whole").output_tokens(nothing) == (None, False)


@pytest.mark.parametrize(("document", "prompt", "output", "finish"), [
    ({"type": "response.completed", "response": {"usage": {"input_tokens": 4, "output_tokens": 6}}}, 4, 6, None),
    ({"delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 6}}, None, 6, "end_turn"),
    ({"stats": {"input_tokens": 4, "total_output_tokens": 6}}, 4, 6, None),
])
def test_other_dialects_are_read(document: Any, prompt: int | None, output: int, finish: str | None) -> None:
    told = Told()
    told.read(document)
    assert (told.prompt_tokens, told.output_tokens, told.finish) == (prompt, output, finish)


def test_the_mean_between_tokens_goes_by_the_engines_count_where_tokens_come_together() -> None:
    meter = Meter("sse")
    meter.events, meter.first, meter.last = 11, 1.0, 3.0
    assert meter.mean_gap(None) == meter.mean_gap(11) == meter.mean_gap(12) == pytest.approx(0.2)
    assert meter.mean_gap(41) == pytest.approx(0.05)
    meter.events = 1
    assert meter.mean_gap(1) is None


def test_an_error_is_named_by_its_kind_alone() -> None:
    told = measured(b'data: {"error":{"message":"the prompt: secret","type":"server_error"}}\n\n', "sse", [])[1]
    assert told.error == "server_error"
    assert error_kind({"error": "secret"}) == "error"


@given(st.lists(TEXTS, min_size=1, max_size=8), st.sampled_from(SPACED), st.lists(st.integers(0, 5000), max_size=40),
       st.sampled_from([[], None]))
def test_only_the_usage_that_was_asked_for_is_taken_out(
    texts: list[str], spacing: tuple[str, str], at: list[int], choices: Any
) -> None:
    events = [chat(text, usage=None) for text in texts]
    wanted = sse(events, spacing)
    end = wanted.index(b": ping")
    usage = json.dumps({"choices": choices, "usage": {"prompt_tokens": 1, "completion_tokens": 2}}, separators=spacing)
    data = wanted[:end] + f"data: {usage}\n\n".encode() + wanted[end:]
    without = WithoutUsage()
    assert b"".join(map(without.feed, splits(data, at))) + without.end() == wanted


def test_texts_are_found_in_every_form() -> None:
    assert answer_text(sse([chat("a"), chat("b")], (",", ":")), "sse") == "ab"
    assert answer_text(b'{"message":{"content":"a"}}\n{"response":"b"}\n', "ndjson") == "ab"
    assert answer_text(b'{"choices":[{"message":{"content":"a"}}]}', "whole") == "a"
    assert answer_text(b'{"choices":[{"text":"a', "whole") == ""


def test_the_form_goes_by_the_media_type() -> None:
    kinds = ["text/event-stream; charset=utf-8", "application/x-ndjson", "application/json", ""]
    assert [form_of(kind) for kind in kinds] == ["sse", "ndjson", "whole", "whole"]


RESPONSES = [
    {"type": "response.created", "response": {"id": "r", "object": "response", "status": "in_progress"}},
    {"type": "response.content_part.added", "part": {"type": "output_text", "text": "kept"}},
    *({"type": "response.output_text.delta", "delta": text} for text in ("a", "b", "c")),
    {"type": "response.output_text.done", "text": "abc"},
    {"type": "response.content_part.done", "part": {"type": "output_text", "text": "abc"}},
    {"type": "response.output_item.done", "item": {"content": [{"type": "output_text", "text": "abc"}]}},
    {"type": "response.completed", "response": {
        "object": "response", "status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"},
        "output": [{"content": [{"type": "output_text", "text": "abc"}]}],
        "usage": {"input_tokens": 9, "output_tokens": 3, "input_tokens_details": {"cached_tokens": 4}}}},
]
MESSAGES = [
    {"type": "message_start", "message": {"content": [], "stop_reason": None, "usage": {
        "cache_read_input_tokens": 4, "cache_creation_input_tokens": 2, "input_tokens": 3, "output_tokens": 0}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "kept"}},
    *({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}} for text in "ab"),
    {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": "{}"}},
    {"type": "message_delta", "delta": {"stop_reason": "length"}, "usage": {"output_tokens": 3}},
    {"type": "message_stop"},
]
LM_STUDIO = [
    {"type": "chat.start", "model_instance_id": "m"}, {"type": "message.start"},
    *({"type": "message.delta", "content": text} for text in ("a", "b", "c")), {"type": "message.end"},
    {"type": "chat.end", "result": {"output": [{"type": "message", "content": "abc"}], "stats": {
        "input_tokens": 9, "total_output_tokens": 3}}},
]


@pytest.mark.parametrize(("events", "cached", "finish"), [
    (RESPONSES, 4, "length"), (MESSAGES, 4, "length"), (LM_STUDIO, None, None),
])
@pytest.mark.parametrize("spacing", SPACED)
@given(at=st.lists(st.integers(0, 10_000), max_size=30))
def test_what_typed_events_tell_again_is_no_further_token(
    events: list[Any], cached: int | None, finish: str | None, spacing: tuple[str, str], at: list[int]
) -> None:
    data = sse(events, spacing).partition(b": ping")[0]
    meter, told = measured(data, "sse", at)
    assert (meter.events, meter.done) == (3, True)
    assert (told.prompt_tokens, told.cached_tokens, told.output_tokens, told.finish) == (9, cached, 3, finish)


@pytest.mark.parametrize(("why", "finish"), [("eos", "stop"), ("word", "stop"), ("limit", "length"), ("none", None)])
def test_llamacpps_own_form_says_why_it_ended(why: str, finish: str | None) -> None:
    meter, told = measured(sse([{"content": "a", "stop": False}, {"content": "", "stop": True, "stop_type": why}],
                               SPACED[0]).partition(b": ping")[0], "sse", [])
    assert (meter.events, meter.done, told.finish) == (1, True, finish)
