"""The AI SDK's frames on the WebSocket."""

from typing import Any

import pytest

from tests.fakes.anthropic import Answer, Hold, Status
from tests.journeys import test_ui
from tests.journeys.house import SOON, House, until
from tests.journeys.sockets import Client, Door, connected, signing_in
from tests.journeys.test_socket_sign_in import FOREVER, Patient
from tests.journeys.test_ui import body, message


async def send(client: Client, request: str, sent: dict[str, Any]) -> None:
    await client.say("send", requestId=request, headers={}, body={}, **sent)


async def resume(client: Client, request: str, chat: str = "c", **more: Any) -> None:
    await client.say("resume", requestId=request, id=chat, headers={}, body={}, **more)


def ends(request: str):
    return lambda frame: frame["type"] == "end" and frame["requestId"] == request


def chunks(client: Client, request: str) -> list[dict[str, Any]]:
    """A request's chunks; fails where the SDK's client would."""
    frames = [frame for frame in client.seen if frame["requestId"] == request]
    assert frames[0] == {"type": "start", "requestId": request}
    told = [frame for frame in frames if frame["type"] == "chunk"]
    first = told[0]["sequence"]
    assert [frame["sequence"] for frame in told] == list(range(first, first + len(told)))
    return [frame["chunk"] for frame in told]


def has(client: Client, request: str, text: str):
    return lambda _: text in shown(client, request)


def shown(client: Client, request: str) -> str:
    of = [frame for frame in client.seen if frame["requestId"] == request]
    return test_ui.shown([frame["chunk"] for frame in of if frame["type"] == "chunk"])


async def test_the_chunks_are_those_of_http(house: House):
    """Numbered from 0, between `start` and `end`."""
    async with connected(house) as client:
        await send(client, "r", body("c", message("hi", "m")))
        await client.until(ends("r"))
    over_http = await test_ui.send(house, body("c", message("hi", "m")))
    assert chunks(client, "r") == over_http.chunks
    assert client.seen[1]["sequence"] == 0


async def test_requests_do_not_wait_for_each_other(house: House):
    """Each has its answer under its own id, also two for the same."""
    hold = Hold()
    house.fake.script(Answer("slow", hold=hold))
    async with connected(house, "/") as client:
        await send(client, "a", body("c", message("one", "1")))
        await send(client, "b", body("c", message("one", "1")))
        await house.fake.came(1)
        await send(client, "d", body("d", message("two", "2")))
        await client.until(ends("d"))
        hold.release()
        await client.until(lambda _: {"a", "b"} <= ended(client))
    assert shown(client, "a") == shown(client, "b") == "slow"
    assert shown(client, "d") == "You said: two"
    assert len(house.fake.requests) == 2


def ended(client: Client) -> set[str]:
    return {frame["requestId"] for frame in client.seen if frame["type"] == "end"}


async def test_a_request_in_use_is_refused(house: House):
    """Its frames could not be told from the other's."""
    house.fake.script(Answer(hold=Hold()))
    async with connected(house) as client:
        await send(client, "r", body("c", message("hi", "m")))
        await send(client, "r", body("c", message("hi", "m")))
        *_, error = await client.until(lambda frame: frame["type"] == "error")
    assert "in use" in error["errorText"]


async def test_a_failure_is_an_error_chunk(house: House):
    """As over HTTP; then the request ends."""
    house.fake.default = Status(500, retry_after=SOON)
    async with connected(house) as client:
        await send(client, "r", body("c", message("hi", "m")))
        await client.until(ends("r"))
    assert chunks(client, "r")[-1]["type"] == "error"


@pytest.mark.parametrize("last", [None, 0, 2, 5])
async def test_a_resumed_answer_is_replayed(either: House, last: int | None):
    """Whole; for who says what it has, numbered from there, and what it has is taken back."""
    hold = Hold()
    either.fake.script(Answer("one two three", hold=hold, hold_after=2))
    async with connected(either) as first:
        await send(first, "r", body("c", message("count", "m")))
        await first.until(has(first, "r", "one"))
    before = chunks(first, "r")[: 0 if last is None else last + 1]
    async with connected(either) as second:
        await resume(second, "s", lastSequence=last)
        await second.until(has(second, "s", "one"))
        hold.release()
        await second.until(ends("s"))
        after = chunks(second, "s")
        assert after[0] == chunks(first, "r")[0]
        assert second.seen[1]["sequence"] == (0 if last is None else last + 1)
        assert test_ui.shown([*before, *after]) == "one two three"
        await resume(second, "t", lastSequence=last)
        assert await second.next() == {"type": "no-active", "requestId": "t"}


@pytest.mark.parametrize("chat", ["nobody", "c"])
async def test_there_may_be_nothing_to_resume(house: House, chat: str):
    """No such chat, or an idle one."""
    await test_ui.send(house, body("c", message("hi", "m")))
    async with connected(house) as client:
        await resume(client, "r", chat)
        assert await client.next() == {"type": "no-active", "requestId": "r"}


async def test_aborting_what_was_sent_stops_the_answer(either: House):
    """The person wished so; other readers are told."""
    either.fake.script(Answer("one two", hold=Hold(), hold_after=1))
    async with connected(either) as client, connected(either) as other:
        await send(client, "r", body("c", message("count", "m")))
        await client.until(has(client, "r", "one"))
        await resume(other, "s")
        await other.until(has(other, "s", "one"))
        await client.say("abort", requestId="unknown")
        await client.say("abort", requestId="r")
        await other.until(ends("s"))
        assert chunks(other, "s")[-1] == {"type": "abort"}
        await client.say("ping")
        assert (await client.until(lambda frame: frame["type"] == "pong"))[-1] == {"type": "pong"}


@pytest.mark.parametrize("again", [True, False])
async def test_aborting_what_was_resumed_stops_unless_it_is_resumed_again(house: House, again: Any):
    """A client that resumes twice lets the first go: the answer is wanted all the same."""
    clock, hold = Patient(), Hold()
    house.fake.script(Answer("one two", hold=hold, hold_after=1))
    async with (
        signing_in(house, Door(ann=FOREVER), clock) as url,
        house.http.ws_connect(url) as ws,
        house.http.ws_connect(url) as watching,
    ):
        client, other = Client(ws), Client(watching)
        for each in (client, other):
            await each.say("auth", token="ann")
            await each.next()
        client.seen, other.seen = [], []
        await send(other, "o", body("c", message("count", "m")))
        await other.until(has(other, "o", "one"))
        await resume(client, "r")
        await client.until(has(client, "r", "one"))
        await client.say("abort", requestId="r")
        if again:
            await resume(client, "s")
            await client.until(has(client, "s", "one"))
        await until(lambda: 1.0 in clock.slept)
        clock.wake.set()
        if again:
            hold.release()
        await other.until(ends("o"))
    last = chunks(other, "o")[-1]["type"]
    assert last == ("finish" if again else "abort")
