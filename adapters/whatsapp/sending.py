"""An answer's parts on their way to a person: in order, each once, and only while they may be."""

from collections.abc import Mapping
from typing import Protocol

from adapters.whatsapp.client import InDoubt, Refused, Twilio
from adapters.whatsapp.refusals import Doing, doing
from adapters.whatsapp.window import Leave, Window
from core.errors import Barred, Permanent, RateLimited, Transient
from core.ports import Clock, Delivery

GAP = 1.0  # seconds between two parts: sent closer together, they may arrive the other way round
SETTLING = (2.0, 5.0, 10.0)  # seconds between looks for a message of unknown fate
SKEW = 60.0  # seconds that Twilio's clock and ours may differ
CROWDED = 6.0  # seconds until a person may be sent another message, where they had too many
INTENT = "?"  # before the time, in place of the id of a part that may be on its way


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

    async def all(self, bodies: list[str], notes: Notes) -> bool:
        """Send what was not sent yet; False if the rest has to wait until the person writes.

        Raises `Transient` to be called again, `Permanent` when it is of no use, and `Fenced`.
        """
        for number, body in enumerate(bodies):
            if number in notes.sent:
                continue
            if not await self._one(number, body, notes):
                return False
            if number + 1 < len(bodies):
                await self._clock.sleep(GAP)
        return True

    async def _one(self, number: int, body: str, notes: Notes) -> bool:
        begun = notes.parts.get(number, "")
        if begun.startswith(INTENT) and await self._found(number, body, notes):
            return True
        match await self._window.leave():
            case Leave.NEVER:
                raise Permanent("the person wants to hear nothing")
            case Leave.SHUT:
                return False
        if not begun.startswith(INTENT):
            await notes.checkpoint(number, f"{INTENT}{self._clock.now():.3f}", sent=False)
        self._delivery.check()
        try:
            sent = await self._twilio.send(
                to=self._to,
                sender=self._sender,
                service=self._service,
                body=body,
                status_callback=self._callback,
            )
        except InDoubt:
            await self._settle(number, body, notes)
        except Refused as error:
            return await self._refused(error)
        else:
            await notes.checkpoint(number, sent.sid)
            return not await self._window.missed(sent.sid)
        return True

    async def _settle(self, number: int, body: str, notes: Notes) -> None:
        """Wait until it is clear whether Twilio took it. Raises `Transient`: it did not."""
        for wait in SETTLING:
            await self._clock.sleep(wait)
            if await self._found(number, body, notes):
                return
        raise Transient("Twilio does not know the message")

    async def _found(self, number: int, body: str, notes: Notes) -> bool:
        """Look for a part that may have been taken, and remember it if it was."""
        since = float(notes.parts[number].removeprefix(INTENT)) - SKEW
        known = await self._delivery.known() | frozenset(notes.parts.values())
        recent = await self._twilio.recent(to=self._to, sender=self._sender, since=since)
        for message in reversed(recent):
            if message.body == body and message.sid not in known:
                await notes.checkpoint(number, message.sid)
                return True
        return False

    async def _refused(self, error: Refused) -> bool:
        match doing(error):
            case Doing.WAIT_FOR_THEM:
                await self._window.shut()
                return False
            case Doing.BE_SILENT:
                await self._window.opt_out()
                raise Permanent("the person wants to hear nothing")
            case Doing.TELL_OPERATOR:
                raise Barred(f"Twilio's error {error.code or error.status}; `gateway doctor`")
            case Doing.GO_SLOWER:
                raise RateLimited(str(error.code), retry_after=CROWDED)
        raise error
