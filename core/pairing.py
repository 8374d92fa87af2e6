"""Codes are given and taken, and conversations become one, now or as soon as they can."""

import asyncio
from collections.abc import Callable

from core import commands, forgetting, linking
from core.commands import Command
from core.database import Contended, Database, DatabaseDown
from core.joining import Joined
from core.linking import Outcome
from core.ports import Clock
from core.telling import Case
from core.types import Turn

WAITS = (0.5, 1, 2, 5, 10, 20, 30)  # seconds between two tries to make conversations one


class Pairing:
    """Links people, and parts them. `pick` picks one sign of a text, as nobody can guess."""

    def __init__(self, *, database: Database, clock: Clock, pick: Callable[[str], str]) -> None:
        self._database = database
        self._clock = clock
        self._pick = pick
        self._joining: dict[int, asyncio.Task[None]] = {}
        self._linked: set[int] = set()

    async def begin(self, case: Case) -> str:
        """A code to be typed elsewhere."""
        code = linking.new_code(self._pick)
        known = await self._database.write(
            linking.begin, case.turn, linking.digest(code), now=self._now()
        )
        if not known:
            return case.words.stranger
        minutes = linking.LIVES // 60_000
        shown = linking.shown(code)
        return case.words.link_code.format(code=shown, minutes=minutes)

    async def redeem(self, case: Case) -> tuple[str, bool]:
        """Take a code; also says whether anything was linked."""
        said, turn = case.words, case.turn
        typed, apart = _typed(case.argument)
        if typed is None:
            return said.link_shape, False
        outcome = await self._database.write(
            linking.redeem, turn, linking.digest(typed), apart=apart, now=self._now()
        )
        if outcome is not Outcome.LINKED:
            told = {
                Outcome.OWN: said.link_own,
                Outcome.WRONG: said.link_wrong,
                Outcome.LOCKED: said.link_locked,
                None: said.stranger,
            }
            return told[outcome], False
        joined = await self._database.write(linking.join, turn.id, now=self._now())
        if joined is Joined.BUSY:
            self._linked.add(turn.id)
        return (said.linked_apart if apart else said.linked), True

    async def unlink(self, case: Case) -> str:
        """Make them a person of their own again."""
        done = await self._database.write(linking.unlink, case.turn, now=self._now())
        if not done:
            return case.words.unlink_none
        # It would be answered, and remembered, in the conversation that they have just left.
        if await self._database.write(forgetting.leave_unread, case.turn, commands.UNLINK):
            return f"{case.words.unlinked}\n\n{case.words.unread}"
        return case.words.unlinked

    async def spoil(self, command: Command) -> None:
        """A code that was typed where others read it is void."""
        typed, _ = _typed(command.argument)
        if command.name == commands.LINK and typed is not None:
            await self._database.write(linking.spoil, linking.digest(typed), now=self._now())

    def over(self, turn: Turn) -> None:
        """A turn is closed: what it linked while both conversations answered is made one now."""
        if turn.id in self._linked:
            self._linked.discard(turn.id)
            self._soon(turn.id)

    async def resume(self) -> None:
        """Make one what whoever ran before has left apart."""
        for turn_id in await self._database.read(linking.pending):
            self._soon(turn_id)

    async def rest(self) -> None:
        """Drop what is done beside the turns; whoever begins next resumes it."""
        tasks = list(self._joining.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _soon(self, turn_id: int) -> None:
        if turn_id not in self._joining:
            task = asyncio.create_task(self._join(turn_id), name=f"join {turn_id}")
            self._joining[turn_id] = task  # the loop itself would let it be collected
            task.add_done_callback(lambda _: self._joining.pop(turn_id, None))

    async def _join(self, turn_id: int) -> None:
        """Make conversations one as soon as one of the two is at rest."""
        tries = 0
        while True:
            try:
                joined = await self._database.write(linking.join, turn_id, now=self._now())
            except (Contended, DatabaseDown):
                joined = Joined.BUSY
            if joined is not Joined.BUSY:
                return
            await self._clock.sleep(WAITS[min(tries, len(WAITS) - 1)])
            tries += 1

    def _now(self) -> int:
        return int(self._clock.now() * 1000)


def _typed(argument: str) -> tuple[str | None, bool]:
    """The code that was typed, None if it is none, and whether all is to stay apart."""
    head, _, last = argument.rpartition(" ")
    apart = bool(head) and last.lower() in commands.APART
    return linking.read_code(head if apart else argument), apart
