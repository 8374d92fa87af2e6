"""What a thread shows besides messages: that somebody thinks, and a button to stop it."""

import asyncio
from contextlib import suppress
from typing import Any

from adapters.slack.calls import Refused
from adapters.slack.governor import SESSION, Governor
from adapters.slack.target import Call, Target
from adapters.slack.traits import LACKING, SESSIONS, STATUS, Traits
from core.database import DatabaseDown
from core.errors import Transient
from core.ports import Clock

REFRESH = 90.0  # seconds; Slack takes a status away after 120
PATIENCE = 3.0  # seconds that a call on its way may take before an answer goes out anyway
WORDS = "is thinking…"
THREADS = "assistant.threads.setStatus"


class Status:
    """A thread's status while it waits for its answer; all of it is best effort."""

    def __init__(
        self, call: Call, target: Target, *, governor: Governor, traits: Traits, clock: Clock
    ) -> None:
        self._call = call
        self._target = target
        self._governor = governor
        self._traits = traits
        self._clock = clock
        self._task: asyncio.Task[None] | None = None
        self._calling = asyncio.Lock()
        self._processing = self._thinking = False

    def begin(self) -> None:
        """Show that somebody thinks, until `end`; only threads can show it."""
        if self._target.thread_ts is not None:
            self._task = asyncio.create_task(self._run(), name="slack status")

    async def settle(self) -> None:
        """Let no status come any more: one that is late would stay on top of the answer."""
        if self._task is None:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE), self._calling:
                self._task.cancel()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._task = None

    async def end(self, *, answered: bool, streamed: bool) -> None:
        """The answer is there: no button any more. A message takes the status away by itself."""
        await self.settle()
        if self._thinking and not answered:
            await self._try(STATUS, THREADS, status="")
        if self._processing and not streamed and self._has_room():
            await self._try(SESSIONS, SESSION, status="active")

    async def _run(self) -> None:
        async with self._calling:
            if self._has_room():
                self._processing = await self._try(SESSIONS, SESSION, status="processing")
        while True:
            async with self._calling:
                self._thinking |= await self._try(STATUS, THREADS, status=WORDS)
            await self._clock.sleep(REFRESH)

    def _has_room(self) -> bool:
        target = self._target
        wanted = self._traits.has(target.team, SESSIONS, direct=target.direct)
        return wanted and self._governor.spend(target.team, SESSION)

    async def _try(self, trait: str, method: str, **arguments: Any) -> bool:
        target = self._target
        if not self._traits.has(target.team, trait, direct=target.direct):
            return False
        where = {"channel_id": target.channel, "thread_ts": target.thread_ts}
        try:
            await self._call(method, **where, **arguments)
        except Refused as error:
            if error.code in LACKING:
                self._traits.lacks(target.team, trait, direct=target.direct)
            return False
        except (Transient, DatabaseDown):
            return False
        return True
