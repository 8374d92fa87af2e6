"""The life of a turn, as functions over a connection. The caller owns the transaction.

A turn is opened by a message (`accept`) or by the turn before it (`close`), and while it is open
it is its session's lease: a partial unique index lets a session have one. Whoever takes a turn
over (`core.leases`) counts `attempt` up, and every later write by the former owner raises `Fenced`.

Locks are always taken in one order, session before turn; two transactions can't wait for each
other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

from sqlalchemy import Connection

from core import addresses, consistency, files, people, rates, spending, visitors
from core import statements as sql
from core.database import Contended
from core.errors import Fenced, RateLimited
from core.rates import Allowance
from core.types import STOPPED, Address, Answer, InboundEvent, Part, Receipt, Status, Turn
from core.wording import language_of

# A turn is given up after three attempts that broke by themselves, or nine deaths of its
# process: a process that dies takes down every turn that it works on, and most are innocent.
BLAME_LIMIT, BROKE, DIED = 9, 3, 1
QUEUE_SECONDS = 5  # a guess at when a running answer may be over


@dataclass(frozen=True, kw_only=True, slots=True)
class Next:
    """The turn that a closed one opened, and the waiting messages that it took."""

    turn: Turn
    message_ids: tuple[int, ...]


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
    opening = {
        "session": session_id,
        "address": place.id,
        "owner": owner,
        "now": now,
        "key": event.message_key,
        "person": person_id,
    }
    turn_id = sql.OPEN_UNLESS_KNOWN.scalar(db, opening)
    where = {
        "session_id": session_id,
        "turn_id": turn_id,
        "address_id": place.id,
        "person_id": person_id,
    }
    content = content_of(event, new=new, now=now)
    if allowances and person_id is not None and event.metered:
        if turn_id is None and (earlier := stored(db, event)) is not None:
            return earlier  # platforms repeat themselves: that costs nobody anything
        content += _limited(db, event, person_id, allowances, now)
    message_id = store(db, where, content, key=event.message_key, now=now)
    if message_id is None:
        earlier = stored(db, event)
        if earlier is None or turn_id is not None:
            # Stored by another transaction since this one looked: undo the turn that it opened.
            raise Contended("another transaction stored the same message")
        return earlier
    if event.files:
        files.claim(db, event, message_id, now=now)
    if turn_id is None and event.queue is not None:
        _check_queue(db, session_id, event.queue)
    if turn_id is not None and place.updated_at < stale_before:
        db.execute(sql.START_AFRESH, {"session": session_id, "turn": turn_id})
    receipt = Receipt(session_id=session_id, message_id=message_id, turn_id=turn_id)
    if turn_id is None:
        return receipt
    turn = Turn(
        id=turn_id,
        session_id=session_id,
        owner=owner,
        attempt=1,
        blame=0,
        status=Status.RUNNING,
        address_id=place.id,
        address=event.address,
        system=place.system,
        person_id=person_id,
    )
    return replace(receipt, turn=turn)


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


def finish(db: Connection, turn: Turn, answer: Answer, *, now: int) -> int | None:
    """Store the answer of a turn that is yet to be delivered; the turn keeps its session.

    Returns the answer's message id. Doing it twice is doing it once. Raises `Fenced`.
    """
    if answer.window_from is not None:
        # Before the turn's row is touched: locks are taken session first.
        window = {"session": turn.session_id, "window": answer.window_from}
        db.execute(sql.MOVE_WINDOW, window)
    values = {**_columns(answer), "status": Status.ANSWERED, "answered_at": now, "closed_at": None}
    if not sql.ANSWER.count(db, {**_fence(turn), **values}):
        return _already(db, turn)
    _settle_up(db, turn, answer)
    return _store_answer(db, turn, answer, now)


def settle(
    db: Connection, turn: Turn, *, status: Status, error: str | None, now: int
) -> Next | None:
    """Close a turn whose answer was delivered, or can't be. Raises `Fenced`."""
    sql.TOUCH.count(db, {"session": turn.session_id, "now": now, "window": None})
    closing = {"status": status, "error": error, "closed_at": now}
    if not db.execute(sql.SETTLE, {**_fence(turn), **closing}).rowcount:
        _already(db, turn)
        return _followed(db, turn)
    return _open_next(db, turn, now)


