"""An answer's parts on their way to a person: in order, each once, and only while they may be."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from adapters.whatsapp import trying
from adapters.whatsapp.addressing import NO_WAY, Addressing
from adapters.whatsapp.client import InDoubt, Message, NotSent, Refused, Throttled, Twilio
from adapters.whatsapp.format.marks import plain
from adapters.whatsapp.refusals import PAIR, Doing, doing
from adapters.whatsapp.window import Leave, Window
from core.errors import Barred, Permanent, RateLimited
from core.ports import Clock, Delivery

GAP = 1.0  # seconds between two parts: sent closer together, they may arrive the other way round
SETTLING = (2.0, 5.0, 10.0)  # seconds between looks for a message of unknown fate
SKEW = 60.0  # seconds that Twilio's clock and ours may differ
YOUNG = 10.0  # seconds in which Twilio may still be taking what a dead process has sent
UNREACHED = 30.0  # seconds between two tries while there is no Twilio; it may be for hours
CROWDED = 6.0  # seconds until a person may be sent another message, where they had too many
CROWDED_LONGEST = 300.0  # each time that they still have, it is twice as long
NOT_BEGUN = ""  # in place of the id of a part that Twilio surely did not take
LOST = frozenset({"failed", "undelivered", "canceled"})


class Notes(Protocol):
    """What is remembered of the parts; a delivery's, or those of an answer that is owed."""

    @property
    def parts(self) -> Mapping[int, str]:
        """Ids of the parts that were begun, or the intent to send them."""
        ...

    @property
    def sent(self) -> frozenset[int]:
        """The parts that Twilio took."""
        ...

    async def checkpoint(self, part: int, external_id: str, *, sent: bool = True) -> None:
        """Remember a part durably."""
        ...


class Sending:
    """Sends parts to one person from one of our senders."""

    def __init__(  # noqa: PLR0913 - what it works with
        self,
        twilio: Twilio,
        *,
        delivery: Delivery,
        window: Window,
        clock: Clock,
        to: str,
        addressing: Addressing,
        sender: str,
        service: str | None,
        status_callback: str,
    ) -> None:
        self._twilio = twilio
        self._delivery = delivery
        self._window = window
        self._clock = clock
        self._to = to
        self._addressing = addressing
        self._sender = sender
        self._service = service
        self._callback = status_callback
        self._next = -math.inf

    async def forbidden(self) -> bool:
        """Whether the person wants to hear nothing from us."""
        return await self._window.leave() is Leave.NEVER

    async def all(self, bodies: list[str], notes: Notes) -> bool:
        """Send what was not sent yet; False if the rest has to wait until the person writes.

        Raises `Transient` to be called again, `Permanent` when it is of no use, and `Fenced`.
        """
        for number, body in enumerate(bodies):
            if number not in notes.sent and not await self._one(number, body, notes):
                return False
        return True

    async def _one(self, number: int, body: str, notes: Notes) -> bool:
        before = trying.read(notes.parts.get(number, NOT_BEGUN))
        body = (plain(body) or body) if before.plain else body
        if before.begun_at is not None:
            await self._clock.sleep(before.begun_at + YOUNG - self._clock.now())
            if sid := await self._found(number, body, notes):
                return not await self._window.missed(sid)
        await self._clock.sleep(self._next - self._clock.monotonic())
        match await self._window.leave():
            case Leave.NEVER:
                raise Permanent("the person wants to hear nothing")
            case Leave.SHUT:
                return False
        if before.begun_at is None:
            begun = replace(before, begun_at=self._clock.now())
            await notes.checkpoint(number, trying.write(begun), sent=False)
        self._delivery.check()
        try:
            sid = await self._create(body)
        except InDoubt:
            sid = await self._settle(number, body, notes)
        except (Throttled, NotSent, Refused) as error:
            # A call before this one may still have been taken: then that stays noted.
            left = replace(before, crowded=before.crowded + _is_of_pair(error))
            await notes.checkpoint(number, trying.write(left), sent=False)
            if isinstance(error, Refused) and await self._is_elsewhere(error):
                return await self._one(number, body, notes)
            return await self._not_taken(error, before.crowded)
        else:
            await notes.checkpoint(number, sid)
        self._next = self._clock.monotonic() + GAP
        return not await self._window.missed(sid)

    async def _is_elsewhere(self, error: Refused) -> bool:
        """Whether the person has another address; from now on it goes there."""
        other = None
        if error.code == NO_WAY:
            other = await self._addressing.instead_of(self._to)
        self._to = other or self._to
        return other is not None

    async def _create(self, body: str) -> str:
        sent = await self._twilio.send(
            to=self._to,
            sender=self._sender,
            service=self._service,
            body=body,
            status_callback=self._callback,
        )
        return sent.sid

    async def _settle(self, number: int, body: str, notes: Notes) -> str:
        """Wait until it is clear whether Twilio took it. Raises `Transient`: it did not."""
        for wait in SETTLING:
            await self._clock.sleep(wait)
            if sid := await self._found(number, body, notes):
                return sid
        raise RateLimited("Twilio does not know the message", retry_after=UNREACHED)

    async def _found(self, number: int, body: str, notes: Notes) -> str | None:
        """Look for a part that may have been taken, and remember it if it was."""
        known = await self._delivery.known() | frozenset(notes.parts.values())
        begun_at = trying.read(notes.parts[number]).begun_at
        assert begun_at is not None  # noqa: S101 - whoever looks has noted the intent
        for message in reversed(await self._recent(begun_at - SKEW)):
            # What was lost is owed, and goes out under another id.
            if message.body == body and message.sid not in known and message.status not in LOST:
                await notes.checkpoint(number, message.sid)
                return message.sid
        return None

    async def _recent(self, since: float) -> list[Message]:
        try:
            # Of a service's messages, some have no sender yet.
            sender = self._service or self._sender
            return await self._twilio.recent(to=self._to, sender=sender, since=since)
        except Throttled as error:
            raise _crowded(error) from error
        except Refused as error:  # nothing about the answer, and without a look it can't go on
            raise _barred(error) from error

    async def _not_taken(self, error: Throttled | NotSent | Refused, crowded: int) -> bool:
        """What a call that surely did nothing means for the answer; False: it has to wait.

        `crowded` is how often it was one too many before.
        """
        if isinstance(error, Throttled):
            raise _crowded(error, crowded)
        if isinstance(error, NotSent):
            raise RateLimited("Twilio can't be reached", retry_after=UNREACHED) from error
        match doing(error):
            case Doing.WAIT_FOR_THEM:
                await self._window.shut()
                return False
            case Doing.BE_SILENT:
                await self._window.opt_out()
                raise Permanent("the person wants to hear nothing")
            case Doing.TELL_OPERATOR:
                raise _barred(error)
            case Doing.GO_SLOWER | Doing.LATER:
                raise RateLimited(str(error.code), retry_after=CROWDED)
        raise error


def _is_of_pair(error: Throttled | NotSent | Refused) -> bool:
    return isinstance(error, Throttled) and error.code == PAIR


def _crowded(error: Throttled, before: int = 0) -> RateLimited:
    doubled = before if _is_of_pair(error) else 0
    wait = min(CROWDED * 2 ** min(doubled, 10), CROWDED_LONGEST)
    return RateLimited(str(error), retry_after=error.retry_after or wait)


def _barred(error: Refused) -> Barred:
    return Barred(f"Twilio's error {error.code or error.status}; `gateway doctor`")
