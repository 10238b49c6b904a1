import json

import pytest

from agentui.models.adapt import Adaptation, Memory, lesson_from

BODY = {
    "model": "m",
    "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}],
    "stream": True,
    "stream_options": {"include_usage": True},
    "stop": ["</code>"],
    "max_tokens": 5,
    "temperature": 0.5,
    "n": 1,
    "tools": [{"type": "function"}],
}


def change(text, status=400):
    text = text if isinstance(text, str) else json.dumps(text)
    lesson = lesson_from(status, text, BODY, Adaptation())
    return lesson and lesson.change


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ({"error": {"message": "Unsupported parameter", "param": "stop"}}, "without stop"),
        ({"error": {"message": "Unknown", "param": "stream_options.include_usage"}}, "without stream_options"),
        ({"error": {"message": "unsupported: stop", "param": "temperature"}}, "without temperature"),
        ([{"error": {"message": "bad", "code": "unsupported_parameter", "param": "stop"}}], "without stop"),
        ({"detail": [{"loc": ["body", "stream_options", "include_usage"], "msg": "extra"}]}, "without stream_options"),
        ('json: unknown field "stream_options"', "without stream_options"),
        ("The parameter is invalid. stream_options", "without stream_options"),
        ("Argument not supported on this model: stop", "without stop"),
        ("stop_sequences: each must contain non-whitespace", None),
        ("Unknown name \"include_usage\" at 'stream_options'", "without stream_options"),
        ("'n' must be 2", None),
        ("'n' is unknown", "without n"),
        ("The temperature parameter is not supported with this model", "without temperature"),
        ("model grok does not support parameter stop", "without stop"),
        ("stop_sequences: Extra inputs are not permitted", "without stop"),
        ("unknown field `stop`, expected one of `temperature`, `max_tokens`", "without stop"),
        ("unknown field `top_k`, expected one of `temperature`, `max_tokens`", None),
        ("temperature must be between 0 and 2", None),
        ({"error": {"message": "temperature must be between 0 and 2", "param": "temperature"}}, None),
        ({"error": {"message": "bad", "param": "stop"}}, None),
        ({"error": {"message": "Unsupported value: 'temperature' does not support 0.5", "param": "temperature"}}, None),
        (
            {
                "error": {
                    "message": "Unsupported value: 'temperature' does not support 0.5 with this model. Only the "
                    "default (1) value is supported.",
                    "param": "temperature",
                    "code": "unsupported_value",
                }
            },
            "without temperature",
        ),
        (
            "json: cannot unmarshal object into Go struct field Request.stream_options of type bool",
            "without stream_options",
        ),
        ({"errors": [{"detail": "stream_options: field not permitted"}]}, "without stream_options"),
        ({"detail": [{"loc": ["body", "stream_options"], "msg": "value must be null"}]}, "without stream_options"),
        ({"error": {"message": "Extra inputs: #/stream_options/include_usage"}}, "without stream_options"),
        (
            "[{'type': 'extra_forbidden', 'loc': ('body', 'stop'), 'msg': 'Extra inputs are not permitted'}]",
            "without stop",
        ),
        ("#: extraneous key [stream_options] is not permitted, please reformat your input", "without stream_options"),
        ("Additional properties are not allowed ('stop', 'n' were unexpected)", "without stop"),
        ("Stop sequences are not supported by this model", "without stop"),
        ("does not support parameters: ['stop'], for model=o3. To drop these, set `drop_params=True`", "without stop"),
        (
            "This model is not supported MaxTokens, please use MaxCompletionTokens.",
            "with max_tokens renamed to max_completion_tokens",
        ),
        ("maxTokens: unknown field", "with max_tokens renamed to max_completion_tokens"),
        ("registry/library/x does not support tools", None),
        ("Invalid value: 'system'. Supported values are: 'user'. (messages[0].role)", "with role system sent as user"),
        ("Developer instruction is not enabled for models/gemma-3", "with role system sent as user"),
        ("messages.0.role: Expected 'user' | 'assistant', received 'system'", "with role system sent as user"),
        (
            {"detail": [{"loc": ["messages", 0, "role"], "msg": "should be 'user'", "input": "system"}]},
            "with role system sent as user",
        ),
        ({"detail": [{"loc": ["messages", 0, "role"], "msg": "should be 'system'", "input": "tool"}]}, None),
        ({"error": {"message": "not supported", "code": "unsupported_value", "param": "temperature"}}, None),
        ({"error": {"message": "extra 'stop' is not permitted", "param": "tools[0].function.parameters"}}, None),
        ({"error": {"message": "Invalid schema for tools[0]: unexpected key", "param": None}}, None),
        ({"error": {"message": "tools is not supported"}}, None),
        ({"error": {"message": "messages and model are unknown fields"}}, None),
        ({"error": {"message": "your request to stop this was flagged"}}, None),
        ({"error": {"message": "Your request to stop this is not allowed"}}, None),
        ({"error": {"message": "Unknown model. " + "Read the manual. " * 20 + "Then set stream_options."}}, None),
        ("n is no parameter that anyone could find here", None),
        ("nonstop streaming_options", None),
        (
            "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.",
            "with max_tokens renamed to max_completion_tokens",
        ),
        ("Unrecognized request argument supplied: max_tokens", "with max_tokens renamed to max_completion_tokens"),
        ("max_tokens must be at most 4", None),
        ("This model's maximum context length is 10 tokens, reduce max_tokens", None),
        ("'max_tokens' or 'max_completion_tokens' is too large: maximum context length is 4", None),
        ("model not found", None),
        ("messages: must not be empty", None),
        ("System role not supported", "with role system sent as user"),
        ("messages[0].role: unknown variant `system`, expected `user`", "with role system sent as user"),
        ("messages[0].role: unknown variant `tool`, expected one of `system`, `user`", None),
        ("Conversation roles must alternate user/assistant", None),
        ("", None),
        ("{", None),
    ],
)
def test_what_a_refusal_teaches(text, expected):
    assert change(text) == expected


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500])
def test_other_statuses_teach_nothing(status):
    assert change("stream_options", status) is None


