"""The statements of `core.spending`, built once."""

from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Text,
    bindparam,
    delete,
    select,
    true,
    union_all,
    update,
)
from sqlalchemy.sql.dml import Insert

from core.prepared import Prepared
from core.statements import HELD as HOLDS
from core.statements import both, number
from core.tables import budgets, reservations, turns

BATCH = 20  # turns settled in one transaction, behind whose budgets others wait

# Whoever takes the turn over, or makes its person another, waits until this is done, and what it
# set aside is seen then.
HELD = (
    select(turns.c.person_id, reservations.c.id.is_not(None).label("reserved"))
    .select_from(turns)
    .join(reservations, reservations.c.turn_id == turns.c.id, isouter=True)
    .where(HOLDS)
    .with_for_update(read=True, of=turns)
)


def _keep(insert_: Any) -> Insert:
    statement = insert_(reservations).values(
        turn_id=number("turn"),
        amount=number("amount"),
        budgets=bindparam("budgets", type_=reservations.c.budgets.type),
        created_at=number("now"),
    )
    return statement.on_conflict_do_update(  # type: ignore[no-any-return]
        index_elements=["turn_id"],
        set_={name: statement.excluded[name] for name in ("amount", "budgets", "created_at")},
    )


KEEP = Prepared(both(_keep))
TAKE_BACK = Prepared(
    delete(reservations)
    .where(reservations.c.turn_id == number("turn"))
    .returning(reservations.c.amount, reservations.c.budgets),
    parsed=("budgets",),
)


@lru_cache(maxsize=64)
def move(count: int) -> Prepared:
    """Add to so many budgets, in the order given, and return them as they are then."""
    columns = ("scope", "period", "spent", "reserved")
    rows = [
        select(
            *(
                bindparam(f"{name}_{number}", type_=Text() if name in columns[:2] else BigInteger())
                for name in columns
            )
        ).where(true())
        for number in range(count)
    ]

    def build(insert_: Any) -> Insert:
        source = union_all(*rows) if count > 1 else rows[0]
        statement = insert_(budgets).from_select(columns, source)
        more = statement.excluded
        return (  # type: ignore[no-any-return]
            statement.on_conflict_do_update(
                index_elements=["scope", "period"],
                set_={
                    "spent": budgets.c.spent + more.spent,
                    "reserved": budgets.c.reserved + more.reserved,
                },
            ).returning(budgets)
        )

    return Prepared(both(build))


WARN = (
    update(budgets)
    .where(budgets.c.id.in_(bindparam("ids", type_=BigInteger, expanding=True)))
    .values(warned_at=number("now"))
)
# Only what answers are being given for is reserved: that is a short list.
LEFT = (
    select(reservations.c.turn_id, turns.c.status, turns.c.cost, turns.c.input_tokens)
    .join_from(reservations, turns, reservations.c.turn_id == turns.c.id)
    .where(turns.c.closed_at.is_not(None))
    .order_by(reservations.c.turn_id)
    .limit(number("most"))
)
TIDY = delete(budgets).where(budgets.c.period < bindparam("before", type_=Text))
STANDING = Prepared(
    select(budgets.c.spent, budgets.c.reserved).where(
        budgets.c.scope == bindparam("scope", type_=Text),
        budgets.c.period == bindparam("period", type_=Text),
    )
)
