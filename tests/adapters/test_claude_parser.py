"""The parser: bytes of the API's event stream in, pieces out."""

import json
from itertools import pairwise
from typing import Any

import anthropic
import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.claude.events import BUFFER_LIMIT, Parser
from adapters.claude.faults import Fault
from core.types import Began, Done, Piece, Progress, Text, Usage

START_USAGE = {
    "input_tokens": 12,
    "cache_creation_input_tokens": 300,
    "cache_read_input_tokens": 4000,
    "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 300},
    "output_tokens": 3,
    "service_tier": "standard",
}
WORDS = ("Grüße", " aus 東京 🗼", ' "quoted"\n\n', "\\ tail", " data: not one\r\n")


def sse(kind: str, **fields: Any) -> bytes:
    data = json.dumps({"type": kind, **fields}, ensure_ascii=False)
    return f"event: {kind}\ndata: {data}\n\n".encode()


def start(usage: Any = START_USAGE) -> bytes:
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-5-5",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage,
    }
    return sse("message_start", message=message)


def delta(text: str, index: int = 0) -> bytes:
    return sse("content_block_delta", index=index, delta={"type": "text_delta", "text": text})


def stopping(reason: str = "end_turn", **usage: Any) -> bytes:
    return sse("message_delta", delta={"stop_reason": reason, "stop_sequence": None}, usage=usage)


STOP = sse("message_stop")
THINKING = sse("content_block_start", index=0, content_block={"type": "thinking", "thinking": ""})
BLOCK = sse("content_block_start", index=1, content_block={"type": "text", "text": ""})
RECORDED = b"".join(
    [
        start(),
        THINKING,
        sse("ping"),
        sse("content_block_delta", index=0, delta={"type": "thinking_delta", "thinking": "Hm"}),
        sse("content_block_delta", index=0, delta={"type": "signature_delta", "signature": "x"}),
        sse("content_block_stop", index=0),
        BLOCK,
        *(delta(word, index=1) for word in WORDS),
        sse("content_block_stop", index=1),
        stopping(output_tokens=57, cache_read_input_tokens=4100),
        STOP,
    ]
)
CHARGED = Usage(input=12, output=57, cache_read=4100, cache_write_1h=300)


def make(*, lenient: bool = False, cache: Any = "1h") -> Parser:
    return Parser(cache=cache, lenient=lenient)


def parse(data: bytes, **how: Any) -> list[Piece]:
    """All pieces of a stream that comes in one read."""
    parser = make(**how)
    return parser.feed(data) + parser.end()


def gist(pieces: list[Piece]) -> tuple[str, list[Piece]]:
    """What must not depend on how the bytes were cut: the words, and the pieces around them."""
    text = "".join(piece.text for piece in pieces if isinstance(piece, Text))
    return text, [piece for piece in pieces if not isinstance(piece, Text | Progress)]


def fault_of(data: bytes, **how: Any) -> Fault:
    parser = make(**how)
    parser.feed(data)
    parser.end()
    assert isinstance(parser.ended, Fault)
    return parser.ended


def test_a_whole_answer_in_one_read_is_one_text():
    """However many deltas came together, their words are one piece."""
    assert parse(RECORDED) == [
        Began(usage=Usage(input=12, output=3, cache_read=4000, cache_write_1h=300)),
        Text("".join(WORDS)),
        Done(stop_reason="end_turn", usage=CHARGED),
    ]


@given(cuts=st.lists(st.integers(0, len(RECORDED)), max_size=30), crlf=st.booleans())
def test_cuts_change_nothing(cuts: list[int], crlf: bool):  # noqa: FBT001 - hypothesis asks
    """Bytes may be cut anywhere, inside a character or a line end too."""
    whole = RECORDED.replace(b"\n", b"\r\n") if crlf else RECORDED
    parser = make()
    pieces: list[Piece] = []
    for begin, end in pairwise([0, *sorted(cuts), len(whole)]):
        pieces += parser.feed(whole[begin:end])
    assert gist(pieces) == gist(parse(RECORDED))
    assert gist(pieces)[0] == "".join(WORDS)


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
def test_bytes_may_come_one_by_one(newline: bytes):
    """The smallest reads give the same words and the same end."""
    parser, pieces = make(), []
    for byte in RECORDED.replace(b"\n", newline):
        pieces += parser.feed(bytes([byte]))
    assert gist(pieces) == gist(parse(RECORDED))


