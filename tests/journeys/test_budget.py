"""Money is looked at before a model is asked, on every platform."""

from decimal import Decimal

from sqlalchemy import select

from core.tables import turns
from tests.fakes.anthropic import Answer
from tests.journeys.house import serving
from tests.journeys.whatsapps import whatsapp_house

CENT = {"budget_person_day": Decimal("0.01"), "model": "claude-sonnet-5-5"}
GERMAN = "whatsapp:+4915112345678"
DEAR = {"input_tokens": 10, "output_tokens": 1000}  # a cent and a little


async def test_a_cent_on_whatsapp(url: str) -> None:
    """The second question is not asked, and its sender is told so in their language."""
    async with whatsapp_house(url, **CENT) as shop:
        shop.house.fake.script(Answer("Hallo!", final_usage=DEAR))
        await shop.hear("Hallo", person=GERMAN)
        assert await shop.seen(GERMAN) == ["Hallo!"]
        await shop.hear("Und jetzt?", person=GERMAN)
        assert (await shop.seen(GERMAN))[1].startswith("Was ich heute für dich ausgeben darf")
        assert len(shop.house.fake.requests) == 1


async def test_a_cent_on_the_web(url: str) -> None:
    """The same, as an answer like any other; and what the first one cost is stored with it."""
    async with serving(url, **CENT) as house:
        house.fake.script(Answer("Hello!", final_usage=DEAR))
        for text in ("Hi", "And now?"):
            async with house.send("alice", text) as viewer:
                await viewer.read()
        assert "used up" in (await house.said("alice"))[-1][1]
        assert len(house.fake.requests) == 1
        rows = await house.gateway.database.read(
            lambda db: db.execute(select(turns.c.cost, turns.c.price).order_by(turns.c.id)).all()
        )
        assert rows[0].cost > 10_000_000
        assert rows[0].price.startswith('{"claude-sonnet-5-5":[2,10,')
        assert (rows[1].cost, rows[1].price) == (None, None)
