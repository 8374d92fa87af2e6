"""The AI SDK's own client, over HTTP and over a WebSocket, against the gateway."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from tests.clients.node import Node
from tests.fakes.anthropic import Answer, Hold, Status
from tests.journeys.house import House

CHAT = """
import { AbstractChat, DefaultChatTransport, TextStreamChatTransport, WebSocketChatTransport,
         readUIMessageStream } from "ai";
import { WebSocket } from "ws";

const base = process.env.BASE;
const http = new DefaultChatTransport({ api: `${base}/api/chat` });
const socket = () => new WebSocketChatTransport({ url: `${base}/ws`, webSocket: WebSocket });

class State {
  status = "ready";
  error = undefined;
  messages = [];
  pushMessage = (message) => { this.messages = this.messages.concat(message); };
  popMessage = () => { this.messages = this.messages.slice(0, -1); };
  replaceMessage = (index, message) => { this.messages = this.messages.with(index, message); };
  snapshot = (value) => structuredClone(value);
}
class Chat extends AbstractChat {
  constructor(transport, id = "c", messages = []) {
    super({ id, transport, state: Object.assign(new State(), { messages }) });
  }
}
const text = (message) =>
  message.parts.filter((part) => part.type === "text").map((part) => part.text).join("");
const said = (chat) => chat.messages.map((message) => [message.role, text(message)]);
const told = {};
const tell = () => console.log(JSON.stringify(told));
const has = async (chat, words) => {
  while (!(chat.lastMessage?.role === "assistant" && text(chat.lastMessage).includes(words)))
    await new Promise((go) => setTimeout(go, 3));
};
const reach = (path) => fetch(`${base}${path}`, { method: "POST", body: "{}",
  headers: { "content-type": "application/json" } });
"""


async def run(node: Node, house: House, script: str, **env: str) -> Any:
    base = f"http://127.0.0.1:{house.port}"
    output = await node.run(CHAT + script, env={"BASE": base, **env})
    assert output.stderr == ""
    return output.json


def you_said(*texts: str) -> list[list[str]]:
    return [pair for text in texts for pair in (["user", text], ["assistant", f"You said: {text}"])]


# --- over HTTP ---


async def test_a_chat_goes_on(house: House, node: Node):
    """Two questions: the second's model has seen the first, and all is told of usage."""
    told = await run(
        node,
        house,
        """
        const chat = new Chat(http);
        await chat.sendMessage({ text: "one" });
        await chat.sendMessage({ text: "two" });
        told.said = said(chat); told.status = chat.status;
        told.metadata = chat.lastMessage.metadata;
        tell();
        """,
    )
    assert told["said"] == you_said("one", "two")
    assert told["status"] == "ready"
    assert told["metadata"]["sessionId"] == "c"
    assert set(told["metadata"]["usage"]) == {"input", "output"}
    assert len(house.fake.requests[1].history) == 3


async def test_a_chat_is_resumed_in_the_middle(house: House, node: Node):
    """Another client takes up what a first has lost; then there is nothing to resume."""
    hold = Hold()
    house.fake.script(Answer("one two three", hold=hold, hold_after=1))
    async with lever(hold) as pull:
        told = await run(
            node,
            house,
            """
            const first = new Chat(http), asking = first.sendMessage({ text: "count" });
            await has(first, "one");
            await first.stop();
            const second = new Chat(http, "c", [first.messages[0]]);
            const resuming = second.resumeStream();
            await has(second, "one");
            await fetch(process.env.PULL);
            await resuming; await asking;
            told.said = said(second);
            told.same = first.lastMessage.id === second.lastMessage.id;
            told.nothing = await http.reconnectToStream({ chatId: "c" });
            tell();
            """,
            PULL=pull,
        )
    assert told["said"] == [["user", "count"], ["assistant", "one two three"]]
    assert told["same"] is True
    assert told["nothing"] is None


