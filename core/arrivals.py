"""A message arrives: it is stored, and opens a turn if its session has none open.

The caller owns the transaction. What becomes of the turn is in `core.turns`.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import ceil

from sqlalchemy import Connection

from core import addresses, files, people, rates, visitors
from core import statements as sql
from core.database import Contended
from core.errors import RateLimited
from core.rates import Allowance
from core.types import Address, InboundEvent, Part, Receipt, Status, Turn
from core.wording import language_of

QUEUE_SECONDS = 5  # a guess at when a running answer may be over


def accept(  # noqa: PLR0913 - what is said, and what was decided beforehand
    db: Connection,
    event: InboundEvent,
    *,
    owner: str,
    now: int,
    stale_before: int,
    allowances: Sequence[Allowance] = (),
) -> Receipt:
    """Store a message, and open a turn for it if its session has none open.

    The turn belongs to `owner`. A session whose last turn closed before `stale_before` starts
    afresh. The same `message_key` again stores nothing, and tells where the first one went.
    Raises `RateLimited` when more messages wait already than `event.queue` allows or their sender
    has used up the `allowances`, `NotFound` for a file that the sender has not uploaded or sent
    before, and `visitors.Retired`.
    """
    found = addresses.lock(db, event.address)
    new = found is None
    if found is None and (earlier := stored(db, event)) is not None:
        return earlier
    place = found or _new_address(db, event, now)
    session_id, person_id = place.session_id, _asker(db, event, place, now)
    opening = {"session": session_id, "address": place.id, "person": person_id}
    by = {"owner": owner, "now": now, "key": event.message_key}
    turn_id = sql.OPEN_UNLESS_KNOWN.scalar(db, opening | by)
    where = {"session_id": session_id, "address_id": place.id, "person_id": person_id}
    content = content_of(event, new=new, now=now)
    if allowances and person_id is not None and event.metered:
        if turn_id is None and (earlier := stored(db, event)) is not None:
            return earlier  # platforms repeat themselves: that costs nobody anything
        content += _limited(db, event, person_id, allowances, now)
    message_id = store(db, where | {"turn_id": turn_id}, content, key=event.message_key, now=now)
    if message_id is None:
        return _met(db, event, opened=turn_id is not None)
    if event.files:
        files.claim(db, event, message_id, now=now)
    if turn_id is None and event.queue is not None:
        _check_queue(db, session_id, event.queue)
    if turn_id is not None and place.updated_at < stale_before:
        db.execute(sql.START_AFRESH, {"session": session_id, "turn": turn_id})
    receipt = Receipt(session_id=session_id, message_id=message_id, turn_id=turn_id)
    if turn_id is None:
        return receipt
    return replace(receipt, turn=_turn(turn_id, event.address, place, person_id, owner))


def _turn(
    turn_id: int, where: Address, place: addresses.Found, person_id: int | None, owner: str
) -> Turn:
    """A turn that was opened a moment ago."""
    return Turn(
        id=turn_id,
        session_id=place.session_id,
        owner=owner,
        attempt=1,
        blame=0,
        status=Status.RUNNING,
        address_id=place.id,
        address=where,
        system=place.system,
        person_id=person_id,
    )


def _met(db: Connection, event: InboundEvent, *, opened: bool) -> Receipt:
    """Where the same message is that is stored already. Raises `Contended` to look again."""
    earlier = stored(db, event)
    if earlier is None or opened:
        # Stored by another transaction since this one looked: undo the turn that it opened.
        raise Contended("another transaction stored the same message")
    return earlier


def _limited(
    db: Connection, event: InboundEvent, person_id: int, allowances: Sequence[Allowance], now: int
) -> list[Part]:
    """What stands in a message that is one too many: it is kept, and answered by no model.

    Where its sender can be refused it is: raises `RateLimited`.
    """
    seconds = rates.take(db, person_id, allowances, now=now)
    if seconds is None:
        return []
    if event.queue is not None:
        check(seconds)
    return [{"type": "limited", "seconds": max(1, ceil(seconds))}]


def check(seconds: float | None) -> None:
    """Raise `RateLimited` if so many seconds have to be waited."""
    if seconds is not None:
        wait = max(1, ceil(seconds))
        raise RateLimited(f"Too many messages. Try again in {wait} s.", retry_after=wait)


def store(
    db: Connection, where: dict[str, int | None], content: list[Part], *, key: str, now: int
) -> int | None:
    """Store what a person said, and return its message id; None if the key is taken."""
    saying = {"role": "user", "content": content, "dedupe_key": key, "created_at": now}
    message_id: int | None = sql.STORE.scalar(db, {**where, **saying})
    return message_id


def _new_address(db: Connection, event: InboundEvent, now: int) -> addresses.Found:
    if event.visitor is not None:
        visitors.hold(db, event.visitor)  # or it would stay behind when the others move
    person_id = people.know(db, event, now=now) if event.address.direct else None
    return addresses.make(db, event.address, system=event.system, now=now, person_id=person_id)


def _asker(db: Connection, event: InboundEvent, place: addresses.Found, now: int) -> int | None:
    """Who said it: whose conversation it is, or one of the many in a channel."""
    if event.address.direct and place.person_id is not None:
        return place.person_id
    person_id = people.know(db, event, now=now)
    if event.address.direct and person_id is not None:
        people.own(db, place.session_id, person_id)
    return person_id


def _check_queue(db: Connection, session_id: int, longest: int) -> None:
    """Refuse the message that was just stored if it is one too many; the caller undoes it."""
    waiting = db.execute(sql.WAITING, {"session": session_id}).scalar_one()
    if waiting > longest:
        raise RateLimited(
            f"{longest} messages wait for the running answer already; send this one after it",
            retry_after=QUEUE_SECONDS,
        )


def content_of(event: InboundEvent, *, new: bool, now: int) -> list[Part]:
    """The message as it is stored: its words, and what else its sender asked for."""
    content: list[Part] = [{"type": "text", "text": event.text}]
    if event.tell is not None:
        content = [{"type": "tell", "tell": event.tell}]
    transcript = [[said.role, said.text] for said in event.transcript] if new else []
    if transcript or event.model or event.max_tokens:
        content.insert(
            0,
            {
                "type": "asked",
                "model": event.model,
                "max_tokens": event.max_tokens,
                "transcript": transcript,
            },
        )
    if event.sender is not None:
        where = {"platform": event.address.platform, "name": event.sender.name}
        spoken = language_of(event.language)
        language = {"language": spoken} if spoken else {}
        content.append({"type": "from", "at": now, **where, **language})
    content += files.parts_of(event)
    if event.command is not None:
        argument = {"argument": event.argument} if event.argument else {}
        content.append({"type": "command", "name": event.command, **argument})
    if event.origin is not None:
        content.append({"type": "origin", "origin": dict(event.origin)})
    return content


def stored(db: Connection, event: InboundEvent) -> Receipt | None:
    """Where the same message went, if it is stored already."""
    row = sql.FIND_MESSAGE.first(db, {"key": event.message_key})
    if row is None:
        return None
    return Receipt(
        session_id=row.session_id, message_id=row.id, turn_id=row.turn_id, duplicate=True
    )
