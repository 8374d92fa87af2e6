"""OpenAI's Chat Completions, from the message to the last chunk, over real HTTP."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest
from sqlalchemy import select

from core.database import DatabaseDown
from core.tables import addresses
from gateway.config import FALLBACKS
from tests.fakes.anthropic import Answer, Hold, Status
from tests.journeys.house import SOON, House, serving

CHAT = "/v1/chat/completions"
MODEL = "claude-sonnet-5-5"
HI = [{"role": "user", "content": "hi"}]
TALK = [
    {"role": "user", "content": "My name is Ada."},
    {"role": "assistant", "content": "Hello Ada."},
    {"role": "user", "content": "Who am I?"},
]
SAID = [(each["role"], each["content"]) for each in TALK]


async def post(
    house: House, body: Any = None, headers: dict[str, str] | None = None, **fields: Any
) -> tuple[int, Any, aiohttp.ClientResponse]:
    """Status, JSON and response to a request with `fields`, or with another `body`."""
    given = {"messages": HI, **fields} if body is None else body
    async with house.http.post(CHAT, json=given, headers=headers) as response:
        return response.status, await response.json(), response


async def asked(house: House, headers: dict[str, str] | None = None, **fields: Any) -> str:
    """The words of a whole answer."""
    status, told, _ = await post(house, headers=headers, **fields)
    assert status == 200, told
    return str(told["choices"][0]["message"]["content"])


async def streamed(
    house: House, headers: dict[str, str] | None = None, **fields: Any
) -> list[dict[str, Any]]:
    """The chunks of a stream, which has to end as streams do."""
    body = {"messages": HI, "stream": True, **fields}
    async with house.http.post(CHAT, json=body, headers=headers) as response:
        assert response.status == 200, await response.text()
        assert response.content_type == "text/event-stream"
        return parse(await response.read())


def parse(raw: bytes) -> list[dict[str, Any]]:
    """Every chunk; nothing else may be there but comments, and `[DONE]` at the end."""
    assert raw.startswith(b": ok\n")
    assert raw.endswith(b"\n\ndata: [DONE]\n\n")
    lines = [line for line in raw.split(b"\n") if line and not line.startswith(b":")]
    assert all(line.startswith(b"data: ") for line in lines)
    return [json.loads(line[6:]) for line in lines[:-1]]


def text_of(chunks: list[dict[str, Any]]) -> str:
    deltas = [each["delta"] for chunk in chunks for each in chunk["choices"]]
    return "".join(delta.get("content", "") for delta in deltas)


async def sessions(house: House) -> list[str]:
    """All that is stored, by name."""
    names = select(addresses.c.conversation)
    return await house.gateway.database.read(lambda db: list(db.execute(names).scalars()))


# --- answers ---


async def test_a_conversation_is_answered_whole(either: House):
    """The model sees what the client sent; the completion has its words and its tokens."""
    status, told, _ = await post(either, messages=TALK, model=MODEL)
    [request] = either.fake.requests
    assert status == 200
    assert request.history == SAID
    [choice] = told["choices"]
    answer = {"role": "assistant", "content": "You said: Who am I?", "refusal": None}
    assert choice == {"index": 0, "message": answer, "logprobs": None, "finish_reason": "stop"}
    assert (told["object"], told["model"]) == ("chat.completion", MODEL)
    assert told["usage"]["prompt_tokens"] == request.tokens
    assert told["usage"]["total_tokens"] == request.tokens + told["usage"]["completion_tokens"]


async def test_a_conversation_is_answered_as_chunks(either: House):
    """The same words, in chunks of one answer, and the tokens if they are asked for."""
    chunks = await streamed(either, messages=TALK, stream_options={"include_usage": True})
    assert text_of(chunks) == "You said: Who am I?"
    assert either.fake.requests[0].history == SAID
    assert len({(each["id"], each["created"], each["model"]) for each in chunks}) == 1
    *before, last = chunks
    assert (last["choices"], last["usage"]["prompt_tokens"]) == ([], either.fake.requests[0].tokens)
    assert all(each["usage"] is None for each in before)


async def test_accept_never_decides(house: House):
    """OpenAI's SDKs ask for JSON also when they stream."""
    assert text_of(await streamed(house, {"Accept": "application/json"})) == "You said: hi"
    assert await asked(house, {"Accept": "text/event-stream"}) == "You said: hi"


