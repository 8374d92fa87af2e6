"""From an answer to its platform: offered until it is taken, and never twice what was taken."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core import deliveries, owed
from core.database import Database
from core.errors import Barred, Fenced, Permanent, RateLimited, Transient
from core.facts import DeliveryRefused, DeliveryRetried
from core.live import TurnLog
from core.owed import Debt
from core.patience import PatientWriter
from core.ports import Adapter, Clock, Observer
from core.text import apology
from core.turns import BLAME_LIMIT
from core.types import Address, Failure, Status, Turn

# Seconds between two offers of an answer to its platform, unless the platform says how long.
WAITS = (1, 2, 5, 10, 30, 60, 60, 60, 60)
LONGEST_WAIT = 300
PATIENT_WAIT, PATIENT_LONGEST = 60, 24 * 3600  # seconds, while it is nothing about the answer


class OwedDelivery:
    """A `core.ports.Owed`, noted under its own turn and the fence of the one it goes out with."""

    def __init__(self, *, debt: Debt, by: "TurnDelivery") -> None:
        self._turn_id = debt.turn_id
        self._by = by
        self.text = debt.text
        self.parts = debt.parts
        self._sent = set(debt.sent)

    @property
    def sent(self) -> frozenset[int]:
        """The parts that must not be sent again."""
        return frozenset(self._sent)

    async def checkpoint(self, part: int, external_id: str, *, sent: bool = True) -> None:
        """Remember a part durably. Raises `Fenced`."""
        self.parts[part] = external_id
        if sent:
            self._sent.add(part)
        sent_at = int(self._by.clock.now() * 1000) if sent else None
        note = {"part": part, "external_id": external_id, "sent_at": sent_at}
        await self._by.writer.write(owed.note, self._by.turn, self._turn_id, note)

    async def settle(self, parts: int) -> None:
        """Nothing is owed any more if so many parts are there; with 0 it is given up."""
        await self._by.writer.write(owed.settle, self._turn_id, parts)


@dataclass(kw_only=True)
class TurnDelivery:
    """A `core.ports.Delivery`, remembered in the table of deliveries."""

    turn: Turn
    writer: PatientWriter
    clock: Clock
    fence: Callable[[], None]
    on_stop: Callable[[int], None]
    origins: tuple[Mapping[str, Any], ...] = ()
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
        await self.writer.write(
            deliveries.checkpoint, self.turn, part, external_id, sent_at=sent_at
        )

    async def known(self) -> frozenset[str]:
        """The platform's ids of every part that was ever sent in this session."""
        return await self.writer.read(deliveries.known, self.turn.session_id)

    async def adopt(self, address: Address) -> None:
        """Let messages at `address` go on with this conversation. Raises `Fenced`."""
        await self.writer.write(deliveries.adopt, self.turn, address)

    async def owe(self) -> None:
        """Let the rest of the answer wait until its person writes again. Raises `Fenced`."""
        await self.writer.write(owed.owe, self.turn, now=int(self.clock.now() * 1000))

    async def debts(self) -> Sequence[OwedDelivery]:
        """The answers that were owed here before this one, the oldest first."""
        found = await self.writer.read(owed.due, self.turn)
        return [OwedDelivery(debt=debt, by=self) for debt in found]

    def check(self) -> None:
        """Raise `Fenced` if this replica may have lost the turn."""
        self.fence()

    def stop(self) -> None:
        """End the answer where it is."""
        self.on_stop(self.turn.id)


class LogDraft:
    """A `core.ports.Draft`: a turn's log, as it is to be read where nobody sees its status."""

    def __init__(self, log: TurnLog) -> None:
        self._log = log

    @property
    def text(self) -> str:
        """The answer so far; a turn that failed ends in an apology."""
        text, outcome = self._log.text, self._log.outcome
        if outcome is None or outcome.status != Status.FAILED:
            return text
        return f"{text}\n\n{apology(outcome.turn_id, outcome.language)}".lstrip()

    @property
    def take(self) -> int:
        """Counts up when all that was said is taken back."""
        return self._log.take

    @property
    def final(self) -> bool:
        """True once the answer is stored."""
        return self._log.outcome is not None

    @property
    def message_id(self) -> int | None:
        """The stored answer's id once it is final."""
        return self._log.outcome.message_id if self._log.outcome is not None else None

    async def more(self, seen: int, take: int) -> None:
        """Come back when there is something new. Raises `Fenced`."""
        while not self.final and self.take == take and len(self._log) <= seen:
            await self._news()

    async def end(self) -> None:
        """Come back when it is final. Raises `Fenced`."""
        while not self.final:
            await self._news()

    async def _news(self) -> None:
        if self._log.abandoned:
            raise Fenced(f"turn {self._log.turn.id}")
        await self._log.news()


class Courier:
    """Brings answers to their platforms."""

    def __init__(
        self,
        *,
        database: Database,
        observe: Observer,
        clock: Clock,
        fence: Callable[[], None],
        stop: Callable[[int], None],
    ) -> None:
        self._database = database
        self._observe = observe
        self._clock = clock
        self._fence = fence
        self._stop = stop

    async def deliver(self, adapter: Adapter, turn: Turn, log: TurnLog) -> Failure | None:
        """Offer the answer to its platform until it is taken; a `Failure` if it never is."""
        if turn.status == Status.ANSWERED and turn.blame >= BLAME_LIMIT:
            return Failure.UNDELIVERED  # its session has waited long enough
        delivery = TurnDelivery(
            turn=turn,
            writer=PatientWriter(self._database, self._clock),
            clock=self._clock,
            fence=self._fence,
            on_stop=self._stop,
        )
        standing = await delivery.writer.read(deliveries.standing, turn)
        delivery.origins = standing.origins
        delivery.parts.update(standing.parts)
        delivery.complete.update(standing.sent)
        waits, patient_until = iter(WAITS), self._clock.monotonic() + PATIENT_LONGEST
        while True:
            try:
                await adapter.deliver(delivery, LogDraft(log))
            except (Barred, RateLimited) as error:  # no fault of this answer's
                if self._clock.monotonic() >= patient_until:
                    return Failure.UNDELIVERED
                await self._pause(turn, error, PATIENT_WAIT)
            except Transient as error:
                wait = next(waits, None)
                if wait is None:
                    return Failure.UNDELIVERED
                await self._pause(turn, error, wait)
            except Permanent as error:
                self._refused(turn, error)
                return Failure.UNDELIVERED
            else:
                return None

    def _refused(self, turn: Turn, error: Permanent) -> None:
        platform = turn.address.platform
        self._observe(DeliveryRefused(platform=platform, turn_id=turn.id, error=str(error)))

    async def _pause(self, turn: Turn, error: Transient, wait: float) -> None:
        seconds = min(error.retry_after or wait, LONGEST_WAIT)
        self._observe(
            DeliveryRetried(
                platform=turn.address.platform,
                turn_id=turn.id,
                seconds=seconds,
                error=str(error) if isinstance(error, Barred) else type(error).__name__,
            )
        )
        await self._clock.sleep(seconds)
        self._fence()
