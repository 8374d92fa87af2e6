"""The bytes of a stream. Each rule, where it was broken, has crashed some client."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from adapters.web.application import application
from adapters.web.routing import Access, Route
from adapters.web.sse import STREAMS, EventStream
from core.database import DatabaseDown
from gateway.app import stop
from tests.fakes.anthropic import Answer, Hold
from tests.journeys import raw
from tests.journeys.house import PATIENCE, House, listening, parse, until

BEAT = 0.02
JSON = ("Content-Type", "application/json")
DIALECTS = [("/api/chat", b'{"message": "hi"}'), ("/api/v1/sessions/s/messages", b'{"text": "hi"}')]
HUGE = "wörds and " * 100_000  # more than what two sockets hold


@pytest.fixture
def beating(monkeypatch: pytest.MonkeyPatch) -> None:
    """A heart that beats fifty times a second."""
    monkeypatch.setitem(EventStream.__init__.__kwdefaults__, "heartbeat", BEAT)


def unchunked(body: bytes) -> tuple[bytes, bool]:
    """A chunked body's bytes, and whether its last chunk came."""
    found = b""
    while True:
        size, _, body = body.partition(b"\r\n")
        if not size or not int(size, 16):
            return found, body == b"\r\n" and bool(size)
        found, body = found + body[: int(size, 16)], body[int(size, 16) + 2 :]


@asynccontextmanager
async def streaming(write, *, heartbeat: float = BEAT) -> AsyncIterator[web.AppRunner]:
    """A server of one stream, which `write(stream, request)` fills."""

    async def handle(request: web.Request) -> web.StreamResponse:
        async with EventStream(request, {}, heartbeat=heartbeat) as stream:
            await write(stream, request)
        return stream.response

    async with serving(_app(handle)) as runner:
        yield runner


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[web.AppRunner]:
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.01)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner
    finally:
        await runner.cleanup()


class Unlocked:
    """A gate that lets everybody in."""

    @web.middleware
    async def middleware(self, request, handler):
        return await handler(request)

    async def on_response_prepare(self, request, response):
        pass


def _app(handle) -> web.Application:
    route = Route(method="GET", path="/", handler=handle, says="", tag="", access=Access.ANYBODY)
    return application([route], Unlocked())


def port_of(runner: web.AppRunner) -> int:
    return int(runner.addresses[0][1])


