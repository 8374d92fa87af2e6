"""The native API beyond messages: conversations, answers anew, opinions, export, erasure."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from adapters.web.chats import Chats
from adapters.web.native import people, sessions
from adapters.web.native.config import About, ConfigRoutes
from adapters.web.native.messages import NativeRoutes
from adapters.web.native.people import PeopleRoutes
from adapters.web.native.sessions import SessionsRoutes, title
from adapters.web.routing import Route
from core.clock import SystemClock
from tests.fakes.anthropic import Answer, Hold, Status
from tests.journeys import callers
from tests.journeys.house import House, Viewer
from tests.journeys.test_native import has

NOW = 1_700_000_000_000  # milliseconds since 1970: some time before this was written


async def ask(
    http: aiohttp.ClientSession, method: str, path: str, body: Any = None, *, by: str = "", **query
) -> tuple[int, Any]:
    """Status and JSON of a response of the native API."""
    headers = {"Authorization": f"Bearer {by}"} if by else {}
    path = f"/api/v1{path}"
    async with http.request(method, path, json=body, headers=headers, params=query) as response:
        raw = await response.read()
        return response.status, json.loads(raw) if raw else None


async def regenerate(house: House, session: str, run: str | None = None) -> Viewer:
    """A whole answer, had anew."""
    body = {} if run is None else {"runId": run}
    path = f"/api/v1/sessions/{session}/regenerate"
    async with house.stream("POST", path, json=body) as viewer:
        return await viewer.read()


def native(chats: Chats) -> list[Route]:
    about = About(name="Chat", model="m", demo=False, auth=("jwt", "apikey"))
    return [
        *ConfigRoutes(about).routes(),
        *NativeRoutes(chats).routes(),
        *SessionsRoutes(chats, SystemClock()).routes(),
        *PeopleRoutes(chats, SystemClock()).routes(),
    ]


@asynccontextmanager
async def named(house: House) -> AsyncIterator[aiohttp.ClientSession]:
    """A door to a house's own engine where a token is simply the caller's name."""
    async with callers.door(house, native) as opened:
        yield opened.http


@pytest_asyncio.fixture
async def door(house: House) -> AsyncIterator[aiohttp.ClientSession]:
    async with named(house) as http:
        yield http


async def say(http: aiohttp.ClientSession, session: str, text: str, by: str) -> None:
    """A whole exchange of a named caller."""
    headers = {"Authorization": f"Bearer {by}"}
    path = f"/api/v1/sessions/{session}/messages"
    async with http.post(path, json={"text": text}, headers=headers) as response:
        assert response.status == 200
        await response.read()


# --- conversations ---


async def test_a_conversation_is_begun_once(either: House):
    """201 with its name and time; the same name again is 200 and the same conversation."""
    status, made = await ask(either.http, "POST", "/sessions", {"id": "s"})
    assert (status, made["id"], made["createdAt"] > NOW) == (201, "s", True)
    assert await ask(either.http, "POST", "/sessions", {"id": "s"}) == (200, made)
    await either.ask("s", "hi")
    assert await ask(either.http, "POST", "/sessions", {"id": "s"}) == (200, made)
    status, found = await ask(either.http, "GET", "/sessions/s")
    assert (status, found["createdAt"], found["turns"]) == (200, made["createdAt"], 1)


async def test_a_conversation_may_be_given_a_name(house: House):
    """One that nobody has; and it is empty, but there."""
    made = [(await ask(house.http, "POST", "/sessions", {}))[1]["id"] for _ in range(2)]
    assert len(set(made)) == 2
    assert await house.history(made[0]) == []


async def test_conversations_are_listed_in_pages(either: House):
    """The newest first, none twice, none left out; what is one question alone is not listed."""
    for number in range(5):
        await either.ask(f"s{number}", f"question {number}")
    _, whole = await ask(either.http, "GET", "/sessions")
    assert whole["before"] is None
    assert [each["id"] for each in whole["sessions"]] == ["s4", "s3", "s2", "s1", "s0"]
    assert next(each["title"] for each in whole["sessions"]) == "question 4"
    for limit in (1, 2, 5):
        pages, query = [], {"limit": limit}
        while True:
            _, page = await ask(either.http, "GET", "/sessions", **query)
            pages += page["sessions"]
            if page["before"] is None:
                break
            query["before"] = page["before"]
        assert pages == whole["sessions"]


async def test_a_conversation_tells_what_it_is(either: House):
    """Its begin, its times, how many answers it has, and what runs."""
    hold = Hold()
    await either.ask("s", "  first\n question ")
    either.fake.script(Answer("one two", hold=hold, hold_after=1))
    receipt = await either.post("s", "second")
    await hold.reached.wait()
    status, found = await ask(either.http, "GET", "/sessions/s")
    assert (status, found["title"], found["turns"]) == (200, "first question", 1)
    assert found["running"] == receipt["runId"]
    assert NOW < found["createdAt"] <= found["updatedAt"]
    hold.release()
    await either.idle()
    _, found = await ask(either.http, "GET", "/sessions/s")
    assert (found["turns"], found["running"]) == (2, None)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", ""),
        ("a" * 80, "a" * 80),
        ("a" * 81, "a" * 79 + "…"),
        ("word " * 16, ("word " * 16).strip()),
        ("word " * 17, ("word " * 15).strip() + " word…"),
        ("x" * 50 + " " + "y" * 50, "x" * 50 + "…"),
    ],
)
def test_a_title_is_cut_at_a_word(text: str, told: str):
    """Or, where a word is very long, within it; never over 80 characters."""
    assert title(text) == told
    assert len(told) <= sessions.TITLE


async def test_an_identity_stands_beside_its_message(either: House):
    """So a page finds in the history what it still holds in its outbox."""
    await either.ask("s", "hi", "m:1.a")
    [question, answer] = await either.history("s")
    assert question["messageId"] == "m:1.a"
    assert "messageId" not in answer
    assert "feedback" not in answer


async def test_whoever_only_follows_is_told_which_messages_are_answered(either: House):
    """`run.started` names all of them, also those that waited together."""
    hold = Hold()
    either.fake.script(Answer("one", hold=hold), Answer("two", hold=(last := Hold())))
    await either.post("s", "a", "m-1")
    await hold.reached.wait()
    for name in ("m-2", "m-3"):
        await either.post("s", name, name)
    async with either.watch("s") as first:
        await first.read(lambda viewer: viewer.events)
        hold.release()
        await first.read()
    assert first.events[0].data["messageIds"] == ["m-1"]
    await last.reached.wait()
    async with either.watch("s", first.end.id) as second:
        await second.read(lambda viewer: viewer.events)
        last.release()
        await second.read()
    assert second.events[0].data["messageIds"] == ["m-2", "m-3"]
    assert second.events[0].data["messageId"] is None


# --- anew ---


async def test_the_last_answer_is_had_anew(either: House):
    """Its question is asked again; afterwards there is the new answer, and it alone."""
    first = await either.ask("s", "one", "m-1")
    await either.ask("s", "two", "m-2")
    either.fake.script(Answer("better"))
    anew = await regenerate(either, "s")
    assert anew.text == "better"
    assert anew.events[0].data["messageIds"] == ["m-2"]
    assert either.fake.requests[2].history == either.fake.requests[1].history
    assert await either.said("s") == [
        ("user", "one"),
        ("assistant", first.text),
        ("user", "two"),
        ("assistant", "better"),
    ]


async def test_an_earlier_answer_anew_replaces_all_after_it(either: House):
    """And the next question is asked after the new one."""
    first = await either.ask("s", "one")
    await either.ask("s", "two")
    either.fake.script(Answer("better"))
    await regenerate(either, "s", first.run)
    await either.ask("s", "three")
    assert either.fake.requests[-1].history == [
        ("user", "one"),
        ("assistant", "better"),
        ("user", "three"),
    ]


async def test_the_same_run_again_joins_its_replacement(either: House):
    """While it runs and after: one new answer, one call."""
    first = await either.ask("s", "one")
    hold = Hold()
    either.fake.script(Answer("much better", hold=hold, hold_after=1))
    asking = [asyncio.create_task(regenerate(either, "s", first.run)) for _ in range(4)]
    await hold.reached.wait()
    hold.release()
    viewers = [await task for task in asking]
    viewers.append(await regenerate(either, "s", first.run))
    assert {viewer.text for viewer in viewers} == {"much better"}
    assert len({viewer.run for viewer in viewers}) == 1
    assert len(either.fake.requests) == 2


async def test_an_answer_that_runs_can_be_had_anew(either: House):
    """It is ended for it, and its viewers are told so."""
    either.fake.script(Answer("bad start", hold=Hold(), hold_after=1), Answer("better"))
    async with either.send("s", "one") as viewer:
        await viewer.read(has("bad "))
        anew = await regenerate(either, "s", viewer.run)
        await viewer.read()
    assert viewer.end.name == "run.cancelled"
    assert anew.text == "better"
    assert await either.said("s") == [("user", "one"), ("assistant", "better")]


async def test_a_failed_answer_can_be_had_anew(house: House):
    """The question stands, and is answered after all."""
    house.fake.script(Status(400))
    failed = await house.ask("s", "one")
    assert failed.end.name == "run.failed"
    assert (await regenerate(house, "s", failed.run)).text == "You said: one"
    assert await house.said("s") == [("user", "one"), ("assistant", "You said: one")]


async def test_an_answer_anew_may_be_left_without_waiting(house: House):
    """`Prefer: respond-async` is 202 with the new run."""
    first = await house.ask("s", "one")
    path, headers = "/api/v1/sessions/s/regenerate", {"Prefer": "respond-async"}
    async with house.http.post(path, json={"runId": first.run}, headers=headers) as response:
        assert response.status == 202
        told = await response.json()
    assert told["sessionId"] == "s"
    assert told["runId"] != first.run
    await house.idle()
    assert (await house.history("s"))[-1]["runId"] == told["runId"]


async def test_where_nothing_was_said_nothing_can_be_had_anew(house: House):
    """409 in an empty or a cleared conversation; 404 for no such conversation or run."""
    await ask(house.http, "POST", "/sessions", {"id": "empty"})
    other = await house.ask("other", "hi")
    await house.ask("cleared", "hi")
    await ask(house.http, "DELETE", "/sessions/cleared")
    for session in ("empty", "cleared"):
        status, refused = await ask(house.http, "POST", f"/sessions/{session}/regenerate", {})
        assert (status, refused["error"]["code"]) == (409, "nothing_to_regenerate")
    for session, run in (("nowhere", None), ("empty", other.run), ("empty", "9" * 18)):
        body = {"runId": run} if run else {}
        assert (await ask(house.http, "POST", f"/sessions/{session}/regenerate", body))[0] == 404
    body = {"runId": "one"}
    assert (await ask(house.http, "POST", "/sessions/empty/regenerate", body))[0] == 400


# --- opinions ---


async def test_an_opinion_is_kept_beside_its_answer(either: House):
    """204, and the last word counts."""
    viewer = await either.ask("s", "hi")
    path = f"/messages/{viewer.end.data['message']['id']}/feedback"
    assert await ask(either.http, "POST", path, {"value": -1, "comment": "no"}) == (204, None)
    assert await ask(either.http, "POST", path, {"value": 1}) == (204, None)
    assert [each.get("feedback") for each in await either.history("s")] == [None, 1]


@pytest.mark.parametrize(
    "body", [{}, {"value": 0}, {"value": 2}, {"value": "1"}, {"value": 1, "comment": "x" * 2001}]
)
async def test_what_is_no_opinion_is_refused(house: House, body: dict[str, Any]):
    """400, and nothing is kept."""
    viewer = await house.ask("s", "hi")
    path = f"/messages/{viewer.end.data['message']['id']}/feedback"
    assert (await ask(house.http, "POST", path, body))[0] == 400
    assert "feedback" not in (await house.history("s"))[1]


async def test_only_an_answer_has_an_opinion(house: House):
    """A question, no message at all, and what is no id: 404."""
    await house.ask("s", "hi")
    question = (await house.history("s"))[0]["id"]
    for message in (question, "9" * 18, "9" * 30, "one"):
        status, _ = await ask(house.http, "POST", f"/messages/{message}/feedback", {"value": 1})
        assert status == 404


# --- all of it ---


async def test_everything_is_taken_along(either: House, monkeypatch: pytest.MonkeyPatch):
    """One document: conversations with all their messages, in order, also what was cleared."""
    monkeypatch.setattr(people, "PAGE", 2)
    for number in range(5):
        for text in ("one", "two", "three"):
            await either.ask(f"s{number}", text, text)
    answer = (await either.history("s1"))[1]
    path = f"/messages/{answer['id']}/feedback"
    await ask(either.http, "POST", path, {"value": -1, "comment": "no"})
    await regenerate(either, "s2")
    await ask(either.http, "DELETE", "/sessions/s3")
    async with either.http.get("/api/v1/export") as response:
        assert response.status == 200
        assert response.content_type == "application/json"
        assert response.headers["Content-Disposition"].startswith("attachment")
        document = await response.json()
    sessions = {each["id"]: each for each in document["sessions"]}
    assert list(sessions) == [f"s{number}" for number in range(5)]
    asked = [each["text"] for each in sessions["s0"]["messages"] if each["role"] == "user"]
    assert asked == ["one", "two", "three"]
    assert [len(each["messages"]) for each in sessions.values()] == [6, 6, 7, 6, 6]
    judged = sessions["s1"]["messages"][1]
    assert (judged["feedback"], judged["comment"]) == (-1, "no")
    assert sessions["s0"]["messages"][0]["messageId"] == "one"


async def test_what_there_is_nothing_of_is_an_empty_document(house: House):
    """It is JSON all the same; and so is a conversation without a word."""
    assert await ask(house.http, "GET", "/export") == (200, {"sessions": []})
    _, made = await ask(house.http, "POST", "/sessions", {"id": "s"})
    _, document = await ask(house.http, "GET", "/export")
    [kept] = document["sessions"]
    assert (kept["id"], kept["createdAt"], kept["messages"]) == ("s", made["createdAt"], [])


async def test_everything_is_erased(either: House):
    """What runs ends, its viewer is told, and nothing is left; then it starts afresh."""
    for number in range(3):
        await either.ask(f"s{number}", "hi")
    either.fake.script(Answer("one two", hold=Hold(), hold_after=1))
    async with either.send("s0", "count") as viewer:
        await viewer.read(has("one "))
        assert await ask(either.http, "DELETE", "/me") == (200, {"erased": 3})
        await viewer.read()
    assert viewer.end.name == "run.cancelled"
    await either.idle()
    assert await ask(either.http, "GET", "/export") == (200, {"sessions": []})
    assert await ask(either.http, "DELETE", "/me") == (200, {"erased": 0})
    assert (await ask(either.http, "GET", "/sessions/s0"))[0] == 404
    await either.ask("s0", "new")
    assert either.fake.requests[-1].history == [("user", "new")]


# --- callers ---


async def test_what_is_anothers_is_as_good_as_none(house: House, door: aiohttp.ClientSession):
    """404 for each of Ada's things that Bob names, and nothing of hers in his lists."""
    await say(door, "s", "hi", by="ada")
    _, told = await ask(door, "GET", "/sessions/s/messages", by="ada")
    run, message = told["messages"][1]["runId"], told["messages"][1]["id"]
    await say(door, "t", "hello", by="bob")
    for method, path, body in (
        ("GET", "/sessions/s", None),
        ("GET", "/sessions/s/messages", None),
        ("GET", "/sessions/s/events", None),
        ("DELETE", "/sessions/s", None),
        ("POST", "/sessions/s/regenerate", {}),
        ("POST", "/sessions/t/regenerate", {"runId": run}),
        ("POST", f"/runs/{run}/cancel", None),
        ("POST", f"/messages/{message}/feedback", {"value": 1}),
    ):
        assert (await ask(door, method, path, body, by="bob"))[0] == 404, path
    _, listed = await ask(door, "GET", "/sessions", by="bob")
    assert [each["id"] for each in listed["sessions"]] == ["t"]
    _, document = await ask(door, "GET", "/export", by="bob")
    assert [each["id"] for each in document["sessions"]] == ["t"]
    assert await ask(door, "DELETE", "/me", by="bob") == (200, {"erased": 1})
    assert await ask(door, "GET", "/sessions/s/messages", by="ada") == (200, told)
    assert len(house.fake.requests) == 2


