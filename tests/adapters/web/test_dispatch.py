"""Who speaks at `POST /api/chat`, row by row."""

from typing import Any

import pytest

from adapters.web.errors import Refused
from adapters.web.plain.dispatch import Speech, speech

TYPED, RESPONSE, JSON, UI, TEXT = Speech
ANY = "*/*"  # fetch, curl, httpx, requests
AXIOS = "application/json, text/plain, */*"  # and Angular
EVENTS, WHOLE = "text/event-stream", "application/json"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

HI = {"message": "hi"}
TURNS = {"messages": [{"role": "user", "content": "hi"}]}
PARTS = [{"type": "text", "text": "hi"}]
SAID = {"id": "1", "role": "user", "parts": PARTS}
LIST = {"id": "c", "messages": [SAID]}
LAST = {"id": "c", "message": SAID}
DEEP = {"messages": [{"role": "user", "text": "hi"}]}


def chosen(
    body: dict[str, Any],
    accept: str = ANY,
    *,
    authorized: bool = False,
    protocol: str | None = None,
) -> Speech:
    return speech(body, accept=accept, authorized=authorized, protocol=protocol)


@pytest.mark.parametrize(
    ("body", "accept", "authorized", "wanted"),
    [
        # 000: a message alone, or with a session
        (HI, ANY, False, TYPED),
        (HI, "", False, TYPED),
        (HI, AXIOS, False, TYPED),
        (HI, BROWSER, False, TYPED),
        (HI | {"sessionId": "test-1"}, ANY, False, TYPED),
        (HI | {"sessionId": None, "messages": None}, ANY, False, TYPED),
        # 003: the same with a token
        (HI | {"sessionId": "s"}, ANY, True, JSON),
        (HI, AXIOS, True, JSON),
        (HI, "", True, JSON),
        # a client that takes one kind alone
        (HI, EVENTS, False, TYPED),
        (HI, EVENTS, True, TYPED),
        (HI, WHOLE, False, JSON),
        (HI, WHOLE, True, JSON),
        (HI, "Application/JSON; charset=utf-8", False, JSON),
        (HI, "text/event-stream;q=0.9, text/plain", True, TYPED),
        (HI, f"{EVENTS}, {WHOLE}", False, TYPED),
        (HI, f"{EVENTS}, {WHOLE}", True, JSON),
        (HI, f"{EVENTS}, {ANY}", True, JSON),
        (HI, "text/plain", True, JSON),
        # `stream` goes before what is accepted, and before a token
        (HI | {"stream": True}, ANY, True, TYPED),
        (HI | {"stream": True}, WHOLE, True, TYPED),
        (HI | {"stream": False}, ANY, False, JSON),
        (HI | {"stream": False}, EVENTS, False, JSON),
        (HI | {"stream": None}, ANY, False, TYPED),
        (HI | {"stream": "false"}, ANY, False, TYPED),
        (HI | {"stream": 0}, ANY, False, TYPED),
        (HI | {"stream": 1}, ANY, True, JSON),
        # 002: a transcript, whatever else is said
        (TURNS, ANY, False, RESPONSE),
        (TURNS, ANY, True, RESPONSE),
        (TURNS, WHOLE, False, RESPONSE),
        (TURNS | {"stream": False}, ANY, False, RESPONSE),
        (TURNS | {"message": None}, ANY, False, RESPONSE),
        (TURNS | {"model": "llama"}, ANY, False, RESPONSE),
        (TURNS | {"trigger": []}, ANY, False, RESPONSE),
        (TURNS | {"trigger": "other"}, ANY, False, RESPONSE),
        ({"messages": [{"role": "system", "content": "x"}, *TURNS["messages"]]}, ANY, 0, RESPONSE),
        ({"messages": [{"role": "user", "content": PARTS}]}, ANY, False, RESPONSE),
        ({"messages": [{"role": "user", "content": ""}]}, ANY, False, RESPONSE),
        # the AI SDK, in both its forms
        (LIST | {"trigger": "submit-message"}, ANY, False, UI),
        (LIST | {"trigger": "regenerate-message"}, ANY, True, UI),
        ({"id": "c", "messages": [], "trigger": "regenerate-message"}, ANY, False, UI),
        (TURNS | {"trigger": "submit-message"}, ANY, False, UI),
        (LIST, ANY, False, UI),
        (LIST, EVENTS, False, UI),
        ({"messages": [*TURNS["messages"], SAID]}, ANY, False, UI),
        ({"messages": [SAID | {"content": "hi"}]}, ANY, False, UI),
        (LAST, ANY, False, UI),
        (LAST, WHOLE, True, UI),
        (LAST | {"messages": []}, ANY, False, UI),
        (LIST | {"message": "hi"}, ANY, False, UI),
    ],
)
def test_a_body_is_answered_in_its_own_dialect(body, accept, authorized, wanted):
    """Its form decides; for a plain message `stream`, then what is accepted, then a token."""
    assert chosen(body, accept, authorized=authorized) is wanted


