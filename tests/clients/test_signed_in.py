"""A client of the fourth document's server: sessions of a token's user, and a WebSocket."""

import json
import time
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import aiohttp
import jwt
import pytest
import pytest_asyncio

from tests.clients.node import Node
from tests.clients.standing import Stand, standing
from tests.fakes.anthropic import Answer, Status

SECRET = "a secret that this server and its tokens share"
REST, SOCKET = "http://localhost:3000", "http://localhost:8080"
WORLD = "Hello 🌍, naïve café.\n\n[DONE]\n"

CLIENT = """
import { WebSocket } from "ws";

const [rest, socket, token] = process.argv.slice(2);
const told = {};

async function call(method, path, body) {
  const headers = { "Content-Type": "application/json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  const response = await fetch(rest + path, { method, headers, body: JSON.stringify(body) });
  return { status: response.status, ...(await response.json()) };
}

// Sends a frame on a connection of its own; all frames up to the one that ends the answer.
function exchange(frame) {
  const connection = new WebSocket(socket.replace("http", "ws"));
  const frames = [];
  return new Promise((resolve, reject) => {
    connection.on("open", () => connection.send(JSON.stringify({ token, ...frame })));
    connection.on("message", (data) => {
      frames.push(JSON.parse(data));
      if (["done", "error"].includes(frames.at(-1).type)) connection.close();
    });
    connection.on("close", () => resolve(frames));
    connection.on("error", reject);
  });
}
"""


def token_of(user: object, secret: str = SECRET) -> str:
    return jwt.encode({"userId": user, "exp": int(time.time()) + 600}, secret, algorithm="HS256")


def bearer(user: object) -> dict[str, str]:
    return {"Authorization": f"Bearer {token_of(user)}"}


@pytest_asyncio.fixture
async def stand(url: str, swift: None) -> AsyncIterator[Stand]:
    """A gateway for users with tokens, at the two ports of the document's server."""
    async with standing(url, {REST, SOCKET}, web_auth="jwt", jwt_secret=SECRET) as stand:
        yield stand


async def ran(stand: Stand, node: Node, script: str, token: str) -> dict[str, Any]:
    """What the script tells."""
    code = f"{CLIENT}\n{script}\nconsole.log(JSON.stringify(told));"
    return (await node.run(code, stand.at(REST), stand.at(SOCKET), token)).json


async def test_a_user_has_a_session_with_a_history(stand: Stand, node: Node):
    """A session is made, chatted in and told, with when each message was said."""
    script = """
    const { sessionId } = told.made = await call("POST", "/api/sessions");
    told.one = await call("POST", "/api/chat", { message: "one", sessionId });
    told.two = await call("POST", "/api/chat", { message: "two", sessionId });
    told.history = await call("GET", `/api/sessions/${sessionId}/history`);
    """
    stand.house.fake.script(Answer(WORLD, chunk=1))
    told = await ran(stand, node, script, token_of(7))
    assert told["made"]["status"] == 200
    assert [told[name]["response"] for name in ("one", "two")] == [WORLD, "You said: two"]
    said = [(each["role"], each["content"]) for each in told["history"]["messages"]]
    assert said == [
        ("user", "one"),
        ("assistant", WORLD),
        ("user", "two"),
        ("assistant", "You said: two"),
    ]
    assert stand.house.fake.requests[1].history == said[:3]
    times = [datetime.fromisoformat(each["timestamp"]) for each in told["history"]["messages"]]
    assert times == sorted(times)


async def test_an_answer_streams_over_a_websocket(stand: Stand, node: Node):
    """Frames of text and then `done`, in the session that REST knows too."""
    script = """
    const { sessionId } = await call("POST", "/api/sessions");
    told.one = await exchange({ type: "chat", sessionId, message: "one" });
    told.two = await call("POST", "/api/chat", { message: "two", sessionId });
    """
    stand.house.fake.script(Answer(WORLD, chunk=1))
    told = await ran(stand, node, script, token_of("ada"))
    *streamed, done = told["one"]
    assert {frame["type"] for frame in streamed} == {"stream"}
    assert "".join(frame["content"] for frame in streamed) == WORLD
    assert done["type"] == "done"
    assert stand.house.fake.requests[1].history[:2] == [("user", "one"), ("assistant", WORLD)]


