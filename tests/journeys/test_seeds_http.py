"""Seeds 001, 002 and 003: what their documents promise of their servers, over HTTP."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest
import pytest_asyncio

from tests.fakes.anthropic import Answer, Cut, Hold, Status, words
from tests.journeys.callers import Door, door
from tests.journeys.house import SOON, House, until

WORLD = "Hello 🌍, naïve café.\n\ndata: [DONE]\n\x07\u2028"
DOWN = Status(500, retry_after=SOON, message="oh no sk-ant-1 in vault 7")
VARY = "Accept, Authorization"


@pytest_asyncio.fixture
async def shop(house: House) -> AsyncIterator[Door]:
    async with door(house) as opened:
        yield opened


@pytest_asyncio.fixture
async def both(either: House) -> AsyncIterator[Door]:
    """A door on each engine in turn."""
    async with door(either) as opened:
        yield opened


def message(text: str, session: str = "test-1", **more: Any) -> dict[str, Any]:
    return {"message": text, "session_id": session, **more}


async def streamed(shop: Door, path: str, body: Any) -> bytes:
    async with shop.http.post(path, json=body) as response:
        assert response.status == 200
        return await response.read()


def sorry(text: str) -> bool:
    """Whether it is the sentence for people, with nothing of the provider's."""
    return text.startswith("Sorry") and "vault" not in text


# --- 001: a session by its name ---


async def test_001_chats(both: Door):
    """The whole answer with its session, the time, and how many answers there were."""
    for number, text in enumerate(("one", "two"), 1):
        status, told = await both.ask("POST", "/chat", message(text))
        assert status == 200
        assert datetime.fromisoformat(told.pop("timestamp")).tzinfo is not None
        assert told == {
            "response": f"You said: {text}",
            "session_id": "test-1",
            "turn_count": number,
        }
    assert both.house.fake.requests[1].history == [
        ("user", "one"),
        ("assistant", "You said: one"),
        ("user", "two"),
    ]


async def test_001_tells_a_long_answer_whole(shop: Door):
    """Whatever its length and its signs."""
    text = WORLD * 3000
    shop.house.fake.script(Answer(text, chunk=999), Answer(text, chunk=999))
    _, told = await shop.ask("POST", "/chat", message("tell me"))
    assert told["response"] == text
    assert await streamed(shop, "/chat-stream", message("again")) == text.encode()


async def test_001_streams_words_and_nothing_else(both: Door):
    """Plain text as it comes, and the session in a header."""
    hold = Hold()
    both.house.fake.script(Answer("one 🌍 three", hold=hold, hold_after=2))
    async with both.http.post("/chat-stream", json=message("count")) as response:
        assert (response.status, response.content_type) == (200, "text/plain")
        assert response.charset == "utf-8"
        assert response.headers["X-Session-Id"] == "test-1"
        begun = "one 🌍 ".encode()
        assert await response.content.readexactly(len(begun)) == begun
        hold.release()
        assert await response.content.read() == b"three"
    _, told = await both.ask("GET", "/history/test-1")
    assert told["messages"][1] == {"role": "assistant", "content": "one 🌍 three"}


async def test_001_streams_what_broke_off_with_its_mark(shop: Door):
    """What was said stays, and its reader learns that there is more."""
    shop.house.fake.script(Cut(after=3))
    said = (await streamed(shop, "/chat-stream", message("hi"))).decode()
    assert said.startswith(f"{words(3)}\n\n[The answer broke off here.")


@pytest.mark.parametrize("path", ["/chat", "/chat-stream"])
async def test_001_tells_of_a_failure_and_goes_on(both: Door, path: str):
    """A status and `detail` before the first word; the next question is answered."""
    both.house.fake.script(Status(400, message="no vault"))
    status, told = await both.ask("POST", path, message("broken"))
    assert (status, list(told)) == (502, ["detail"])
    assert sorry(told["detail"])
    _, told = await both.ask("POST", "/chat", message("hi"))
    assert told["response"] == "You said: hi"