async def test_the_sdk_reads_the_same():
    """Words, usage and reason to stop are what the SDK's own decoder makes of the stream."""
    transport = httpx2.MockTransport(
        lambda _: httpx2.Response(
            200, content=RECORDED, headers={"content-type": "text/event-stream"}
        )
    )
    http = httpx2.AsyncClient(transport=transport)
    async with anthropic.AsyncAnthropic(api_key="k", http_client=http) as client:
        request: Any = {"model": "m", "max_tokens": 9, "messages": [], "stream": True}
        events = [event async for event in await client.messages.create(**request)]
    text = "".join(
        event.delta.text
        for event in events
        if event.type == "content_block_delta" and event.delta.type == "text_delta"
    )
    (last,) = (event for event in events if event.type == "message_delta")
    ours, (_, done) = gist(parse(RECORDED))
    assert isinstance(done, Done)
    assert done.usage
    assert (ours, done.stop_reason) == (text, last.delta.stop_reason)
    assert done.usage.output == last.usage.output_tokens
    assert done.usage.cache_read == last.usage.cache_read_input_tokens


def test_data_needs_no_space_after_its_colon():
    """`data:{…}` is as good as `data: {…}`."""
    assert parse(RECORDED.replace(b"data: {", b"data:{")) == parse(RECORDED)


def test_data_may_have_several_lines():
    """The format allows it, and joins them."""
    lines = b'data: {"type": "content_block_delta",\ndata: "delta": {"type": "text_delta",\n'
    lines += b'data: "text": "hi"}}\n\n'
    assert make().feed(delta("oh ") + lines) == [Text("oh hi")]


def test_pings_and_comments_are_nothing():
    """They say that the connection lives, not that the model works."""
    assert make().feed(b": keep-alive\n\n" + sse("ping") + b"event: ping\n\nid: 7\n\n") == []


@pytest.mark.parametrize(
    "unknown",
    [
        sse("message_paused", message="for a while"),
        sse("usage_hint", usage=[1, 2], error="none", delta="d"),
        sse("content_block_annotated", content_block=5),
    ],
)
def test_unknown_events_are_passed_over(unknown: bytes):
    """The API may add events at any time, with fields of any shape."""
    assert make().feed(delta("a") + unknown + delta("b")) == [Text("ab")]


def test_fields_of_events_that_are_known_may_be_new():
    """Trailing blanks and unknown fields don't matter."""
    padded = delta("hi").replace(b"}}\n", b', "p": [1]}, "q": {"text": 3}  }   \n')
    assert make().feed(padded) == [Text("hi")]


@pytest.mark.parametrize(
    "event",
    [
        THINKING,
        sse("content_block_delta", index=0, delta={"type": "thinking_delta", "thinking": "Hm"}),
        sse("content_block_delta", index=0, delta={"type": "signature_delta", "signature": "x"}),
        sse("content_block_start", index=0, content_block={"type": "tool_use", "input": {}}),
    ],
)
def test_thinking_is_progress(event: bytes):
    """Work without words is told as such, once a read."""
    assert make().feed(event + event) == [Progress()]


def test_a_block_may_begin_with_words():
    """Text in a content_block_start belongs to the answer."""
    begun = BLOCK.replace(b'"text": ""', b'"text": "Hello"')
    assert make().feed(begun + delta(", you")) == [Text("Hello, you")]


def test_a_delta_without_words_is_no_text():
    """A `Text` is never empty."""
    assert make().feed(BLOCK + delta("")) == []


def test_usage_is_cumulative():
    """A later count replaces the earlier one; what it leaves out stays."""
    pieces = parse(start() + stopping(output_tokens=5) + stopping(output_tokens=9) + STOP)
    assert pieces[-1] == Done(
        stop_reason="end_turn",
        usage=Usage(input=12, output=9, cache_read=4000, cache_write_1h=300),
    )


@pytest.mark.parametrize("cache", ["5m", "1h"])
def test_cache_writes_of_no_given_time_count_as_asked(cache: str):
    """Without the split, all was written for the time that was asked for."""
    (began,) = make(cache=cache).feed(start({"cache_creation_input_tokens": 70}))
    assert isinstance(began, Began)
    assert began.usage == Usage(**{f"cache_write_{cache}": 70})


def test_cache_writes_are_split_by_their_time():
    """The split is believed, whatever was asked for; only what it leaves over counts as asked."""
    split = {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 40}
    usage = {"cache_creation_input_tokens": 70, "cache_creation": split}
    (began,) = make(cache="1h").feed(start(usage))
    assert isinstance(began, Began)
    assert began.usage == Usage(cache_write_5m=20, cache_write_1h=50)


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ({"input_tokens": 0, "output_tokens": 0}, {"output_tokens": 0}),
        ({"input_tokens": 9, "output_tokens": 0}, {"output_tokens": 0}),
        ({"input_tokens": 0}, {"output_tokens": 7}),
        (None, {}),
    ],
)
def test_a_compatible_server_that_counts_nothing_leaves_the_usage_unknown(first: Any, last: Any):
    """Nothing counted is not nothing charged."""
    stream = start(first) + delta("hi") + stopping(**last) + STOP
    assert parse(stream, lenient=True)[-1] == Done(stop_reason="end_turn", usage=None)