async def test_a_chat_is_stopped(house: House, node: Node):
    """By a request of its own: the client's stop() only stops reading."""
    house.fake.script(Answer("one two", hold=Hold(), hold_after=1))
    told = await run(
        node,
        house,
        """
        const chat = new Chat(http), asking = chat.sendMessage({ text: "count" });
        await has(chat, "one");
        told.stopped = await (await reach("/api/chat/c/stop")).json();
        await asking;
        told.status = chat.status; told.said = said(chat);
        tell();
        """,
    )
    assert told == {
        "stopped": {"success": True},
        "status": "ready",
        "said": [["user", "count"], ["assistant", "one "]],
    }
    assert house.fake.requests[0].outcome == "abandoned"


async def test_answers_are_regenerated_and_messages_edited(house: House, node: Node):
    """What the client shows is what the gateway remembers."""
    house.fake.script(Answer("first"), Answer("second"))
    told = await run(
        node,
        house,
        """
        const chat = new Chat(http);
        await chat.sendMessage({ text: "one" });
        await chat.regenerate();
        told.regenerated = said(chat);
        await chat.sendMessage({ text: "two" });
        await chat.regenerate({ messageId: chat.messages[1].id });
        told.earlier = said(chat);
        await chat.sendMessage({ text: "uno", messageId: chat.messages[0].id });
        await chat.sendMessage({ text: "due" });
        told.edited = said(chat);
        tell();
        """,
    )
    assert told["regenerated"] == [["user", "one"], ["assistant", "second"]]
    assert told["earlier"] == you_said("one")
    assert told["edited"] == you_said("uno", "due")
    assert house.fake.requests[-1].history == [tuple(pair) for pair in told["edited"][:-1]]


async def test_what_replaces_the_words_comes_after_them(house: House, node: Node):
    """A model that refuses in the middle ends the stream in a way that every version knows."""
    hold = Hold()
    house.fake.script(Answer("bad words", stop_reason="refusal", hold=hold, hold_after=1))
    async with lever(hold) as pull:
        told = await run(
            node,
            house,
            """
            const chat = new Chat(http), asking = chat.sendMessage({ text: "hi" });
            await has(chat, "bad");
            await fetch(process.env.PULL);
            await asking;
            told.said = said(chat); told.error = chat.error?.message;
            tell();
            """,
            PULL=pull,
        )
    assert "error" not in told
    assert told["said"][1][1].startswith("bad")
    assert "\n\nI can't help" in told["said"][1][1]


async def test_failures_and_refusals_are_the_chats_error(house: House, node: Node):
    """In words for people; the question can be asked again."""
    house.fake.script(Status(400, message="canary"))
    told = await run(
        node,
        house,
        """
        const chat = new Chat(http);
        await chat.sendMessage({ text: "hi" });
        told.failed = [chat.status, chat.error.message];
        await chat.regenerate();
        told.said = said(chat);
        const wrong = new Chat(http, "no/name");
        await wrong.sendMessage({ text: "hi" });
        told.refused = wrong.error.message;
        tell();
        """,
    )
    status, message = told["failed"]
    assert status == "error"
    assert "Sorry" in message
    assert told["said"] == you_said("hi")
    assert "id must be 1 to 128" in told["refused"]


async def test_every_state_of_a_message_is_readable(house: House, node: Node):
    """`readUIMessageStream`, and the transport for plain text."""
    house.fake.default = Answer("wörds 🌍", chunk=1)
    told = await run(
        node,
        house,
        """
        const messages = (id) =>
          [{ id, role: "user", parts: [{ type: "text", text: "hi" }] }];
        const read = async (transport, chatId) => {
          const stream = await transport.sendMessages({
            chatId, messages: messages(chatId), trigger: "submit-message" });
          let last;
          for await (const message of readUIMessageStream({ stream, terminateOnError: true }))
            last = message;
          return text(last);
        };
        told.events = await read(http, "a");
        told.text = await read(
          new TextStreamChatTransport({ api: `${base}/api/chat?protocol=text` }), "b");
        tell();
        """,
    )
    assert told == {"events": "wörds 🌍", "text": "wörds 🌍"}


# --- over a WebSocket ---


