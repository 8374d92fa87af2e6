"""The WebSocket: conversations in frames, for as long as the socket lasts."""

import asyncio
import json
import socket
from contextlib import AsyncExitStack
from typing import Any

import pytest
from aiohttp import WSMsgType
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.web.socket import outbox, streams
from gateway.app import stop
from tests.fakes.anthropic import Answer, Hold, Status
from tests.journeys import raw
from tests.journeys.house import SOON, House, until
from tests.journeys.sockets import connected, shown

HANDSHAKE = [
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="),
]
FAILED = "Failed to process request"


def is_stream(frame: dict[str, Any]) -> bool:
    return frame["type"] == "stream"


# --- a message and its answer ---


@pytest.mark.parametrize("path", ["/", "/ws"])
async def test_an_answer_comes_in_frames(house: House, path: str):
    """`stream`…, then `done`: what seed clients read; the rest is in further keys."""
    house.fake.script(Answer("one two", chunk=20))
    async with connected(house, path) as client:
        await client.say("chat", sessionId="s", message="hi", messageId="m", token=None)
        stream, done = await client.answer()
    turn = stream["seq"].split(".")[0]
    assert stream == {
        "type": "stream",
        "content": "one two",
        "sessionId": "s",
        "messageId": "m",
        "seq": f"{turn}.1.7",
    }
    usage = done.pop("usage")
    assert all(isinstance(usage[key], int) for key in ("input", "output"))
    assert done == {"type": "done", "sessionId": "s", "messageId": "m", "seq": f"{turn}.1.end"}
    assert [request.history for request in house.fake.requests] == [[("user", "hi")]]


async def test_a_socket_has_any_number_of_conversations(either: House):
    """At the same time, and each remembers its own."""
    hold = Hold()
    either.fake.script(Answer("slow", hold=hold))
    async with connected(either) as client:
        await client.say("chat", sessionId="a", message="one")
        await either.fake.came(1)
        await client.say("chat", sessionId="b", message="two")
        assert shown(await client.answer(sessionId="b")) == "You said: two"
        hold.release()
        assert shown(await client.answer(sessionId="a")) == "slow"
        await client.say("chat", sessionId="a", message="three")
        await client.answer()
    assert either.fake.requests[2].history == [
        ("user", "one"),
        ("assistant", "slow"),
        ("user", "three"),
    ]


async def test_messages_of_one_conversation_are_answered_in_turn(either: House):
    """No answer begins before the one ahead has ended, and each message has its `done`.

    What waited together is answered together: the words are told once.
    """
    hold = Hold()
    either.fake.script(Answer("first", hold=hold), Answer("both"))
    async with connected(either) as client:
        for number in (1, 2, 3):
            await client.say("chat", sessionId="s", message=f"{number}", messageId=f"m{number}")
        await client.say("ping")
        await client.until(lambda frame: frame["type"] == "pong")
        hold.release()
        for number in (1, 2, 3):
            await client.answer(messageId=f"m{number}")
    told = [frame for frame in client.seen if frame["type"] != "pong"]
    ends = [frame["messageId"] for frame in told if frame["type"] == "done"]
    assert ends == ["m1", "m2", "m3"]
    assert shown(told) == "firstboth"
    assert [len(request.history) for request in either.fake.requests] == [1, 3]


async def test_the_same_message_again_is_the_same_message(either: House):
    """Sent once more on another socket, it joins the answer; later, it has it whole."""
    hold = Hold()
    either.fake.script(Answer("one two", hold=hold, hold_after=1))
    async with connected(either) as first, connected(either) as second:
        for client in (first, second):
            await client.say("chat", sessionId="s", message="hi", messageId="m")
            await client.until(is_stream)
        hold.release()
        for client in (first, second):
            await client.answer()
            assert shown(client.seen) == "one two"
        await second.say("chat", sessionId="s", message="hi", messageId="m")
        assert shown(await second.answer()) == "one two"
    assert len(either.fake.requests) == 1


async def test_a_message_without_a_session_begins_one(house: House):
    """Its name is in the frames."""
    async with connected(house) as client:
        await client.say("chat", message="one")
        *_, done = await client.answer()
        await client.say("chat", message="two", sessionId=done["sessionId"])
        await client.answer()
    assert len(house.fake.requests[1].history) == 3


