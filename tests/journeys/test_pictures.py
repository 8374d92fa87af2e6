"""A picture reaches the model from every messenger, and of what can't be read people are told."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio

from tests.fakes.anthropic import Answer, FakeAnthropic
from tests.journeys.slacks import SlackHouse, slack_house
from tests.journeys.whatsapps import WhatsAppHouse, whatsapp_house

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
VOICE = b"OggS\x00\x02" + bytes(range(256))


@pytest_asyncio.fixture
async def shop(url: str) -> AsyncIterator[WhatsAppHouse]:
    async with whatsapp_house(url) as house:
        yield house


@pytest_asyncio.fixture
async def office(url: str) -> AsyncIterator[SlackHouse]:
    async with slack_house(url) as house:
        yield house


def images(fake: FakeAnthropic, call: int = -1) -> list[tuple[int, Any]]:
    """The image blocks of a request: the message that each stands in, and its source."""
    return [
        (at, block["source"])
        for at, message in enumerate(fake.requests[call].body["messages"])
        if isinstance(message["content"], list)
        for block in message["content"]
        if block["type"] == "image"
    ]


SHOWN = {"type": "base64", "media_type": "image/png", "data": base64.b64encode(PNG).decode()}


async def test_a_picture_on_whatsapp(shop: WhatsAppHouse) -> None:
    """Fetched with our credentials from Twilio alone; and it is still there a turn later."""
    shop.house.fake.script(Answer("A dot."), Answer("Blue."))
    await shop.hear("What is it?", media=[("image/png", PNG)])
    assert await shop.seen() == ["A dot."]
    assert images(shop.house.fake) == [(0, SHOWN)]
    await shop.hear("Which colour?")
    assert await shop.seen() == ["A dot.", "Blue."]
    assert images(shop.house.fake) == [(0, SHOWN)]
    assert len(shop.twilio.store.fetched) == 1
    assert shop.twilio.store.leaks == []


async def test_a_picture_in_slack(office: SlackHouse) -> None:
    """Without a word to it."""
    office.house.fake.script(Answer("A dot."))
    said = await office.hear("", files=[office.acme.file(PNG)], subtype="file_share")
    assert await office.answers(said) == ["A dot."]
    assert images(office.house.fake) == [(0, SHOWN)]


async def test_a_voice_message(shop: WhatsAppHouse) -> None:
    """No model can hear it, and none is asked."""
    await shop.hear("", media=[("audio/ogg", VOICE)])
    [answer] = await shop.seen()
    assert answer.startswith("“audio”: I can't open it: I read images")
    assert shop.house.fake.requests == []