async def test_001_takes_a_system_prompt_once(both: Door):
    """The first one of a session holds, next to the gateway's own."""
    for system in ("Speak like a pirate.", "Be boring."):
        await both.ask("POST", "/chat", message("hi", system_prompt=system))
    await streamed(both, "/chat-stream", message("hi", "other", system_prompt="\x00"))
    pirate, later, other = both.house.fake.requests
    assert "pirate" in pirate.system
    assert later.system == pirate.system
    assert "pirate" not in other.system


WRONG = [
    ({}, "message", "missing"),
    ([], "message", "missing"),
    ({"message": "hi"}, "session_id", "missing"),
    ({"session_id": "s"}, "message", "missing"),
    (message("hi") | {"message": None}, "message", "string_type"),
    (message("hi") | {"message": 7}, "message", "string_type"),
    (message("hi") | {"session_id": None}, "session_id", "string_type"),
    (message("hi", system_prompt=["x"]), "system_prompt", "string_type"),
    (message(""), "message", "string_too_short"),
    (message(" \n\x00"), "message", "string_too_short"),
    (message("hi", ""), "session_id", "string_pattern_mismatch"),
    (message("hi", "a/b"), "session_id", "string_pattern_mismatch"),
    (message("hi", ".."), "session_id", "string_pattern_mismatch"),
    (message("hi", "~1"), "session_id", "string_pattern_mismatch"),
    (message("hi", "x" * 129), "session_id", "string_pattern_mismatch"),
]


@pytest.mark.parametrize("path", ["/chat", "/chat-stream"])
async def test_001_says_which_field_is_wrong(shop: Door, path: str):
    """422 with a list, as FastAPI has it; nobody is asked."""
    for body, wrong, kind in WRONG:
        status, told = await shop.ask("POST", path, body)
        assert (status, list(told)) == (422, ["detail"]), body
        [fault] = told["detail"]
        assert (fault["type"], fault["loc"]) == (kind, ["body", wrong]), body
        assert fault["msg"]
    assert shop.house.fake.requests == []


async def test_001_reads_a_conversation(both: Door):
    """Who said what, in its order; words for people, and no more keys than these."""
    both.house.fake.script(Answer(WORLD), Answer("no", stop_reason="max_tokens"))
    for text in ("one", "two"):
        await both.ask("POST", "/chat", message(text))
    status, told = await both.ask("GET", "/history/test-1")
    assert status == 200
    assert told["messages"][3]["content"].startswith("no\n\n[The answer reached its longest.")
    told["messages"].pop()
    assert told == {
        "session_id": "test-1",
        "messages": [
            {"role": "user", "content": "one"},
            {"role": "assistant", "content": WORLD},
            {"role": "user", "content": "two"},
        ],
        "turn_count": 2,
    }


@pytest.mark.parametrize("name", ["unknown", "%7E1", "a%20b", "%00", "x" * 200])
async def test_001_knows_no_other_session(shop: Door, name: str):
    """Also one that cannot be is just not there."""
    assert await shop.ask("GET", f"/history/{name}") == (404, {"detail": "Session not found"})
    for method, path in (("DELETE", "history"), ("POST", "reset")):
        status, told = await shop.ask(method, f"/{path}/{name}")
        assert (status, set(told)) == (200, {"status", "session_id"})
        assert told["status"] == "not_found"


async def test_001_deletes_a_conversation(both: Door):
    """Nothing is left of it, and one of the same name begins anew."""
    await both.ask("POST", "/chat", message("secret"))
    cleared = {"status": "cleared", "session_id": "test-1"}
    assert await both.ask("DELETE", "/history/test-1") == (200, cleared)
    gone = {"status": "not_found", "session_id": "test-1"}
    assert await both.ask("DELETE", "/history/test-1") == (200, gone)
    assert (await both.ask("GET", "/history/test-1"))[0] == 404
    assert await both.ask("GET", "/sessions") == (200, {"sessions": []})
    await both.ask("POST", "/chat", message("hi"))
    assert both.house.fake.requests[1].history == [("user", "hi")]