def test_each_thing_is_tried_once():
    known, body, changes = Adaptation(), BODY, []
    text = "Unsupported: max_tokens max_completion_tokens 'stop' stream_options role system developer"
    while lesson := lesson_from(422, text, body, known):
        changes.append(lesson.change)
        known = lesson.adaptation
        body = known.apply(BODY)
    assert len(changes) == len(set(changes)) == 5
    assert set(body) == {"model", "messages", "stream", "temperature", "n", "tools"}
    assert body["messages"][0] == {"role": "user", "content": "s"}
    assert BODY["messages"][0]["role"] == "system"


def test_developer_becomes_system_and_then_user():
    body = {**BODY, "messages": [{"role": "developer", "content": "s"}]}
    text = "invalid role developer / system: not supported"
    first = lesson_from(400, text, body, Adaptation()).adaptation
    assert first.apply(body)["messages"][0]["role"] == "system"
    second = lesson_from(400, text, first.apply(body), first).adaptation
    assert second.apply(body)["messages"][0]["role"] == "user"


def test_memory_is_by_address_and_model_and_bounded():
    memory = Memory()
    learned = Adaptation(frozenset({"stop"}))
    memory.keep("http://a/v1", "m", learned)
    assert memory.recall("http://a/v1", "m") == learned
    assert memory.recall("http://a/v1", "other") == memory.recall("http://b/v1", "m") == Adaptation()
    for number in range(3_000):
        memory.keep("http://a/v1", str(number), learned)
    assert len(memory._known) <= 1_000


@pytest.mark.parametrize("text", ["tool_choice only supports the value auto", "this tool_choice is not supported"])
def test_a_tool_choice_may_always_be_left_out(text):
    assert lesson_from(400, text, {**BODY, "tool_choice": "required"}, Adaptation()).change == "without tool_choice"


def test_names_in_the_spelling_of_the_server():
    body = {**BODY, "presence_penalty": 1}
    text = "Argument not supported on this model: presencePenalty"
    assert lesson_from(400, text, body, Adaptation()).change == "without presence_penalty"


def test_a_name_is_text_and_no_pattern():
    assert lesson_from(400, "unknown field `top(k`", {**BODY, "top(k": 1}, Adaptation()).change == "without top(k"
