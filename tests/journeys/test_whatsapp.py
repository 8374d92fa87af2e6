"""WhatsApp, from a signed webhook to what a person reads on their phone."""

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from adapters.whatsapp.signature import sign
from core import contacts
from tests.fakes.anthropic import Answer, Hold
from tests.fakes.twilio import ACCOUNT, ANA, BUSINESS
from tests.journeys.house import until
from tests.journeys.whatsapps import PUBLIC, WhatsAppHouse, whatsapp_house

BEN = "whatsapp:+15557654321"
OTHER = "whatsapp:+14155239999"
TEMPLATE = "HX" + "2" * 32
SERVICE = "MG" + "1" * 32
DAY = 24 * 3600 * 1000


@pytest_asyncio.fixture
async def shop(url: str) -> AsyncIterator[WhatsAppHouse]:
    async with whatsapp_house(url) as house:
        yield house


async def test_a_message_is_answered(shop: WhatsAppHouse) -> None:
    """Over REST; the webhook itself is answered with nothing to say."""
    shop.house.fake.script(Answer("Hello **Ana**!"))
    told = await shop.hear("Hi")
    assert told.answers[0].type == "text/xml"
    assert b"<Response/>" in told.answers[0].body
    assert await shop.seen() == ["Hello *Ana*!"]


async def test_three_deliveries_at_once_are_one_message(shop: WhatsAppHouse) -> None:
    """One model call and one answer, also if Twilio asks again later."""
    shop.house.fake.script(Answer("Once."))
    told = await shop.hear("Hi", duplicates=3)
    assert await shop.seen() == ["Once."]
    await shop.twilio.redeliver(told.sid)
    assert await shop.seen() == ["Once."]
    assert len(shop.house.fake.requests) == 1


async def test_we_are_seen_to_type_while_the_model_works(shop: WhatsAppHouse) -> None:
    """The indicator names the person's own message."""
    hold = Hold()
    shop.house.fake.script(Answer("one two", hold=hold, hold_after=1))
    told = await shop.hear("Hi")
    await until(lambda: shop.twilio.typings == [told.sid])
    hold.release()
    assert await shop.seen() == ["one two"]


async def test_a_long_answer_comes_in_parts(shop: WhatsAppHouse) -> None:
    """In order, numbered, each within Twilio's limit; nothing of it is lost."""
    words = [f"word{number}" for number in range(350)]
    shop.house.fake.script(Answer(" ".join(words)))
    await shop.hear("Tell me all")
    parts = await shop.seen()
    assert len(parts) == 2
    assert [part[-5:] for part in parts] == ["(1/2)", "(2/2)"]
    assert all(len(part.encode("utf-16-le")) <= 3200 for part in parts)
    assert re.findall(r"word\d+", " ".join(parts)) == words


async def test_two_people_do_not_hear_each_other(shop: WhatsAppHouse) -> None:
    """Each has a conversation of their own."""
    shop.house.fake.script(Answer("To Ana."), Answer("To Ben."))
    await shop.hear("I am Ana")
    await shop.seen()
    await shop.hear("I am Ben", person=BEN)
    assert (await shop.seen(), await shop.seen(BEN)) == (["To Ana."], ["To Ben."])
    assert "Ana" not in str(shop.house.fake.requests[1].body)


async def test_somebody_known_by_another_name_goes_on(shop: WhatsAppHouse) -> None:
    """First a number, then a user name whose webhook still tells the number."""
    hidden = "whatsapp:US.1349abc"
    await shop.hear("first", ExternalUserId="US.1349abc")
    await shop.seen()
    await shop.hear("second", person=hidden)
    await shop.seen()
    assert "first" in str(shop.house.fake.requests[1].body)
    assert len(shop.twilio.seen(hidden)) == 1


async def test_whoever_says_stop_hears_nothing_more(shop: WhatsAppHouse) -> None:
    """One confirmation; what is running is not sent; no model is asked for them."""
    hold = Hold()
    shop.house.fake.script(Answer("one two", hold=hold, hold_after=1))
    await shop.hear("Hi")
    await shop.house.fake.came(1)
    told = await shop.hear(" Stop ")
    await shop.twilio.redeliver(told.sid)
    hold.release()
    await shop.hear("Are you there?")
    [only] = await shop.seen()
    assert "START" in only
    assert len(shop.house.fake.requests) == 1


async def test_whoever_says_start_is_answered_again(shop: WhatsAppHouse) -> None:
    """And is told so."""
    shop.house.fake.script(Answer("Here I am."))
    for words in ("stop", "START", "Hello?"):
        await shop.hear(words)
    seen = await shop.seen()
    assert len(seen) == 3
    assert seen[-1] == "Here I am."