async def test_001_resets_a_conversation(both: Door):
    """It is there still, with nothing in it; how much there was is told."""
    for text in ("one", "two"):
        await both.ask("POST", "/chat", message(text))
    for turns in (2, 0):
        status, told = await both.ask("POST", "/reset/test-1")
        reset = {"status": "reset", "session_id": "test-1", "previous_turns": turns}
        assert (status, told) == (200, reset)
    empty = {"session_id": "test-1", "messages": [], "turn_count": 0}
    assert await both.ask("GET", "/history/test-1") == (200, empty)
    _, told = await both.ask("POST", "/chat", message("three"))
    assert told["turn_count"] == 1
    assert both.house.fake.requests[2].history == [("user", "three")]


async def test_001_lists_and_counts(both: Door):
    """Sessions with their answers and when they began, and the sums; exactly these keys."""
    assert await both.ask("GET", "/stats") == (
        200,
        {"total_sessions": 0, "total_messages": 0, "avg_messages_per_session": 0},
    )
    for session in ("a", "b", "a"):
        await both.ask("POST", "/chat", message("hi", session))
    await streamed(both, "/api/chat", {"messages": [{"role": "user", "content": "once"}]})
    _, told = await both.ask("GET", "/sessions")
    for each in told["sessions"]:
        assert datetime.fromisoformat(each.pop("created_at")).tzinfo is not None
    assert told == {"sessions": [{"session_id": "b", "turns": 1}, {"session_id": "a", "turns": 2}]}
    assert await both.ask("GET", "/stats") == (
        200,
        {"total_sessions": 2, "total_messages": 6, "avg_messages_per_session": 3},
    )


async def test_001_keeps_callers_apart(both: Door):
    """The same name is another session for each; only administrators list and count them all."""
    for by, text in (("ada", "secret"), ("bob", "hi")):
        await both.ask("POST", "/chat", message(text), by=by)
    await both.ask("POST", "/chat", message("mine", "hers"), by="ada")
    assert both.house.fake.requests[1].history == [("user", "hi")]
    assert (await both.ask("GET", "/history/hers", by="bob"))[0] == 404
    for method, path in (("DELETE", "/history/hers"), ("POST", "/reset/hers")):
        assert (await both.ask(method, path, by="bob"))[1]["status"] == "not_found"
    counts = {}
    for by in ("ada", "bob", "admin"):
        listed = (await both.ask("GET", "/sessions", by=by))[1]["sessions"]
        counts[by] = sorted(each["session_id"] for each in listed)
        stats = (await both.ask("GET", "/stats", by=by))[1]
        assert stats["total_sessions"] == len(listed)
        assert stats["total_messages"] == 2 * len(listed)
    assert counts == {
        "ada": ["hers", "test-1"],
        "bob": ["test-1"],
        "admin": ["hers", "test-1", "test-1"],
    }


@pytest.mark.parametrize(
    ("by", "method", "path"),
    [
        ("reader", "POST", "/chat"),
        ("reader", "POST", "/chat-stream"),
        ("reader", "POST", "/reset/s"),
        ("reader", "DELETE", "/history/s"),
        ("reader", "DELETE", "/api/chat/s"),
        ("reader", "POST", "/api/sessions"),
        ("writer", "GET", "/history/s"),
        ("writer", "GET", "/sessions"),
        ("writer", "GET", "/stats"),
        ("writer", "GET", "/api/sessions/s/history"),
    ],
)
async def test_a_token_allows_what_its_scopes_say(shop: Door, by: str, method: str, path: str):
    """403 for reading without `history`, and for changing without `chat`."""
    status, told = await shop.ask(method, path, message("hi", "s"), by=by)
    assert status == 403
    assert "scope" in (told.get("detail") or told["error"])


# --- 002: the client keeps the memory ---


def turns(*said: Any) -> dict[str, Any]:
    """A transcript that begins with the user."""
    roles = ("user", "assistant")
    return {"messages": [{"role": roles[n % 2], "content": text} for n, text in enumerate(said)]}


async def test_002_streams_as_printed(both: Door):
    """Events with a `response` each, whose words are the answer, then the end."""
    both.house.fake.script(Answer(WORLD, chunk=1))
    async with both.http.post("/api/chat", json=turns("Hello")) as response:
        data = (await response.read()).removeprefix(b": ok\n")
        assert (response.status, response.content_type) == (200, "text/event-stream")
        assert response.headers["Vary"] == VARY
        assert response.headers["X-Session-Id"]
    assert re.fullmatch(rb'(data: \{"response":"[^\r\n]+"\}\n\n)+data: \[DONE\]\n\n', data)
    events = [json.loads(line[6:]) for line in data.split(b"\n\n")[:-2]]
    assert "".join(event["response"] for event in events) == WORLD


