"""Who may speak on a socket, where people have to sign in."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import WSServerHandshakeError

from tests.fakes.anthropic import Answer, Hold
from tests.fakes.clock import VirtualClock
from tests.journeys.house import House, serving, until
from tests.journeys.sockets import Client, Door, signing_in
from tests.journeys.test_auth import ALL, KEY, OTHER, SITE, user, visitor

FOREVER = float("inf")


class Patient(VirtualClock):
    """A clock on which nobody's sleep ends before `wake`."""

    def __init__(self) -> None:
        super().__init__()
        self.wake = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await self.wake.wait()


async def code(client: Client, kind: str, **frame: object) -> str:
    """Say something; the code of the error that is the answer."""
    await client.say(kind, **frame)
    answer = await client.next()
    assert answer["type"] == "error"
    return str(answer["code"])


async def answer(client: Client, **frame: object) -> str:
    await client.say("chat", **frame)
    frames = await client.answer()
    assert frames[-1]["type"] == "done", frames
    return "".join(each.get("content", "") for each in frames)


async def test_a_token_may_come_with_every_frame(house: House):
    """It is looked at once, not for each; and without one there is no answer."""
    door = Door(ann=FOREVER)
    async with signing_in(house, door, Patient()) as url, house.http.ws_connect(url) as ws:
        client = Client(ws)
        assert await code(client, "chat", message="hi") == "unauthorized"
        for text in ("one", "two"):
            assert await answer(client, message=text, token="ann") == f"You said: {text}"
        assert await answer(client, message="three") == "You said: three"
    assert door.asked == [("ann", None)]


async def test_a_token_may_come_first(house: House):
    """In a frame of its own, or as a header of the handshake where that can be set."""
    door = Door(ann=FOREVER)
    headers = {"Authorization": "Bearer ann", "Origin": "https://shop.example"}
    async with signing_in(house, door, Patient()) as url:
        async with house.http.ws_connect(url) as ws:
            client = Client(ws)
            await client.say("auth", token="ann")
            assert await client.next() == {"type": "authenticated"}
            assert await answer(client, message="one") == "You said: one"
        async with house.http.ws_connect(url, headers=headers) as ws:
            assert await answer(Client(ws), message="two") == "You said: two"
        headers["Authorization"] = "Bearer bob"
        async with house.http.get(url, headers=headers | HANDSHAKE) as response:
            assert response.status == 401
    assert door.asked[1:] == [("ann", "https://shop.example"), ("bob", "https://shop.example")]


HANDSHAKE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}


async def test_who_does_not_sign_in_is_sent_away(house: House):
    """After ten seconds, 4401; a ping or a wrong token does not count as signing in."""
    clock = Patient()
    async with (
        signing_in(house, Door(ann=FOREVER), clock) as url,
        house.http.ws_connect(url) as first,
        house.http.ws_connect(url) as second,
    ):
        stranger, known = Client(first), Client(second)
        await stranger.say("ping")
        await stranger.next()
        assert await code(stranger, "auth", token="bob") == "unauthorized"
        assert await code(stranger, "auth") == "unauthorized"
        await known.say("auth", token="ann")
        await known.next()
        await until(lambda: clock.slept == [10.0, 10.0])
        clock.wake.set()
        assert await stranger.closed() == 4401
        assert await answer(known, message="hi") == "You said: hi"


async def test_a_token_that_ends_is_refused_with_the_next_frame(house: House):
    """Until a new one comes; what is under way is told to its end."""
    clock, hold = Patient(), Hold()
    house.fake.script(Answer("slow", hold=hold))
    door = Door(ann=clock.now() + 30)
    async with signing_in(house, door, clock) as url, house.http.ws_connect(url) as ws:
        client = Client(ws)
        await client.say("chat", sessionId="s", message="hi", token="ann")
        await house.fake.came(1)
        clock.advance(30)
        assert await code(client, "cancel", sessionId="s") == "unauthorized"
        hold.release()
        assert (await client.answer())[-1]["type"] == "done"
        door.expiries["ann2"] = clock.now() + 30
        assert await answer(client, message="more", token="ann2") == "You said: more"