async def test_a_token_allows_what_its_scopes_say(door: aiohttp.ClientSession):
    """Who may not read reads nothing; who may not write changes nothing."""
    await say(door, "s", "hi", by="ada")
    _, told = await ask(door, "GET", "/sessions/s/messages", by="ada")
    run, message = told["messages"][1]["runId"], told["messages"][1]["id"]
    for path in ("/sessions", "/sessions/s", "/sessions/s/messages", "/sessions/s/events"):
        assert (await ask(door, "GET", path, by="writer"))[0] == 403
    assert (await ask(door, "GET", "/export", by="writer"))[0] == 403
    for method, path, body in (
        ("POST", "/sessions", {}),
        ("POST", "/sessions/s/messages", {"text": "hi"}),
        ("POST", "/sessions/s/regenerate", {}),
        ("POST", f"/runs/{run}/cancel", None),
        ("POST", f"/messages/{message}/feedback", {"value": 1}),
        ("DELETE", "/sessions/s", None),
        ("DELETE", "/me", None),
    ):
        assert (await ask(door, method, path, body, by="reader"))[0] == 403, path
    assert await ask(door, "GET", "/sessions/s/messages", by="reader") == (200, told)


async def test_a_page_is_told_how_to_sign_in(door: aiohttp.ClientSession, house: House):
    """By the modes of the server, whoever asks."""
    for name in (None, "ada"):
        _, told = await ask(door, "GET", "/config", by=name)
        assert told["auth"] == ["jwt", "apikey"]
    _, told = await ask(house.http, "GET", "/config")
    assert told["auth"] == ["open"]
    assert told.keys() == {"name", "demo", "model", "greeting", "auth"}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/sessions", {"id": "a b"}),
        ("POST", "/sessions", {"id": 5}),
        ("POST", "/sessions", {"id": "~once"}),
        ("GET", "/sessions?before=one", None),
        ("GET", "/sessions?limit=-1", None),
        ("GET", "/sessions/a%20b", None),
        ("POST", "/sessions/s/regenerate", {"runId": 5}),
    ],
)
async def test_what_is_malformed_is_refused_in_words(
    house: House, method: str, path: str, body: Any
):
    """400 with a message; nothing is begun."""
    status, refused = await ask(house.http, method, path, body)
    assert (status, bool(refused["error"]["message"])) == (400, True)
    assert (await ask(house.http, "GET", "/sessions"))[1]["sessions"] == []
