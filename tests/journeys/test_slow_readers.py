"""Two hundred clients that ask and never read: they cost little, and hold up nobody."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from adapters.web.sse import SEND_BUFFER, STREAMS, EventStream
from tests.fakes.anthropic import Answer
from tests.journeys.house import House, until

READERS = 200
LONG = "All of it, word by word. " * 16_000  # 400 KB: ten times what a model says at most
HELD = 128 * 1024  # bytes in the process for one that does not read


@asynccontextmanager
async def deaf(port: int, request: bytes) -> AsyncIterator[None]:
    """A client that sends its request and reads nothing, not even what its kernel would take."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(client, ("127.0.0.1", port))
        await loop.sock_sendall(client, request)
        yield


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def post(path: str, body: object) -> bytes:
    data = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return head.encode() + b"Content-Length: %d\r\n\r\n" % len(data) + data


def held(house: House) -> list[int]:
    """The bytes that wait in the process, for each open stream."""
    transports = [stream.response._req.transport for stream in house.gateway.web.app[STREAMS]]
    return [transport.get_write_buffer_size() for transport in transports if transport]


async def crowd(house: House, around: AsyncExitStack, request: bytes) -> None:
    seen: set[EventStream] = set()  # the impatient may have left before the last has come

    def all_came() -> bool:
        seen.update(house.gateway.web.app[STREAMS])
        return len(seen) >= READERS

    for _ in range(READERS):
        await around.enter_async_context(deaf(house.port, request))
        all_came()
    await until(all_came)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A heartbeat that a test can wait for."""
    monkeypatch.setitem(EventStream.__init__.__kwdefaults__, "heartbeat", 0.5)


async def test_followers_that_never_read_hold_up_nobody(house: House, impatient: None):
    """The one that reads has the whole answer; each of the others holds a bounded rest of it.

    One that comes when all is said gets it twice in one piece: the words, and the message.
    """
    house.fake.script(Answer(LONG, chunk=20_000, gap=0.01))
    receipt = await house.post("s", "hi")
    await house.fake.came(1)
    path = get(f"/api/v1/sessions/s/events?after={receipt['runId']}.1.0")
    async with AsyncExitStack() as around:
        await crowd(house, around, path)
        viewer = await house.ask("s", "hi", receipt["messageId"])
        assert viewer.text == LONG
        assert max(held(house)) < 2 * len(LONG) + HELD
        await until(lambda: not house.gateway.web.app[STREAMS])


async def test_what_waits_for_them_is_bounded(house: House):
    """All in all a few megabytes, however long the answer grows while they do not read."""
    house.fake.script(Answer(LONG, chunk=4_000, gap=0.004))
    receipt = await house.post("s", "hi")
    await house.fake.came(1)
    async with AsyncExitStack() as around:
        path = get(f"/api/v1/sessions/s/events?after={receipt['runId']}.1.0")
        await crowd(house, around, path)
        most = 0
        while house.gateway.handler.running:
            most = max(most, sum(held(house)))
            await asyncio.sleep(0.05)
        assert most < READERS * (HELD + SEND_BUFFER)


async def test_askers_that_never_read_are_answered_and_let_go(house: House, impatient: None):
    """Each message has its answer stored, and no connection stays."""
    async with AsyncExitStack() as around:
        for number in range(READERS):
            body = {"message": "hi", "sessionId": f"s{number}"}
            await around.enter_async_context(deaf(house.port, post("/api/chat", body)))
        await until(lambda: len(house.fake.requests) == READERS)
        await house.idle()
        await until(lambda: not house.gateway.web.app[STREAMS])
        assert {len(await house.said(f"s{number}")) for number in range(0, READERS, 20)} == {2}
