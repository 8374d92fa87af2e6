"""The AI SDK's chunks, byte by byte."""

from dataclasses import replace

import pytest

from adapters.web.dialects.ui import Ui, message_name, turn_called
from core.live import Cursor, Update
from core.types import Outcome, Status, Usage

OUTCOME = Outcome(
    turn_id=7,
    attempt=1,
    status=Status.DONE,
    text="Hello",
    model="m",
    stop_reason="end_turn",
    usage=Usage(input=12, output=34),
    error=None,
    message_id=9,
    created_at=0,
)
START = (
    b'data: {"type":"start","messageId":"msg_7","messageMetadata":{"sessionId":"c"}}\n\n'
    b'data: {"type":"start-step"}\n\n'
)
FINISH = (
    b'data: {"type":"text-end","id":"t0"}\n\n'
    b'data: {"type":"finish-step"}\n\n'
    b'data: {"type":"finish","finishReason":"stop","messageMetadata":'
    b'{"usage":{"input":12,"output":34}}}\n\n'
)
DONE = b"data: [DONE]\n\n"


def update(text: str = "", **more: object) -> Update:
    values = {"turn_id": 7, "cursor": Cursor(attempt=1, position=0), "text": text}
    return Update(**values | more)  # type: ignore[arg-type]


def encoded(*updates: Update, resets: bool = False) -> bytes:
    ui = Ui("c", resets=resets)
    return b"".join(map(ui.encode, updates))


def delta(text: bytes) -> bytes:
    return b'data: {"type":"text-delta","id":"t0","delta":"%b"}\n\n' % text


BEGIN = b'data: {"type":"text-start","id":"t0"}\n\n'


def test_an_answer_is_these_bytes():
    """Whether its end comes with the last words or after them."""
    whole = START + BEGIN + delta(b"Hel") + delta(b"lo") + FINISH + DONE
    start = update(started=True)
    assert encoded(start, update("Hel"), update("lo", outcome=OUTCOME)) == whole
    assert encoded(start, update("Hel"), update("lo"), update(outcome=OUTCOME)) == whole


def test_an_answer_that_was_stopped_has_what_was_said():
    """`abort` in place of what a whole one ends with; no part that was never begun is ended."""
    stopped = replace(OUTCOME, status=Status.CANCELLED)
    end = b'data: {"type":"abort"}\n\n' + DONE
    assert encoded(update(started=True), update(outcome=stopped)) == START + end
    text_end = b'data: {"type":"text-end","id":"t0"}\n\n'
    said = encoded(update(started=True), update("Hel"), update(outcome=stopped))
    assert said == START + BEGIN + delta(b"Hel") + text_end + end


def test_an_answer_that_failed_never_looks_whole():
    """No `finish`: an error, in words for people."""
    failed = replace(OUTCOME, status=Status.FAILED, text="", error="unavailable")
    said = encoded(update(started=True), update(outcome=failed))
    assert said.startswith(START + b'data: {"type":"error","errorText":"Sorry, ')
    assert b"finish" not in said
    assert said.endswith(DONE)


def test_words_that_are_void_are_taken_back():
    """The part begins anew; nothing is taken back of what was never said."""
    reset = b'data: {"type":"reset-step"}\n\n'
    updates = update(started=True), update("bad"), update("good", reset=True)
    said = encoded(*updates, resets=True)
    assert said == START + BEGIN + delta(b"bad") + reset + BEGIN + delta(b"good")
    assert encoded(update("good", reset=True), resets=True) == BEGIN + delta(b"good")
    assert encoded(update(reset=True), resets=True) == b""


def test_older_clients_get_no_chunk_that_they_do_not_know():
    """It would end their stream: the new words begin a paragraph after the void ones."""
    said = encoded(update(started=True), update("bad"), update("good", reset=True))
    assert said == START + BEGIN + delta(b"bad") + delta(rb"\n\ngood")
    assert encoded(update("good", reset=True)) == BEGIN + delta(b"good")
    assert encoded(update(reset=True)) == b""


@pytest.mark.parametrize(
    ("stop_reason", "finish_reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "content-filter"),
        ("interrupted", "other"),
        (None, "other"),
    ],
)
def test_the_reason_to_stop_is_one_that_clients_know(stop_reason: str | None, finish_reason: str):
    """Another would end their stream with an error."""
    outcome = replace(OUTCOME, stop_reason=stop_reason)
    said = encoded(update(outcome=outcome)).decode()
    assert f'"finishReason":"{finish_reason}"' in said


def test_an_answers_name_leads_to_its_turn():
    """And no other name does."""
    assert turn_called(message_name(7)) == 7
    for name in ("7", "msg_", "msg_x", "msg_-1", "msg_\u0667", "msg_" + "9" * 19, "MSG_7", ""):
        assert turn_called(name) is None