@asynccontextmanager
async def deaf(port: int, path: str = "/") -> AsyncIterator[None]:
    """A client that sends its request and then reads nothing."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(client, ("127.0.0.1", port))
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"
        await loop.sock_sendall(client, request.encode())
        yield


async def cut_off(runner: web.AppRunner) -> None:
    """Wait until the server has let go of every connection."""
    assert runner.server
    await until(lambda: not runner.server.connections)


# --- what is sent ---


@pytest.mark.parametrize(("path", "body"), DIALECTS)
async def test_every_line_is_one_that_all_clients_survive(house: House, path: str, body: bytes):
    """LF alone, `data: ` with its space and one line of JSON, no `retry:`, `: ok` first of all."""
    house.fake.script(Answer("a\r\nb\rc\u2028d\n\n: e\ndata: f", chunk=3))
    reply = await raw.ask(house.port, "POST", path, [JSON], body)
    sent, whole = unchunked(reply.body)
    assert whole
    assert sent.startswith(b": ok\n")
    assert b"\r" not in sent
    assert b"retry" not in sent
    assert sent.endswith(b"}\n\n")
    for line in sent.split(b"\n"):
        assert not line.startswith(b"data") or line.startswith(b"data: {")
    assert (b"event: " in sent) is path.startswith("/api/v1/")
    assert parse(sent)  # which looks at every line


@pytest.mark.parametrize(("path", "body"), DIALECTS)
async def test_the_headers_keep_proxies_from_holding_words_back(
    house: House, path: str, body: bytes
):
    """Not cached, not buffered, not compressed, though the client may ask for that."""
    headers = [JSON, ("Accept-Encoding", "gzip, br")]
    reply = await raw.ask(house.port, "POST", path, headers, body)
    assert reply.header("Content-Type") == "text/event-stream; charset=utf-8"
    assert reply.header("Cache-Control") == "no-cache, no-transform"
    assert reply.header("X-Accel-Buffering") == "no"
    assert reply.header("Content-Encoding") is None


async def test_the_first_bytes_come_before_the_model_answers(house: House):
    """Headers and `: ok` at once, also for a message that waits for its turn."""
    hold = Hold()
    house.fake.script(Answer(hold=hold))
    async with house.say("first", "s") as first, house.say("second", "s") as second:
        for viewer in (first, second):
            await viewer.read(lambda viewer: viewer.raw)
            assert viewer.raw == b": ok\n"
        hold.release()
        assert (await first.read()).text == "You said: first"
        assert (await second.read()).text == "You said: second"


async def test_a_client_of_before_chunks_gets_the_same_bytes(house: House):
    """HTTP/1.0: the stream ends with its connection."""
    request = (
        b"POST /api/chat HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b'Content-Length: 17\r\n\r\n{"message": "hi"}'
    )
    reply = await raw.send(house.port, request)
    assert reply.header("Transfer-Encoding") is None
    assert parse(reply.body)[-1].data["type"] == "done"


# --- silence ---


async def test_a_heartbeat_is_one_line_without_a_blank_one(house: House, beating: None):
    """`: ping` and one newline, as often as it takes, before the first event and between two."""
    hold = Hold()
    house.fake.script(Answer("one two", hold=hold, hold_after=1))
    async with house.send("s", "hi") as viewer:
        await viewer.read(lambda viewer: viewer.raw.count(b": ping\n") >= 3)
        hold.release()
        await viewer.read()
    assert viewer.text == "one two"
    assert b": ping\n: ping\n" in viewer.raw
    assert b": ping\n\n" not in viewer.raw


async def test_a_stream_that_says_nothing_has_a_heartbeat(house: House, beating: None):
    """A message that waits behind another is pinged too."""
    hold = Hold()
    house.fake.script(Answer(hold=hold))
    async with house.say("first", "s") as first, house.say("second", "s") as second:
        await second.read(lambda viewer: viewer.raw == b": ok\n: ping\n: ping\n")
        hold.release()
        assert (await second.read()).text == "You said: second"
        assert (await first.read()).text == "You said: first"


async def test_no_heartbeat_splits_an_event():
    """Events and pings that come at the same time stay whole."""

    async def write(stream: EventStream, request: web.Request) -> None:
        for number in range(40):
            await stream.send(b'data: {"n":%d}\n\n' % number)
            await asyncio.sleep(BEAT / 4 if number % 8 else BEAT * 1.1)

    async with streaming(write) as runner:
        sent, whole = unchunked((await raw.ask(port_of(runner), "GET", "/")).body)
    assert whole
    assert [event.data["n"] for event in parse(sent)] == list(range(40))


# --- streams that break ---


@pytest.mark.parametrize(("path", "body"), DIALECTS)
async def test_half_an_answer_does_not_look_whole(house: House, path: str, body: bytes):
    """A server that has to stop breaks the connection: no last chunk, no last event."""
    house.fake.script(Answer("one two", hold=Hold(), hold_after=1))
    asking = asyncio.create_task(raw.ask(house.port, "POST", path, [JSON], body))
    await house.fake.came(1)
    await until(lambda: house.gateway.web.app[STREAMS])
    await stop(house.gateway, grace=0)
    sent, whole = unchunked((await asking).body)
    assert not whole
    assert sent.startswith(b": ok\n")
    assert not any(event.name.startswith("run.c") for event in parse(sent))


@pytest.mark.parametrize(("path", "body"), DIALECTS)
async def test_a_database_that_goes_away_breaks_the_stream(
    house: House, path: str, body: bytes, monkeypatch: pytest.MonkeyPatch
):
    """In the middle of a stream there is no other way to say so; the client comes again."""

    async def breaks(*_: object):
        raise DatabaseDown("gone")
        yield

    monkeypatch.setattr(house.gateway.handler, "follow", breaks)
    monkeypatch.setattr(house.gateway.handler, "watch", breaks)
    reply = await raw.ask(house.port, "POST", path, [JSON], body)
    assert unchunked(reply.body) == (b": ok\n", False)


@pytest.mark.parametrize(("path", "body"), DIALECTS)
async def test_a_database_that_is_away_is_told_before_the_stream(
    house: House, path: str, body: bytes, monkeypatch: pytest.MonkeyPatch
):
    """503 with the time to come again, as long as nothing has been promised."""

    async def away(*_: object, **__: object):
        raise DatabaseDown("gone")

    monkeypatch.setattr(house.gateway.database, "write", away)
    reply = await raw.ask(house.port, "POST", path, [JSON], body)
    monkeypatch.undo()
    assert reply.status == 503
    assert reply.header("Retry-After") == "2"
    assert reply.json["error"]


async def test_a_reader_that_leaves_is_noticed_at_once(house: House):
    """No stream is kept for nobody, though the model is silent."""
    house.fake.script(Answer(hold=Hold()))
    async with house.say("hi") as viewer:
        await viewer.read(lambda viewer: viewer.raw)
        assert len(house.gateway.web.app[STREAMS]) == 1
    await until(lambda: not house.gateway.web.app[STREAMS])


@pytest.mark.parametrize("after", [0, 1, 3])
async def test_a_reader_that_has_left_is_no_error(after: int):
    """However far the answer was: nothing is logged, and no stream stays open for nobody."""

    async def handle(request: web.Request) -> web.StreamResponse:
        assert request.transport
        if not after:
            request.transport.close()
        async with EventStream(request, {}) as stream:
            for number in range(1, 5):
                await stream.send(b'data: {"n":%d}\n\n' % number)
                if number == after:
                    request.transport.close()
        return stream.response

    app = _app(handle)
    with listening() as complaints:
        async with serving(app) as runner:
            await raw.ask(port_of(runner), "GET", "/")
            await cut_off(runner)
    assert not app[STREAMS]
    assert complaints == []


# --- readers that do not read ---


async def test_a_reader_that_never_reads_holds_up_nobody_and_is_cut_off(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    """The other viewer has the whole answer, and the deaf one's connection is torn down."""
    monkeypatch.setitem(EventStream.__init__.__kwdefaults__, "heartbeat", BEAT * 10)
    house.fake.script(Answer(HUGE, chunk=50_000))
    receipt = await house.post("s", "hi")
    await house.fake.came(1)
    path = f"/api/v1/sessions/s/events?after={receipt['runId']}.1.0"
    async with deaf(house.port, path):
        await until(lambda: house.gateway.web.app[STREAMS])
        viewer = await house.ask("s", "hi", receipt["messageId"])
        assert viewer.text == HUGE
        await until(lambda: not house.gateway.web.app[STREAMS])
    assert (await house.said("s"))[1][1] == HUGE


