"""The bodies of ready-made widgets, over real HTTP."""

import json
from io import BytesIO
from typing import Any

import pytest

from tests.fakes.anthropic import Answer, Status
from tests.journeys.house import House

DEEP, N8N = "/compat/deep-chat", "/compat/n8n"
EVENTS, LINES = {"Accept": "text/event-stream"}, {"Accept": "text/plain"}
AXIOS = {"Accept": "application/json, text/plain, */*"}
HI = {"messages": [{"role": "user", "text": "hi"}]}
TALK = [
    {"role": "ai", "text": "Welcome!"},
    {"role": "user", "text": "My name is Ada."},
    {"role": "ai", "text": "Hello Ada."},
    {"role": "ai", "html": "<button>Yes</button>"},
    {"role": "user", "text": "Who am I?"},
]
AWKWARD = 'data: [DONE]\r\n\n: ok\u2028"q" 🌍'


async def post(house: House, path: str, body: Any, **headers: str) -> tuple[int, Any]:
    """Status and JSON of a whole answer."""
    async with house.http.post(path, json=body, headers=headers) as response:
        return response.status, await response.json()


async def events(house: House, body: Any, **headers: str) -> list[dict[str, Any]]:
    """What deep-chat reads of a stream."""
    async with house.http.post(DEEP, json=body, headers=headers) as response:
        assert (response.status, response.content_type) == (200, "text/event-stream")
        raw = await response.read()
    assert raw.startswith(b": ok\n")
    assert raw.endswith(b"\n\n")
    lines = raw.removeprefix(b": ok\n").split(b"\n\n")[:-1]
    assert all(line.startswith(b"data: ") for line in lines)
    return [json.loads(line[6:]) for line in lines]


async def lines(house: House, text: str, session: str = "s") -> list[dict[str, Any]]:
    """What the n8n widget reads of a stream."""
    async with house.http.post(N8N, json=message(text, session), headers=LINES) as response:
        assert (response.status, response.content_type) == (200, "application/x-ndjson")
        raw = await response.read()
    assert raw.endswith(b"\n")
    return [json.loads(line) for line in raw.splitlines()]


def message(text: str, session: str = "s") -> dict[str, Any]:
    return {"action": "sendMessage", "sessionId": session, "chatInput": text, "metadata": {}}


async def previous(house: House, session: str) -> list[tuple[str, str]]:
    """The conversation that the n8n widget takes up again."""
    body = {"action": "loadPreviousSession", "sessionId": session}
    status, told = await post(house, N8N, body)
    assert status == 200
    assert all((each["lc"], each["type"]) == (1, "constructor") for each in told["data"])
    return [(each["id"][-1], each["kwargs"]["content"]) for each in told["data"]]


# --- deep-chat ---


async def test_deep_chat_is_answered_whole(either: House):
    """Its own conversation is what the model sees; what has no text is left out."""
    assert await post(either, DEEP, {"messages": TALK}) == (200, {"text": "You said: Who am I?"})
    assert either.fake.requests[0].history == [
        ("user", "My name is Ada."),
        ("assistant", "Hello Ada."),
        ("user", "Who am I?"),
    ]


@pytest.mark.parametrize(
    ("more", "headers"),
    [({}, EVENTS), ({"stream": True}, {}), ({"stream": True}, {"Accept": "application/json"})],
)
async def test_deep_chat_is_answered_as_events(house: House, more, headers):
    """If it asks for them first of all, or by `stream`, which decides."""
    house.fake.script(Answer(AWKWARD, chunk=2))
    told = await events(house, HI | more, **headers)
    assert "".join(event["text"] for event in told) == AWKWARD


@pytest.mark.parametrize("headers", [{}, AXIOS, {"Accept": "application/json, text/event-stream"}])
async def test_deep_chat_is_answered_whole_unless_it_wants_events(house: House, headers):
    """Events are for whoever asks for them before all else."""
    assert await post(house, DEEP, HI, **headers) == (200, {"text": "You said: hi"})
    assert (await post(house, DEEP, HI | {"stream": False}, **EVENTS))[0] == 200