async def test_002_knows_what_the_client_tells(both: Door):
    """The transcript is the context, all of it and nothing else, and it is listed nowhere."""
    await streamed(both, "/api/chat", turns("one", "I said one", [{"type": "text", "text": "two"}]))
    await streamed(both, "/api/chat", turns("one"))
    first, second = both.house.fake.requests
    assert first.history == [("user", "one"), ("assistant", "I said one"), ("user", "two")]
    assert second.history == [("user", "one")]
    assert await both.ask("GET", "/sessions") == (200, {"sessions": []})


async def test_002_makes_roles_alternate(shop: Door):
    """Whatever a client sends, the model can take it."""
    said = [("assistant", "a"), ("user", "b"), ("user", "c"), ("tool", "x"), ("user", "d")]
    body = {"messages": [{"role": role, "content": text} for role, text in said]}
    await streamed(shop, "/api/chat", body)
    assert shop.house.fake.requests[0].history == [("user", "b\n\nc\n\nd")]


@pytest.mark.parametrize(("by", "heard"), [("", True), ("admin", True), ("ada", False)])
async def test_002_hears_the_system_from_trusted_callers(both: Door, by: str, heard: bool):  # noqa: FBT001
    """A person at a page cannot tell the model how to behave."""
    body = turns("hi")
    body["messages"].insert(0, {"role": "system", "content": "Speak like a pirate."})
    headers = {"Authorization": f"Bearer {by}"} if by else {}
    async with both.http.post("/api/chat", json=body, headers=headers) as response:
        assert await response.read()
    [asked] = both.house.fake.requests
    assert ("pirate" in asked.system) is heard
    assert asked.history == [("user", "hi")]


async def test_002_tells_of_a_failure_and_ends(shop: Door):
    """An event with words for people, then the end as always."""
    shop.house.fake.default = DOWN
    data = (await streamed(shop, "/api/chat", turns("hi"))).removeprefix(b": ok\n")
    event, end, rest = data.split(b"\n\n")
    assert (end, rest) == (b"data: [DONE]", b"")
    assert sorry(json.loads(event.removeprefix(b"data: "))["error"])


@pytest.mark.parametrize(
    "body", [turns("a", "b"), turns(""), turns([]), turns([{"type": "image"}]), turns(["a"])]
)
async def test_002_wants_the_user_to_speak_last_in_text(shop: Door, body: Any):
    """400 with what is wrong; nobody is asked."""
    status, told = await shop.ask("POST", "/api/chat", body)
    assert (status, list(told)) == (400, ["error"])
    assert shop.house.fake.requests == []


# --- 003: sessions of people with tokens ---


async def test_003_begins_chats_and_reads(both: Door):
    """A session is made, spoken in and read back, with exactly the document's keys."""
    status, made = await both.ask("POST", "/api/sessions", by="ada")
    assert (status, list(made)) == (200, ["sessionId"])
    history = f"/api/sessions/{made['sessionId']}/history"
    assert await both.ask("GET", history, by="ada") == (200, {"messages": []})
    for text in ("one", "two"):
        told = await both.ask("POST", "/api/chat", {"message": text, **made}, by="ada")
        assert told == (200, {"response": f"You said: {text}"})
    assert len(both.house.fake.requests[1].history) == 3
    _, told = await both.ask("GET", history, by="ada")
    times = [each.pop("timestamp") for each in told["messages"]]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", time) for time in times)
    assert times == sorted(times)
    assert told == {
        "messages": [
            {"role": "user", "content": "one"},
            {"role": "assistant", "content": "You said: one"},
            {"role": "user", "content": "two"},
            {"role": "assistant", "content": "You said: two"},
        ]
    }


async def test_003_makes_a_session_for_who_has_none(both: Door):
    """Its name comes with the answer, to go on with."""
    status, told = await both.ask("POST", "/api/chat", {"message": "one"}, by="ada")
    assert (status, set(told)) == (200, {"response", "sessionId"})
    body = {"message": "two", "sessionId": told["sessionId"]}
    assert await both.ask("POST", "/api/chat", body, by="ada") == (
        200,
        {"response": "You said: two"},
    )
    assert len(both.house.fake.requests[1].history) == 3


