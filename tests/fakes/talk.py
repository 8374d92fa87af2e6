"""A person who talks to the gateway for long, by a virtual clock, with a model that is not there.

All between an adapter and the provider's HTTP is the gateway's own, as `gateway.app` wires it.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any
from unittest import mock

from core.types import Address, InboundEvent, Sender
from gateway import app, schema
from gateway.config import Settings
from tests.fakes.clock import VirtualClock
from tests.fakes.costs import Asked, Body, Provider, read_share, resent, spent

MAIN, SUMMARY = "claude-sonnet-5-5", "claude-haiku-5-5"
SYSTEM = "You are the assistant of a locksmith. " * 160  # 1,500 tokens
FILLER = "The lock of the third door was looked at, oiled and shut again. "
FACT = re.compile(r"Note that [^.]*\.")
PATIENCE = 20  # seconds until a test that waits for what never comes gives up

_numbers = count(1)


def question(number: int, fact: str = "") -> str:
    """About 60 tokens."""
    return f"{fact} Question {number}: {FILLER * 4}".strip()[:240]


class Model:
    """Says 250 tokens; sums up in 300, with every fact that it is shown."""

    def __init__(self) -> None:
        self._said = count(1)
        self._summed_up = count(1)

    def __call__(self, model: str, sent: Body) -> str:
        if model == MAIN:
            return f"Answer {next(self._said)}: {FILLER * 16}"[:1000]
        facts = dict.fromkeys(FACT.findall(sent["messages"][0]["content"]))
        return f"Summary {next(self._summed_up)}. {' '.join(facts)} {FILLER * 20}"[:1200]


class Talk:
    """Conversations with one gateway."""

    def __init__(self, gateway: app.Gateway, clock: VirtualClock, provider: Provider) -> None:
        self.gateway = gateway
        self.clock = clock
        self.provider = provider
        self.said: list[str] = []

    async def say(self, text: str, platform: str = "whatsapp", place: str = "ada") -> Asked:
        """One message, its answer, and what is done beside it; returns how a model was asked."""
        before = len(self.provider.asked)
        event = InboundEvent(
            address=Address(platform=platform, account="x", conversation=place),
            text=text,
            message_key=f"{platform}:{next(_numbers)}",
            sender=Sender(external_id=place, name="Ada"),
        )
        await self.gateway.handler.accept(event)
        assert await self.gateway.handler.idle(PATIENCE)
        await asyncio.gather(*(each for each in asyncio.all_tasks() if _remembers(each)))
        [asked] = [each for each in self.provider.asked[before:] if each.model == MAIN]
        self.said += [text, f"Answer {len(self.said) // 2 + 1}: {FILLER * 16}"[:1000]]
        return asked

    async def go_on(self, gaps: list[float], **where: str) -> None:
        """A question after each gap; the third tells a fact."""
        for number, gap in enumerate(gaps, 1):
            self.clock.advance(gap)
            fact = "Note that the code of the safe is 4711." if number == 3 else ""
            await self.say(question(number, fact), **where)

    @property
    def asked(self) -> list[Asked]:
        """How the model was asked for answers."""
        return [each for each in self.provider.asked if each.model == MAIN]

    @property
    def share(self) -> float:
        """What all of it cost, by what resending all of it would have."""
        return spent(self.provider.asked, MAIN) / resent(SYSTEM, self.said)

    @property
    def read(self) -> float:
        """How much of what answers took in was read from the cache."""
        return read_share(self.asked)


def _remembers(task: asyncio.Task[Any]) -> bool:
    return task.get_name().startswith("memory ")


@asynccontextmanager
async def talking(
    url: str, *, clock: VirtualClock | None = None, provider: Provider | None = None, **changes: Any
) -> AsyncIterator[Talk]:
    """A gateway that talks; with another one's clock and provider it is the same one restarted."""
    clock = clock or VirtualClock()
    provider = provider or Provider(clock, Model())
    told = {
        "database_url": url,
        "anthropic_api_key": "made-up",
        "model": MAIN,
        "model_summary": SUMMARY,
        "system_prompt": SYSTEM,
    }
    with (
        mock.patch.object(app, "SystemClock", return_value=clock),
        mock.patch.object(app, "Claude", return_value=provider),
        mock.patch("core.asking.COALESCE", 0.0),
    ):
        gateway = app.build(Settings(**told | changes))
        try:
            await schema.migrate(gateway.database)
            yield Talk(gateway, clock, provider)
        finally:
            await gateway.handler.abandon()
            await gateway.database.close()
