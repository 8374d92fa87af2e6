"""A replica whose answers go to a fake Slack, over real HTTP and on a real database."""

import asyncio
from contextlib import asynccontextmanager
from itertools import count

from adapters.slack.adapter import SlackAdapter
from adapters.slack.calls import WebApi
from adapters.slack.installations import OneWorkspace
from core import outcomes
from core.types import Address, Done, InboundEvent, Text
from tests.core.by_hand import PATIENCE, done, flow, until
from tests.core.stage import PUSH, Pause, Stage
from tests.fakes.hands import HandClock
from tests.fakes.slack import FakeSlack

_numbers = count(1)


def says(*steps):
    """A model's script: words, pauses, and a proper end."""
    pieces = [Text(step) if isinstance(step, str) else step for step in steps]
    return [*pieces, Done(stop_reason="end_turn", usage=None)]


class Slacked:
    """A gateway's engine with Slack's adapter, and the fake that it talks to."""

    until, done, flow = until, done, flow

    def __init__(self, database, fake, clock, *scripts, name="a", classic=False) -> None:
        self.fake, self.clock = fake, clock
        self.acme = fake.workspace()
        self.api = WebApi(
            OneWorkspace(self.acme.token), base_url=fake.url, clock=clock, observe=lambda _: None
        )
        self.adapter = SlackAdapter(self.api, clock=clock, classic=classic)
        self.stage = Stage(database, *scripts, adapter=self.adapter, clock=clock, name=name)
        self.dm = self.acme.im("U1")
        self.database = database
        self.heirs = []

    async def hear(self, text="Hi", *, channel=None, thread_ts=None, user="U1", direct=True):
        """A person's message, accepted; returns its ts and the receipt."""
        channel = channel or self.dm
        said = self.acme.say(channel, user, text, thread_ts=thread_ts)
        root = thread_ts or said["ts"]
        event = InboundEvent(
            address=Address(
                platform=PUSH, account="T1", conversation=f"{channel}:{root}", direct=direct
            ),
            text=text,
            message_key=f"slack:T1:{channel}:{said['ts']}",
            origin={"kind": "message", "user": user, "team": "T1", "ts": said["ts"]},
        )
        receipt = await self.stage.handler.accept(event)
        return said["ts"], receipt

    async def command(self, text="Hi", *, user="U1", channel=None):
        """A slash command, accepted; returns its form and the receipt."""
        channel = channel or self.acme.channel()
        form = self.acme.command(text, user=user, channel=channel)
        event = InboundEvent(
            address=Address(platform=PUSH, account="T1", conversation=f"{channel}/{user}"),
            text=text,
            message_key=f"slack:T1:trigger:{next(_numbers)}",
            origin={
                "kind": "command",
                "user": user,
                "team": "T1",
                "channel": channel,
                "response_url": form["response_url"],
                "at": int(self.clock.now() * 1000),
                "question": text,
            },
        )
        return form, await self.stage.handler.accept(event)

    def seen(self, ts, channel=None):
        """The texts that the bot shows in a thread now, in order."""
        return [message.text for message in self.acme.bot_messages(channel or self.dm, ts)]

    async def turn(self, receipt):
        return await self.stage.turn(receipt.turn_id)

    async def answer(self, receipt):
        """The stored answer's id and the text that its reader should see."""
        outcome = await self.stage.database.read(outcomes.ended, receipt.turn_id)
        return outcome.message_id, outcome.text

    async def die(self) -> None:
        """Drop everything where it is, as SIGKILL does; what is on the way is never heard."""
        await self.stage.handler.leave()
        await self.api.close()

    async def succeeded(self, *scripts) -> "Slacked":
        """Die, and be followed by a process that has found what is left."""
        await self.die()
        heir = Slacked(self.database, self.fake, self.clock, *scripts, name="heir")
        self.heirs.append(heir)
        await heir.stage.replica.tick()
        await heir.stage.replica.tick()
        return heir

    async def close(self) -> None:
        """End with all that followed."""
        await self.die()
        for heir in self.heirs:
            await heir.close()


@asynccontextmanager
async def slacked(database, *scripts, **options):
    """A gateway's engine over a fake Slack; both end with the test."""
    clock = HandClock()
    async with FakeSlack(clock=clock) as fake:
        house = Slacked(database, fake, clock, *scripts, **options)
        try:
            async with asyncio.timeout(2 * PATIENCE):
                yield house
        finally:
            await house.close()


__all__ = ["PUSH", "Pause", "Slacked", "says", "slacked"]