async def test_a_failure_is_told_in_a_frame(house: House):
    """In the one sentence that clients know; what people may read is in `detail`."""
    house.fake.default = Status(500, message="canary", retry_after=SOON)
    async with connected(house) as client:
        await client.say("chat", sessionId="s", message="hi", messageId="m")
        [error] = await client.answer()
    assert (error["type"], error["message"], error["code"]) == ("error", FAILED, "unavailable")
    assert "Sorry" in error["detail"]
    assert (error["sessionId"], error["messageId"]) == ("s", "m")
    assert "canary" not in json.dumps(error)


async def test_what_is_taken_back_is_said_to_be_void(house: House):
    """A `snapshot` is all there is; for who only adds, the same words are a paragraph."""
    hold = Hold()
    house.fake.script(Answer("bad words", stop_reason="refusal", hold=hold, hold_after=1))
    async with connected(house) as client:
        await client.say("chat", sessionId="s", message="hi", messageId="m")
        await client.until(is_stream)
        hold.release()
        *_, last, done = await client.answer()
        await client.say("chat", sessionId="s", message="hi", messageId="m")
        again = await client.answer()
    assert last["content"] == f"\n\n{last['snapshot']}"
    assert shown(client.seen[: len(client.seen) - len(again)]) == shown(again)
    assert "bad" not in shown(again)
    assert done["type"] == "done"


# --- stopping ---


async def test_cancelling_ends_the_answer_where_it_is(either: House):
    """The one who cancels hears that one ran, and everybody who reads it, that it was."""
    either.fake.script(Answer("one two", hold=Hold(), hold_after=1))
    async with connected(either) as reader, connected(either) as other:
        await reader.say("chat", sessionId="s", message="count")
        await reader.until(is_stream)
        for running in (True, False):
            await other.say("cancel", sessionId="s")
            frame = await other.next()
            assert frame == {"type": "cancelled", "sessionId": "s", "running": running}
            if running:
                *_, done = await reader.answer()
    assert (done["type"], done["cancelled"]) == ("done", True)
    assert shown(reader.seen) == "one "


async def test_a_socket_that_breaks_stops_nothing(house: House):
    """The answer is there for who comes again."""
    hold = Hold()
    house.fake.script(Answer("one two", hold=hold, hold_after=1))
    async with connected(house) as client:
        await client.say("chat", sessionId="s", message="hi", messageId="m")
        await client.until(is_stream)
        client.ws._response.connection.transport.abort()
    hold.release()
    await house.idle()
    async with connected(house) as client:
        await client.say("chat", sessionId="s", message="hi", messageId="m")
        assert shown(await client.answer()) == "one two"
    assert len(house.fake.requests) == 1


# --- going on ---


@pytest.mark.parametrize("when", ["while it runs", "later"])
async def test_a_socket_that_breaks_at_any_frame_is_gone_on_from_there(house: House, when: str):
    """What comes after a frame's `seq` makes the same text, to the character."""
    text, hold = "wörds 🌍 and more of them, to the end", Hold()
    house.fake.script(Answer(text, chunk=3, gap=0.03, hold=hold, hold_after=8))
    async with connected(house) as client:
        await client.say("chat", sessionId="s", message="hi", messageId="m")
        seen = await client.until(lambda _: len(shown(client.seen)) == 24)
    assert len(seen) > 3
    async with AsyncExitStack() as stack:
        if when == "later":
            hold.release()
            await house.idle()
        others = [await stack.enter_async_context(connected(house)) for _ in seen]
        for other, frame in zip(others, seen, strict=True):
            await other.say("resume", sessionId="s", after=frame["seq"])
            await other.say("ping")
            await other.until(lambda frame: frame["type"] == "pong")
        hold.release()
        for cut, other in enumerate(others, 1):
            if not any(frame["type"] == "done" for frame in other.seen):
                await other.answer()
            assert shown(other.seen, shown(seen[:cut])) == text
    assert len(house.fake.requests) == 1


