"""What happens at the limits: the one too many, the one too slow, the one just like another."""

import asyncio
from typing import Any

import pytest
from limits import RateLimitItemPerMinute, RateLimitItemPerSecond

from adapters.web.errors import Refused, response_to
from tests.fakes.anthropic import Answer, Hold
from tests.journeys import raw
from tests.journeys.house import House, serving
from tests.journeys.test_auth import ALL, SEND, SITE, asked, bearing, told, user, visitor
from tests.journeys.test_native import has
from tests.journeys.test_openai import post

REQUESTS = (RateLimitItemPerSecond(3, 60),)
FAILURES = (RateLimitItemPerMinute(3),)
REFRESH = "/api/v1/visitor/refresh"


@pytest.fixture
def few_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three requests of an address are enough."""
    monkeypatch.setattr("adapters.web.door.limits.REQUESTS", REQUESTS)


@pytest.fixture
def few_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three bad tokens of an address are enough."""
    monkeypatch.setattr("adapters.web.door.limits.FAILURES", FAILURES)


async def refused(house: House, method: str, path: str, headers: dict[str, str], **more: Any):
    """Send a request that has to be one too many; the body of the refusal."""
    async with house.http.request(method, path, headers=headers, **more) as response:
        assert response.status == 429
        assert 0 < int(response.headers["Retry-After"]) <= 60
        return (await response.json())["error"]


async def statuses(house: House, method: str, path: str, headers: dict[str, str]) -> list[int]:
    """What three requests in a row are answered with."""
    return [(await asked(house, method, path, headers))[0] for _ in range(3)]


# --- one too many ---


async def test_only_so_many_messages_wait_for_an_answer(either: House):
    """Sixteen; the next one is 429 and is not stored, and those that were taken are answered."""
    hold = Hold()
    either.fake.script(Answer("first", hold=hold))
    await either.post("s", "0")
    await hold.reached.wait()
    for number in range(1, 17):
        await either.post("s", f"{number}")
    refusal = await refused(either, "POST", SEND, {}, json={"text": "one too many"})
    assert refusal["code"] == "rate_limited"
    hold.release()
    await either.idle()
    said = [text for role, text in await either.said("s") if role == "user"]
    assert said == [f"{number}" for number in range(17)]


async def test_an_answer_anew_counts_as_a_message(url: str):
    """`RATE_LIMIT` holds for both together, and no model hears of the one too many."""
    path = "/api/v1/sessions/s/regenerate"
    async with serving(url, **ALL, rate_limit="3/minute") as house:
        await told(house, user("ada"), "hi")
        for _ in range(2):
            async with house.stream("POST", path, headers=user("ada"), json={}) as viewer:
                await viewer.read()
        refusal = await refused(house, "POST", path, user("ada"), json={})
        assert refusal["code"] == "rate_limited"
        assert len(house.fake.requests) == 3


async def test_an_address_without_a_token_may_ask_so_often(url: str, few_requests: None):
    """401 each time, then 429."""
    async with serving(url, **ALL) as house:
        assert await statuses(house, "GET", SEND, {}) == [401] * 3
        await refused(house, "GET", SEND, {})


async def test_credentials_of_another_scheme_are_bad_ones(url: str, few_failures: None):
    """They count as tries: 401 each time, then 429."""
    basic = {"Authorization": "Basic x"}
    async with serving(url, **ALL) as house:
        assert await statuses(house, "GET", SEND, basic) == [401] * 3
        await refused(house, "GET", SEND, basic)


async def test_a_visitors_token_is_not_renewed_without_end(url: str, few_requests: None):
    """Good tokens count as requests, as anybody may ask there."""
    async with serving(url, **ALL) as house:
        headers = await visitor(house)
        for _ in range(3):
            status, renewed = await asked(house, "POST", REFRESH, headers)
            assert status == 200
            headers = bearing(renewed["token"], Origin=SITE)
        await refused(house, "POST", REFRESH, headers)


async def test_bad_tokens_are_not_renewed_so_often(url: str, few_failures: None):
    """They count as tries: 401 each time, then 429."""
    bad = bearing("x.y.z", Origin=SITE)
    async with serving(url, **ALL) as house:
        assert await statuses(house, "POST", REFRESH, bad) == [401] * 3
        await refused(house, "POST", REFRESH, bad)


def test_nobody_is_told_to_come_back_at_once():
    """`Retry-After` is in whole seconds, and never none."""
    for seconds, told_as in ((0.2, "1"), (0, "1"), (1.2, "2")):
        response = response_to("/", Refused(429, "x", "x", retry_after=seconds))
        assert response.headers["Retry-After"] == told_as


# --- one too slow ---


async def test_a_body_that_stops_half_way_is_given_up(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    """408, in words; nothing was said."""
    monkeypatch.setattr("adapters.web.wire.BODY_SECONDS", 0.05)
    head = (
        b"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
    writer.write(head + b'{"message": "h')
    async with asyncio.timeout(10):
        reply = raw.Reply(await reader.readuntil(b"}"))  # for the end, the server takes its time
    writer.close()
    assert reply.status == 408
    assert "send it again" in reply.json["error"]
    assert not house.fake.requests


# --- one just like another ---


async def test_a_key_with_another_limit_is_another_request(house: House):
    """`max_tokens` makes the answer another one; the same limit again joins its run."""
    key = {"Idempotency-Key": "k"}
    names = [(await post(house, None, key, max_tokens=most))[1]["id"] for most in (10, 20, 20, 10)]
    assert names[0] != names[1]
    assert names[2:] == [names[1], names[0]]
    assert [each.body["max_tokens"] for each in house.fake.requests] == [10, 20]


async def test_a_refusal_that_depends_on_headers_says_so(url: str):
    """At `/api/chat` the 404 of JSON's clients is not what others get: caches have to know."""
    async with serving(url, **ALL) as house:
        sent = {"message": "hi", "sessionId": "unknown"}
        async with house.http.post("/api/chat", headers=user("ada"), json=sent) as response:
            assert response.status == 404
            vary = ", ".join(response.headers.getall("Vary"))
        assert {"Accept", "Authorization"} <= set(vary.split(", "))


async def test_who_has_read_the_end_of_a_running_answer_has_nothing_to_follow(house: House):
    """204 for its last mark, also while the answer is still being stored."""
    hold = Hold()
    house.fake.script(Answer("one two", hold=hold, hold_after=1))
    async with house.send("s", "hi") as viewer:
        await viewer.read(has("one "))
        mark = {"Last-Event-ID": f"{viewer.run}.1.end"}
        async with house.http.get("/api/v1/sessions/s/events", headers=mark) as response:
            assert (response.status, await response.read()) == (204, b"")
        hold.release()
        await viewer.read()
