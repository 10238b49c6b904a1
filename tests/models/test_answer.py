"""The pure pipeline, bytes to verdict: variants of the recorded dialects, and any chunking of all of them."""

import json
from dataclasses import dataclass

import pytest
from dialect_cases import CASES, cut, pieces_of
from hypothesis import given, settings
from hypothesis import strategies as st
from wire_server import delta, sse, usage_chunk

from agentui.errors import ModelAnswerEmpty, ModelRefused, ModelStreamBroken
from agentui.models.answer import AnswerReader
from agentui.models.base import fold_deltas
from agentui.models.body import BodyReader, NotAStream
from agentui.models.problem import Problem


@dataclass
class Read:
    message: object
    verdict: object
    reported: object
    reader: object
    shown: list

    @property
    def error(self):
        return self.verdict.error if isinstance(self.verdict, Problem) else None


def read(*chunks, content_type="text/event-stream", **options):
    body, reader, shown = BodyReader(content_type), AnswerReader(**options), []
    verdict = None
    try:
        for chunk in (*chunks, None):
            for event in body.close() if chunk is None else body.feed(chunk):
                if not reader.done:
                    shown += reader.read(event)
    except NotAStream as other:
        verdict = other.problem
    shown += reader.close()
    verdict = verdict or reader.verdict()
    reported = reader.usage.settle(has_output=bool(reader.generated))
    return Read(fold_deltas(shown), verdict, reported, reader, shown)


def answer(*chunks, **options):
    return read(sse(*chunks), **options)


def bytes_of(case):
    return b"".join(pieces_of(case))


@settings(max_examples=300, deadline=None)
@given(name=st.sampled_from(sorted(CASES)), cuts=st.lists(st.integers(0, 4000), max_size=12))
def test_any_chunking_of_any_dialect_gives_the_same(name, cuts):
    case = CASES[name]
    data = bytes_of(case)
    bounds = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    options = {"n": case.get("n", 1), "content_type": case.get("content_type") or "text/event-stream"}
    whole = read(data, **options)
    parts = read(*(data[a:b] for a, b in zip(bounds, bounds[1:], strict=False)), **options)
    assert (parts.message, parts.verdict, parts.reported) == (whole.message, whole.verdict, whole.reported)


@settings(max_examples=300, deadline=None)
@given(
    name=st.sampled_from(sorted(CASES)),
    damage=st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 20), st.binary(max_size=3)), max_size=4),
    cuts=st.lists(st.integers(0, 4000), max_size=6),
)
def test_damaged_streams_end_in_a_verdict_and_never_in_an_exception(name, damage, cuts):
    data = bytes_of(CASES[name])
    for start, size, instead in damage:
        data = data[:start] + instead + data[start + size :]
    bounds = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    whole, parts = read(data), read(*(data[a:b] for a, b in zip(bounds, bounds[1:], strict=False)))
    assert (parts.message, parts.verdict, parts.reported) == (whole.message, whole.verdict, whole.reported)
    f"{whole.message.content}{whole.message.reasoning}".encode()


@pytest.mark.parametrize("size", [1, 2, 7, 61])
@pytest.mark.parametrize("name", sorted(CASES))
def test_pieces_of_every_size_give_the_same(name, size):
    case = CASES[name]
    data, options = bytes_of(case), {"n": case.get("n", 1), "content_type": case.get("content_type") or ""}
    parts, whole = read(*cut(data, size), **options), read(data, **options)
    assert (parts.message, parts.verdict, parts.reported) == (whole.message, whole.verdict, whole.reported)


