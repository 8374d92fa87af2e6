"""Which of a person's addresses their messages go to: none that Twilio refuses, if there are more.

Who has a user name may be known by an id alone, and not every account of Twilio's may write to one.
"""

import re
from dataclasses import dataclass

from adapters.whatsapp.events import PLATFORM
from core import contacts, reports
from core.database import Database
from core.ports import Clock
from core.reports import Report

NO_WAY = 21211  # Twilio's code for an address that it does not write to
REFUSED = Report(status="refused", rank=0, error_code=str(NO_WAY))

_USER = re.compile(rf"{PLATFORM}:[A-Z]{{2}}\..+")
_PHONE = re.compile(rf"{PLATFORM}:\+[0-9]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Addressing:
    """Knows one of our senders' people, and which ids were refused to it."""

    database: Database
    clock: Clock
    account: str

    async def way_to(self, person: str) -> str:
        """The address itself, unless it was refused before and there is a phone number.

        Raises `DatabaseDown`.
        """
        if _USER.fullmatch(person) is None:
            return person
        told = await self.database.read(reports.find, PLATFORM, self._key(person))
        return person if told is None else await self._phone_of(person) or person

    async def instead_of(self, person: str) -> str | None:
        """Remember that an address is refused; returns a phone number of the same person's.

        None if there is none, or if it was a phone number itself. Raises `DatabaseDown`.
        """
        if _USER.fullmatch(person) is None:
            return None
        now = int(self.clock.now() * 1000)
        await self.database.write(reports.rise, PLATFORM, self._key(person), REFUSED, now=now)
        return await self._phone_of(person)

    async def _phone_of(self, person: str) -> str | None:
        names = await self.database.read(contacts.names, PLATFORM, self.account, person)
        return next((name for name in names if _PHONE.fullmatch(name)), None)

    def _key(self, person: str) -> str:
        return f"{self.account} {person}"  # no id of a message has a space in it
