"""What people do to their conversations besides speaking: have an answer anew, and erase."""

import asyncio
from collections.abc import Sequence

from core import account, outcomes, transcript
from core.again import Busy, again
from core.conversation import ConversationHandler
from core.database import Database
from core.errors import Transient
from core.ports import Clock
from core.rates import Allowance
from core.types import Address, InboundEvent, Receipt

PATIENCE = 10.0  # seconds that a running answer has to end once it was told to


class Changes:
    """Changes that wait for the running turn, or end it."""

    def __init__(
        self, *, database: Database, handler: ConversationHandler, clock: Clock, replica: str
    ) -> None:
        self._database = database
        self._handler = handler
        self._clock = clock
        self._replica = replica

    async def again(
        self,
        session_id: int,
        turn_id: int,
        event: InboundEvent | None = None,
        *,
        metered: bool = True,
    ) -> Receipt:
        """Answer a turn's messages once more, or `event` in their place; see `core.again`.

        An answer that runs is stopped for it, and what waits is replaced as all that came later.
        One that is not `metered` is none of those that a person may send in a time.
        Raises `NotFound`, and `Transient` when the running answer does not end, or the server is
        stopping.
        """
        if not self._handler.accepting:
            raise Transient("the server is restarting", retry_after=2)
        allowances = self._handler.allowances if metered else ()
        return await asyncio.shield(self._again(session_id, turn_id, event, allowances))

    async def stop(self, address: Address) -> bool:
        """End the answer that is being given at an address; False if there is none."""
        session_id = await self._database.read(transcript.find_session, address)
        if session_id is None:
            return False
        running = await self._database.read(outcomes.open_turn, session_id)
        if running is not None:
            await self._handler.stop(running)
        return running is not None

    async def erase(self, address: Address) -> bool:
        """Delete a conversation and all that was said in it; False if there was none."""
        found = await self._database.read(
            account.find, address.platform, address.account, address.conversation
        )
        if found is None:
            return False
        running = await self._database.read(outcomes.open_turn, found.session_id)
        if running is not None:
            await self._handler.stop(running)
        erased = await self._database.write(
            account.erase_some,
            address.platform,
            address.account,
            name=address.conversation,
            now=self._now(),
        )
        return erased > 0

    async def erase_all(self, platform: str, account_id: str) -> int:
        """Delete all conversations of an account; returns how many there were."""
        for running in await self._database.read(account.open_turns, platform, account_id):
            await self._handler.stop(running)
        erased = 0
        while some := await self._database.write(
            account.erase_some, platform, account_id, now=self._now()
        ):
            erased += some
        return erased

    async def _again(
        self,
        session_id: int,
        turn_id: int,
        event: InboundEvent | None,
        allowances: Sequence[Allowance],
    ) -> Receipt:
        until = asyncio.get_running_loop().time() + PATIENCE
        while True:
            now = self._now()
            try:
                receipt = await self._database.write(
                    again,
                    session_id,
                    turn_id,
                    event=event,
                    owner=self._replica,
                    now=now,
                    allowances=allowances,
                )
            except Busy:
                await self._end_running(session_id, until)
                continue
            if receipt.turn is not None:
                self._handler.start(receipt.turn)
            return receipt

    async def _end_running(self, session_id: int, until: float) -> None:
        """End the running answer, and wait for its end. Raises `Busy` when it does not come."""
        try:
            async with asyncio.timeout_at(until):
                running = await self._database.read(outcomes.open_turn, session_id)
                if running is None:
                    return
                await self._handler.stop(running)
                async for _ in self._handler.follow(running):
                    pass
        except TimeoutError:
            raise Busy("an answer is still running", retry_after=2) from None

    def _now(self) -> int:
        return int(self._clock.now() * 1000)