@pytest.mark.parametrize(
    ("protocol", "body", "wanted"),
    [
        ("typed", HI, TYPED),
        ("typed", HI | {"stream": False}, TYPED),
        ("json", HI, JSON),
        ("json", HI | {"stream": True}, JSON),
        ("response", TURNS, RESPONSE),
        ("ui", LIST, UI),
        ("ui", LAST, UI),
        ("text", LIST, TEXT),
        ("text", LAST, TEXT),
    ],
)
def test_a_dialect_can_be_asked_for(protocol, body, wanted):
    """It goes before all but the body's form, also where a token or a header says otherwise."""
    for accept in (ANY, EVENTS, WHOLE):
        assert chosen(body, accept, authorized=True, protocol=protocol) is wanted


@pytest.mark.parametrize(
    ("protocol", "body"),
    [
        ("typed", TURNS),
        ("typed", LIST),
        ("json", TURNS),
        ("json", LAST),
        ("response", HI),
        ("response", LIST),
        ("ui", HI),
        ("ui", TURNS),
        ("text", HI),
        ("text", TURNS),
    ],
)
def test_a_dialect_that_does_not_fit_the_body_is_refused(protocol, body):
    """400, with what that dialect needs."""
    with pytest.raises(Refused) as refused:
        chosen(body, protocol=protocol)
    assert refused.value.status == 400
    assert f"protocol={protocol} needs a body with" in refused.value.message


@pytest.mark.parametrize("protocol", ["", "sse", "TYPED", "typed,json", "openai"])
def test_an_unknown_dialect_is_refused(protocol):
    """400, with the names that there are."""
    with pytest.raises(Refused, match="typed, response, json, ui, text"):
        chosen(HI, protocol=protocol)


@pytest.mark.parametrize("protocol", [None, *Speech])
@pytest.mark.parametrize(
    "body",
    [
        {},  # also what an array, a number, a string or null is read as
        {"message": None},
        {"message": ""},
        {"message": 7},
        {"message": True},
        {"message": ["hi"]},
        {"message": {"text": "hi"}},
        {"message": {"parts": "hi"}},
        HI | TURNS,
        HI | {"messages": []},
        HI | {"messages": "hi"},
        HI | {"messages": {}},
        {"message": "", **TURNS},
        {"message": 7, **TURNS},
        {"messages": []},
        {"messages": None},
        {"messages": 7},
        {"messages": "hi"},
        {"messages": {"role": "user", "content": "hi"}},
        {"messages": ["hi"]},
        {"messages": [None]},
        {"messages": [[]]},
        {"messages": [{}]},
        {"messages": [{"role": "user"}]},
        {"messages": [{"content": "hi"}]},
        {"messages": [{"role": 7, "content": "hi"}]},
        {"messages": [{"role": "user", "content": None}]},
        {"messages": [{"role": "user", "content": {"text": "hi"}}]},
        {"messages": [*TURNS["messages"], {"role": "user"}]},
        {"messages": [{"parts": "hi"}]},
        {"trigger": "submit-message"},
        {"trigger": {}, "messages": 7},
    ],
    ids=str,
)
def test_what_no_dialect_has_is_refused(body, protocol):
    """400, with what most will have meant to send."""
    for authorized in (False, True):
        with pytest.raises(Refused, match="message is required") as refused:
            chosen(body, WHOLE, authorized=authorized, protocol=protocol)
        assert refused.value.status == 400


def test_deep_chat_is_told_where_to_go():
    """Its messages have a text and no content; its own address is named."""
    with pytest.raises(Refused, match="/compat/deep-chat") as refused:
        chosen(DEEP)
    assert refused.value.status == 400