async def test_the_running_answer_is_resumed_from_its_start(either: House):
    """By who has no mark: a page that was loaded anew."""
    hold = Hold()
    either.fake.script(Answer("one two", hold=hold, hold_after=1))
    async with connected(either) as first, connected(either) as second:
        await first.say("chat", sessionId="s", message="hi")
        await first.until(is_stream)
        await second.say("resume", sessionId="s")
        await second.until(is_stream)
        hold.release()
        await second.answer()
    assert shown(second.seen) == "one two"


async def test_there_may_be_nothing_to_resume(house: House):
    """No such session, none that runs, or all of it told already: `no-active`."""
    async with connected(house) as client:
        await client.say("chat", sessionId="s", message="hi")
        *_, done = await client.answer()
        for about in ({"sessionId": "t"}, {"sessionId": "s"}, {"after": done["seq"]}):
            await client.say("resume", **{"sessionId": "s"} | about)
            frame = await client.next()
            assert frame == {"type": "no-active", "sessionId": about.get("sessionId", "s")}


async def test_a_mark_of_another_conversation_is_refused(house: House):
    """It says what `after` may be."""
    async with connected(house) as client:
        await client.say("chat", sessionId="s", message="hi")
        *_, done = await client.answer()
        await client.say("chat", sessionId="t", message="hi")
        await client.answer()
        await client.say("resume", sessionId="t", after=done["seq"])
        error = await client.next()
    assert error["code"] == "invalid_request"
    assert "after must be the seq" in error["detail"]


# --- frames that are wrong ---


WRONG = [
    ("", "is JSON"),
    ("{", "is JSON"),
    ("[" * 100_000, "is JSON"),
    ('{"type": "\\ud800"}', ""),
    (b"\xff\xfe", "not binary"),
    ("[]", "an object"),
    ("null", "an object"),
    ('"chat"', "an object"),
    ("{}", "one of: auth, cancel, chat, ping, resume"),
    ('{"type": 1}', "one of: auth"),
    ('{"type": ["chat"]}', "one of: auth"),
    ('{"type": "stream"}', "one of: auth"),
    ('{"type": "send"}', "without a requestId"),
    ('{"type": "chat"}', "message is required"),
    ('{"type": "chat", "message": ""}', "message is required"),
    ('{"type": "chat", "message": 1}', "message is required"),
    ('{"type": "chat", "message": "hi", "sessionId": "a/b"}', "sessionId must be"),
    ('{"type": "chat", "message": "hi", "sessionId": 1}', "sessionId must be"),
    ('{"type": "chat", "message": "hi", "messageId": {}}', "messageId must be"),
    ('{"type": "chat", "message": "hi", "token": 1}', "token must be"),
    ('{"type": "chat", "message": "hi", "token": "abc"}', "Invalid token"),
    ('{"type": "cancel"}', "sessionId must be"),
    ('{"type": "resume", "sessionId": ".."}', "sessionId must be"),
    ('{"type": "resume", "sessionId": "s", "after": 1}', "after must be"),
    ('{"type": "send", "requestId": 1}', "requestId must be"),
    ('{"type": "send", "requestId": ""}', "requestId must be"),
    ('{"type": "chat", "requestId": "r"}', "one of: abort, resume, send"),
    ('{"type": "send", "requestId": "r"}', "messages"),
    ('{"type": "resume", "requestId": "r", "id": "a b"}', "id must be"),
    ('{"type": "resume", "requestId": "r", "id": "c", "lastSequence": -1}', "lastSequence"),
    ('{"type": "resume", "requestId": "r", "id": "c", "lastSequence": 1e9}', "lastSequence"),
    ('{"type": "resume", "requestId": "r", "id": "c", "lastSequence": true}', "lastSequence"),
]


async def test_a_wrong_frame_is_told_what_to_mend(house: House):
    """In an `error` frame, and the socket goes on; the AI SDK is told in its own way."""
    async with connected(house) as client:
        for frame, says in WRONG:
            send = client.ws.send_bytes if isinstance(frame, bytes) else client.ws.send_str
            await send(frame)
            told = await client.next()
            assert (told["type"], told["message"]) == ("error", FAILED)
            assert says in told["detail"]
            assert told.get("errorText", told["detail"]) == told["detail"]
            assert ("errorText" in told) is ("requestId" in told)
    assert not house.fake.requests


