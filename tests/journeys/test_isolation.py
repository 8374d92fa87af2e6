"""What one caller does, another neither sees nor feels, however alike their names are."""

from typing import Any

import pytest

from tests.fakes.anthropic import Answer, Hold
from tests.journeys.house import House, migrate, serving
from tests.journeys.sockets import Client, connected, shown
from tests.journeys.test_auth import ADMIN, ALL, EVENTS, KEY, SEND, asked, bearing, told, user
from tests.journeys.test_native import has
from tests.journeys.test_ui import Screen, body, message

HI = {"messageId": "m", "text": "hi"}
CHAT = body("s", message("hi", "m"))
TURN = [{"role": "user", "content": "hi"}]


def token(name: str, **claims: Any) -> str:
    return user(name, **claims)["Authorization"].removeprefix("Bearer ")


async def answered(house: House, path: str, name: str, sent: Any = HI) -> str:
    """The answer's words that a user is shown, to a message of the native API."""
    async with house.stream("POST", path, headers=user(name), json=sent) as viewer:
        return (await viewer.read()).text


# --- names ---


async def test_a_messages_name_is_its_callers_own(url: str):
    """Two users give the same name to their messages in sessions of one name: two answers."""
    async with serving(url, **ALL) as house:
        house.fake.script(Answer("To Ada."), Answer("To Bob."))
        for _ in range(2):
            assert await answered(house, SEND, "ada") == "To Ada."
            assert await answered(house, SEND, "bob") == "To Bob."
        assert len(house.fake.requests) == 2


async def test_a_messages_name_is_its_callers_own_in_the_ai_sdk(url: str):
    """The same at `/api/chat`, where the client makes the names up, and short ones."""
    async with serving(url, **ALL) as house:
        house.fake.script(Answer("To Ada."), Answer("To Bob."))
        for name in ("ada", "bob"):
            async with house.http.post("/api/chat", headers=user(name), json=CHAT) as response:
                assert response.status == 200
                screen = await Screen(response).read()
            assert screen.text == f"To {name.title()}."


async def test_names_with_separators_stay_apart(url: str):
    """Where one caller's name ends and the session's begins cannot be moved by colons."""
    async with serving(url, **ALL) as house:
        house.fake.script(Answer("To a."), Answer("To a:b."))
        assert await answered(house, "/api/v1/sessions/b:c/messages", "a") == "To a."
        assert await answered(house, "/api/v1/sessions/c/messages", "a:b") == "To a:b."


# --- what others do ---


async def test_who_erases_all_erases_what_is_theirs(either_url: str):
    """Another's running answer goes on to its end, and stays."""
    await migrate(either_url)
    hold = Hold()
    async with serving(either_url, **ALL) as house:
        await told(house, user("ada"), "hello")
        house.fake.script(Answer("one two", hold=hold, hold_after=1))
        async with house.stream("POST", SEND, headers=user("bob"), json=HI) as viewer:
            await viewer.read(has("one "))
            assert await asked(house, "DELETE", "/api/v1/me", user("ada")) == (200, {"erased": 1})
            hold.release()
            await viewer.read()
        assert (viewer.end.name, viewer.text) == ("run.completed", "one two")
        _, history = await asked(house, "GET", SEND, user("bob"))
        assert [each["text"] for each in history["messages"]] == ["hi", "one two"]


async def test_only_an_administrator_lists_what_is_others(url: str):
    """`/sessions` and `/stats` leave out a user's conversations for an API key."""
    async with serving(url, **ALL) as house:
        await told(house, user("ada"), "hello", "hers")
        await told(house, bearing(KEY), "beep", "its-own")
        for key, names in ((KEY, {"its-own"}), (ADMIN, {"its-own", "hers"})):
            _, listed = await asked(house, "GET", "/sessions", bearing(key))
            assert {each["session_id"] for each in listed["sessions"]} == names
            _, stats = await asked(house, "GET", "/stats", bearing(key))
            counted = (stats["total_sessions"], stats["total_messages"])
            assert counted == (len(names), 2 * len(names))


async def test_people_on_one_socket_do_not_wait_for_each_other(url: str):
    """In sessions of one name, an answer is told while the other's is still to come."""
    hold = Hold()
    async with serving(url, **ALL) as house, connected(house) as client:
        house.fake.script(Answer("To Ada.", hold=hold), Answer("To Bob."))
        frame = {"sessionId": "s", "message": "hi"}
        await client.say("chat", messageId="hers", token=token("ada"), **frame)
        await house.fake.came(1)
        await client.say("chat", messageId="his", token=token("bob"), **frame)
        assert shown(await client.answer(messageId="his")) == "To Bob."
        hold.release()
        assert shown(await client.answer(messageId="hers")) == "To Ada."


