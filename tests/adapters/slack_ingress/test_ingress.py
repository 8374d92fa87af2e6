"""The door: what comes in, and what is sent away."""

import asyncio
import json

import pytest

from adapters.slack import ingress
from core.database import DatabaseDown
from core.errors import Transient
from tests.adapters.slack_ingress.stage import FORM, OLD, door
from tests.fakes.slack import signed


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Slack-Signature": "v0=0"},
        {"X-Slack-Signature": ""},
        {"X-Slack-Signature": "v0=ä"},
        {"X-Slack-Request-Timestamp": "abc"},
        {"X-Slack-Request-Timestamp": ""},
        {"X-Slack-Request-Timestamp": "9" * 400},
        {"X-Slack-Request-Timestamp": "1799999699"},  # 301 seconds ago
        {"X-Slack-Request-Timestamp": "1800000301"},
        {"X-Slack-Request-Timestamp": "²"},
    ],
)
async def test_who_has_no_signature_stays_outside(headers):
    """401, and nothing is taken, whatever stands in the headers."""
    async with door() as house:
        answered = await house.post(json.dumps(house.dm()).encode(), headers)
        assert (answered.status, house.taken.events) == (401, [])


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b"payload=["])
async def test_unsigned_garbage_is_not_even_read(body):
    """The signature comes before all that could break: 401."""
    async with door() as house:
        answered = await house.post(body, sign=False)
        assert answered.status == 401
        assert "SLACK_SIGNING_SECRET" in answered.json["error"]


async def test_the_old_secret_counts_while_the_new_takes_over():
    """With two secrets set, what either of them signed comes in."""
    async with door() as house:
        body = json.dumps(house.dm()).encode()
        answered = await house.post(body, signed(OLD, body, house.clock.now()))
        assert (answered.status, len(house.taken.events)) == (200, 1)


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", "x", ""])
async def test_other_content_types_are_refused(kind):
    """JSON and forms are what Slack sends."""
    async with door() as house:
        answered = await house.post(json.dumps(house.dm()).encode(), {"Content-Type": kind})
        assert (answered.status, house.taken.events) == (400, [])


@pytest.mark.parametrize("kind", ["Application/JSON", "application/json; charset=bogus"])
async def test_a_content_type_may_be_written_otherwise(kind):
    """Case and parameters mean nothing: it is UTF-8 in any case."""
    async with door() as house:
        answered = await house.post(json.dumps(house.dm("ü")).encode(), {"Content-Type": kind})
        assert (answered.status, house.taken.events[0].text) == (200, "ü")


@pytest.mark.parametrize("size", [1024 * 1024 + 1, 5 * 1024 * 1024])
async def test_a_body_larger_than_1_mib_is_refused(size):
    """413, signed or not."""
    async with door() as house:
        assert (await house.post(b"x" * size)).status == 413


async def test_a_long_body_is_taken():
    """A click brings the message that it is on, which may be long."""
    async with door() as house:
        assert (await house.say(house.dm("x" * 450_000))).status == 200


async def test_a_body_in_chunks_has_the_same_limit():
    """413, before all of it came."""

    async def chunks():
        for _ in range(20):
            yield b"x" * 64 * 1024

    async with door() as house, house.http.post(f"{house.url}/slack/events", data=chunks()) as said:
        assert said.status == 413


async def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch):
    """408, and the connection is free for others."""
    monkeypatch.setattr(ingress, "PATIENCE", 0)
    async with door() as house:
        reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
        writer.write(b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
        assert b" 408 " in await reader.readline()
        writer.close()
        await writer.wait_closed()


async def test_a_body_of_another_encoding_than_its_headers_say_is_refused():
    """400: nobody can tell what it is."""
    async with door() as house:
        answered = await house.post(b"not zipped", {"Content-Encoding": "gzip"})
        assert answered.status == 400


async def test_the_challenge_is_answered_to_slack():
    """`url_verification` is sent back its challenge."""
    async with door() as house:
        answered = await house.say({"type": "url_verification", "challenge": "3eZbrw1a"})
        assert (answered.status, answered.json) == (200, {"challenge": "3eZbrw1a"})


async def test_the_challenge_is_answered_to_slack_alone():
    """Who has no signature does not learn that the address is ours."""
    async with door() as house:
        body = json.dumps({"type": "url_verification", "challenge": "3eZbrw1a"}).encode()
        answered = await house.post(body, sign=False)
        assert answered.status == 401
        assert b"3eZbrw1a" not in answered.body


@pytest.mark.parametrize("sign", [True, False])
async def test_the_certificate_may_be_looked_at(sign):
    """`ssl_check=1` is 200 and no more, signed or not."""
    async with door() as house:
        form = {"Content-Type": FORM}
        answered = await house.post(b"ssl_check=1&token=x", form, sign=sign)
        assert (answered.status, answered.body) == (200, b"")


@pytest.mark.parametrize("name", ["X-Slack-Bolt-Lazy-Only", "X-Slack-Bolt-Lazy-Function-Name"])
async def test_headers_that_nobody_signed_mean_nothing(name):
    """Bolt's own headers from outside change nothing."""
    async with door() as house:
        answered = await house.say(house.dm(), headers={name: "event"})
        assert (answered.status, len(house.taken.events)) == (200, 1)


async def test_a_retry_is_taken_as_the_first_delivery_is():
    """A retry may be all that ever arrives; the key tells whether it is known."""
    async with door() as house:
        about = house.dm()
        assert [(await house.say(about, retry=retry)).status for retry in (0, 1)] == [200, 200]
        first, again = house.taken.events
        assert first.message_key == again.message_key


@pytest.mark.parametrize("fault", [DatabaseDown("down"), Transient("restarting")])
async def test_an_event_that_can_t_be_stored_is_sent_again(fault):
    """503: Slack delivers it anew."""
    async with door() as house:
        house.taken.fault = fault
        answered = await house.say(house.dm())
        assert (answered.status, list(answered.json)) == (503, ["error"])


async def test_an_event_that_takes_too_long_is_sent_again():
    """503 before Slack gives up by itself."""
    async with door(taking=0) as house:
        house.taken.hangs = True
        assert (await house.say(house.dm())).status == 503


async def test_what_is_turned_away_is_told_once_a_minute():
    """With how many there were; a stranger can't fill the log."""
    async with door() as house:
        for _ in range(3):
            await house.post(b"{}", sign=False)
        house.clock.advance(61)
        await house.post(b"{}", sign=False)
        assert [(fact.reason, fact.count) for fact in house.facts] == [
            ("signature", 1),
            ("signature", 3),
        ]
