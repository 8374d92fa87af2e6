"""This process among its replicas: it says that it lives, takes over from the dead, and leaves."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from core import leases
from core.conversation import ConversationHandler
from core.database import Database, DatabaseDown
from core.errors import Fenced
from core.facts import HeartbeatMissed, ReplicaStopped, TurnsRecovered
from core.ports import Clock, Observer

PATIENCE = 5.0  # seconds that a stop waits for a heartbeat on its way


@dataclass(frozen=True, kw_only=True, slots=True)
class Pulse:
    """Seconds: between two signs of life, and of silence after which a replica counts as dead."""

    beat: float = 3.0
    dead: float = 12.0


class Lease:
    """How long this replica may believe that its turns are its own."""

    def __init__(self, *, clock: Clock, seconds: float | None) -> None:
        self._clock = clock
        self._seconds = seconds
        self._until = clock.monotonic() + (seconds or 0)

    def renew(self, since: float) -> None:
        """The others saw a sign of life that was given at `since` (monotonic) or later."""
        self._until = since + (self._seconds or 0)

    @property
    def lapsed(self) -> bool:
        """True when the others may think this replica dead."""
        return self._seconds is not None and self._clock.monotonic() >= self._until

    def check(self) -> None:
        """Raise `Fenced` when the lease has lapsed."""
        if self.lapsed:
            raise Fenced("no sign of life was stored in time")


class Replica:
    """Heartbeat, recovery, and an orderly end."""

    def __init__(  # noqa: PLR0913 - parts, each of its own
        self,
        name: str,
        *,
        database: Database,
        handler: ConversationHandler,
        lease: Lease,
        observe: Observer,
        clock: Clock,
        pulse: Pulse,
    ) -> None:
        self.name = name
        self._database = database
        self._handler = handler
        self._lease = lease
        self._observe = observe
        self._clock = clock
        self._pulse = pulse
        self._suspects: set[int] = set()
        self._dropped: set[int] = set()
        self._task: asyncio.Task[None] | None = None
        self._ticking = asyncio.Lock()
        self._begun = False

    async def start(self) -> None:
        """Take over what the dead have left, and go on doing so. Raises `DatabaseDown`."""
        self._begun = True
        await self._beat()
        await self._sweep()
        self._task = asyncio.create_task(self._live(), name="replica")

    async def stop(self, grace: float) -> None:
        """Take no more messages, let turns end for `grace` seconds, free the rest for others."""
        self._handler.retire()
        await self._handler.idle(grace)
        await self._end_heartbeat()
        await self._handler.leave()
        if not self._begun:
            return  # there may not even be a table to say so in
        with suppress(DatabaseDown):  # then they wait until this replica counts as dead
            released = await self._database.write(leases.release, self.name)
            self._observe(ReplicaStopped(released=released))

    async def _end_heartbeat(self) -> None:
        """No sign of life may come after the release, or the others would wait for a dead one."""
        if self._task is None:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE), self._ticking:
                self._task.cancel()
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def tick(self) -> None:
        """One heartbeat and one look for orphans; survives a database that is away."""
        try:
            await self._beat()
            if self._handler.accepting:
                await self._sweep()
        except Exception as error:  # noqa: BLE001 - whatever it is, there is a next beat
            self._observe(HeartbeatMissed(error=type(error).__name__))
            if self._lease.lapsed:
                self._dropped |= await self._handler.abandon()

    async def _live(self) -> None:
        while True:
            await self._clock.sleep(self._pulse.beat)
            async with self._ticking:
                await self.tick()

    async def _beat(self) -> None:
        if self._database.single:
            return
        if self._lease.lapsed:
            # It slept, or was cut off: others may have its turns, and only the fence knows which.
            # Those that they have not are given back, so that nobody blames them.
            self._dropped |= await self._handler.abandon()
            await self._database.write(leases.free, self.name, self._dropped)
            self._dropped.clear()
        begun = self._clock.monotonic()
        await self._database.write(leases.beat, self.name)
        self._lease.renew(begun)

    async def _sweep(self) -> None:
        lost = await self._lost()
        if not self._handler.accepting:
            return
        taken = await self._database.write(
            leases.recover,
            self.name,
            single=self._database.single,
            dead_ms=int(self._pulse.dead * 1000),
            lost=lost,
        )
        if taken:
            self._observe(TurnsRecovered(turn_ids=tuple(turn.id for turn in taken)))
            for turn in taken:
                self._handler.start(turn)

    async def _lost(self) -> set[int]:
        """Turns of this replica that it does not work on, at two looks in a row.

        At one look it may be a turn whose task is about to start.
        """
        owned = await self._database.read(leases.owned, self.name)
        idle = owned - self._handler.running
        lost = idle & self._suspects
        self._suspects = idle - lost
        return lost