async def test_what_twilio_has_confirmed_is_not_confirmed_twice(shop: WhatsAppHouse) -> None:
    """With Advanced Opt-Out the person was told by Twilio."""
    await shop.hear("ARRET", OptOutType="STOP")
    await shop.hear("Hello?")
    assert await shop.seen() == []


@pytest.mark.parametrize("code", [63016, 63018, 63010])
async def test_an_answer_that_never_arrived_is_there_when_they_write(
    shop: WhatsAppHouse, code: int
) -> None:
    """Twilio took it, and told of the failure later; it comes first, and once."""
    shop.house.fake.script(Answer("Late."), Answer("Next."))
    shop.twilio.doom(ANA, code)
    await shop.hear("one")
    await shop.seen()
    [lost] = shop.twilio.sent(ANA)
    await shop.twilio.callbacks(lost.sid)
    assert await shop.seen() == []
    await shop.hear("two")
    assert await shop.seen() == ["Late.", "Next."]


async def test_a_template_tells_that_an_answer_waits(url: str) -> None:
    """Once until they write; free words do not leave before."""
    template = {"twilio_template_sid": TEMPLATE, "twilio_template_variables": {"1": "Ada"}}
    async with whatsapp_house(url, **template) as shop:
        shop.twilio.templates[TEMPLATE] = "{{1}} has an answer for you."
        shop.house.fake.script(*(Answer(words) for words in ("One.", "Two.", "Three.")))
        shop.twilio.doom(ANA, 63016, 63016)
        for words in ("one", "two"):
            await shop.hear(words)
        await shop.seen()
        for lost in shop.twilio.sent(ANA):
            await shop.twilio.callbacks(lost.sid)
        await until(lambda: bool(shop.twilio.seen(ANA)))
        assert await shop.seen() == ["Ada has an answer for you."]
        await shop.hear("three")
        assert (await shop.seen())[1:] == ["One.", "Two.", "Three."]


async def test_nothing_leaves_once_their_day_is_over(shop: WhatsAppHouse) -> None:
    """The model took until then; what it said is there when they write."""
    hold = Hold()
    shop.house.fake.script(Answer("one two", hold=hold, hold_after=1), Answer("three"))
    await shop.hear("Hi")
    await shop.house.fake.came(1)
    await _wrote(shop, ago=DAY)
    hold.release()
    assert await shop.seen() == []
    assert shop.twilio.sent(ANA) == []
    await shop.hear("Well?")
    assert await shop.seen() == ["one two", "three"]


async def test_an_answer_of_unknown_fate_is_read_once(shop: WhatsAppHouse) -> None:
    """Whether Twilio took it is looked up before it is sent again."""
    shop.house.fake.script(Answer("Once."))
    shop.twilio.answer("create", status=500, accepted=True)
    await shop.hear("Hi")
    assert await shop.seen() == ["Once."]


async def test_a_crowded_account_is_asked_again(shop: WhatsAppHouse) -> None:
    """429 was never taken."""
    shop.house.fake.script(Answer("Once."))
    shop.twilio.fail("create", 20429, status=429, retry_after=1)
    await shop.hear("Hi")
    assert await shop.seen() == ["Once."]


async def test_chat_commands_work(shop: WhatsAppHouse) -> None:
    """`!help` asks no model."""
    await shop.hear("!help")
    [said] = await shop.seen()
    assert "!new" in said
    assert not shop.house.fake.requests


@pytest.mark.parametrize(
    "fields",
    [
        {"MessageType": "location", "Latitude": "48.2", "Longitude": "16.37", "Label": "Wien"},
        {"MessageType": "contacts"},
        {"MessageType": "hologram"},
    ],
    ids=lambda fields: fields["MessageType"],
)
async def test_what_is_not_text_is_answered_too(shop: WhatsAppHouse, fields) -> None:
    """The model is told what it was."""
    await shop.hear("", **fields)
    assert len(await shop.seen()) == 1


async def test_a_foreign_signature_stores_nothing(shop: WhatsAppHouse) -> None:
    """403, and the person is not answered."""
    for signature in ("", "AAAA", "é" * 28):
        answer = await shop.twilio.post("/webhooks/whatsapp", {"Body": "x"}, signature=signature)
        assert answer.status == 403
    assert await shop.stored() == 0


async def _wrote(shop: WhatsAppHouse, *, ago: int) -> None:
    """Let Ana have written so many milliseconds ago."""
    database = shop.house.gateway.database
    contact = await database.read(contacts.find, "whatsapp", BUSINESS, ANA)
    assert contact is not None
    assert contact.heard_at is not None
    heard = contact.heard_at - ago
    await database.write(contacts.hear, "whatsapp", BUSINESS, [ANA], now=heard)


