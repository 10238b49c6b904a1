import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentui.models import sse
from agentui.models.sse import Done, ErrorField, Malformed, SSEEvent, SSEParser


def parse(*chunks):
    parser = SSEParser()
    return [event for chunk in chunks for event in parser.feed(chunk)] + parser.close()


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"", []),
        (b"data: 1\n\n", [("", 1)]),
        (b"data:1\r\n\r\n", [("", 1)]),
        (b"data: 1\r\r", [("", 1)]),
        (b"data: 1", [("", 1)]),
        (b"data: 1\n", [("", 1)]),
        (b"\xef\xbb\xbfdata: 1\n\n", [("", 1)]),
        (b"\n\n\ndata: 1\n\n\n", [("", 1)]),
        (b": ping\n\ndata: 1\n\n: pong", [("", 1)]),
        (b"data\n\ndata:\n\ndata: \n\ndata: 1\n\n", [("", 1)]),
        (b"event: ping\n\ndata: 1\n\n", [("", 1)]),
        (b"retry: 3000\n\nid: 7\n\ndata: 1\n\n", [("", 1)]),
        (b"id: 7\nevent: error\ndata: {}\n\ndata: 2\n\n", [("error", {}), ("", 2)]),
        (b"data: 1\ndata: 2\n\n", [("", 1), ("", 2)]),
        (b'data: {"a": 1}\ndata: {"a": 2}\ndata: [DONE]\n', [("", {"a": 1}), ("", {"a": 2}), ("", Done())]),
        (b'data: {\ndata: "a":\ndata:  1}\n\n', [("", {"a": 1})]),
        (b"data: null\n\n", [("", None)]),
        (b"data: [DONE]\n\n", [("", Done())]),
        (b"data:[DONE] \n\n", [("", Done())]),
        (b'error: {"code": 400}\n\n', [("error", ErrorField({"code": 400}))]),
        (b"error: no memory\n\n", [("error", ErrorField("no memory"))]),
        (b'data: "\\ud83d"\n\n', [("", "\ud83d")]),
        (b'data: {"a": "x\ty"}\n\n', [("", {"a": "x\ty"})]),
        (b'data: {"a": 1}\n\ndata: {"cut": tr', [("", {"a": 1})]),
    ],
)
def test_events(stream, events):
    assert parse(stream) == events
    assert parse(*(stream[at : at + 1] for at in range(len(stream)))) == events


@pytest.mark.parametrize(
    ("stream", "reason"),
    [
        (b"data: nonsense\n\n", "Expecting value"),
        (b'data: {"a": "\xff"}\n\n', "codec can't decode byte"),
        (b"data: " + b"[" * 100_000 + b"\n\n", "RecursionError"),
    ],
)
def test_data_that_is_no_json_is_reported_and_the_stream_goes_on(stream, reason):
    broken, after = parse(stream, b"data: 1\n\n")
    assert isinstance(broken.payload, Malformed)
    assert reason in broken.payload.reason
    assert after == ("", 1)


def test_an_event_without_end_is_given_up(monkeypatch):
    monkeypatch.setattr(sse, "MAX_EVENT_BYTES", 100)
    events = parse(b"data: {", b"x" * 200, b"\n\ndata: 1\n\n")
    assert "larger than" in events[0].payload.reason
    assert events[-1] == SSEEvent("", 1)


LINES = st.sampled_from(
    [
        b'data: {"text": "na\xc3\xafve \xf0\x9f\x98\x80"}',
        b"data: [1,",
        b"data: 2]",
        b"data:",
        b"data: [DONE]",
        b"data: broken",
        b": comment",
        b"event: error",
        b"error: {}",
        b"id: 1",
        b"",
        b"",
    ]
)
ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])


@given(lines=st.lists(st.tuples(LINES, ENDS), max_size=12), cuts=st.lists(st.integers(0, 300), max_size=10))
def test_any_chunking_gives_the_same_events(lines, cuts):
    stream = b"".join(line + end for line, end in lines)
    bounds = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    assert parse(*(stream[a:b] for a, b in zip(bounds, bounds[1:], strict=False))) == parse(stream)
    assert parse(*(stream[at : at + 1] for at in range(len(stream)))) == parse(stream)


def test_a_large_event_in_small_pieces_is_joined_once():
    data = b"data: " + json.dumps("x" * 2_000_000).encode() + b"\n\n"
    events = parse(*(data[at : at + 16] for at in range(0, len(data), 16)))
    assert len(events[0].payload) == 2_000_000
