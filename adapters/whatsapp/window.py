"""When a person may be written to: within a day of their last word, and if they want to be."""

from dataclasses import dataclass
from enum import Enum, auto

from adapters.whatsapp.refusals import OWED, Doing, doing_of
from adapters.whatsapp.trying import PLAIN
from core import contacts, owed, reports
from core.contacts import Contact
from core.database import Database
from core.ports import Clock

PLATFORM = "whatsapp"
DAY = 24 * 3600 * 1000  # milliseconds that the window is open after their last word
SPARE = 2 * 60 * 1000  # of which we leave the last: clocks differ, and messages take their time


class Leave(Enum):
    """Whether words may go out."""

    OPEN = auto()
    SHUT = auto()  # templates alone, until they write
    NEVER = auto()  # they want to hear nothing


def leave(contact: Contact | None, now: int) -> Leave:
    """What may be sent to somebody now (milliseconds since 1970)."""
    if contact is None or contact.heard_at is None:
        return Leave.SHUT
    if contact.opted_out_at is not None:
        return Leave.NEVER
    open_until = contact.heard_at + DAY - SPARE
    return Leave.OPEN if contact.shut_at is None and now < open_until else Leave.SHUT


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """The window of one person, as it is stored."""

    database: Database
    clock: Clock
    account: str
    person: str

    async def leave(self) -> Leave:
        """What may be sent now. Raises `DatabaseDown`."""
        contact = await self._contact()
        return leave(contact, self._now())

    async def shut(self) -> None:
        """The platform takes no words for them any more. Raises `DatabaseDown`."""
        if (contact := await self._contact()) is not None:
            await self.database.write(contacts.shut, contact.id, now=self._now())

    async def opt_out(self) -> None:
        """The platform says that they want to hear nothing. Raises `DatabaseDown`."""
        if (contact := await self._contact()) is not None:
            await self.database.write(contacts.opt, contact.id, out=True, now=self._now())

    async def missed(self, sid: str) -> bool:
        """Whether Twilio says already that a message came too late; then it is owed.

        So is one that failed for another passing reason, which is no reason to send no more.
        """
        told = await self.database.read(reports.find, PLATFORM, sid)
        if told is None or told.error_code is None or not told.error_code.isdigit():
            return False
        why = doing_of(int(told.error_code))
        if why is Doing.SAY_PLAINLY:
            await self.database.write(
                owed.fail_once, PLATFORM, sid, why.name, now=self._now(), note=PLAIN
            )
        if why in OWED:
            await self.database.write(owed.fail, sid, now=self._now())
        if why is Doing.WAIT_FOR_THEM:
            await self.shut()
        return why is Doing.WAIT_FOR_THEM

    async def _contact(self) -> Contact | None:
        return await self.database.read(contacts.find, PLATFORM, self.account, self.person)

    def _now(self) -> int:
        return int(self.clock.now() * 1000)
