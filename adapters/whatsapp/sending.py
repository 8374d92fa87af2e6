"""An answer's parts on their way to a person: in order, each once, and only while they may be."""

import math
from collections.abc import Mapping
from typing import Protocol

from adapters.whatsapp.client import InDoubt, Message, NotSent, Refused, Throttled, Twilio
from adapters.whatsapp.refusals import Doing, doing
from adapters.whatsapp.window import Leave, Window
from core.errors import Barred, Permanent, RateLimited
from core.ports import Clock, Delivery

GAP = 1.0  # seconds between two parts: sent closer together, they may arrive the other way round
SETTLING = (2.0, 5.0, 10.0)  # seconds between looks for a message of unknown fate
SKEW = 60.0  # seconds that Twilio's clock and ours may differ
YOUNG = 10.0  # seconds in which Twilio may still be taking what a dead process has sent
UNREACHED = 30.0  # seconds between two tries while there is no Twilio; it may be for hours
CROWDED = 6.0  # seconds until a person may be sent another message, where they had too many
INTENT = "?"  # before the time, in place of the id of a part that may be on its way
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
        sender: str,
        service: str | None,
        status_callback: str,
    ) -> None:
        self._twilio = twilio
        self._delivery = delivery
        self._window = window
        self._clock = clock
        self._to = to
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
        is_begun = notes.parts.get(number, NOT_BEGUN).startswith(INTENT)
        if is_begun:
            await self._clock.sleep(_begun_at(notes.parts[number]) + YOUNG - self._clock.now())
            if sid := await self._found(number, body, notes):
                return not await self._window.missed(sid)
        await self._clock.sleep(self._next - self._clock.monotonic())
        match await self._window.leave():
            case Leave.NEVER:
                raise Permanent("the person wants to hear nothing")
            case Leave.SHUT:
                return False
        if not is_begun:
            await notes.checkpoint(number, f"{INTENT}{self._clock.now():.3f}", sent=False)
        self._delivery.check()
        try:
            sid = await self._create(body)
        except InDoubt:
            sid = await self._settle(number, body, notes)
        except (Throttled, NotSent, Refused) as error:
            if not is_begun:  # else an earlier call may still have been taken
                await notes.checkpoint(number, NOT_BEGUN, sent=False)
            return await self._not_taken(error)
        else:
            await notes.checkpoint(number, sid)
        self._next = self._clock.monotonic() + GAP
        return not await self._window.missed(sid)

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
        for message in reversed(await self._recent(_begun_at(notes.parts[number]) - SKEW)):
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

    async def _not_taken(self, error: Throttled | NotSent | Refused) -> bool:
        """What a call that surely did nothing means for the answer; False: it has to wait."""
        if isinstance(error, Throttled):
            raise _crowded(error)
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


def _begun_at(intent: str) -> float:
    return float(intent.removeprefix(INTENT))


def _crowded(error: Throttled) -> RateLimited:
    return RateLimited(str(error), retry_after=error.retry_after or CROWDED)


def _barred(error: Refused) -> Barred:
    return Barred(f"Twilio's error {error.code or error.status}; `gateway doctor`")