def close(
    db: Connection, turn: Turn, answer: Answer, *, now: int
) -> tuple[int | None, Next | None]:
    """Store the answer and close the turn at once: nothing is left to be delivered.

    Returns the answer's message id and the turn that follows. Raises `Fenced`.
    """
    touch = {"session": turn.session_id, "now": now, "window": answer.window_from}
    sql.TOUCH.count(db, touch)
    values = {**_columns(answer), "status": answer.status, "answered_at": now, "closed_at": now}
    if not sql.ANSWER.count(db, {**_fence(turn), **values}):
        return _already(db, turn), _followed(db, turn)
    _settle_up(db, turn, answer)
    return _store_answer(db, turn, answer, now), _open_next(db, turn, now)


def stored(db: Connection, event: InboundEvent) -> Receipt | None:
    """Where the same message went, if it is stored already."""
    row = db.execute(sql.FIND_MESSAGE, {"key": event.message_key}).first()
    if row is None:
        return None
    return Receipt(
        session_id=row.session_id, message_id=row.id, turn_id=row.turn_id, duplicate=True
    )


def _already(db: Connection, turn: Turn) -> int | None:
    """What this very attempt stored before its connection broke; else raise `Fenced`."""
    row = db.execute(sql.STANDING, {"turn": turn.id}).first()
    if row is None or row.attempt != turn.attempt or row.status == Status.RUNNING:
        raise Fenced(f"turn {turn.id}")
    message_id: int | None = db.execute(sql.FIND_ANSWER, {"turn": turn.id}).scalar()
    return message_id


def _settle_up(db: Connection, turn: Turn, answer: Answer) -> None:
    if answer.reserved:
        spending.settle(db, turn.id, spending.due(answer))


def _store_answer(db: Connection, turn: Turn, answer: Answer, now: int) -> int | None:
    if not answer.parts:
        return None
    values = {
        "session_id": turn.session_id,
        "turn_id": turn.id,
        "address_id": turn.address_id,
        "role": "assistant",
        "content": list(answer.parts),
        "dedupe_key": None,
        "created_at": now,
        "person_id": None,
    }
    message_id: int = sql.STORE_ANSWER.scalar(db, values)
    if answer.persona is not None and answer.findings:
        consistency.store(db, turn.id, answer.persona, answer.findings, now)
    return message_id


def _open_next(db: Connection, turn: Turn, now: int) -> Next | None:
    """Open the turn of what waited meanwhile: all messages of the oldest one's address."""
    values = {"session": turn.session_id, "owner": turn.owner, "now": now}
    row = sql.OPEN_NEXT.first(db, values)
    if row is None:
        return None
    taken = {"turn": row.id, "session": turn.session_id, "address": row.address_id}
    db.execute(sql.TAKE, taken)
    return _next(db, row.id)


def _followed(db: Connection, turn: Turn) -> Next | None:
    """The turn that this very attempt opened when it closed its own, then lost touch."""
    values = {"session": turn.session_id, "owner": turn.owner}
    turn_id = db.execute(sql.OPENED, values).scalar()
    return None if turn_id is None else _next(db, turn_id)


def _next(db: Connection, turn_id: int) -> Next:
    turn = opened(db, turn_id)
    taken = {"turn": turn_id, "session": turn.session_id}
    ids = db.execute(sql.TAKEN, taken).scalars()
    return Next(turn=turn, message_ids=tuple(ids))


def opened(db: Connection, turn_id: int) -> Turn:
    """An open turn, as whoever works on it needs it."""
    return turn_from(db.execute(sql.TURNS, {"ids": [turn_id]}).one())


def turn_from(row: Any) -> Turn:
    """A row of `statements.TURNS` as a value."""
    address = Address(
        platform=row.platform,
        account=row.account,
        conversation=row.conversation,
        direct=row.direct,
    )
    return Turn(
        id=row.id,
        session_id=row.session_id,
        owner=row.owner,
        attempt=row.attempt,
        blame=row.blame,
        status=Status(row.status),
        address_id=row.address_id,
        address=address,
        system=row.system,
        person_id=row.person_id,
    )


def _fence(turn: Turn) -> dict[str, int]:
    return {"turn": turn.id, "fence": turn.attempt}


def _columns(answer: Answer) -> dict[str, object]:
    usage = answer.usage
    return {
        "model": answer.model,
        "stop_reason": STOPPED if answer.status == Status.CANCELLED else answer.stop_reason,
        "input_tokens": usage and usage.input,
        "output_tokens": usage and usage.output,
        "cache_read_tokens": usage and usage.cache_read,
        "cache_write_tokens": usage and usage.cache_write,
        "cost": answer.cost,
        "persona": answer.persona,
        "price": answer.price,
        "error": answer.error,
    }