async def test_who_is_known_is_welcome(house: House):
    """`auth` without a token, where nobody has to sign in; and a `ping` has its `pong`."""
    async with connected(house) as client:
        await client.say("auth")
        assert await client.next() == {"type": "authenticated"}
        await client.say("ping")
        assert await client.next() == {"type": "pong"}


WORDS = st.sampled_from(["s", "..", "a b", "1.1.end", "1.1.1", "9" * 30, "", "hi", "\x00", "r"])
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), WORDS),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(WORDS, inner, max_size=2)),
    max_leaves=4,
)
KINDS = ["auth", "cancel", "chat", "resume", "ping", "send", "abort", "done"]
KEYS = [
    *("message", "sessionId", "messageId", "after", "token", "requestId", "id", "lastSequence"),
    *("messages", "trigger", "headers"),
]
FRAMES = st.one_of(
    st.binary(max_size=20),
    st.tuples(
        st.sampled_from(KINDS), st.dictionaries(st.sampled_from(KEYS), st.one_of(VALUES, WORDS))
    ).map(lambda frame: json.dumps({"type": frame[0], **frame[1]}).encode()),
)


async def test_no_frame_breaks_the_socket(house: House):
    """Whatever it holds, the next is answered; and nothing fails that nobody foresaw."""
    loop = asyncio.get_running_loop()
    async with connected(house) as client:

        async def ask(frame: bytes) -> None:
            await client.ws.send_frame(frame, WSMsgType.TEXT)
            await client.say("ping")
            await client.until(lambda told: told == {"type": "pong"})

        @settings(max_examples=200, deadline=None)
        @given(FRAMES)
        def try_it(frame: bytes) -> None:
            asyncio.run_coroutine_threadsafe(ask(frame), loop).result()

        await asyncio.to_thread(try_it)


async def test_a_frame_that_is_too_large_is_refused(house: House):
    """One that is a little too large is told so; one far too large ends the socket."""
    async with connected(house) as client:
        await client.say("chat", message="x" * 300_000)
        error = await client.next()
        assert (error["code"], "256 KiB" in error["detail"]) == ("too_large", True)
        await client.say("ping")
        assert await client.next() == {"type": "pong"}
        await client.say("chat", message="x" * 600_000)
        assert await client.closed() == 1009


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/ws", [], 426),
        ("POST", "/ws", HANDSHAKE, 405),
        ("GET", "/ws", HANDSHAKE[:3], 400),
        ("GET", "/ws", [*HANDSHAKE[:3], (b"Sec-WebSocket-Key", b"\xff")], 400),
        ("GET", "/ws", [*HANDSHAKE[:2], HANDSHAKE[3]], 400),
        ("GET", "/ws", [*HANDSHAKE, (b"Sec-WebSocket-Protocol", b"\xff, a")], 400),
        ("GET", "/", HANDSHAKE[:2], 400),
        ("GET", "/", [*HANDSHAKE, ("Origin", "https://evil.example")], 403),
        ("GET", "/ws", [*HANDSHAKE, ("Authorization", "Bearer x")], 401),
        ("GET", "/ws", [*HANDSHAKE, ("Authorization", "Basic x")], 401),
        ("HEAD", "/", HANDSHAKE, 200),
    ],
)
async def test_what_is_no_handshake_is_refused(
    house: House, method: str, path: str, headers: Any, status: int
):
    """Before the socket is open, with a status."""
    lines = [f"{method} {path} HTTP/1.1".encode(), b"Host: localhost"]
    pairs = [pair if isinstance(pair[0], bytes) else map(str.encode, pair) for pair in headers]
    lines += [b"%b: %b" % tuple(pair) for pair in pairs]
    reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
    try:
        async with asyncio.timeout(10):
            writer.write(b"\r\n".join(lines) + b"\r\n\r\n")
            head = raw.Reply(await reader.readuntil(b"\r\n\r\n"))
            length = int(head.header("Content-Length") or 0)
            body = b"" if method == "HEAD" else await reader.readexactly(length)
    finally:
        writer.close()
    assert head.status == status
    assert status == 200 or json.loads(body)["error"]