async def test_what_fails_on_a_websocket_is_told_there(stand: Stand, node: Node):
    """A frame with the document's own words; the next question has its answer."""
    script = """
    const { sessionId } = await call("POST", "/api/sessions");
    told.one = await exchange({ type: "chat", sessionId, message: "one" });
    told.two = await exchange({ type: "chat", sessionId, message: "two" });
    told.forged = await exchange({ type: "chat", sessionId, message: "three", token: "a.b.c" });
    """
    stand.house.fake.script(Status(400, message="no"))
    told = await ran(stand, node, script, token_of("ada"))
    for name in ("one", "forged"):
        assert told[name][-1]["type"] == "error"
        assert told[name][-1]["message"] == "Failed to process request"
    assert told["two"][-1]["type"] == "done"
    assert "three" not in [request.said for request in stand.house.fake.requests]


@pytest.mark.parametrize(
    ("token", "error"),
    [
        ("", "No token provided"),
        ("not.a.token", "Invalid token"),
        (token_of("ada", "another secret, of another server"), "Invalid token"),
    ],
    ids=["none", "nonsense", "forged"],
)
async def test_without_a_valid_token_there_is_nothing(
    stand: Stand, node: Node, token: str, error: str
):
    """Each of the three routes says why, in the document's own words, and nobody is asked."""
    script = """
    told.answers = [
      await call("POST", "/api/sessions"),
      await call("POST", "/api/chat", { message: "one", sessionId: "s" }),
      await call("GET", "/api/sessions/s/history"),
    ];
    """
    told = await ran(stand, node, script, token)
    assert told["answers"] == [{"status": 401, "error": error}] * 3
    assert stand.house.fake.requests == []


async def session_of(stand: Stand, user: object) -> str:
    """A session of a user's."""
    async with stand.house.http.post("/api/sessions", headers=bearer(user)) as response:
        return (await response.json())["sessionId"]


async def test_another_users_session_is_none(stand: Stand, node: Node):
    """Its history and its chat are as if there were no such session."""
    script = f"""
    const sessionId = {json.dumps(await session_of(stand, "eve"))};
    told.history = await call("GET", `/api/sessions/${{sessionId}}/history`);
    told.chat = await call("POST", "/api/chat", {{ message: "one", sessionId }});
    """
    told = await ran(stand, node, script, token_of("ada"))
    assert told["history"] == told["chat"] == {"status": 404, "error": "Session not found"}
    assert stand.house.fake.requests == []


async def test_another_users_session_stays_closed_on_a_websocket(stand: Stand, node: Node):
    """Whoever names it there neither hears what was said in it nor adds to it."""
    session = await session_of(stand, "eve")
    script = f"""
    const sessionId = {json.dumps(session)};
    told.frames = await exchange({{ type: "chat", sessionId, message: "guess" }});
    told.history = await call("GET", `/api/sessions/${{sessionId}}/history`);
    """
    chat = {"message": "secret", "sessionId": session}
    async with stand.house.http.post("/api/chat", json=chat, headers=bearer("eve")) as response:
        assert response.status == 200
    told = await ran(stand, node, script, token_of("ada"))
    assert "secret" not in json.dumps(told)
    assert all(request.history == [("user", "guess")] for request in stand.house.fake.requests[1:])
    async with stand.house.http.get(
        f"/api/sessions/{session}/history", headers=bearer("eve")
    ) as response:
        assert "guess" not in await response.text()


async def test_a_plain_reader_of_the_websocket_reads_it_all(stand: Stand):
    """Without Node too: the texts of `stream` frames are the answer, at `/` and at `/ws`."""
    session = await session_of(stand, 7)
    for path in ("/", "/ws"):
        stand.house.fake.script(Answer(WORLD, chunk=7))
        async with stand.house.http.ws_connect(path) as socket:
            ask = {"type": "chat", "sessionId": session, "message": "hi", "token": token_of(7)}
            await socket.send_json(ask)
            assert await read(socket) == WORLD


async def read(socket: aiohttp.ClientWebSocketResponse) -> str:
    """One answer. A frame that is no JSON, or of another type, fails."""
    text = ""
    while (frame := await socket.receive_json(timeout=5))["type"] != "done":
        assert frame["type"] == "stream"
        text += frame["content"]
    return text
