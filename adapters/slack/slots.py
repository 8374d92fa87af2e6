"""The messages that carry an answer: what each shows, and what is remembered of it."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from core.cut import Piece, cut_at, piece

LIMIT = 11_500  # characters of a message; Slack takes 12,000
HEAVY = 20  # headings, rules, tables: Slack makes blocks of each, of which it takes 50


class State(StrEnum):
    """How a message stands."""

    INTENT = "intent"  # it is about to be sent, or was: nobody knows
    STREAM = "stream"  # Slack's own stream is open on it
    OPEN = "open"  # it is there, and is edited while the answer grows
    DONE = "done"  # it shows its share, all of it


@dataclass(kw_only=True)
class Slot:
    """One message. `shown` is what stands in it, None if another process wrote it.

    `reach` is where in the answer that ends. `cut` is where its share has to end, and `digest`
    tells whether a share is the one that it was completed with. Times are monotonic seconds.
    """

    number: int
    ts: str = ""
    state: State = State.INTENT
    shown: str | None = None
    reach: int = 0
    cut: int | None = None
    digest: str | None = None
    begun: float = 0.0
    edited: float = -math.inf
    rated: bool = False  # it has its thumbs, if it is to have any


class _Record(msgspec.Struct, omit_defaults=True):
    state: State = State.DONE
    ts: str = ""
    cut: int | None = None
    digest: str | None = None


def encode(slot: Slot) -> str:
    """What is remembered of a message, as a delivery keeps it."""
    done = slot.state is State.DONE
    record = _Record(
        state=slot.state,
        ts=slot.ts,
        cut=slot.cut if done else None,
        digest=slot.digest if done else None,
    )
    return msgspec.json.encode(record).decode()


def decode(number: int, remembered: str) -> Slot:
    """A message as it was remembered; what stands in it is not known."""
    record = msgspec.json.decode(remembered.encode(), type=_Record)
    return Slot(
        number=number,
        ts=record.ts,
        state=record.state,
        cut=record.cut,
        digest=record.digest,
        rated=record.state is State.DONE,
    )


def ts_of(remembered: str) -> str:
    """A remembered message's time stamp; empty if it has none."""
    return decode(0, remembered).ts


def digest_of(share: str) -> str:
    """Tells two shares of an answer apart."""
    return hashlib.sha256(share.encode()).hexdigest()[:16]


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """What a message has to show; `closed` when nothing is ever added to it.

    `digest` tells it from what another answer would have there.
    """

    piece: Piece
    closed: bool
    digest: str


def lay_out(text: str, slots: Sequence[Slot], *, start: int, final: bool) -> list[Share]:
    """Share an answer out to messages, the first of which are there already.

    Text before `start` stands elsewhere. A message that was completed, or has to end somewhere,
    keeps its end as long as it is the same answer.
    """
    shares: list[Share] = []
    while start < len(text):
        slot = slots[len(shares)] if len(shares) < len(slots) else None
        natural = piece(text, start, limit=LIMIT, heavy=HEAVY, final=final)
        kept = _kept(text, start, slot)
        if kept is not None and start < kept <= natural.end:
            cut, closed = cut_at(text, start, kept), True
        else:
            cut, closed = natural, final or natural.end < len(text)
        if cut.text.strip():
            shares.append(Share(piece=cut, closed=closed, digest=digest_of(text[start : cut.end])))
        start = cut.end
    return shares


def _kept(text: str, start: int, slot: Slot | None) -> int | None:
    """Where a message's share ends already."""
    if slot is None or slot.cut is None or slot.cut > len(text):
        return None
    if slot.digest is not None and slot.digest != digest_of(text[start : slot.cut]):
        return None
    return slot.cut