async def test_a_page_of_this_machine_may_connect(house: House):
    """And one that offers protocols is told which is spoken: browsers insist on that."""
    options: dict[str, Any] = {"origin": "http://localhost:5173", "protocols": ("chat.v1", "b")}
    async with connected(house, **options) as client:
        assert client.ws.protocol == "chat.v1"
        await client.say("ping")
        assert await client.next() == {"type": "pong"}


# --- so much, and no more ---


async def test_a_session_has_a_bound_of_messages_that_wait(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    """One too many is refused and not stored; it can be sent again."""
    monkeypatch.setattr(streams, "QUEUE", 2)
    hold = Hold()
    house.fake.script(Answer(hold=hold))
    async with connected(house) as client:
        for number in (1, 2, 3):
            await client.say("chat", sessionId="s", message=f"{number}", messageId=f"m{number}")
        error = await client.next()
        assert (error["code"], error["messageId"]) == ("too_many", "m3")
        hold.release()
        await client.answer(messageId="m2")
        await client.say("chat", sessionId="s", message="3", messageId="m3")
        await client.answer(messageId="m3")
    assert [request.said for request in house.fake.requests] == ["1", "2", "3"]


async def test_a_socket_has_a_bound_of_answers(house: House, monkeypatch: pytest.MonkeyPatch):
    """Of all its conversations together."""
    monkeypatch.setattr(streams, "MOST", 3)
    house.fake.default = Answer(hold=Hold())
    async with connected(house) as client:
        for number in range(4):
            await client.say("chat", sessionId=f"s{number}", message="hi")
        error = await client.next()
        assert (error["code"], error["sessionId"]) == ("too_many", "s3")


async def test_a_reader_that_never_reads_is_cut_off(house: House, monkeypatch: pytest.MonkeyPatch):
    """Others read on meanwhile, and what it asked is answered all the same."""
    monkeypatch.setattr(outbox, "WRITING", 0.2)
    huge = "wörds and " * 200_000
    house.fake.script(Answer(huge, chunk=50_000))
    deaf = socket.socket()
    try:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(deaf, ("127.0.0.1", house.port))
        lines = ["GET /ws HTTP/1.1", "Host: localhost", *(f"{n}: {v}" for n, v in HANDSHAKE)]
        await loop.sock_sendall(deaf, ("\r\n".join(lines) + "\r\n\r\n").encode())
        frame = b'{"type":"chat","sessionId":"s","messageId":"m","message":"hi"}'
        await loop.sock_sendall(deaf, bytes([0x81, 0x80 + len(frame), 0, 0, 0, 0]) + frame)
        await house.fake.came(1)
        async with connected(house) as client:
            await client.say("chat", sessionId="s", message="hi", messageId="m")
            assert shown(await client.answer()) == huge
            await until(lambda: len(house.gateway.web.server.connections) == 1)
    finally:
        deaf.close()


async def test_clients_are_told_that_the_server_restarts(house: House):
    """1012, at once, also those in the middle of an answer, which then goes on elsewhere."""
    house.fake.script(Answer("one two", hold=Hold(), hold_after=1))
    async with connected(house) as idle, connected(house, "/") as busy:
        await busy.say("chat", sessionId="s", message="hi")
        await busy.until(is_stream)
        reading = [asyncio.create_task(client.closed()) for client in (idle, busy)]
        await stop(house.gateway, grace=0)
        assert await asyncio.gather(*reading) == [1012, 1012]
    assert all(frame["type"] == "stream" for frame in busy.seen)


async def test_a_client_that_vanishes_takes_its_tasks_along(house: House):
    """Nothing is kept for it, however many answers it followed."""
    house.fake.default = Answer(hold=Hold())
    before = len(asyncio.all_tasks())
    async with connected(house) as client:
        for number in range(4):
            await client.say("chat", sessionId=f"s{number}", message="hi")
        await house.fake.came(4)
        client.ws._response.connection.transport.abort()
    await until(lambda: not house.gateway.web.server.connections)
    for task in list(house.gateway.handler._tasks):
        task.cancel()
    await until(lambda: len(asyncio.all_tasks()) <= before + 4)
