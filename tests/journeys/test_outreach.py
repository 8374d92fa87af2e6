"""Operators tell people something unasked, on whatever platform they wrote."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import update

from core.tables import contacts
from tests.fakes.anthropic import Answer
from tests.fakes.twilio import ANA, BUSINESS
from tests.journeys.house import serving
from tests.journeys.slacks import slack_house
from tests.journeys.whatsapps import WhatsAppHouse, whatsapp_house

TOKEN = "an-administrators-token-0815"
ADMIN = {"Authorization": f"Bearer {TOKEN}"}
TEMPLATE = "HX" + "2" * 32
DAY = 24 * 3600 * 1000
SECRETS: dict[str, Any] = {"admin_token": TOKEN}


@pytest_asyncio.fixture
async def shop(url: str) -> AsyncIterator[WhatsAppHouse]:
    async with whatsapp_house(url, twilio_template_sid=TEMPLATE, **SECRETS) as house:
        yield house


async def people(house: Any, **query: str) -> list[dict[str, Any]]:
    async with house.http.get("/api/v1/people", headers=ADMIN, params=query) as answer:
        assert answer.status == 200
        return list((await answer.json())["people"])


async def tell(house: Any, person: str, text: str, **more: Any) -> tuple[int, dict[str, Any]]:
    where = f"/api/v1/people/{person}/messages"
    async with house.http.post(where, json={"text": text} | more, headers=ADMIN) as answer:
        return answer.status, await answer.json()


async def test_somebody_on_whatsapp_is_told_something(shop: WhatsAppHouse) -> None:
    """Once for each name of the message; the model learns of it when they answer."""
    shop.house.fake.script(Answer("Hello!"), Answer("At noon."))
    await shop.hear("Hi")
    await shop.seen()
    [known] = await people(shop.house, platform="whatsapp")
    assert [each["account"] for each in known["identities"]] == [BUSINESS]
    for _ in range(2):
        status, _ = await tell(shop.house, known["id"], "It is ready.", messageId="ready-1")
        assert status == 202
    assert await shop.seen() == ["Hello!", "It is ready."]
    await shop.hear("When?")
    assert await shop.seen() == ["Hello!", "It is ready.", "At noon."]
    said = [text for _, text in shop.house.fake.requests[-1].history]
    assert said[:2] == ["Hi", "Hello!"]
    assert "It is ready." in said[2]


async def test_after_a_day_the_template_goes_out_and_the_words_wait(shop: WhatsAppHouse) -> None:
    """The same planner as for late answers: no free text leaves before they write."""
    shop.house.fake.script(Answer("Hello!"), Answer("Yes."))
    shop.twilio.templates[TEMPLATE] = "Something waits for you: write to us."
    await shop.hear("Hi")
    await shop.seen()
    await shop.house.gateway.database.write(
        lambda db: db.execute(update(contacts).values(heard_at=contacts.c.heard_at - DAY))
    )
    [known] = await people(shop.house)
    await tell(shop.house, known["id"], "It is ready.")
    await shop.seen()
    sent = [message for message in shop.twilio.sent(ANA) if message.content == TEMPLATE]
    assert len(sent) == 1
    assert "It is ready." not in await shop.seen()
    await shop.hear("What is it?")
    assert (await shop.seen())[-2:] == ["It is ready.", "Yes."]


async def test_who_wants_to_hear_nothing_is_told_nothing(shop: WhatsAppHouse) -> None:
    """STOP counts for operators too."""
    shop.house.fake.script(Answer("Hello!"))
    await shop.hear("Hi")
    await shop.seen()
    [known] = await people(shop.house)
    await shop.hear("STOP")
    before = await shop.seen()
    await tell(shop.house, known["id"], "It is ready.")
    assert await shop.seen() == before


async def test_somebody_in_slack_is_told_something(url: str) -> None:
    """Where they last wrote to the bot alone."""
    async with slack_house(url, **SECRETS) as office:
        office.house.fake.script(Answer("Hello!"))
        said = await office.hear("Hi")
        await office.answers(said)
        [known] = await people(office.house)
        await tell(office.house, known["id"], "The build is **green**.")
        assert await office.answers(said) == ["Hello!", "The build is **green**."]


async def test_somebody_on_the_web_reads_it_in_their_history(url: str) -> None:
    """And sees nothing of how it came there."""
    async with serving(url, **SECRETS) as house:
        house.fake.script(Answer("Hello!"))
        async with house.send("alice", "Hi") as viewer:
            await viewer.read()
        [known] = await people(house)
        status, told = await tell(house, known["id"], "News.")
        assert (status, told["sessionId"]) == (202, "alice")
        await house.idle()
        assert await house.said("alice") == [
            ("user", "Hi"),
            ("assistant", "Hello!"),
            ("assistant", "News."),
        ]


@pytest.mark.parametrize(
    ("person", "body", "status"),
    [
        ("999", {"text": "Hi"}, 404),
        ("ada", {"text": "Hi"}, 404),
        ("", {"text": ""}, 400),
        ("", {"text": "Hi", "platform": "slack"}, 409),
        ("", {"text": "Hi", "platform": 7}, 400),
    ],
)
async def test_what_can_not_be_told_is_refused_in_words(
    url: str, person: str, body: dict[str, Any], status: int
) -> None:
    """Nobody known, nothing to say, nowhere to say it."""
    async with serving(url, **SECRETS) as house:
        async with house.send("alice", "Hi") as viewer:
            await viewer.read()
        [known] = await people(house)
        where = f"/api/v1/people/{person or known['id']}/messages"
        async with house.http.post(where, json=body, headers=ADMIN) as answer:
            assert answer.status == status
            assert (await answer.json())["error"]["message"]


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer somebody-else-0815"}])
async def test_people_are_the_administrators(url: str, headers: dict[str, str]) -> None:
    """Nobody else sees who is known, or writes to them."""
    async with serving(url, **SECRETS) as house:
        async with house.http.get("/api/v1/people", headers=headers) as answer:
            assert answer.status == 401
        where = "/api/v1/people/1/messages"
        async with house.http.post(where, json={"text": "Hi"}, headers=headers) as answer:
            assert answer.status == 401


async def test_a_name_stands_for_one_message(url: str) -> None:
    """Other words by the same name would not go out: that is said."""
    async with serving(url, **SECRETS) as house:
        async with house.send("alice", "Hi") as viewer:
            await viewer.read()
        [known] = await people(house)
        assert (await tell(house, known["id"], "News.", messageId="n"))[0] == 202
        assert (await tell(house, known["id"], "News.", messageId="n"))[0] == 202
        status, said = await tell(house, known["id"], "Other news.", messageId="n")
        assert (status, said["error"]["code"]) == (409, "message_id_used")


async def test_a_platform_that_is_none_is_refused(url: str) -> None:
    """Also one that no database would take."""
    async with serving(url, **SECRETS) as house:
        path = "/api/v1/people?platform=%00"
        async with house.http.get(path, headers=ADMIN) as answer:
            assert answer.status == 400
