"""What deep-chat and the n8n widget read, byte by byte."""

import json

import msgspec

from adapters.web.dialects.deep_chat import DeepChat
from adapters.web.dialects.n8n import N8n, session
from core.text import NOTICES, apology
from core.types import Message, Notice
from tests.adapters.web_openai.updates import (
    AWKWARD,
    END,
    FAILED,
    SPEECH,
    START,
    STOPPED,
    encoded,
    update,
)

SOURCE = (
    '"metadata":{"timestamp":1700000000123,"nodeId":"gw","nodeName":"gateway","runIndex":0,'
    '"itemIndex":0}'
)


def n8n() -> N8n:
    return N8n(1700000000123)


def lines(data: bytes) -> list[dict]:
    return [json.loads(line) for line in data.splitlines()]


def test_deep_chat_reads_texts_and_the_streams_end():
    """No `[DONE]`, which it would take for a message without words."""
    assert encoded(DeepChat(), SPEECH) == (b'data: {"text":"Hello"}\n\ndata: {"text":" there"}\n\n')


def test_deep_chat_reads_an_error():
    """What it shows in place of an answer."""
    data = encoded(DeepChat(), [START, update("Hel"), FAILED])
    first, second = data.removesuffix(b"\n\n").split(b"\n\n")
    assert first == b'data: {"text":"Hel"}'
    assert json.loads(second[6:]) == {"error": apology(7)}


def test_deep_chat_survives_any_text():
    """An event is one line of JSON."""
    data = DeepChat().encode(update(AWKWARD))
    assert (data.count(b"\n"), data.count(b"\r")) == (2, 0)
    assert json.loads(data[6:]) == {"text": AWKWARD}


def test_n8n_reads_a_line_for_each_thing_that_happens():
    """A beginning, words, an end; each says where it comes from."""
    assert encoded(n8n(), SPEECH).decode() == (
        f'{{"type":"begin",{SOURCE}}}\n'
        f'{{"type":"item",{SOURCE},"content":"Hello"}}\n'
        f'{{"type":"item",{SOURCE},"content":" there"}}\n'
        f'{{"type":"end",{SOURCE}}}\n'
    )


def test_n8n_reads_an_error_in_place_of_an_end():
    """The widget ends the message by itself then."""
    *_, last = lines(encoded(n8n(), [START, update("Hel"), FAILED]))
    assert (last["type"], last["content"]) == ("error", apology(7))


def test_n8n_reads_the_end_of_a_stopped_answer():
    """That is no error."""
    assert [line["type"] for line in lines(encoded(n8n(), [START, STOPPED]))] == ["begin", "end"]


def test_both_begin_a_paragraph_for_what_replaces_their_words():
    """They can only add."""
    taken_back = [START, update("Hello"), update("Bye", reset=True), END]
    items = [line.get("content", "") for line in lines(encoded(n8n(), taken_back))]
    assert "".join(items) == "Hello\n\nBye"
    assert b'data: {"text":"\\n\\nBye"}' in encoded(DeepChat(), taken_back)


def test_n8n_takes_a_conversation_up_by_the_classes_it_knows():
    """Who said what, as the people see it."""
    asked = Message(id=1, turn_id=1, role="user", parts=(_words("hi"),), created_at=0)
    cut = ({"type": "notice", "notice": Notice.TRUNCATED},)
    told = Message(id=2, turn_id=1, role="assistant", parts=(_words("Hello"), *cut), created_at=0)
    shown = json.loads(msgspec.json.encode(session([asked, told])))
    assert shown == {
        "data": [
            _shown("HumanMessage", "hi"),
            _shown("AIMessage", f"Hello{NOTICES[Notice.TRUNCATED]}"),
        ]
    }


def _words(text: str) -> dict:
    return {"type": "text", "text": text}


def _shown(kind: str, text: str) -> dict:
    return {
        "lc": 1,
        "type": "constructor",
        "id": ["langchain_core", "messages", kind],
        "kwargs": {"content": text, "additional_kwargs": {}},
    }
