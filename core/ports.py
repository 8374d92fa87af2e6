"""What core asks of the outside. Each is a protocol of one or two verbs."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any, Protocol

from core.facts import Fact
from core.types import Address, Piece, Prompt


class Model(Protocol):
    """A provider of language models."""

    def stream(self, prompt: Prompt, model: str) -> AsyncGenerator[Piece, None]:
        """Ask `model` once, and yield its answer's pieces as they come, `Done` last.

        Each pull yields everything that has arrived since the last one, so a consumer that
        pauses between pulls gets fewer, longer texts. Closing the iterator ends the call.

        Raises `Transient`, `RateLimited`, `Overloaded`, `Unavailable`, `Rejected` or `TooLong`.
        An answer that breaks off raises too: what has no `Done` is not an answer.
        """
        ...


class Draft(Protocol):
    """An answer while it grows, to be looked at whenever its adapter has time for more of it."""

    @property
    def text(self) -> str:
        """The answer so far, notices and apologies included."""
        ...

    @property
    def take(self) -> int:
        """Counts up when all that was said is taken back; within one take, text only grows."""
        ...

    @property
    def final(self) -> bool:
        """True once the answer is stored: it stays as it is."""
        ...

    @property
    def message_id(self) -> int | None:
        """The stored answer's id once it is final; None if there is nothing to keep."""
        ...

    async def more(self, seen: int, take: int) -> None:
        """Come back when there are more than `seen` characters, another take, or the end.

        Raises `Fenced` when somebody else goes on with the turn.
        """
        ...

    async def end(self) -> None:
        """Come back when it is final. Raises `Fenced` as `more` does."""
        ...


class Delivery(Protocol):
    """One answer on its way to its address; survives the process that began it."""

    @property
    def turn_id(self) -> int:
        """The turn that is answered."""
        ...

    @property
    def address(self) -> Address:
        """Where the answer goes."""
        ...

    @property
    def parts(self) -> dict[int, str]:
        """The platform's ids of the parts that were begun, by part number from 0."""
        ...

    @property
    def sent(self) -> frozenset[int]:
        """The parts that are known to be complete; they must not be sent again."""
        ...

    async def checkpoint(self, part: int, external_id: str, *, sent: bool = True) -> None:
        """Remember a part durably. Raises `Fenced`: then stop, somebody else goes on."""
        ...

    @property
    def origins(self) -> tuple[Mapping[str, Any], ...]:
        """The `InboundEvent.origin` of each message that is answered, the oldest first."""
        ...

    async def known(self) -> frozenset[str]:
        """The platform's ids of every part that was ever sent in this session."""
        ...

    async def adopt(self, address: Address) -> None:
        """Let messages at `address` go on with this conversation, if it is nobody's yet."""
        ...

    async def owe(self) -> None:
        """Let the rest of the answer wait until its person writes again. Raises `Fenced`."""
        ...

    async def debts(self) -> Sequence["Owed"]:
        """The answers that were owed here before this one, the oldest first."""
        ...

    def check(self) -> None:
        """Raise `Fenced` if this replica may have lost the turn. Call before every send."""
        ...

    def stop(self) -> None:
        """End the answer where it is: its reader does not want more of it."""
        ...


class Owed(Protocol):
    """An older answer whose rest is to go out with this delivery, before its own."""

    @property
    def text(self) -> str:
        """All of the answer."""
        ...

    @property
    def parts(self) -> dict[int, str]:
        """As a delivery's."""
        ...

    @property
    def sent(self) -> frozenset[int]:
        """As a delivery's."""
        ...

    async def checkpoint(self, part: int, external_id: str, *, sent: bool = True) -> None:
        """As a delivery's."""
        ...

    async def settle(self, parts: int) -> None:
        """Nothing is owed any more if so many parts are there; with 0 it is given up."""
        ...


class Adapter(Protocol):
    """A platform that answers are sent to."""

    async def deliver(self, delivery: Delivery, draft: Draft) -> None:
        """Send the answer while it grows, or once it is final; return when all of it is there.

        May be called again for the same delivery, also in another process. What `delivery`
        remembers must not be sent twice; if no answer was stored the first time, the text may
        be another one, and takes its place. Raises `Transient` to be called again later,
        `Permanent` when the platform will never take it.
        """
        ...


class Fetcher(Protocol):
    """A platform that files come from."""

    async def fetch(self, source: Mapping[str, Any], *, most: int) -> bytes:
        """The file that an `Attachment.source` of this platform tells of.

        May be called again. Raises `Transient` (later it may be there), `TooLarge` (more than
        `most` bytes; no more than that is ever held) and `Permanent` (it is not to be had).
        """
        ...


class Bus(Protocol):
    """Messages between replicas: at most once, in order, to all that listen."""

    async def send(self, channel: str, message: bytes) -> None:
        """Tell every replica that listens, this one included."""
        ...

    def on(self, channel: str, listener: Callable[[bytes], None]) -> None:
        """Call `listener` for each message of the channel from now on."""
        ...


class Clock(Protocol):
    """Time, so that tests need not wait for it."""

    def now(self) -> float:
        """Seconds since 1970, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never run backwards."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Come back after so many seconds."""
        ...


Observer = Callable[[Fact], None]
"""Is told every fact once, at once; must not raise and must not block."""
