"""Events over a connection of our own: taken in, kept up, made anew, and left without a trace."""

import asyncio
import gc
import logging
import weakref

import pytest
import pytest_asyncio
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from structlog.testing import capture_logs

from adapters.slack.socket_mode import PACE, SocketMode
from tests.core.stage import Pause

PATIENCE = 10  # seconds until a test that waits for what never comes gives up


async def authorize(**_):
    return AuthorizeResult(
        enterprise_id=None, team_id="T1", bot_token="xoxb-1", bot_id="BBOT", bot_user_id="UBOT"
    )


@pytest.fixture
def app(client):
    return AsyncApp(
        name="gateway",
        client=client,
        authorize=authorize,
        signing_secret="x",
        request_verification_enabled=False,
        process_before_response=True,
        attaching_conversation_kwargs_enabled=False,
        attaching_function_token_enabled=False,
    )


@pytest_asyncio.fixture
async def connect(app, fake, clock):
    """Starts a connection, which is ended with the test; then nothing of it is left."""
    made, before = [], asyncio.all_tasks()

    def start(token=fake.app_token, **options):
        made.append(SocketMode(app, token, clock=clock, **options))
        made[-1].start()
        return made[-1]

    async with asyncio.timeout(PATIENCE):
        yield start
        for each in made:
            await each.stop()
            assert not each.connected
    left = {task.get_name() for task in asyncio.all_tasks() - before}
    assert not {name for name in left if "slack" in name}
    assert not fake.sockets.open or await gone(fake)


async def gone(fake):
    """The other side sees that the connection is over."""
    return await reached(lambda: not fake.sockets.open)


async def reached(look):
    while not look():  # noqa: ASYNC110 - nobody is told
        await asyncio.sleep(0)
    return True


def message(fake, text="Hi"):
    acme = fake.workspace()
    return acme.envelope(acme.message_event(acme.say(acme.im(), "U1", text)))


async def test_what_comes_is_taken_in_and_acknowledged(app, fake, connect):
    """As over HTTP, an event and a command, whose answer goes along."""
    heard = []

    @app.event("message")
    async def hear(event):
        heard.append(event["text"])

    @app.command("/ai")
    async def answer(ack, command):
        await ack({"text": f"so {command['text']}"})

    socket = connect()
    acme = fake.workspace()
    first = await fake.socket_send(acme, "events_api", message(fake))
    assert await fake.sockets.acked(first) is None
    assert heard == ["Hi"]
    second = await fake.socket_send(acme, "slash_commands", acme.command("what"))
    assert await fake.sockets.acked(second) == {"text": "so what"}
    assert socket.connected
    await socket.look()
    assert socket.trouble is None


async def test_what_was_not_taken_in_is_not_acknowledged(app, fake, connect, caplog):
    """So that Slack sends it again. What broke is told by its name, not by its words."""
    outcomes = [ValueError("secret"), None]

    @app.event("message")
    async def hear():
        if (error := outcomes.pop(0)) is not None:
            raise error

    connect()
    caplog.set_level(logging.CRITICAL)  # what the application logs is its own business
    first = await fake.socket_send(fake.workspace(), "events_api", message(fake))
    second = await fake.socket_send(fake.workspace(), "events_api", message(fake))
    await fake.sockets.acked(second)
    assert first not in fake.sockets.acks


async def test_a_stop_acknowledges_what_was_taken_in(app, fake, connect):
    """It waits for that, and takes in no more."""
    pause = Pause()

    @app.event("message")
    async def hear():
        await pause()

    socket = connect()
    envelope = await fake.socket_send(fake.workspace(), "events_api", message(fake))
    await pause.reached.wait()
    stopping = asyncio.create_task(socket.stop())
    for _ in range(50):
        await asyncio.sleep(0)
    assert not stopping.done()
    pause.go()
    await stopping
    await fake.sockets.acked(envelope)


