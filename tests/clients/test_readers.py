"""How the documents' clients read, in Python: no byte that is sent may be one they stumble over."""

import json
from collections.abc import AsyncIterator

import pytest

from tests.fakes.anthropic import Answer, Cut, Status
from tests.journeys.house import House

AWKWARD = 'data: {"response":"no"}\r\n\n[DONE]\u2028\u2029\x85 "quoted\\" 🌍 é \ufeff\t'
ANSWERS = {
    "awkward": Answer(AWKWARD, chunk=1),
    "long": Answer(AWKWARD * 40, chunk=11),
    "truncated": Answer("cut", stop_reason="max_tokens", thinking="hm"),
    "cut": Cut(after=2),
}


async def pieces(house: House, path: str, body: dict) -> AsyncIterator[bytes]:
    """The response's bytes as the network brings them."""
    async with house.http.post(path, json=body) as response:
        assert response.status == 200
        async for piece in response.content.iter_any():
            yield piece


async def told(house: House, session: str) -> str:
    """What was stored of the answer, by the one that was asked last."""
    async with house.http.get(f"/history/{session}") as response:
        return (await response.json())["messages"][-1]["content"]


@pytest.mark.parametrize("name", ANSWERS)
async def test_pieces_can_be_decoded_one_by_one(house: House, name: str):
    """Whoever decodes each piece by itself finds whole characters, and the answer that is kept."""
    house.fake.script(ANSWERS[name])
    text = ""
    async for piece in pieces(house, "/chat-stream", {"message": "hi", "session_id": "s"}):
        text += piece.decode()  # strict: half a character fails here
    assert text == await told(house, "s")


async def test_a_failure_is_no_plain_answer(house: House):
    """Before the first word there still is a status to tell it by, and a reason as `detail`."""
    house.fake.default = Status(400, message="sk-ant-1 is not for you")
    ask = {"message": "hi", "session_id": "s"}
    async with house.http.post("/chat-stream", json=ask) as response:
        assert response.status >= 500
        told = await response.json()
    assert set(told) == {"detail"}
    assert "sk-ant" not in told["detail"]


def responses(raw: bytes) -> tuple[str, list[str]]:
    """The answer that the lines carry, and whatever of them is no part of an answer.

    Reads as far as the end mark: a line is a field, `data: ` and JSON, and no carriage return is
    taken off.
    """
    text, other = "", []
    for line in raw.decode().split("\n"):
        if line == "data: [DONE]":
            return text, other
        if not line.startswith("data: "):
            continue
        event = json.loads(line[6:])
        text += event.get("response", "")
        other += [] if "response" in event else [line]
    pytest.fail("it never says that it is done")


async def response_stream(house: House) -> bytes:
    body = {"messages": [{"role": "user", "content": "hi"}]}
    return b"".join([piece async for piece in pieces(house, "/api/chat", body)])


@pytest.mark.parametrize("name", ["awkward", "long"])
async def test_every_line_of_responses_is_json(house: House, name: str):
    """However the answer's own words look: each line has a part of it, and then comes the end."""
    house.fake.script(ANSWERS[name])
    text, other = responses(await response_stream(house))
    assert (text, other) == (AWKWARD * (40 if name == "long" else 1), [])


async def test_responses_end_after_a_failure_too(house: House):
    """An error is told in a line that such a reader passes over, and the end follows."""
    house.fake.default = Status(400, message="sk-ant-1 is not for you")
    raw = await response_stream(house)
    text, [error] = responses(raw)
    assert text == ""
    assert "error" in json.loads(error[6:])
    assert b"sk-ant" not in raw