async def test_chats_share_a_socket(house: House, node: Node):
    """At the same time, each with its own answers."""
    told = await run(
        node,
        house,
        """
        const transport = socket();
        const chats = ["a", "b", "c"].map((id) => new Chat(transport, id));
        await Promise.all(chats.map((chat) => chat.sendMessage({ text: `one ${chat.id}` })));
        await Promise.all(chats.map((chat) => chat.sendMessage({ text: `two ${chat.id}` })));
        told.said = chats.map(said);
        transport.close();
        tell();
        """,
    )
    assert told["said"] == [you_said(f"one {name}", f"two {name}") for name in "abc"]


async def test_a_lost_socket_is_resumed(house: House, node: Node):
    """The answer went on; the client has it from the start on another socket."""
    hold = Hold()
    house.fake.script(Answer("one two three", hold=hold, hold_after=1))
    async with lever(hold) as pull:
        told = await run(
            node,
            house,
            """
            const lost = socket(), first = new Chat(lost);
            const asking = first.sendMessage({ text: "count" });
            await has(first, "one");
            lost.close();
            await asking;
            const transport = socket(), second = new Chat(transport, "c", [first.messages[0]]);
            const resuming = second.resumeStream();
            await has(second, "one");
            await fetch(process.env.PULL);
            await resuming;
            told.said = said(second);
            told.nothing = await transport.reconnectToStream({ chatId: "c" });
            transport.close();
            tell();
            """,
            PULL=pull,
        )
    assert told["said"] == [["user", "count"], ["assistant", "one two three"]]
    assert told["nothing"] is None


async def test_stopping_over_a_socket_stops_the_answer(house: House, node: Node):
    """Here the client says so itself; the socket goes on."""
    house.fake.script(Answer("one two", hold=Hold(), hold_after=1))
    told = await run(
        node,
        house,
        """
        const transport = socket(), chat = new Chat(transport);
        const asking = chat.sendMessage({ text: "count" });
        await has(chat, "one");
        await chat.stop();
        await asking;
        await chat.sendMessage({ text: "hi" });
        told.said = said(chat);
        transport.close();
        tell();
        """,
    )
    assert told["said"] == [["user", "count"], ["assistant", "one "], *you_said("hi")]
    assert house.fake.requests[0].outcome == "abandoned"


async def test_a_refusal_leaves_the_socket_open(house: House, node: Node):
    """Only the chat that asked has an error."""
    told = await run(
        node,
        house,
        """
        const transport = socket(), wrong = new Chat(transport, "no/name");
        const chat = new Chat(transport);
        await wrong.sendMessage({ text: "hi" });
        told.refused = wrong.error.message;
        await chat.sendMessage({ text: "hi" });
        told.said = said(chat);
        transport.close();
        tell();
        """,
    )
    assert "id must be 1 to 128" in told["refused"]
    assert told["said"] == you_said("hi")


async def test_the_seeds_frames_are_those_of_ws(house: House, node: Node):
    """A plain client of `ws` at `/`: what it sends, and all that it looks at."""
    told = await run(
        node,
        house,
        """
        const client = new WebSocket(base.replace("http", "ws") + "/");
        let words = "";
        await new Promise((open) => client.on("open", open));
        client.send(JSON.stringify({ type: "chat", sessionId: "s", message: "hi", token: "" }));
        await new Promise((done) => client.on("message", (data) => {
          const { type, content } = JSON.parse(data);
          if (type === "stream") words += content;
          if (type === "done") done();
        }));
        client.close(1000);
        await new Promise((close) => client.on("close", (code) => { told.code = code; close(); }));
        told.words = words;
        tell();
        """,
    )
    assert told == {"code": 1000, "words": "You said: hi"}


@asynccontextmanager
async def lever(hold: Hold) -> AsyncIterator[str]:
    """A URL that lets a held answer go on."""

    async def pull(_: web.Request) -> web.Response:
        hold.release()
        return web.Response()

    app = web.Application()
    app.router.add_get("/", pull)
    runner = web.AppRunner(app, shutdown_timeout=0.01)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()