async def test_with_a_service_the_answer_comes_from_the_number_they_wrote_to(url: str) -> None:
    """A service has several, and would choose."""
    async with whatsapp_house(url, twilio_messaging_service_sid=SERVICE) as shop:
        shop.twilio.services[SERVICE] = (OTHER, BUSINESS)
        shop.twilio.senders.add(OTHER)
        await shop.hear("Hi")
        await shop.seen()
        [sent] = shop.twilio.sent(ANA)
        assert (sent.sender, sent.service) == (BUSINESS, SERVICE)


async def test_a_wish_that_twilio_repeats_is_not_wished_again(shop: WhatsAppHouse) -> None:
    """START, told once more after a STOP, begins nothing; nor is it taken for a question."""
    shop.house.fake.script(Answer("Hello."))
    await shop.hear("stop")
    started = await shop.hear("start")
    stopped = await shop.hear("stop")
    before = await shop.seen()
    await shop.twilio.redeliver(started.sid)
    await shop.hear("Anybody?")
    assert await shop.seen() == before
    await shop.hear("start")
    await shop.twilio.redeliver(stopped.sid)
    await shop.hear("Hello?")
    assert (await shop.seen())[-1] == "Hello."
    assert len(shop.house.fake.requests) == 1


async def test_a_stop_that_is_repeated_ends_no_later_answer(shop: WhatsAppHouse) -> None:
    """`!stop` was for the answer of then."""
    shop.house.fake.script(Answer("one"))
    await shop.hear("Hi")
    await shop.seen()
    stop = await shop.hear("!stop")
    hold = Hold()
    shop.house.fake.script(Answer("one two", hold=hold, hold_after=1))
    await shop.hear("Again")
    await shop.house.fake.came(2)
    await shop.twilio.redeliver(stop.sid)
    hold.release()
    assert (await shop.seen())[-1] == "one two"


@pytest.mark.parametrize("code", [63010, 63018])
async def test_a_failure_that_is_told_before_our_request_was_answered_counts(
    shop: WhatsAppHouse, code: int
) -> None:
    """The part is owed as soon as it is known whose it is."""
    shop.house.fake.script(Answer("Late."), Answer("Next."))
    hold = shop.twilio.hang("create", accepted=True)
    await shop.hear("one")
    await hold.reached.wait()
    [lost] = shop.twilio.sent(ANA)
    await shop.twilio.callbacks(lost.sid, "failed", error=code)
    hold.release()
    await shop.seen()
    await shop.hear("two")
    assert await shop.seen() == ["Late.", "Next."]


async def test_what_waited_behind_a_stop_is_not_answered(shop: WhatsAppHouse) -> None:
    """It was said before they wanted to hear no more; also when they come back."""
    hold = Hold()
    shop.house.fake.script(Answer("one two", hold=hold, hold_after=1))
    await shop.hear("Hi")
    await shop.house.fake.came(1)
    await shop.hear("And then?")
    await shop.hear("stop")
    hold.release()
    assert len(await shop.seen()) == 1
    assert len(shop.house.fake.requests) == 1
    await shop.hear("start")
    assert len(await shop.seen()) == 2


async def test_words_for_help_are_answered_at_once(url: str) -> None:
    """By the operator's own words, once, and as part of no conversation."""
    told = {"whatsapp_help_words": ("help",), "whatsapp_help_text": "Call <us> & ask."}
    async with whatsapp_house(url, **told) as shop:
        asked = await shop.hear("Help!", duplicates=3)
        await shop.twilio.redeliver(asked.sid)
        await shop.hear("HELP", OptOutType="HELP")
        assert await shop.seen() == ["Call <us> & ask."]
        assert await shop.stored() == 0
        assert not shop.house.fake.requests


async def test_what_a_shared_key_signed_for_any_of_our_addresses_is_taken(url: str) -> None:
    """And so is still what the Auth Token signed; our own address for Twilio is the first."""
    other = "https://old.example.com/bot"
    told = {"twilio_shared_keys": ("one:hush",), "public_url": f"{PUBLIC},{other}"}
    async with whatsapp_house(url, **told) as shop:
        told_of = await shop.hear("Hi")
        path, fields = "/webhooks/whatsapp/status", {"AccountSid": ACCOUNT, "MessageStatus": "sent"}
        fields |= {"MessageSid": told_of.sid}
        signed = sign(other + path, list(fields.items()), "hush", algorithm="sha256")
        headers = {"X-Twilio-Webhooks-Signature-Settings": "key=one,algorithm=HMAC_SHA256"}
        answer = await shop.twilio.post(path, fields, signature=signed, headers=headers)
        assert answer.status == 204
        await shop.seen()
        assert str(shop.twilio.sent(ANA)[0].callback).startswith(PUBLIC)