async def test_003_finds_only_ones_own(both: Door):
    """404 for a session that is unknown, or another's: nobody can tell which."""
    _, made = await both.ask("POST", "/api/sessions", by="ada")
    missing = (404, {"error": "Session not found"})
    for session in ("unknown", made["sessionId"]):
        body = {"message": "hi", "sessionId": session}
        assert await both.ask("POST", "/api/chat", body, by="bob") == missing
        assert await both.ask("GET", f"/api/sessions/{session}/history", by="bob") == missing
    assert await both.ask("GET", "/api/sessions/%7E/history", by="bob") == missing
    assert both.house.fake.requests == []


async def test_003_tells_of_a_failure_and_goes_on(both: Door):
    """Not a success, with `error` for people; the question after it is answered."""
    _, made = await both.ask("POST", "/api/sessions", by="ada")
    both.house.fake.script(Status(400, message="no vault"))
    status, told = await both.ask("POST", "/api/chat", {"message": "one", **made}, by="ada")
    assert (status, list(told)) == (502, ["error"])
    assert sorry(told["error"])
    told = await both.ask("POST", "/api/chat", {"message": "two", **made}, by="ada")
    assert told == (200, {"response": "You said: two"})


async def test_003_tells_who_accepts_nothing_else(shop: Door):
    """JSON needs no token where it is asked for; how it is chosen is for caches to know."""
    headers = {"Accept": "application/json"}
    async with shop.http.post("/api/chat", json={"message": "hi"}, headers=headers) as response:
        told = await response.json()
        assert told["response"] == "You said: hi"
        assert response.headers["X-Session-Id"] == told["sessionId"]
        assert response.headers["Vary"] == VARY


# --- all of them ---


async def test_the_ai_sdk_is_answered_at_the_same_address(shop: Door):
    """As its own events, or as plain text where that is asked for."""
    parts = [{"type": "text", "text": "hi"}]
    body = {"id": "c", "messages": [{"id": "1", "role": "user", "parts": parts}]}
    for path, kind in (("/api/chat", "event-stream"), ("/api/chat?protocol=text", "plain")):
        async with shop.http.post(path, json=body | {"id": kind}) as response:
            assert (response.status, response.content_type) == (200, f"text/{kind}")
            assert response.headers["Vary"] == VARY
            assert response.headers["X-Session-Id"] == kind
            said = await response.text()
        assert (said == "You said: hi") is (kind == "plain")
        assert ('"type":"text-delta"' in said) is (kind == "event-stream")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/chat", message("count", "s")),
        ("/chat-stream", message("count", "s")),
        ("/api/chat?protocol=json", {"message": "count"}),
        ("/api/chat?protocol=json", {"message": "count", "sessionId": "s"}),
    ],
)
async def test_an_answer_outlives_who_waits_for_it(both: Door, path: str, body: Any):
    """Whoever leaves while it is made leaves nothing behind, and it is made all the same."""
    await both.ask("POST", "/chat", message("before", "s"))
    hold, before = Hold(), asyncio.all_tasks()
    both.house.fake.script(Answer("one two", hold=hold))
    asking = asyncio.create_task(both.ask("POST", path, body))
    await both.house.fake.came(2)
    [log] = both.house.gateway.handler._viewers._live._logs.values()
    await until(lambda: len(log._viewers) == 1)
    asking.cancel()
    await until(lambda: not log._viewers)
    hold.release()
    await both.house.idle()
    assert both.house.fake.requests[1].outcome == "answered"
    await until(lambda: not any(map(_is_ours, asyncio.all_tasks() - before)))
    session = body.get("session_id") or body.get("sessionId")
    if session is not None:
        _, told = await both.ask("GET", f"/history/{session}")
        assert told["messages"][-1] == {"role": "assistant", "content": "one two"}


def _is_ours(task: asyncio.Task[Any]) -> bool:
    """Whether it does more than to serve a connection, which may be kept for the next request."""
    return "RequestHandler.start" not in repr(task.get_coro())