KEYS = [
    *("choices", "delta", "message", "content", "text", "reasoning", "reasoning_content", "reasoning_details"),
    *("summary", "thinking", "tool_calls", "index", "id", "function", "name", "arguments", "function_call"),
    *("extra_content", "google", "thought", "finish_reason", "usage", "prompt_tokens", "completion_tokens"),
    *("total_tokens", "completion_tokens_details", "reasoning_tokens", "timings", "cache_n", "x_groq", "error"),
    *("errors", "base_resp", "status_code", "code", "object", "type", "model", "refusal", "detail", "cost"),
]
JSON = st.recursive(
    st.sampled_from(
        [None, True, 0, 1, -3, 2.5, 10**30, float("nan"), "", "a", "stop", "error", "{}", "\ud83d", "</think>"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(
    chunks=st.lists(JSON | JSON.map(lambda delta: {"choices": [{"delta": delta}]}), max_size=5),
    n=st.sampled_from([1, 2]),
)
def test_a_chunk_of_whatever_shape_ends_in_a_verdict(chunks, n):
    got = read(sse(*chunks), n=n, stop_sequences=["a"])
    f"{got.message.content}{got.message.reasoning}{got.verdict}".encode()
    assert all(count is None or count >= 0 for count in (got.reported.input_tokens, got.reported.output_tokens))


OK = delta("hi", "stop")


class TestText:
    def test_list_parts_of_every_spelling(self):
        thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "a"}, "b"]}
        summary = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "c"}]}
        plain = {"type": "thinking", "thinking": "d"}
        named = {"type": "reasoning", "text": "e"}
        parts = [thinking, summary, plain, named, {"type": "text", "text": "x"}, "y", {"type": "text", "text": None}]
        got = answer({"choices": [{"delta": {"content": parts}}]}, delta(finish="stop"))
        assert (got.message.content, got.message.reasoning) == ("xy", "abcde")

    def test_a_part_that_is_no_list(self):
        got = answer({"choices": [{"delta": {"content": {"type": "text", "text": "x"}}}]}, delta(finish="stop"))
        assert got.message.content == "x"

    @pytest.mark.parametrize(
        "fields",
        [
            {"reasoning_content": "r"},
            {"reasoning": "r"},
            {"reasoning": "r", "reasoning_content": "r"},
            {"reasoning_content": "", "reasoning": "r"},
            {"reasoning_content": None, "reasoning_details": [{"type": "reasoning.text", "text": "r"}]},
            {"reasoning_details": [{"type": "reasoning.summary", "summary": "r"}, {"type": "reasoning.encrypted"}]},
            {
                "reasoning": "r",
                "reasoning_details": [{"text": "r"}],
                "content": [{"type": "thinking", "thinking": "r"}],
            },
        ],
    )
    def test_one_reasoning_field_counts(self, fields):
        assert answer(delta(**fields), OK).message.reasoning == "r"

    @pytest.mark.parametrize(
        "chunk",
        [
            None, True, 5, "text", [], [None], {}, {"choices": None}, {"choices": {}}, {"choices": [None, 3, "x"]},
            {"choices": [{"delta": None}]}, {"choices": [{"delta": "x"}]}, {"choices": [{"delta": {"content": 7}}]},
            {"choices": [{"delta": {"content": [None, 3, {"text": 4}]}}]}, {"choices": [{"delta": {"tool_calls": 3}}]},
            {"choices": [{"finish_reason": 3}]}, {"choices": [{"finish_reason": {}}]}, {"usage": 3}, {"usage": []},
            {"x_groq": 4}, {"x_groq": {"usage": "no", "error": None}}, {"timings": 1}, {"base_resp": "x"}, {"error": 0},
            {"choices": [{"delta": {"reasoning_details": "x", "extra_content": 3}, "index": "a"}]}, {"model": 4},
        ],
    )  # fmt: skip
    def test_odd_shapes_say_nothing(self, chunk):
        got = answer(chunk, OK)
        assert (got.message.content, got.verdict) == ("hi", "stop")

    def test_one_answer_is_taken_whatever_its_index(self):
        assert answer(delta("hi", "stop", choice={"index": 1})).message.content == "hi"

    def test_of_several_answers_the_first_is_taken(self):
        got = answer(delta("a"), delta("b", choice={"index": 1}), delta(finish="stop"), n=2)
        assert got.message.content == "a"

    def test_halves_of_a_character_in_two_deltas(self):
        first, second = (
            b'data: {"choices":[{"delta":{"content":"%s"}}]}\n\n' % text for text in (b"a\\ud83d", b"\\ude00b")
        )
        assert read(first, second, sse(OK)).message.content == "a😀bhi"

    def test_a_half_of_a_character_that_stays_alone(self):
        raw = b'data: {"choices":[{"delta":{"content":"a\\ud83d"},"finish_reason":"stop"}]}\n\n'
        got = read(raw)
        assert got.message.content == "a\ufffd"
        got.message.content.encode()

    def test_a_gemini_thought(self):
        thought = {"google": {"thought": True, "thought_signature": "x"}}
        got = answer(delta("why", extra_content=thought), delta("hi", extra_content={"google": {"thought": False}}), OK)
        assert (got.message.content, got.message.reasoning) == ("hihi", "why")

    def test_a_final_message_counts_only_alone(self):
        message = {"choices": [{"message": {"content": "hi", "reasoning_content": "r"}, "finish_reason": "stop"}]}
        assert answer(delta("hi"), message).message.content == "hi"
        beside = {"choices": [{**message["choices"][0], "delta": {"role": "assistant", "content": ""}}]}
        assert answer(beside).message.content == "hi"
        alone = answer(message)
        assert (alone.message.content, alone.message.reasoning, alone.verdict) == ("hi", "r", "stop")

    def test_a_refusal_is_text(self):
        assert answer(delta(refusal="I cannot."), delta(finish="stop")).message.content == "I cannot."