async def test_a_token_that_was_revoked_ends_within_a_minute(house: House):
    """It is looked at again then, also if no frame brings it."""
    clock, door = Patient(), Door(ann=FOREVER)
    async with signing_in(house, door, clock) as url, house.http.ws_connect(url) as ws:
        client = Client(ws)
        assert await answer(client, message="one", token="ann") == "You said: one"
        door.revoked.add("ann")
        clock.advance(59)
        assert await answer(client, message="two") == "You said: two"
        clock.advance(1)
        assert await code(client, "chat", message="three") == "unauthorized"
        door.revoked.clear()
        assert await code(client, "chat", message="four") == "unauthorized"
        assert await answer(client, message="five", token="ann") == "You said: five"


async def test_a_wrong_token_does_not_pass_for_the_one_before(house: House):
    """It is refused, and takes nothing from who signed in."""
    door = Door(ann=FOREVER)
    async with signing_in(house, door, Patient()) as url, house.http.ws_connect(url) as ws:
        client = Client(ws)
        assert await answer(client, message="one", token="ann") == "You said: one"
        assert await code(client, "chat", message="two", token="bob") == "unauthorized"
        assert await answer(client, message="three") == "You said: three"


@pytest.mark.parametrize(
    "reach",
    [
        lambda client: client.say("cancel", sessionId="s", token="bob"),
        lambda client: client.say("resume", sessionId="s", token="bob"),
        lambda client: client.say(
            "resume", requestId="r", id="s", headers={"authorization": "Bearer bob"}
        ),
    ],
)
async def test_people_on_one_socket_do_not_meet(
    house: House, reach: Callable[[Client], Awaitable[None]]
):
    """Whoever the frame is from has only their own conversations, whatever they are called."""
    hold = Hold()
    house.fake.script(Answer("for ann", hold=hold))
    door = Door(ann=FOREVER, bob=FOREVER)
    async with signing_in(house, door, Patient()) as url, house.http.ws_connect(url) as ws:
        client = Client(ws)
        await client.say("chat", sessionId="s", message="hi", token="ann")
        await house.fake.came(1)
        await reach(client)
        reply = await client.next()
        assert reply["type"] == "no-active" or reply["running"] is False
        hold.release()
        *_, done = await client.answer()
        assert "cancelled" not in done


async def test_the_ai_sdks_frames_bring_the_token_among_headers(house: House):
    """As its client sends the headers that it was given."""
    door = Door(ann=FOREVER)
    parts = [{"type": "text", "text": "hi"}]
    sent = {"id": "c", "messages": [{"id": "m", "role": "user", "parts": parts}]}
    async with signing_in(house, door, Patient()) as url, house.http.ws_connect(url) as ws:
        client = Client(ws)
        await client.say("send", requestId="1", **sent)
        assert (await client.next())["errorText"] == "No token provided"
        await client.say("send", requestId="2", headers={"Authorization": "Basic x"}, **sent)
        assert (await client.next())["errorText"] == "Invalid token"
        await client.say("send", requestId="3", headers={"authorization": "Bearer ann"}, **sent)
        frames = await client.until(lambda frame: frame["type"] == "end")
    assert {frame["requestId"] for frame in frames} == {"3"}


async def test_the_gateways_own_gate_stands_at_the_socket(url: str, swift: None):
    """Tokens, pages and programs are told apart as they are over HTTP."""
    async with serving(url, **ALL) as house:
        token = user("ann")["Authorization"].removeprefix("Bearer ")
        page = (await visitor(house))["Authorization"].removeprefix("Bearer ")
        async with house.http.ws_connect("/", origin=SITE) as ws:
            client = Client(ws)
            assert await code(client, "chat", message="hi") == "unauthorized"
            assert await code(client, "auth", token=KEY) == "key_in_a_page"
            assert await answer(client, message="hi", token=page) == "You said: hi"
        async with house.http.ws_connect("/ws") as ws:
            client = Client(ws)
            assert await code(client, "auth", token=f"{token}x") == "unauthorized"
            assert await answer(client, message="one", token=token) == "You said: one"
            assert await answer(client, message="two", token=KEY) == "You said: two"
        with pytest.raises(WSServerHandshakeError) as refused:
            await house.http.ws_connect("/ws", origin=OTHER)
        assert refused.value.status == 403
