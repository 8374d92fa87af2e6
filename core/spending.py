"""What answers may cost: set aside before a model is asked, and settled when it is known.

A budget is a day's or a month's (UTC), of a person, of a platform or of all together. What is
reserved and spent never exceeds it by reservations; an answer may cost more than was set aside for
it, and then that is what was spent. Functions over a connection: the caller owns the transaction.

Budgets are always changed in the order of their keys, in one statement: nobody waits in a circle.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection

from core import merging
from core import spending_statements as sql
from core.budgets import Budget, Key, Limits, Party, Pot, pots_of
from core.errors import Fenced
from core.types import Answer, Status, Turn

WARNED = 80  # per cent of a budget, at which its end is announced


class Verdict(StrEnum):
    """What may be asked."""

    GRANTED = "granted"
    WARN = "warn"  # granted, and a budget is at 80 % for the first time in its period
    CHEAPER = "cheaper"  # the cheap model alone
    REFUSED = "refused"  # nobody


@dataclass(frozen=True, kw_only=True, slots=True)
class Leave:
    """What may be asked, and the nano-dollars that are set aside for it.

    `short` are the budgets that had no room for what was asked first, the one that is whole again
    last in front; `warnings` those that are at 80 % for the first time in their period.
    """

    verdict: Verdict
    amount: int = 0
    short: tuple[Budget, ...] = ()
    warnings: tuple[Budget, ...] = ()


def reserve(  # noqa: PLR0913 - who asks, and how much of what
    db: Connection,
    turn: Turn,
    party: Party,
    limits: Limits,
    *,
    amount: int,
    cheaper: int | None = None,
    now: int,
) -> Leave:
    """Set `amount` aside for a turn's answer, or `cheaper` if only that is left.

    It takes the place of what was set aside for the turn before, by whoever held it. What costs
    nothing is always granted. `now` is in milliseconds since 1970. Raises `Fenced`.
    """
    row = db.execute(sql.HELD, {"turn": turn.id, "fence": turn.attempt}).first()
    if row is None:
        raise Fenced(f"turn {turn.id}")
    asks = row.person_id or party.person_id  # who may have become another since
    pots = pots_of(limits, replace(party, person_id=asks), now)
    before: Any = sql.TAKE_BACK.first(db, {"turn": turn.id}) if row.reserved else None
    keep = {"turn": turn.id, "amount": amount, "budgets": [pot.key for pot in pots], "now": now}
    sql.KEEP.count(db, keep)
    moves = dict.fromkeys((pot.key for pot in pots), (0, amount))
    for key in map(tuple, before.budgets if before else ()):
        moves[key] = (0, moves.get(key, (0, 0))[1] - before.amount)
    rows = _move(db, moves)
    short = _short(pots, rows, amount, amount)
    if not short:
        warnings = _warn(db, pots, rows, 0, now)
        verdict = Verdict.WARN if warnings else Verdict.GRANTED
        return Leave(verdict=verdict, amount=amount, warnings=warnings)
    if cheaper is not None and not _short(pots, rows, amount, cheaper):
        sql.KEEP.count(db, {**keep, "amount": cheaper})
        _move(db, dict.fromkeys((pot.key for pot in pots), (0, cheaper - amount)))
        warnings = _warn(db, pots, rows, cheaper - amount, now)
        return Leave(verdict=Verdict.CHEAPER, amount=cheaper, short=short, warnings=warnings)
    sql.TAKE_BACK.rows(db, {"turn": turn.id})
    _move(db, dict.fromkeys((pot.key for pot in pots), (0, -amount)))
    return Leave(verdict=Verdict.REFUSED, short=short)


def settle(db: Connection, turn_id: int, cost: int | None) -> bool:
    """Charge what a turn's answer cost in place of what was set aside; twice is once.

    A cost of None, which nobody told, is taken to be what was set aside. False if nothing was.
    """
    row = sql.TAKE_BACK.first(db, {"turn": turn_id})
    if row is None:
        return False
    charged = row.amount if cost is None else cost
    _move(db, dict.fromkeys(map(tuple, row.budgets), (charged, -row.amount)))
    return True


def due(answer: Answer) -> int | None:
    """What to settle an answer with: nothing for one that no model had begun to give."""
    if answer.usage is None and not answer.parts and answer.status is not Status.DONE:
        return 0
    return answer.cost


def charge(db: Connection, party: Party, limits: Limits, *, cost: int, now: int) -> None:
    """Charge for what was not set aside before, such as a summary of a conversation."""
    pots = pots_of(limits, _by_now(db, party, hold=True), now)
    _move(db, dict.fromkeys((pot.key for pot in pots), (cost, 0)))


def sweep(db: Connection) -> int:
    """Settle some of the turns that were closed without; returns how many. Repeat until 0."""
    moves: dict[Key, tuple[int, int]] = {}
    left = db.execute(sql.LEFT, {"most": sql.BATCH}).all()
    count = 0
    for closed in left:
        row = sql.TAKE_BACK.first(db, {"turn": closed.turn_id})
        if row is None:
            continue  # another replica is at it
        count += 1
        unasked = closed.status == Status.FAILED and closed.input_tokens is None
        charged = 0 if unasked else row.amount if closed.cost is None else closed.cost
        for scope, period in row.budgets:
            spent, reserved = moves.get((scope, period), (0, 0))
            moves[scope, period] = (spent + charged, reserved - row.amount)
    _move(db, moves)
    return count


def tidy(db: Connection, *, now: int) -> int:
    """Forget the budgets of the months before the last one; returns how many."""
    this = datetime.fromtimestamp(now / 1000, UTC).replace(day=1)
    last = (this - timedelta(days=1)).strftime("%Y-%m")
    return db.execute(sql.TIDY, {"before": last}).rowcount


def standing(db: Connection, party: Party, limits: Limits, *, now: int) -> list[Budget]:
    """How much of each limit is gone, for whoever asks."""
    found = []
    for pot in pots_of(limits, _by_now(db, party), now):
        row = sql.STANDING.first(db, {"scope": pot.key[0], "period": pot.key[1]})
        found.append(pot.budget(row.spent + row.reserved if row else 0))
    return found


def _by_now(db: Connection, party: Party, *, hold: bool = False) -> Party:
    """Whoever asks, as they are known now; with `hold`, until this transaction ends."""
    if party.person_id is None:
        return party
    return replace(party, person_id=merging.whoever(db, party.person_id, hold=hold))


def _short(
    pots: Sequence[Pot], rows: Mapping[Key, Any], reserved: int, amount: int
) -> tuple[Budget, ...]:
    """The budgets without room for `amount`, once what was `reserved` for it is given back."""
    used = {pot.key: rows[pot.key].spent + rows[pot.key].reserved - reserved for pot in pots}
    over = [pot for pot in pots if amount and used[pot.key] + amount > pot.limit]
    over.sort(key=lambda pot: -pot.resets_at)
    return tuple(pot.budget(used[pot.key]) for pot in over)


def _warn(
    db: Connection, pots: Sequence[Pot], rows: Mapping[Key, Any], more: int, now: int
) -> tuple[Budget, ...]:
    """Note that these budgets are nearly spent, if nobody was told yet."""
    found, ids = [], []
    for pot in pots:
        row = rows[pot.key]
        used = row.spent + row.reserved + more
        if row.warned_at is None and used * 100 >= pot.limit * WARNED:
            found.append(pot.budget(used))
            ids.append(row.id)
    if ids:
        db.execute(sql.WARN, {"ids": ids, "now": now})
    return tuple(found)


def _move(db: Connection, moves: Mapping[Key, tuple[int, int]]) -> dict[Key, Any]:
    """Add to what is spent and reserved of budgets, by their keys; returns their rows."""
    if not moves:
        return {}
    values: dict[str, Any] = {}
    for number, key in enumerate(sorted(moves)):
        values |= {f"scope_{number}": key[0], f"period_{number}": key[1]}
        values |= {f"spent_{number}": moves[key][0], f"reserved_{number}": moves[key][1]}
    rows = sql.move(len(moves)).rows(db, values)
    return {(row.scope, row.period): row for row in rows}