class TestThink:
    def test_inline_reasoning(self):
        got = answer(delta("<th"), delta("ink>\nwhy\n</thi"), delta("nk>\n\nThought"), delta(finish="stop"))
        assert (got.message.content, got.message.reasoning) == ("Thought", "why")

    @pytest.mark.parametrize("model", ["MiniMax-M2.5", "deepseek-r1:8b", "qwq-32b", "kimi-k2-thinking"])
    def test_an_orphan_of_a_model_known_for_it_is_never_shown(self, model):
        first = {**delta("The user wants"), "model": model}
        got = answer(first, delta(" a sum.\n</think>\n\nThought: x"), delta(finish="stop"))
        assert (got.message.content, got.message.reasoning) == ("Thought: x", "The user wants a sum.")
        assert "".join(part.content or "" for part in got.shown) == "Thought: x"

    def test_an_orphan_of_another_model_is_told_apart_in_the_fold(self):
        got = answer(delta("The user wants"), delta(" a sum.\n</think>\n\nThought: x"), delta(finish="stop"))
        assert (got.message.content, got.message.reasoning) == ("Thought: x", "The user wants a sum.")
        assert got.shown[0].content == "The user wants"

    def test_held_text_comes_out_at_the_end(self):
        got = answer({**delta("just text"), "model": "deepseek-r1"}, delta(finish="stop"))
        assert got.message.content == "just text"

    def test_nothing_is_held_after_a_reasoning_field(self):
        got = answer({**delta(reasoning="why"), "model": "deepseek-r1"}, delta("text"), delta(finish="stop"))
        assert [part.content for part in got.shown] == [None, "text"]


class TestStop:
    def test_text_ends_before_the_first_stop_sequence(self):
        got = answer(delta("a</co"), delta("de>b</code>"), delta("c", "stop"), stop_sequences=["</code>"])
        assert (got.message.content, got.verdict) == ("a", "stop")
        assert got.reader.stopped

    def test_a_begun_sequence_that_is_none_comes_out(self):
        got = answer(delta("a</co"), delta("rner>"), delta("</c", "stop"), stop_sequences=["</code>"])
        assert (got.message.content, got.reader.stopped) == ("a</corner></c", False)

    def test_reasoning_is_not_cut(self):
        got = answer(delta(reasoning="x</code>y"), delta("hi", "stop"), stop_sequences=["</code>"])
        assert (got.message.reasoning, got.message.content) == ("x</code>y", "hi")

    def test_what_fails_after_the_cut_took_nothing_away(self):
        got = answer(delta("a</code>"), {"error": "overloaded"}, stop_sequences=["</code>"])
        assert got.verdict == "stop"

    def test_all_that_was_written_counts(self):
        got = answer(delta("a</code>"), delta("much more", "stop"), stop_sequences=["</code>"])
        assert got.reader.generated == "a</code>much more"


