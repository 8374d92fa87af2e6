"""That we type is shown at best effort, and never in the way."""

import asyncio

import pytest

from tests.adapters.whatsapp_client.stage import say, twilio_of
from tests.fakes.twilio import ANA

MINUTE = 60.0


@pytest.fixture
async def asked(fake):
    """The SID of a person's message, without a gateway that hears of it."""
    return (await fake.inbound(ANA, "hello")).sid


def count(fake):
    return len(fake.called("typing"))


async def test_it_is_shown(twilio, fake, asked, told):
    """For the message that is answered, which counts as read."""
    await twilio.typing(asked)
    assert fake.typings == [asked]
    assert [(fact.method, fact.outcome) for fact in told] == [("typing", "ok")]


async def test_three_refusals_switch_it_off_for_ten_minutes(twilio, fake, asked, clock):
    """Then it is tried again."""
    fake.fail("typing", 20001, times=3)
    for _ in range(5):
        await twilio.typing(asked)
    assert count(fake) == 3
    clock.advance(10 * MINUTE - 1)
    await twilio.typing(asked)
    assert count(fake) == 3
    clock.advance(1)
    await twilio.typing(asked)
    assert fake.typings == [asked]


async def test_one_that_is_shown_forgives_the_refusals_before(twilio, fake, asked):
    """Only three in a row count."""
    fake.fail("typing", 20001, times=2)
    fake.fail("typing", 20001, times=2, after=1)
    for _ in range(6):
        await twilio.typing(asked)
    assert count(fake) == 6


async def test_twilios_own_trouble_does_not_switch_it_off(twilio, fake, asked, told):
    """It is counted all the same."""
    fake.answer("typing", status=503, times=4)
    for _ in range(5):
        await twilio.typing(asked)
    assert fake.typings == [asked]
    assert [fact.outcome for fact in told] == ["indoubt"] * 4 + ["ok"]


async def test_it_is_not_waited_for(session, fake, asked):
    """Its time is its own, not that of messages."""
    fake.hang("typing", times=None)
    await asyncio.wait_for(twilio_of(session, fake.url, typing_timeout=0.1).typing(asked), 10)
    assert fake.typings == []


@pytest.mark.parametrize(
    "arrange",
    [
        lambda fake: fake.drop("typing", accepted=False),
        lambda fake: fake.answer("typing", status=200, body="<html>"),
        lambda fake: fake.answer("typing", status=200, body="[]"),
        lambda fake: fake.fail("typing", 20429, status=429),
        lambda fake: fake.fail("typing", 20404, status=404),
    ],
    ids=["dropped", "html", "list", "throttled", "refused"],
)
async def test_it_raises_nothing(twilio, fake, asked, told, arrange):
    """The trouble is told as a fact."""
    arrange(fake)
    await twilio.typing(asked)
    assert len(told) == 1
    assert told[0].outcome != "ok"


async def test_messages_go_first(twilio, fake, asked):
    """When there is no room for a call, it is left out."""
    hold = fake.hang("create", times=None)
    calls = [asyncio.create_task(say(twilio, str(number))) for number in range(20)]
    await fake.came("create", 20)
    await twilio.typing(asked)
    assert count(fake) == 0
    hold.release()
    await asyncio.gather(*calls)
    await twilio.typing(asked)
    assert fake.typings == [asked]
