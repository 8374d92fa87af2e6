"""What happened, for logs and metrics. Never a person's words, never a secret."""

from dataclasses import dataclass

from core.types import Status, Usage


@dataclass(frozen=True, kw_only=True, slots=True)
class Accepted:
    """A message is stored; its platform may be told so."""

    platform: str
    session_id: int
    message_id: int
    turn_id: int | None
    duplicate: bool
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class FirstText:
    """The first words of an answer are there, so many seconds after the turn began."""

    turn_id: int
    session_id: int
    model: str
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class TurnClosed:
    """A turn came to its end, whichever it is."""

    platform: str
    turn_id: int
    session_id: int
    attempt: int
    status: Status
    seconds: float
    model: str | None
    stop_reason: str | None
    usage: Usage | None
    cost: int | None  # nano-dollars
    error: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class TurnBroke:
    """An attempt at a turn ended in an error that nobody foresaw; it will be tried again."""

    turn_id: int
    session_id: int
    attempt: int
    error: BaseException


@dataclass(frozen=True, kw_only=True, slots=True)
class TurnFenced:
    """This replica stopped working on a turn that another one owns now."""

    turn_id: int
    session_id: int
    attempt: int


@dataclass(frozen=True, kw_only=True, slots=True)
class TurnsRecovered:
    """Turns whose owner is gone are taken over."""

    turn_ids: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveryRetried:
    """The platform did not take an answer; it will be offered again after so many seconds."""

    platform: str
    turn_id: int
    seconds: float
    error: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PlatformBarred:
    """The platform takes nothing from us until the operator has mended something."""

    platform: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveryReported:
    """The platform tells how far a part of an answer has come; a failed one with its code."""

    platform: str
    status: str
    error_code: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveryRefused:
    """The platform will never take an answer; `error` is its word for why."""

    platform: str
    turn_id: int
    error: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PlatformCalled:
    """A platform's API was called. `outcome` is `ok`, its own word for a refusal, or ours."""

    platform: str
    method: str
    outcome: str
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class InboundRefused:
    """What came in a platform's name was turned away, `count` times since this was last told."""

    platform: str
    reason: str
    count: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PersonaBroke:
    """An answer broke a rule of its persona's."""

    turn_id: int
    session_id: int
    persona: str
    rule: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Routed:
    """A question was found simple enough for the cheap model, or not, for a reason."""

    turn_id: int
    simple: bool
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Saved:
    """An answer of a cheaper model cost so much less than the usual one's would have."""

    turn_id: int
    model: str
    amount: int  # nano-dollars


@dataclass(frozen=True, kw_only=True, slots=True)
class BudgetNear:
    """A budget is at 80 % for the first time in its period."""

    whose: str
    span: str


@dataclass(frozen=True, kw_only=True, slots=True)
class BudgetSpent:
    """A budget had no room for an answer: the cheap model gave it, or nobody (`refused`)."""

    turn_id: int
    whose: str
    span: str
    refused: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class PriceUnknown:
    """Nobody knows what a configured model costs: no budget counts its answers."""

    model: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Condensed:
    """So many messages of a conversation are remembered in short from now on."""

    session_id: int
    messages: int
    seconds: float
    usage: Usage | None
    cost: int | None  # nano-dollars


@dataclass(frozen=True, kw_only=True, slots=True)
class FileFetched:
    """A file of a message was fetched: `ok`, or the fault for which no model is shown it."""

    platform: str
    outcome: str
    size: int  # bytes
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelRetried:
    """A model call failed before its first words; the same model is asked again."""

    model: str
    reason: str
    seconds: float  # the wait before the next try


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelFellBack:
    """A model is given up for this turn; the next one in line is asked, if there is one."""

    model: str
    reason: str
    message: str  # the provider's words about the request, cut to a line; never the person's
    successor: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelInterrupted:
    """A model's answer broke off after its first words; what came is kept."""

    model: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class BreakerMoved:
    """A model's circuit breaker changed: `closed`, `open` or `half_open`."""

    model: str
    state: str
    seconds: float  # how long it stays open


@dataclass(frozen=True, kw_only=True, slots=True)
class HeartbeatMissed:
    """The database did not take this replica's sign of life."""

    error: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ReplicaStopped:
    """A replica leaves; `released` turns are free for others."""

    released: int


Fact = (
    Accepted
    | FirstText
    | TurnClosed
    | TurnBroke
    | TurnFenced
    | TurnsRecovered
    | DeliveryRetried
    | PlatformBarred
    | DeliveryReported
    | DeliveryRefused
    | PlatformCalled
    | InboundRefused
    | FileFetched
    | Condensed
    | PersonaBroke
    | Routed
    | Saved
    | BudgetNear
    | BudgetSpent
    | PriceUnknown
    | ModelRetried
    | ModelFellBack
    | ModelInterrupted
    | BreakerMoved
    | HeartbeatMissed
    | ReplicaStopped
)