async def test_the_role_is_sent_before_the_first_words(house: House):
    """A client shows that there will be an answer, while the model still thinks."""
    hold = Hold()
    house.fake.script(Answer("late", hold=hold, hold_after=0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("adapters.web.openai.routes.SOON", 0)
        body = {"messages": HI, "stream": True}
        async with house.http.post(CHAT, json=body) as response:
            start = await response.content.readuntil(b"\n\n")
            hold.release()
            rest = await response.content.read()
    assert b'"delta":{"role":"assistant","content":""}' in start
    assert text_of(parse(start + rest)) == "late"


async def test_what_the_system_says_is_said_to_the_model(house: House):
    """System and developer messages, wherever they stand, are joined behind the gateway's own."""
    rules = [{"role": "system", "content": "Rhyme."}, {"role": "developer", "content": "In Dutch."}]
    await asked(house, messages=[rules[0], *TALK, rules[1]])
    [request] = house.fake.requests
    assert request.system.endswith("\n\nRhyme.\n\nIn Dutch.")
    assert request.history == SAID


async def test_text_in_parts_is_text(house: House):
    """Each part begins a line."""
    parts = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    assert await asked(house, messages=[{"role": "user", "content": parts}]) == "You said: one\ntwo"


async def test_the_wished_model_and_length_are_asked_for(house: House):
    """By either name of the limit, and never more than the gateway's own."""
    wished = FALLBACKS[0]
    for fields in ({"max_tokens": 7}, {"max_completion_tokens": 7}, {"max_tokens": 10**30}):
        await asked(house, model=wished, **fields)
    limits = [request.body["max_tokens"] for request in house.fake.requests]
    assert {request.body["model"] for request in house.fake.requests} == {wished}
    assert limits[:2] == [7, 7]
    assert 7 < limits[2] < 10**6


@pytest.mark.parametrize(
    ("reason", "finish"),
    [("end_turn", "stop"), ("max_tokens", "length"), ("refusal", "content_filter")],
)
async def test_both_forms_say_why_it_ended(house: House, reason: str, finish: str):
    """An answer that was cut is the model's own words alone."""
    house.fake.default = Answer("Hello", stop_reason=reason)
    _, told, _ = await post(house)
    chunks = await streamed(house)
    assert told["choices"][0]["finish_reason"] == finish
    assert chunks[-1]["choices"][0]["finish_reason"] == finish
    if reason != "refusal":
        assert told["choices"][0]["message"]["content"] == text_of(chunks) == "Hello"


async def test_what_changes_nothing_is_taken(house: House):
    """Fields without effect, nulls, and fields that nobody knows."""
    fields = {
        "temperature": 1,
        "top_p": 0.5,
        "presence_penalty": -1,
        "frequency_penalty": 0,
        "seed": 7,
        "stop": ["\n"],
        "user": "ada",
        "n": 1,
        "tools": [],
        "response_format": {"type": "text"},
        "logprobs": False,
        "max_tokens": None,
        "stream": None,
        "model": None,
        "metadata": {"task": "title"},
        "reasoning_effort": "low",
    }
    assert await asked(house, **fields) == "You said: hi"


# --- memory ---


async def test_nothing_is_remembered(house: House):
    """Each request stands alone, and is in no list."""
    await asked(house)
    await asked(house, messages=TALK)
    assert [request.history for request in house.fake.requests] == [[("user", "hi")], SAID]
    names = await sessions(house)
    assert len(names) == 2
    assert all(name.startswith("~") for name in names)


@pytest.mark.parametrize(
    ("headers", "fields"),
    [({"X-Session-Id": "s-1"}, {}), ({}, {"metadata": {"session_id": "s-1"}})],
)
async def test_a_named_session_is_remembered(house: House, headers, fields):
    """Then the server's memory counts, and of the client's messages only the last one."""
    await asked(house, headers, **fields)
    status, _, response = await post(house, None, headers, messages=TALK, **fields)
    assert status == 200
    assert response.headers["X-Session-Id"] == "s-1"
    told = [("user", "hi"), ("assistant", "You said: hi"), SAID[-1]]
    assert house.fake.requests[1].history == told
    assert await sessions(house) == ["s-1"]


async def test_a_key_joins_the_run_that_it_began(house: House):
    """A request that is sent again has the same answer, without a second run."""
    key = {"Idempotency-Key": "stainless-python-retry-1 \xff"}
    _, first, _ = await post(house, None, key)
    _, second, _ = await post(house, None, key)
    chunks = await streamed(house, key)
    assert first["id"] == second["id"] == chunks[0]["id"]
    assert text_of(chunks) == "You said: hi"
    assert len(house.fake.requests) == 1


async def test_a_key_joins_a_run_that_still_goes_on(house: House):
    """The client has lost the connection, not the answer."""
    hold = Hold()
    house.fake.script(Answer("once", hold=hold, hold_after=0))
    key = {"Idempotency-Key": "k"}
    first = asyncio.create_task(asked(house, key))
    await hold.reached.wait()
    second = asyncio.create_task(asked(house, key))
    hold.release()
    assert await asyncio.gather(first, second) == ["once", "once"]
    assert len(house.fake.requests) == 1


async def test_a_key_used_twice_answers_each_question(house: House):
    """Nobody gets an answer to something else, however careless the client."""
    key = {"Idempotency-Key": "k"}
    assert await asked(house, key) == "You said: hi"
    assert await asked(house, key, messages=TALK) == "You said: Who am I?"


# --- failures ---


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_an_answer_that_fails_is_an_http_status(house: House, *, stream: bool):
    """Also of a stream, if it fails soon; and the SDKs are told not to run it twice."""
    house.fake.script(Status(400, message="canary"))
    status, told, response = await post(house, stream=stream)
    assert status == 502
    assert response.headers["x-should-retry"] == "false"
    assert (told["error"]["type"], told["error"]["code"]) == ("server_error", "rejected")
    assert "canary" not in json.dumps(told)


async def test_a_stream_that_fails_late_says_so_in_the_stream(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    """An error and the end, after the chunks that were sent."""
    monkeypatch.setattr("adapters.web.openai.routes.SOON", 0)
    house.fake.default = Status(500, retry_after=SOON)
    *_, error = await streamed(house)
    assert error["error"]["code"] == "unavailable"


async def test_a_stopped_answer_ends_as_any_other(house: House):
    """Its words so far are the answer."""
    hold = Hold()
    house.fake.script(Answer("one two three", hold=hold, hold_after=2))
    reading = asyncio.create_task(streamed(house, {"X-Session-Id": "s"}))
    await hold.reached.wait()
    async with house.watch("s") as viewer:
        await viewer.read(lambda each: each.text == "one two ")
        await house.cancel(viewer.run)
    chunks = await reading
    assert text_of(chunks) == "one two "
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"


async def test_what_was_not_stored_may_be_sent_again(house: House, monkeypatch: pytest.MonkeyPatch):
    """503 with a time to wait, and nothing against a retry."""

    async def down(*_: object, **__: object) -> None:
        raise DatabaseDown("canary")

    monkeypatch.setattr(house.gateway.database, "write", down)
    status, told, response = await post(house)
    assert (status, told["error"]["type"]) == (503, "server_error")
    assert int(response.headers["Retry-After"]) >= 1
    assert "x-should-retry" not in response.headers


def user(content: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": content}]}


IMAGE = {"type": "image_url", "image_url": {"url": "data:"}}
REFUSED = [
    ({}, "messages"),
    ({"messages": []}, "messages"),
    ({"messages": "hi"}, "messages"),
    ({"messages": TALK[:2]}, "user"),
    ({"messages": [{"role": "system", "content": "Rhyme."}]}, "user"),
    ({"messages": [*TALK, {"role": "tool", "content": "4"}]}, "tool"),
    ({"messages": [{"role": "king", "content": "hi"}]}, "messages[0].role"),
    (user(None), "text"),
    (user(" \x00"), "text"),
    (user(7), "content"),
    (user([{"type": "text", "text": "What is this?"}, IMAGE]), "image_url"),
    ({"messages": HI, "n": 2}, "n:"),
    ({"messages": HI, "n": 0}, "$.n"),
    ({"messages": HI, "tools": [{"type": "function"}]}, "tools"),
    ({"messages": HI, "functions": [{}]}, "functions"),
    ({"messages": HI, "response_format": {"type": "json_object"}}, "response_format"),
    ({"messages": HI, "response_format": {"type": "json_schema"}}, "response_format"),
    ({"messages": HI, "audio": {"voice": "v"}}, "audio"),
    ({"messages": HI, "logprobs": True}, "logprobs"),
    ({"messages": HI, "max_tokens": 0}, "max_tokens"),
    ({"messages": HI, "max_completion_tokens": "many"}, "max_completion_tokens"),
    ({"messages": HI, "temperature": "hot"}, "temperature"),
    ({"messages": HI, "stop": 7}, "stop"),
    ({"messages": HI, "stream": "yes"}, "stream"),
    ({"messages": HI, "metadata": {"session_id": "a b"}}, "metadata.session_id"),
    ([], "messages"),
]


@pytest.mark.parametrize(("body", "names"), REFUSED)
async def test_what_cannot_be_done_is_refused(house: House, body: Any, names: str):
    """With 400, in OpenAI's form, naming what is wrong; nothing is run or stored."""
    status, told, _ = await post(house, body)
    assert (status, told["error"]["type"]) == (400, "invalid_request_error")
    assert names in told["error"]["message"]
    assert set(told["error"]) == {"message", "type", "param", "code"}
    assert await sessions(house) == []


async def test_a_session_by_no_name_is_refused(house: House):
    """In the header as in the body; nobody can name one of those that stand alone."""
    for name in ("", "a b", "~1", "."):
        status, told, _ = await post(house, None, {"X-Session-Id": name})
        assert (status, told["error"]["param"]) == (400, "X-Session-Id")


async def test_a_model_that_is_not_here_is_not_replaced(house: House):
    """404 tells where those that are here are listed."""
    status, told, _ = await post(house, model="gpt-4o")
    assert (status, told["error"]["code"]) == (404, "model_not_found")
    assert "GET /v1/models" in told["error"]["message"]
    assert house.fake.requests == []


@pytest.mark.parametrize(
    ("method", "path", "given", "status"),
    [
        ("GET", CHAT, {}, 405),
        ("GET", "/v1/nothing", {}, 404),
        ("POST", CHAT, {"data": b"{}"}, 415),
        ("POST", CHAT, {"data": b"{", "headers": {"Content-Type": "application/json"}}, 400),
        ("POST", CHAT, {"json": user("x" * 300_000)}, 413),
        ("POST", CHAT, {"json": user("x"), "headers": {"Authorization": "Bearer a.b.c"}}, 401),
    ],
)
async def test_every_refusal_has_openais_form(
    house: House, method: str, path: str, given: dict[str, Any], status: int
):
    """Also those that no handler has seen."""
    async with house.http.request(method, path, **given) as response:
        told = await response.json()
        assert response.status == status
    assert set(told["error"]) == {"message", "type", "param", "code"}


# --- models ---


async def test_the_models_are_listed(url: str):
    """The default first; each can be looked at, and asked."""
    async with serving(url) as house:
        async with house.http.get("/v1/models") as response:
            listed = await response.json()
        names = [each["id"] for each in listed["data"]]
        assert names == [MODEL, *FALLBACKS]
        for card in listed["data"]:
            assert (card["object"], card["owned_by"]) == ("model", "gateway")
            async with house.http.get(f"/v1/models/{card['id']}") as response:
                assert await response.json() == card
        assert (await post(house))[1]["model"] == MODEL


@pytest.mark.parametrize("name", ["gpt-4o", "open%2Fmodel", "%00"])
async def test_an_unknown_model_is_not_found(house: House, name: str):
    """In the words of an unknown model, whatever it is called."""
    async with house.http.get(f"/v1/models/{name}") as response:
        told = await response.json()
        assert (response.status, told["error"]["code"]) == (404, "model_not_found")
