"""One gateway on every platform: WhatsApp, Slack, and the web."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from core.clock import SystemClock
from tests.fakes.slack import FakeSlack
from tests.fakes.twilio import ACCOUNT, ANA, BUSINESS, TOKEN, FakeTwilio
from tests.journeys.house import House, serving
from tests.journeys.slacks import SECRET, SlackHouse
from tests.journeys.sockets import connected, shown
from tests.journeys.whatsapps import PUBLIC, WhatsAppHouse


@dataclass
class Everywhere:
    """A gateway that runs, and somebody who talks to it on each platform.

    Each of these says something in one conversation of its platform, and returns the reply.
    """

    house: House
    slacks: SlackHouse
    phones: WhatsAppHouse
    thread: str | None = None

    async def whatsapp(self, text: str, *, person: str = ANA) -> str:
        await self.phones.hear(text, person=person)
        return (await self.phones.seen(person))[-1]

    async def slack(self, text: str, *, user: str = "U1") -> str:
        more = {"thread_ts": self.thread} if self.thread else {}
        said = await self.slacks.hear(text, user=user, **more)
        self.thread = self.thread or said["ts"]
        return (await self.slacks.answers(said))[-1]

    async def slash(self, text: str, *, user: str = "U1") -> str:
        acme = self.slacks.acme
        told = await self.slacks.tell(acme.command(text, user=user))
        await self.house.idle()
        if told.json["text"].startswith("Working on it"):
            return acme.ephemerals[-1].text
        return str(told.json["text"])

    async def native(self, text: str, **headers: str) -> str:
        path, body = "/api/v1/sessions/desk/messages", {"text": text}
        async with self.house.stream("POST", path, json=body, headers=headers) as viewer:
            return (await viewer.read()).text

    async def socket(self, text: str, **headers: str) -> str:
        async with connected(self.house, headers=headers) as client:
            await client.say("chat", message=text, sessionId="socket")
            return shown(await client.answer())

    async def say(self, where: str, text: str, **options: Any) -> str:
        """Say something on a platform."""
        return str(await getattr(self, where)(text, **options))


@asynccontextmanager
async def everywhere(url: str, **changes: Any) -> AsyncIterator[Everywhere]:
    """A gateway on all platforms; on the web nobody signs in, unless the settings say so."""
    clock = SystemClock()
    async with (
        FakeSlack(clock=clock) as slack,
        FakeTwilio(clock=clock, public_url=PUBLIC, webhook="/webhooks/whatsapp") as twilio,
    ):
        told = {
            "twilio_account_sid": ACCOUNT,
            "twilio_auth_token": (TOKEN,),
            "twilio_whatsapp_number": BUSINESS.removeprefix("whatsapp:"),
            "twilio_api_url": twilio.url,
            "public_url": PUBLIC,
            "slack_bot_token": slack.workspace().token,
            "slack_signing_secret": (SECRET,),
            "slack_api_url": slack.url,
        }
        async with serving(url, **(told | changes)) as house:
            twilio.gateway = f"http://127.0.0.1:{house.port}"
            yield Everywhere(
                house=house,
                slacks=SlackHouse(house=house, slack=slack),
                phones=WhatsAppHouse(house=house, twilio=twilio),
            )
