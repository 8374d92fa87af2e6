"""From an answer to its platform: offered until it is taken, and never twice what was taken."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from core import turns
from core.database import Database
from core.errors import Fenced, Permanent, Transient
from core.facts import DeliveryRetried
from core.live import TurnLog
from core.patience import PatientWriter
from core.ports import Adapter, Clock, Observer
from core.text import apology
from core.turns import BLAME_LIMIT
from core.types import Address, Failure, Status, Turn

# Seconds between two offers of an answer to its platform, unless the platform says how long.
WAITS = (1, 2, 5, 10, 30, 60, 60, 60, 60)
LONGEST_WAIT = 300


@dataclass(kw_only=True)
class TurnDelivery:
    """A `core.ports.Delivery`, remembered in the table of deliveries."""

    turn: Turn
    writer: PatientWriter
    clock: Clock
    fence: Callable[[], None]
    parts: dict[int, str] = field(default_factory=dict)
    complete: set[int] = field(default_factory=set)

    @property
    def turn_id(self) -> int:
        """The turn that is answered."""
        return self.turn.id

    @property
    def address(self) -> Address:
        """Where the answer goes."""
        return self.turn.address

    @property
    def sent(self) -> frozenset[int]:
        """The parts that must not be sent again."""
        return frozenset(self.complete)

    async def checkpoint(self, part: int, external_id: str, *, sent: bool = True) -> None:
        """Remember a part durably. Raises `Fenced`."""
        # Known here at once: whatever befalls the note, this process sends it no second time.
        self.parts[part] = external_id
        if sent:
            self.complete.add(part)
        sent_at = int(self.clock.now() * 1000) if sent else None
        await self.writer.write(turns.checkpoint, self.turn, part, external_id, sent_at=sent_at)

    def check(self) -> None:
        """Raise `Fenced` if this replica may have lost the turn."""
        self.fence()


class Courier:
    """Brings answers to their platforms."""

    def __init__(
        self, *, database: Database, observe: Observer, clock: Clock, fence: Callable[[], None]
    ) -> None:
        self._database = database
        self._observe = observe
        self._clock = clock
        self._fence = fence

    async def deliver(self, adapter: Adapter, turn: Turn, log: TurnLog) -> Failure | None:
        """Offer the answer to its platform until it is taken; a `Failure` if it never is."""
        if turn.status == Status.ANSWERED and turn.blame >= BLAME_LIMIT:
            return Failure.UNDELIVERED  # its session has waited long enough
        delivery = TurnDelivery(
            turn=turn,
            writer=PatientWriter(self._database, self._clock),
            clock=self._clock,
            fence=self._fence,
        )
        for part, external_id, sent in await self._database.read(turns.delivered, turn.id):
            delivery.parts[part] = external_id
            if sent:
                delivery.complete.add(part)
        for wait in (*WAITS, None):
            try:
                await adapter.deliver(delivery, _text(log))
            except Transient as error:
                if wait is None:
                    break
                await self._pause(turn, error, wait)
            except Permanent:
                break
            else:
                return None
        return Failure.UNDELIVERED

    async def _pause(self, turn: Turn, error: Transient, wait: float) -> None:
        seconds = min(error.retry_after or wait, LONGEST_WAIT)
        self._observe(
            DeliveryRetried(
                platform=turn.address.platform,
                turn_id=turn.id,
                seconds=seconds,
                error=type(error).__name__,
            )
        )
        await self._clock.sleep(seconds)
        self._fence()


async def _text(log: TurnLog) -> AsyncIterator[str]:
    """The answer as it grows; ends when it is stored."""
    async for update in log.follow(None):
        if update.text:
            yield update.text
        if update.outcome is not None and update.outcome.status == Status.FAILED:
            yield apology(log.turn.id)
    if log.abandoned:
        raise Fenced(f"turn {log.turn.id}")
