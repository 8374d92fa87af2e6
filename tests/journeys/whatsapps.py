"""A gateway that is connected to a fake Twilio, for tests over real HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from core.clock import SystemClock
from core.tables import messages
from tests.fakes.twilio import ACCOUNT, ANA, BUSINESS, TOKEN, Delivered, FakeTwilio
from tests.journeys.house import House, serving

PUBLIC = "https://gw.example.com"


@dataclass
class WhatsAppHouse:
    """A gateway that runs, and the Twilio that it is connected to."""

    house: House
    twilio: FakeTwilio

    async def hear(self, body: str = "Hi", *, person: str = ANA, **more: Any) -> Delivered:
        """A person writes, and the gateway takes it."""
        told = await self.twilio.inbound(person, body, **more)
        assert {answer.status for answer in told.answers} == {200}, told
        return told

    async def seen(self, person: str = ANA) -> list[str]:
        """What a person sees once no turn runs."""
        await self.house.idle()
        return self.twilio.seen(person)

    async def stored(self) -> int:
        """How many messages are stored."""
        count = select(func.count()).select_from(messages)
        return int(
            await self.house.gateway.database.read(lambda db: db.execute(count).scalar_one())
        )


@asynccontextmanager
async def whatsapp_house(url: str, **changes: Any) -> AsyncIterator[WhatsAppHouse]:
    """A gateway of one sender."""
    async with FakeTwilio(
        clock=SystemClock(), public_url=PUBLIC, webhook="/webhooks/whatsapp"
    ) as twilio:
        told = {
            "twilio_account_sid": ACCOUNT,
            "twilio_auth_token": (TOKEN,),
            "twilio_whatsapp_number": BUSINESS.removeprefix("whatsapp:"),
            "twilio_api_url": twilio.url,
            "public_url": PUBLIC,
        }
        async with serving(url, **(told | changes)) as house:
            twilio.gateway = f"http://127.0.0.1:{house.port}"
            yield WhatsAppHouse(house=house, twilio=twilio)