def test_a_compatible_server_that_counts_is_believed():
    """Its counts are used like Anthropic's."""
    stream = start({"input_tokens": 9}) + delta("hi") + stopping(output_tokens=2) + STOP
    assert parse(stream, lenient=True)[-1] == Done(
        stop_reason="end_turn", usage=Usage(input=9, output=2)
    )


def test_anthropic_is_believed_to_have_counted_nothing():
    """Its zero is a zero."""
    stream = start({"input_tokens": 0, "output_tokens": 0}) + delta("hi") + stopping() + STOP
    assert parse(stream)[-1] == Done(stop_reason="end_turn", usage=Usage())


def test_nothing_follows_done():
    """After message_stop, and after `end`, whatever comes is dropped."""
    parser = make()
    pieces = parser.feed(RECORDED + delta("late") + STOP) + parser.feed(RECORDED) + parser.end()
    assert [type(piece) for piece in pieces] == [Began, Text, Done]
    assert parser.ended is pieces[-1]


def test_a_stream_without_message_stop_is_truncated():
    """Even with a stop_reason: Anthropic's servers always send the last event."""
    fault = fault_of(start() + delta("hi") + stopping(output_tokens=1))
    assert "truncated" in fault.message


def test_a_compatible_server_may_leave_out_message_stop():
    """There a stop_reason is enough."""
    pieces = parse(start() + delta("hi") + stopping("max_tokens", output_tokens=1), lenient=True)
    assert pieces[-1] == Done(stop_reason="max_tokens", usage=Usage(**_counts(1)))


def _counts(output: int) -> dict[str, int]:
    return {"input": 12, "output": output, "cache_read": 4000, "cache_write_1h": 300}


@pytest.mark.parametrize("stream", [b"", start(), start() + delta("hi"), stopping("end_turn")[:-1]])
def test_a_compatible_server_that_gives_no_reason_is_truncated(stream: bytes):
    """Without a whole message_delta nobody knows that the answer is complete."""
    assert "truncated" in fault_of(stream, lenient=True).message


def test_openais_last_line_is_passed_over():
    """Some proxies end every stream with `data: [DONE]`."""
    pieces = parse(start() + delta("hi") + stopping() + b"data: [DONE]\n\n", lenient=True)
    assert isinstance(pieces[-1], Done)


@pytest.mark.parametrize(
    "line",
    [
        b'data: {"type": "content_block_delta", "del',
        b"data: <html>",
        b'data: {"type": "content_block_delta", "delta": {"type": "text_delta", "text": 5}}',
        b'data: {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "\xff"}}',
        b"data: 17",
    ],
)
def test_what_cannot_be_read_breaks_the_stream_after_the_words_before_it(line: bytes):
    """The words are not lost, and nothing behind the fault is believed."""
    parser = make()
    assert parser.feed(delta("hi") + line + b"\n\n" + delta("no") + STOP) == [Text("hi")]
    assert isinstance(parser.ended, Fault)


def test_an_endless_event_breaks_the_stream():
    """No more than the limit is kept in memory."""
    parser = make()
    parser.feed(b"data: ")
    for _ in range(BUFFER_LIMIT // 65536 + 1):
        assert parser.feed(b"x" * 65536) == []
    assert isinstance(parser.ended, Fault)
    assert parser.feed(b"\n\n" + RECORDED) == []


def test_an_error_event_ends_the_stream_after_the_words_before_it():
    """Its type and message are kept for whoever decides what to do."""
    error = {"type": "overloaded_error", "message": "Overloaded", "details": {"error_code": "x"}}
    parser = make()
    assert parser.feed(delta("hi") + sse("error", error=error) + delta("no")) == [Text("hi")]
    assert parser.ended == Fault(kind="overloaded_error", message="Overloaded", code="x")


@pytest.mark.parametrize(
    "data",
    [b'data: {"error": "busy"}\n\n', b'event: error\ndata: {"error": {"message": "busy"}}\n\n'],
)
def test_an_error_may_have_a_form_of_its_own(data: bytes):
    """Proxies forget the type, or everything but the message."""
    assert fault_of(data) == Fault(message="busy")


def test_no_room_for_an_answer_is_a_fault():
    """The prompt must be shortened; there is nothing to show."""
    fault = fault_of(start() + stopping("model_context_window_exceeded") + STOP)
    assert fault.kind == "request_too_large"


def test_no_room_for_the_rest_of_an_answer_is_its_end():
    """What was said stays said."""
    pieces = parse(start() + delta("hi") + stopping("model_context_window_exceeded") + STOP)
    assert isinstance(pieces[-1], Done)
    assert pieces[-1].stop_reason == "model_context_window_exceeded"


@pytest.mark.parametrize("text", ["", "I can"])
def test_a_refusal_is_a_whole_answer(text: str):
    """With words or without."""
    (*_, done) = parse(start() + delta(text) + stopping("refusal", output_tokens=4) + STOP)
    assert done == Done(stop_reason="refusal", usage=Usage(**_counts(4)))
