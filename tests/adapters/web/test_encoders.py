"""The seeds' dialects, byte by byte."""

import json

import pytest

from adapters.web.dialects.appended import Appended
from adapters.web.dialects.raw import Raw
from adapters.web.dialects.response import Response
from adapters.web.dialects.typed import Typed
from adapters.web.dialects.whole import whole
from adapters.web.errors import Refused
from core.live import Cursor, Update
from core.text import apology
from core.types import Outcome, Status, Usage

AWKWARD = 'data: [DONE]\r\n\n: ping\u2028 "q" \\ 🌍\x07'
SORRY = apology(7)


def outcome(status: Status = Status.DONE, text: str = "Hello there", usage: Usage | None = None):
    return Outcome(
        turn_id=7,
        attempt=1,
        status=status,
        text=text,
        model="m",
        stop_reason="end_turn",
        usage=usage or Usage(input=2, cache_read=10, output=5),
        error="unavailable" if status is Status.FAILED else None,
        message_id=9,
        created_at=0,
    )


def update(position: int, text: str = "", status: Status | None = None, **more):
    return Update(
        turn_id=7,
        cursor=Cursor(attempt=1, position=position),
        text=text,
        outcome=None if status is None else outcome(status),
        **more,
    )


START = update(0, started=True)
SPEECH = [START, update(5, "Hello"), update(11, " there")]
AGAIN = [START, update(5, "Hello"), update(9, "Bye", reset=True)]


def encoded(dialect, updates) -> bytes:
    return b"".join(map(dialect.encode, updates))


TEXTS = (
    b'id: 7.1.5\ndata: {"type":"text","text":"Hello"}\n\n'
    b'id: 7.1.11\ndata: {"type":"text","text":" there"}\n\n'
)
USAGE = b'"usage":{"input":12,"output":5}'


@pytest.mark.parametrize(
    ("status", "end"),
    [
        (Status.DONE, b'data: {"type":"done","sessionId":"s",%b}\n\n' % USAGE),
        (
            Status.CANCELLED,
            b'data: {"type":"done","sessionId":"s",%b,"cancelled":true}\n\n' % USAGE,
        ),
        (Status.FAILED, b'data: {"type":"error","error":"%b"}\n\n' % SORRY.encode()),
    ],
)
def test_typed_events(status, end):
    """Texts with an id each; one event at the end, and nothing that is no JSON."""
    assert encoded(Typed("s"), [*SPEECH, update(11, status=status)]) == TEXTS + end


@pytest.mark.parametrize(
    ("status", "end"),
    [
        (Status.DONE, b""),
        (Status.CANCELLED, b""),
        (Status.FAILED, b'data: {"error":"%b"}\n\n' % SORRY.encode()),
    ],
)
def test_response_events(status, end):
    """Words, a failure if there is one, and always the mark of the end; no ids."""
    assert encoded(Response(), [*SPEECH, update(11, status=status)]) == (
        b'data: {"response":"Hello"}\n\ndata: {"response":" there"}\n\n' + end + b"data: [DONE]\n\n"
    )


@pytest.mark.parametrize(
    ("status", "end"),
    [(Status.DONE, ""), (Status.CANCELLED, ""), (Status.FAILED, f"\nError: {SORRY}")],
)
def test_raw_text(status, end):
    """The words alone; a failure is a line of its own."""
    said = encoded(Raw(), [*SPEECH, update(11, status=status)])
    assert said == f"Hello there{end}".encode()


def test_the_last_words_may_come_with_the_end():
    """One update may be both."""
    last = [START, update(2, "Hi", Status.DONE)]
    assert encoded(Response(), last) == b'data: {"response":"Hi"}\n\ndata: [DONE]\n\n'
    assert encoded(Raw(), last) == b"Hi"
    assert encoded(Typed("s"), last).count(b"\n\n") == 2


def test_what_replaces_words_begins_a_paragraph():
    """Nothing can be taken back from these readers."""
    assert encoded(Raw(), AGAIN) == b"Hello\n\nBye"
    assert b'{"response":"\\n\\nBye"}' in encoded(Response(), AGAIN)
    assert b'"text":"\\n\\nBye"' in encoded(Typed("s"), AGAIN)


@pytest.mark.parametrize("make", [Response, lambda: Typed("s")], ids=["response", "typed"])
def test_an_event_is_one_line_that_every_client_survives(make):
    """LF alone, `data: ` with the space, JSON in one line; no `retry:` and no `event:`."""
    data = encoded(make(), [START, update(3, AWKWARD)])
    assert b"\r" not in data
    [event, rest] = data.split(b"\n\n")
    assert rest == b""
    *fields, line = event.split(b"\n")
    assert all(field.startswith(b"id: ") for field in fields)
    assert AWKWARD in json.loads(line.removeprefix(b"data: ")).values()


def test_nothing_is_said_before_the_first_word():
    """That it began is the response's own affair."""
    for dialect in (Raw(), Response(), Typed("s")):
        assert dialect.encode(START) == b""


def test_unknown_usage_is_zero():
    """Clients read it without looking whether it is there."""
    update = Update(turn_id=7, cursor=Cursor(attempt=1, position=0), outcome=outcome(usage=Usage()))
    assert b'"usage":{"input":0,"output":0}' in Typed("s").encode(update)


@pytest.mark.parametrize("status", [Status.DONE, Status.CANCELLED])
def test_a_whole_answer_is_its_text(status):
    """Also what there is of one that was stopped."""
    assert whole(outcome(status), {}) == "Hello there"


def test_a_whole_answer_that_failed_is_refused():
    """502 with words for people, and none of what was said so far."""
    with pytest.raises(Refused) as refused:
        whole(outcome(Status.FAILED), {"X-Session-Id": "s"})
    assert (refused.value.status, refused.value.message) == (502, SORRY)
    assert refused.value.headers["X-Session-Id"] == "s"


def test_words_that_come_after_a_reset_are_not_glued_to_the_void_ones():
    """An attempt that is begun anew takes back first, and has words only later."""
    said = Appended()
    updates = [
        update(11, "Half an ans"),
        update(12, "", reset=True),
        update(21, "The whole"),
        update(29, " answer."),
    ]
    assert "".join(map(said.words, updates)) == "Half an ans\n\nThe whole answer."