class TestFinish:
    @pytest.mark.parametrize(
        ("word", "finish"),
        [
            ("stop", "stop"), ("STOP", "stop"), ("eos", "stop"), ("stop_sequence", "stop"), ("end_turn", "stop"),
            ("unheard_of", "stop"), ("length", "length"), ("max_tokens", "length"), ("MAX_TOKENS", "length"),
            ("model_context_window_exceeded", "length"), ("sensitive", "content_filter"), ("SAFETY", "content_filter"),
            ("tool_calls", "tool_calls"), ("function_call", "tool_calls"),
        ],
    )  # fmt: skip
    def test_words(self, word, finish):
        assert answer(delta("hi", word)).verdict == finish

    @pytest.mark.parametrize(
        "word", ["error", "network_error", "insufficient_system_resource", "aborted", "abort", "cancelled"]
    )
    def test_words_of_failure(self, word):
        got = answer(delta("hi", word))
        assert got.error is ModelRefused
        assert word in got.verdict.message
        assert got.verdict.retryable

    def test_empty_words_never_overwrite(self):
        assert answer(delta("hi", "length"), delta(finish=""), delta(finish=None)).verdict == "length"

    def test_without_a_finish_only_usage_completes(self):
        assert answer(delta("hi"), usage_chunk(3, 4)).verdict is None
        assert answer(delta("hi"), usage_chunk(3, 4), {"choices": [], "moderation": {}}).verdict is None
        assert answer(usage_chunk(3, 4), delta("hi")).error is ModelStreamBroken
        assert answer(usage_chunk(0, 0), delta("hi")).error is ModelStreamBroken
        assert answer(delta("hi", usage={"prompt_tokens": 3, "completion_tokens": 4})).error is ModelStreamBroken
        assert answer(delta("hi")).error is ModelStreamBroken

    @pytest.mark.parametrize("text", [None, "", " \n"])
    def test_an_answer_without_visible_text_is_a_failure(self, text):
        got = answer(delta(text), delta(reasoning="r"), delta(finish="length"))
        assert got.error is ModelAnswerEmpty
        assert "max_tokens" in got.verdict.message
        assert got.verdict.complete

    def test_tool_calls_need_no_text(self):
        call = {"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}
        assert answer(delta(tool_calls=[call]), delta(finish="stop")).verdict == "tool_calls"
        assert answer(delta(tool_calls=[call]), delta(finish="length")).verdict == "length"
        assert answer(delta(function_call={"name": "f", "arguments": "{}"}), delta(finish="stop")).message.tool_calls


class TestFailures:
    @pytest.mark.parametrize(
        "chunk",
        [
            {"error": {"message": "boom"}},
            {"error": "boom"},
            {"error": {"message": {"detail": "boom"}}},
            {"error": [{"message": "boom"}]},
            {"error": {"error": {"message": "boom"}}},
            {"error": {"code": 500, "msg": "boom"}, "choices": [{"delta": {"content": ""}, "finish_reason": "error"}]},
            {"object": "error", "message": "boom", "code": 400},
            {"type": "error", "error": {"type": "overloaded_error", "message": "boom"}},
            {"base_resp": {"status_code": 1004, "status_msg": "boom"}},
            {"base_resp": {"status_code": 2013, "status_msg": "boom"}, "choices": None},
            {"x_groq": {"id": "r", "error": "boom"}, "choices": [{"delta": {}, "finish_reason": "stop"}]},
            {"x_groq": {"error": {"message": "boom"}}, "choices": []},
            {"choices": [{"delta": {}, "error": {"code": 502, "message": "boom"}, "finish_reason": "error"}]},
            {"code": 20015, "message": "boom", "data": None},
            {"code": "1302", "msg": "boom"},
            {"error_code": "BAD_REQUEST", "message": "boom"},
            [{"error": {"message": "boom"}}],
        ],
    )
    @pytest.mark.parametrize("before", [[], [delta("partial")]])
    def test_errors_in_every_place(self, chunk, before):
        got = answer(*before, chunk)
        assert got.error is ModelRefused
        assert "boom" in got.verdict.message
        assert got.reader.partial == ("partial" if before else "")

    @pytest.mark.parametrize(
        "error", [None, {}, "", [], False, 0, {"message": None, "code": None}, {"message": "", "code": 0}]
    )
    def test_an_empty_error_is_none(self, error):
        assert answer({**delta("hi", "stop"), "error": error}).verdict == "stop"

    @pytest.mark.parametrize(
        "raw",
        [
            b'event: error\ndata: {"message": "boom"}\n\n',
            b'event: error\ndata: "boom"\n\n',
            b"event: error\ndata: boom\n\n",
            b'error: {"code": 400, "message": "boom"}\n\n',
            b'error: {"error": {"message": "boom"}}\n\n',
            b"error: boom\n\n",
            b'error:{"message":"boom"}\r\n\r\n',
        ],
    )
    def test_error_events(self, raw):
        got = read(sse(delta("partial"), done=False), raw, b"data: [DONE]\n\n")
        assert got.error is ModelRefused
        assert "boom" in got.verdict.message

    def test_usage_in_an_error_event_is_kept(self):
        got = answer(delta("a"), {"error": {"message": "boom"}, "usage": {"prompt_tokens": 9, "completion_tokens": 2}})
        assert (got.reported.input_tokens, got.reported.output_tokens) == (9, 2)

    @pytest.mark.parametrize(
        ("error", "passing"),
        [
            ({"message": "x", "code": 503}, True),
            ({"message": "x", "code": "429"}, True),
            ({"message": "x", "type": "overloaded_error"}, True),
            ({"message": "x", "type": "server_error"}, True),
            ("The service is currently at capacity", True),
            ({"message": "x", "code": 400}, False),
            ({"message": "context too long", "type": "invalid_request_error"}, False),
        ],
    )
    def test_what_may_pass_is_worth_a_retry(self, error, passing):
        assert answer({"error": error}).verdict.retryable is passing

    def test_what_groq_refused_to_parse_is_told(self):
        error = {"message": "Failed to call a function", "code": "tool_use_failed", "failed_generation": "<f{}>"}
        assert "<f{}>" in answer({"error": error}).verdict.message

    @pytest.mark.parametrize("name", [b"ping", b"heartbeat", b"keepalive"])
    def test_pings_of_any_content_say_nothing(self, name):
        assert read(b"event: " + name + b"\ndata: 12:00\n\n", sse(OK)).verdict == "stop"

    @pytest.mark.parametrize(
        ("raw", "reason"), [(b"data: x\n\n", "Expecting value"), (b'data: {"a": "\xff"}\n\n', "utf-8")]
    )
    def test_unreadable_data_keeps_the_text_before(self, raw, reason):
        got = read(sse(delta("hi"), done=False), raw, sse(OK))
        assert got.error is ModelStreamBroken
        assert reason in got.verdict.message
        assert (got.reader.partial, got.verdict.retryable) == ("hi", True)

    def test_a_body_that_was_never_understood_is_not_worth_a_retry(self):
        got = read(b"data: x\n\n", sse(OK))
        assert (got.error, got.verdict.retryable) == (ModelStreamBroken, False)
        assert "OpenAI-compatible" in got.verdict.message

    @pytest.mark.parametrize(
        "remark",
        [
            {"detail": "boom"},
            {"message": "boom"},
            {"success": False, "errors": ["boom"]},
            {"status": "in_progress", "message": "boom"},
        ],
    )
    def test_a_remark_is_a_failure_only_where_no_answer_comes(self, remark):
        assert "boom" in answer(remark).verdict.message
        assert answer(remark, OK).verdict == "stop"

    def test_unreadable_data_after_the_finish_takes_nothing_away(self):
        assert read(sse(OK, done=False), b"data: x\n\n").verdict == "stop"


class TestBodies:
    @pytest.mark.parametrize("content_type", ["", "text/plain", "application/json", "application/octet-stream"])
    @pytest.mark.parametrize("start", [b"", b"\n", b": hello\n\n", b"\xef\xbb\xbf", b"retry: 10\n\n", b"id:1\n"])
    def test_a_stream_under_another_content_type(self, content_type, start):
        got = read(start, sse(OK), content_type=content_type)
        assert (got.message.content, got.verdict) == ("hi", "stop")

    COMPLETION = {
        "object": "chat.completion",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
        "base_resp": {"status_code": 0},
    }

    @pytest.mark.parametrize("content_type", ["application/json", "text/event-stream", "text/plain; charset=utf-8"])
    def test_a_whole_completion_as_json(self, content_type):
        got = read(json.dumps(self.COMPLETION, indent=1).encode(), content_type=content_type)
        assert (got.message.content, got.verdict, got.reported.input_tokens) == ("hi", "stop", 3)

    @pytest.mark.parametrize("content_type", ["application/json", "text/event-stream", ""])
    @pytest.mark.parametrize(
        "body",
        [
            {"error": {"message": "boom"}},
            {"error": "boom"},
            [{"error": {"message": "boom", "status": "INVALID_ARGUMENT"}}],
            {"base_resp": {"status_code": 1008, "status_msg": "boom"}, "choices": None},
            {"code": 401, "message": "boom"},
            {"message": "boom"},
            {"detail": "boom"},
            "boom",
        ],
    )
    def test_an_error_as_json(self, body, content_type):
        got = read(json.dumps(body).encode(), content_type=content_type)
        assert got.error is ModelRefused
        assert "boom" in got.verdict.message

    @pytest.mark.parametrize(
        ("body", "content_type"),
        [
            (b"<!doctype html><html><script>x()</script><body>Sign in</body></html>", "text/html"),
            (b"\n <html>Sign in</html>", "text/event-stream"),
            (b"Sign in", "text/plain"),
            (b'{"hello": "Sign in"}', "application/json"),
            (b'{"choices": [{"mess Sign in', "application/json"),
        ],
    )
    def test_something_else(self, body, content_type):
        got = read(body, content_type=content_type)
        assert got.error is ModelStreamBroken
        assert "Sign in" in got.verdict.message
        assert "/v1" in got.verdict.message
        assert "x()" not in got.verdict.message
        assert content_type in got.verdict.message

    def test_an_empty_body_is_incomplete(self):
        assert read(content_type="text/event-stream").error is ModelStreamBroken
        assert read(b"\n\n", content_type="application/json").error is ModelStreamBroken