async def test_a_reader_that_does_not_take_the_end_is_cut_off():
    """Also if the last words are written already, and only the stream's end is left to send."""

    async def write(stream: EventStream, request: web.Request) -> None:
        assert request.transport
        request.transport.set_write_buffer_limits(high=0)
        while not request.transport.get_write_buffer_size():
            await stream.send(b": %b\n" % (b"x" * 999))
        full.set()

    full = asyncio.Event()
    async with streaming(write) as runner, deaf(port_of(runner)):
        await full.wait()
        await cut_off(runner)


async def test_a_reader_that_does_not_take_a_heartbeat_is_cut_off():
    """Though the model has nothing to say meanwhile."""

    async def write(stream: EventStream, request: web.Request) -> None:
        assert request.transport
        request.transport.set_write_buffer_limits(high=0)
        writer = stream.response._payload_writer
        assert writer
        while not request.transport.get_write_buffer_size():
            await stream.send(b": %b\n" % (b"x" * 999))
        writer.buffer_size = 1 << 16  # the next byte waits until the client takes some
        full.set()
        await asyncio.Event().wait()

    full = asyncio.Event()
    async with streaming(write) as runner, deaf(port_of(runner)):
        await full.wait()
        await cut_off(runner)


async def test_a_slow_reader_is_not_cut_off():
    """It takes little, but it takes something: the whole answer reaches it."""

    async def write(stream: EventStream, request: web.Request) -> None:
        for _ in range(40):
            await stream.send(b": %b\n" % (b"x" * 65_536))

    got = 0
    async with streaming(write, heartbeat=BEAT * 10) as runner:
        url = f"http://127.0.0.1:{port_of(runner)}/"
        async with (
            aiohttp.ClientSession(read_bufsize=1024, timeout=PATIENCE) as http,
            http.get(url) as response,
        ):
            while chunk := await response.content.read(50_000):
                got += len(chunk)
                await asyncio.sleep(BEAT / 4)
    assert got == 40 * 65_539 + len(b": ok\n")