async def test_deep_chat_is_remembered_only_by_name(house: House):
    """Without a session each request stands alone; in one, its last message alone counts."""
    await post(house, DEEP, HI)
    for _ in range(2):
        await post(house, DEEP, {"messages": TALK, "sessionId": "s"})
    histories = [request.history for request in house.fake.requests]
    assert [len(history) for history in histories] == [1, 1, 3]


async def test_deep_chat_reads_of_a_failure(house: House):
    """As an HTTP status, or in the stream; never in the provider's words."""
    house.fake.default = Status(400, message="canary")
    status, told = await post(house, DEEP, HI)
    *_, error = await events(house, HI, **EVENTS)
    assert status == 502
    for each in (told, error):
        assert list(each) == ["error"]
        assert "canary" not in each["error"]


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": ["hi"]}, "messages[0]"),
        ({"messages": TALK[:3]}, "user"),
        ({"messages": [{"role": "user", "text": "\x00 "}]}, "user"),
        ({"messages": [{"role": "user", "html": "<b>hi</b>"}]}, "user"),
        (HI | {"sessionId": "a b"}, "sessionId"),
        (HI | {"stream": 1}, "stream"),
    ],
)
async def test_deep_chat_is_told_what_is_wrong(house: House, body: Any, names: str):
    """In the form that it shows."""
    status, told = await post(house, DEEP, body)
    assert status == 400
    assert names in told["error"]


# --- n8n ---


async def test_n8n_is_answered_whole_and_remembered(either: House):
    """A session is what its id names, and is taken up again as it was left."""
    assert await post(either, N8N, message("one")) == (200, {"output": "You said: one"})
    assert await post(either, N8N, message("two"), **AXIOS) == (200, {"output": "You said: two"})
    said = [("HumanMessage", "one"), ("AIMessage", "You said: one")]
    assert (await previous(either, "s"))[:2] == said
    assert len(either.fake.requests[1].history) == 3


async def test_n8n_is_answered_in_lines(house: House):
    """A beginning, words, an end, all from the same place."""
    house.fake.script(Answer(AWKWARD, chunk=2))
    begin, *items, end = await lines(house, "hi")
    assert (begin["type"], end["type"]) == ("begin", "end")
    assert {item["type"] for item in items} == {"item"}
    assert "".join(item["content"] for item in items) == AWKWARD
    assert all(line["metadata"] == begin["metadata"] for line in (*items, end))
    assert begin["metadata"]["nodeId"]


async def test_n8n_reads_of_a_failure(house: House):
    """As an HTTP status, or as a line that ends the answer."""
    house.fake.default = Status(400, message="canary")
    status, told = await post(house, N8N, message("hi", "t"))
    assert (status, list(told)) == (502, ["error"])
    *_, error = await lines(house, "hi")
    assert error["type"] == "error"
    assert "canary" not in error["content"] + told["error"]


async def test_n8n_takes_up_what_there_is(house: House):
    """Nothing, if nothing was said; and a cleared conversation stays cleared."""
    assert await previous(house, "new") == []
    await post(house, N8N, message("secret"))
    async with house.http.delete("/api/chat/s"):
        pass
    assert await previous(house, "s") == []


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ([], "action"),
        ({"action": "sing"}, "action"),
        ({"action": "sendMessage", "sessionId": "s"}, "chatInput"),
        ({"action": "sendMessage", "sessionId": "s", "chatInput": " "}, "chatInput"),
        (message("hi", "a b"), "sessionId"),
        ({"action": "loadPreviousSession", "sessionId": 7}, "sessionId"),
    ],
)
async def test_n8n_is_told_what_is_wrong(house: House, body: Any, names: str):
    """In a sentence that names it."""
    status, told = await post(house, N8N, body)
    assert status == 400
    assert names in told["error"]


@pytest.mark.parametrize("path", [DEEP, N8N])
async def test_files_are_refused(house: House, path: str):
    """Widgets send them as forms; whoever set one up reads what to change."""
    files = {"files": BytesIO(b"bytes"), "action": "sendMessage"}
    async with house.http.post(path, data=files) as response:
        told = await response.json()
        assert response.status == 415
    assert "Files" in told["error"]
