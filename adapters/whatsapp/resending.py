"""What Twilio took and failed at is sent once more, a while later, beside all else."""

import asyncio
from contextlib import suppress

from adapters.whatsapp.window import PLATFORM, Leave, leave
from core import contacts, owed
from core.database import Database
from core.errors import Transient
from core.ports import Clock

WAIT = 45.0  # seconds in which a channel may get over its trouble
LOOKS = 5  # for a moment when nothing else is sent to the person
MOST = 100  # that are waited for; what is beyond goes out when they write


class Resender:
    """Has what is owed brought in a turn of its own, so it is in nobody's way, and not lost.

    What comes of nothing here, for whatever reason, stays owed until the person writes.
    """

    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()

    def soon(self, turn_id: int, *, business: str, person: str) -> None:
        """Bring what is owed of a turn, if the person may be written to by then."""
        if len(self._tasks) < MOST:
            task = asyncio.create_task(self._bring(turn_id, business, person))
            self._tasks.add(task)  # the loop itself would let it be collected
            task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Wait for nothing more."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _bring(self, turn_id: int, business: str, person: str) -> None:
        for _ in range(LOOKS):
            await self._clock.sleep(WAIT)
            with suppress(Transient):
                contact = await self._database.read(contacts.find, PLATFORM, business, person)
                now = int(self._clock.now() * 1000)
                if leave(contact, now) is not Leave.OPEN:
                    return
                if await self._database.write(owed.bring, turn_id, now=now):
                    return