async def test_no_listener_is_lost_to_the_garbage_collector(app, fake, connect):
    """Also one that waits for something that nobody but itself knows."""
    waiting = []

    @app.event("message")
    async def hear():
        own = asyncio.get_running_loop().create_future()
        waiting.append(weakref.ref(own))
        await own

    connect()
    envelope = await fake.socket_send(fake.workspace(), "events_api", message(fake))
    await reached(lambda: waiting)
    gc.collect()
    own = waiting[0]()
    assert own is not None
    own.set_result(None)
    await fake.sockets.acked(envelope)


@pytest.mark.parametrize("how", ["asked", "dropped"])
async def test_a_lost_connection_is_made_again(app, fake, connect, how):
    """When Slack asks for it, and when it breaks; what comes then is taken in."""

    @app.event("message")
    async def hear():
        pass

    connect(ping=0.3)
    await fake.sockets.connected()
    if how == "asked":
        await fake.sockets.disconnect()
    else:
        fake.sockets.drop()
    await reached(lambda: fake.sockets.opened > 1)
    envelope = await fake.socket_send(fake.workspace(), "events_api", message(fake))
    await fake.sockets.acked(envelope)


async def test_a_wrong_token_is_told_once_a_minute(fake, connect, clock, caplog):
    """In Slack's word, without a traceback; it may be put right at Slack."""
    with capture_logs() as logs:
        socket = connect("xapp-wrong", ping=0.01)
        await fake.came("apps.connections.open", 4)
        assert [(each["event"], each["error"]) for each in logs] == [
            ("slack.socket_mode_trouble", "invalid_auth")
        ]
        clock.advance(60)
        await fake.came("apps.connections.open", 7)
        assert len(logs) == 2
    assert (socket.connected, socket.trouble) == (False, "invalid_auth")
    assert "xapp" not in repr(logs) + caplog.text
    assert caplog.text == ""
    fake.app_token = "xapp-wrong"
    await reached(lambda: socket.connected)
    await socket.look()
    assert socket.trouble is None


async def test_a_silent_connection_is_made_anew_after_a_minute(fake, connect, clock):
    """It looks open, but nothing comes, not even a sign of life."""
    socket = connect()
    await fake.sockets.connected()
    await reached(lambda: socket._client.last_ping_pong_time)
    await socket.look()
    clock.advance(59)
    await socket.look()
    assert fake.sockets.opened == 1
    clock.advance(1)
    with capture_logs() as logs:
        await socket.look()
    assert [each["error"] for each in logs] == ["silence"]
    await reached(lambda: fake.sockets.opened == 2)
    await reached(lambda: socket.connected)


async def test_signs_of_life_keep_a_connection(app, fake, connect, clock):
    """An event in a minute is enough."""

    @app.event("message")
    async def hear():
        pass

    socket = connect()
    await fake.sockets.connected()
    for _ in range(4):
        envelope = await fake.socket_send(fake.workspace(), "events_api", message(fake))
        await fake.sockets.acked(envelope)
        await socket.look()
        clock.advance(50)
    assert fake.sockets.opened == 1


async def test_a_connection_that_never_comes_is_tried_anew(fake, connect, clock):
    """Slack took the request and went silent."""
    fake.hang("apps.connections.open")
    socket = connect()
    await fake.came("apps.connections.open")
    clock.advance(60)
    await socket.look()
    await fake.sockets.connected()
    await reached(lambda: socket.connected)


@pytest.mark.parametrize("method", ["apps.connections.open", None])
async def test_a_stop_in_the_midst_of_connecting_is_clean(fake, connect, method):
    """And stopping twice is stopping once."""
    if method:
        fake.hang(method)
    socket = connect()
    if method:
        await fake.came(method)
    await socket.stop()
    await socket.stop()
    assert not socket.connected


async def test_it_looks_after_itself(connect, clock, fake):
    """Every few seconds."""
    connect()
    await reached(lambda: clock.slept)
    assert clock.slept == [PACE]
    await fake.sockets.connected()