# --- what a token allows ---

LOAD = {"action": "loadPreviousSession", "sessionId": "s"}
WRITES: tuple[tuple[str, str, Any], ...] = (
    ("POST", SEND, HI),
    ("POST", "/api/chat", {"message": "hi", "sessionId": "s"}),
    ("POST", "/api/chat", {"messages": TURN}),
    ("POST", "/api/chat", CHAT),
    ("POST", "/api/ui/chat", CHAT),
    ("POST", "/api/ui/chat", CHAT | {"trigger": "regenerate-message"}),
    ("POST", "/api/ui/chat", CHAT | {"messageId": "m"}),
    ("POST", "/chat", {"message": "hi", "session_id": "s"}),
    ("POST", "/chat-stream", {"message": "hi", "session_id": "s"}),
    ("POST", "/v1/chat/completions", {"messages": TURN}),
    ("POST", "/compat/deep-chat", {"messages": [{"role": "user", "text": "hi"}]}),
    ("POST", "/compat/n8n", {"action": "sendMessage", "chatInput": "hi", "sessionId": "s"}),
    ("POST", "/api/v1/sessions", {"id": "new"}),
    ("POST", "/api/sessions", None),
    ("GET", "/api/chat/s/stream", None),
    ("GET", "/api/ui/chat/s/stream", None),
    ("POST", "/api/chat/s/stop", None),
    ("POST", "/api/ui/chat/s/stop", None),
    ("POST", "/api/v1/runs/{run}/cancel", None),
    ("POST", "/api/v1/sessions/s/regenerate", {}),
    ("POST", "/api/v1/sessions/unknown/regenerate", {}),
    ("POST", "/api/v1/messages/{answer}/feedback", {"value": 1}),
    ("POST", "/reset/s", None),
    ("DELETE", "/history/s", None),
    ("DELETE", "/api/chat/s", None),
    ("DELETE", "/api/v1/sessions/s", None),
    ("DELETE", "/api/v1/me", None),
)
READS: tuple[tuple[str, str, Any], ...] = (
    ("GET", SEND, None),
    ("GET", EVENTS, None),
    ("GET", "/api/v1/sessions/s", None),
    ("GET", "/api/v1/sessions", None),
    ("GET", "/api/v1/export", None),
    ("GET", "/api/sessions/s/history", None),
    ("GET", "/history/s", None),
    ("GET", "/sessions", None),
    ("GET", "/stats", None),
    ("POST", "/compat/n8n", LOAD),
)
FRAMES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("chat", {"sessionId": "s", "message": "hi"}),
    ("cancel", {"sessionId": "s"}),
    ("resume", {"sessionId": "s"}),
    ("send", {"requestId": "1", **CHAT}),
    ("resume", {"requestId": "2", "id": "s"}),
)


@pytest.mark.parametrize(
    ("scope", "requests", "lacks"),
    [("history", WRITES, "chat"), ("chat", READS, "history")],
    ids=["history", "chat"],
)
async def test_a_token_of_one_scope_is_refused_the_others_routes(
    url: str, scope: str, requests: tuple[tuple[str, str, Any], ...], lacks: str
):
    """403 at every one of them, though the conversation is the caller's, and it stays as it is."""
    async with serving(url, **ALL) as house:
        await answered(house, SEND, "ada")
        before = await asked(house, "GET", SEND, user("ada"))
        answer = before[1]["messages"][1]
        for method, path, sent in requests:
            where = path.format(run=answer["runId"], answer=answer["id"])
            status, refusal = await asked(house, method, where, user("ada", scope=scope), sent)
            assert (status, f"the scope {lacks}" in str(refusal)) == (403, True), (method, path)
        assert await asked(house, "GET", SEND, user("ada")) == before
        assert len(house.fake.requests) == 1


async def test_a_token_that_only_reads_is_refused_every_frame(url: str):
    """On a socket too it has nothing said, stopped or taken up again."""
    async with serving(url, **ALL) as house:
        await told(house, user("ada"), "hello")
        reader = user("ada", scope="history")
        async with house.http.ws_connect("/ws", headers=reader) as ws:
            client = Client(ws)
            for kind, frame in FRAMES:
                await client.say(kind, **frame)
                refusal = await client.next()
                assert (refusal["type"], refusal.get("code")) == ("error", "forbidden"), kind
        assert len(house.fake.requests) == 1
