"""Slack as a platform that answers are sent to."""

import asyncio
from collections.abc import Awaitable, Mapping
from functools import partial
from typing import Any

from adapters.slack.calls import WebApi
from adapters.slack.commanded import Commanded
from adapters.slack.format.defuse import shown
from adapters.slack.governor import Governor
from adapters.slack.places import place_of
from adapters.slack.reply import ALL, Reply
from adapters.slack.status import Status
from adapters.slack.target import Target
from adapters.slack.traits import Traits
from adapters.slack.writer import Writer
from core.errors import Permanent
from core.ports import Clock, Delivery, Draft


class SlackAdapter:
    """Streams into threads, and answers commands where only their sender sees it."""

    def __init__(self, api: WebApi, *, clock: Clock, classic: bool) -> None:
        self._api = api
        self._clock = clock
        self._classic = classic
        self._governor = Governor(clock)
        self._traits = Traits(clock)

    async def deliver(self, delivery: Delivery, draft: Draft) -> None:
        """Send the answer; see `core.ports.Adapter`."""
        if not delivery.origins:
            raise Permanent("nothing tells where the answer goes")
        if delivery.origins[-1].get("kind") == "command":
            await Commanded(delivery, draft, self._api, self.reply, clock=self._clock).deliver(
                classic=self._classic
            )
            return
        target = _target(delivery)
        await self.stream(delivery, draft, self.reply(delivery, target), target)

    def reply(
        self,
        delivery: Delivery,
        target: Target,
        *,
        first: int = 0,
        until: int = ALL,
        start: int = 0,
    ) -> Reply:
        """What writes an answer's messages to a target."""
        call, enterprise = self._call(delivery), _enterprise(delivery)
        writer = Writer(
            call, target, governor=self._governor, traits=self._traits, check=delivery.check
        )
        return Reply(
            delivery,
            writer,
            call=call,
            who=partial(self._api.who, target.team, enterprise),
            governor=self._governor,
            clock=self._clock,
            first=first,
            until=until,
            start=start,
        )

    async def stream(self, delivery: Delivery, draft: Draft, reply: Reply, target: Target) -> None:
        """Show an answer in its thread while it grows."""
        status = Status(
            self._call(delivery),
            target,
            governor=self._governor,
            traits=self._traits,
            clock=self._clock,
        )
        try:
            await reply.resume()
            status.begin()
            if not reply.begun:
                await reply.intend()  # while the model thinks, instead of before its first words
            await self._follow(draft, reply, status)
        finally:
            reply.leave()
            await status.settle()
        await status.end(answered=reply.posted, streamed=reply.streamed)

    async def _follow(self, draft: Draft, reply: Reply, status: Status) -> None:
        seen, take, caught_up = 0, draft.take, True
        while True:
            if caught_up:
                await self._news(draft, seen, take, reply.patience())
            if draft.take != take:
                reply.start_over()
            final, take, text = draft.final, draft.take, draft.text
            seen = len(text)
            words = shown(text, final=final)
            if words.strip():
                await status.settle()
            caught_up = await reply.show(words, final=final, rated=draft.message_id)
            if final:
                return
            await first_of(self._clock.sleep(reply.beat()), draft.end())

    async def _news(self, draft: Draft, seen: int, take: int, patience: float | None) -> None:
        """Wait for more of the answer; not longer than an open stream can."""
        if patience is None:
            await draft.more(seen, take)
        else:
            await first_of(draft.more(seen, take), self._clock.sleep(patience))

    def _call(self, delivery: Delivery) -> Any:
        return partial(self._api.call, delivery.address.account, enterprise=_enterprise(delivery))


def _enterprise(delivery: Delivery) -> str | None:
    return delivery.origins[-1].get("enterprise")


def _target(delivery: Delivery) -> Target:
    place, origin = place_of(delivery.address.conversation), delivery.origins[-1]
    return Target(
        team=delivery.address.account,
        channel=place.channel,
        thread_ts=place.thread_ts,
        user=str(origin.get("user", "")),
        user_team=str(origin.get("team", "")),
        direct=delivery.address.direct,
        since=min(_ts(origin) for origin in delivery.origins),
    )


def _ts(origin: Mapping[str, Any]) -> str:
    return str(origin.get("ts", "0"))


async def first_of(*things: Awaitable[None]) -> None:
    """Come back when one of them is done, and let go of the others. Raises what that one raised."""
    tasks = [asyncio.ensure_future(thing) for thing in things]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
