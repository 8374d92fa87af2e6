"""What was sent lately is found again, so that nothing has to be sent twice."""

from datetime import UTC, datetime

import pytest

from adapters.whatsapp.client import InDoubt, Refused, Throttled
from tests.adapters.whatsapp_client.stage import say
from tests.fakes.twilio import ANA, BUSINESS

BOB, OTHER, SERVICE = "whatsapp:US.1349abc", "whatsapp:+14155230000", "MG" + "0" * 32


async def bodies(twilio, since, **fields):
    found = await twilio.recent(**{"to": ANA, "sender": BUSINESS, "since": since} | fields)
    return [each.body for each in found]


async def test_a_message_that_was_in_doubt_is_found(twilio, fake):
    """With all that is known about it."""
    fake.answer("create", status=500, accepted=True)
    with pytest.raises(InDoubt):
        await say(twilio, "hello")
    (found,) = await twilio.recent(to=ANA, sender=BUSINESS, since=fake.clock.now())
    assert found.sid == fake.sent(ANA)[0].sid
    assert (found.body, found.status, found.error_code) == ("hello", "queued", None)
    assert (found.to, found.sender, found.created_at) == (ANA, BUSINESS, fake.clock.now())


async def test_the_newest_comes_first(twilio, fake):
    """And what is older than asked for does not come."""
    for number in range(4):
        await say(twilio, str(number))
        fake.clock.advance(10)
    assert await bodies(twilio, fake.clock.now() - 31) == ["3", "2", "1"]


async def test_since_may_be_a_datetime(twilio, fake):
    """And counts in whole seconds, as Twilio's do."""
    fake.clock.advance(0.7)
    since = datetime.fromtimestamp(fake.clock.now(), UTC)
    await say(twilio, "now")
    assert await bodies(twilio, since) == ["now"]


async def test_what_waits_in_the_queue_is_found(twilio, fake):
    """It has not been sent at any time: a filter for that would lose it."""
    await say(twilio, "waits")
    assert fake.sent(ANA)[0].sent_at is None
    assert await bodies(twilio, fake.clock.now() - 60) == ["waits"]


async def test_others_messages_are_not_found(twilio, fake):
    """Neither what another sender sent, nor to another person, nor what the person wrote."""
    fake.senders.add(OTHER)
    await say(twilio, "ours")
    await say(twilio, "another's", sender=OTHER)
    await say(twilio, "to another", to=BOB)
    await fake.inbound(ANA, "theirs")
    assert await bodies(twilio, 0) == ["ours"]
    assert await bodies(twilio, 0, to=BOB) == ["to another"]


async def test_a_services_messages_are_found_by_it(twilio, fake):
    """Also while it has not chosen who is to send them."""
    fake.services[SERVICE] = (BUSINESS,)
    await say(twilio, "service", sender=SERVICE)
    await say(twilio, "number")
    assert await bodies(twilio, 0, sender=SERVICE) == ["service"]


async def test_a_failure_is_told_with_its_code(twilio, fake):
    """So that nobody takes it for delivered."""
    sent = await say(twilio)
    await fake.callbacks(sent.sid, "failed", error=63016)
    (found,) = await twilio.recent(to=ANA, sender=BUSINESS, since=0)
    assert (found.status, found.error_code) == ("failed", 63016)


async def test_pages_are_followed(twilio, fake):
    """A person's address has a plus, which pages' addresses have to keep."""
    for number in range(120):
        await say(twilio, str(number))
    assert await bodies(twilio, 0) == [str(number) for number in reversed(range(120))]
    assert len(fake.called("list")) == 3


async def test_pages_are_followed_no_further_than_needed(twilio, fake):
    """A page that is all too old is the last."""
    for number in range(200):
        await say(twilio, str(number))
        fake.clock.advance(1)
    assert len(await bodies(twilio, fake.clock.now() - 60)) == 60
    assert len(fake.called("list")) == 3


async def test_pages_are_followed_within_a_bound(twilio, fake):
    """Who has sent so much looks no further."""
    for number in range(260):
        await say(twilio, str(number))
    assert len(await bodies(twilio, 0)) == 250
    assert len(fake.called("list")) == 5


@pytest.mark.parametrize(
    ("arrange", "error"),
    [
        (lambda fake: fake.fail("list", 20429, status=429), Throttled),
        (lambda fake: fake.fail("list", 20003, status=401), Refused),
        (lambda fake: fake.answer("list", status=503), InDoubt),
        (lambda fake: fake.answer("list", body="<html>"), InDoubt),
        (lambda fake: fake.answer("list", body='{"messages": [{"sid": "SM1"}]}'), InDoubt),
        (lambda fake: fake.answer("list", body='{"messages": {}, "more": []}'), InDoubt),
        (lambda fake: fake.fail("list", 20429, status=429, after=1), Throttled),
    ],
    ids=["throttled", "refused", "503", "html", "no date", "no records", "second page"],
)
async def test_trouble_is_not_taken_for_nothing(twilio, fake, arrange, error):
    """An empty list would say that it was never sent."""
    for number in range(51):
        await say(twilio, str(number))
    arrange(fake)
    with pytest.raises(error):
        await bodies(twilio, 0)
