"""Those who follow an answer, from this replica or another one, while it grows or later."""

from collections.abc import AsyncGenerator

from core import outcomes
from core.database import Database
from core.errors import NotFound
from core.live import Cursor, Live, Update, replay
from core.types import STOPPED, Outcome, Receipt, Status, Usage

ELSEWHERE = 1.0  # seconds between two looks at a turn that another replica runs


class Viewers:
    """Finds the turn that a viewer wants, and what is new of it."""

    def __init__(self, database: Database, live: Live) -> None:
        self._database = database
        self._live = live

    async def watch(self, receipt: Receipt) -> AsyncGenerator[Update, None]:
        """Yield the updates of the turn that answers a message, once it has come to it."""
        try:
            turn_id = await self.turn_of(receipt)
        except NotFound:
            yield _gone(0)
            return
        async for update in self.follow(turn_id):
            yield update

    async def turn_of(self, receipt: Receipt) -> int:
        """Wait for the turn that answers a message; at once unless another turn runs first.

        Raises `NotFound` when the message was erased while it waited.
        """
        turn_id = receipt.turn_id
        while turn_id is None:
            with self._live.news("message", receipt.message_id) as news:
                turn_id = await self._database.read(outcomes.turn_of, receipt.message_id)
                if turn_id is None:
                    await news.wait(ELSEWHERE)
        return turn_id

    async def follow(
        self, turn_id: int, cursor: Cursor | None = None
    ) -> AsyncGenerator[Update, None]:
        """Yield a turn's updates from a cursor on, to its end, wherever and whenever it runs."""
        while True:
            if (log := self._live.get(turn_id)) is not None:
                async for update in log.follow(cursor):
                    cursor = update.cursor
                    yield update
                if log.outcome is not None:
                    return
            with self._live.news("turn", turn_id) as news:
                try:
                    outcome = await self._database.read(outcomes.ended, turn_id)
                except NotFound:
                    yield _gone(turn_id)
                    return
                if outcome is None:
                    await news.wait(ELSEWHERE)
                    continue
            for update in replay(outcome, cursor):
                yield update
            return


def _gone(turn_id: int) -> Update:
    """The end of a turn that was erased while somebody followed it."""
    outcome = Outcome(
        turn_id=turn_id,
        attempt=0,
        status=Status.CANCELLED,
        text="",
        model=None,
        stop_reason=STOPPED,
        usage=Usage(),
        error=None,
        message_id=None,
        created_at=0,
    )
    return Update(turn_id=turn_id, cursor=Cursor(attempt=0, position=0), outcome=outcome)
