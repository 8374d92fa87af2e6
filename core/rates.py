"""How many messages a person may send: an allowance that refills evenly, exact across replicas.

Of `20/minute` a person may send twenty at once, and then one every three seconds: a new one for
each that is three seconds old. What is kept is one time for each allowance: when it is whole again.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Text, bindparam, case, select, update
from sqlalchemy.sql.dml import Insert

from core.prepared import Prepared
from core.statements import both, number
from core.tables import rates

NONE = "none"
LARGEST = 10_000  # messages
LONGEST = 31 * 86_400  # seconds
SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "month": 30 * 86_400}
MICROS = 1_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Allowance:
    """So many messages in so many seconds."""

    amount: int
    seconds: int

    @property
    def span(self) -> str:
        """What it is kept under: another allowance begins whole."""
        return f"{self.amount}/{self.seconds}"

    @property
    def step(self) -> int:
        """Microseconds in which one message is given back."""
        return self.seconds * MICROS // self.amount

    @property
    def most(self) -> int:
        """Microseconds until all of it is given back."""
        return self.step * self.amount


def parse(text: str) -> tuple[Allowance, ...]:
    """Allowances as `20/minute` or `20 per 2 hours`, several with `,` `;` or `|` between.

    `none` is none. Raises `ValueError`, which does not repeat the text.
    """
    if text.strip().lower() == NONE:
        return ()
    found = [_ONE.fullmatch(each) for each in re.split(r"[,;|]", text)]
    allowances = [
        Allowance(
            amount=_whole(match["amount"]),
            seconds=_whole(match["count"] or "1") * SECONDS[match["unit"].lower()],
        )
        for match in found
        if match is not None
    ]
    if len(allowances) < len(found):
        raise ValueError("is not a number of messages per time, such as 20/minute")
    for each in allowances:
        if not 1 <= each.amount <= LARGEST or not 1 <= each.seconds <= LONGEST:
            raise ValueError(f"is not between 1 and {LARGEST} messages in up to 31 days")
    return tuple(dict.fromkeys(allowances))


def take(
    db: Connection, person_id: int, allowances: Sequence[Allowance], *, now: int
) -> float | None:
    """Count one message of a person's; None if it is allowed, else seconds until one would be.

    All allowances count it, or none does. `now` is in milliseconds since 1970. Two at once wait
    for each other, so neither can take what is the other's.
    """
    for place, each in enumerate(allowances):
        values = _values(person_id, each, now)
        if _TAKE.scalar(db, values) is None:
            for taken in allowances[:place]:
                db.execute(_GIVE_BACK, _values(person_id, taken, now))
            return _wait(db, person_id, allowances, now)
    return None


def _wait(db: Connection, person_id: int, allowances: Sequence[Allowance], now: int) -> float:
    """Seconds until every allowance has room for one message."""
    found: dict[str, int] = {
        row.span: row.full_at for row in db.execute(_KEPT, {"person": person_id})
    }
    micros = now * 1000
    waits = [found.get(each.span, micros) + each.step - each.most - micros for each in allowances]
    return max(0, *waits) / MICROS


def _values(person_id: int, allowance: Allowance, now: int) -> dict[str, Any]:
    micros = now * 1000
    return {
        "person": person_id,
        "named": allowance.span,
        "now": micros,
        "step": allowance.step,
        "first": micros + allowance.step,
        "latest": micros + allowance.most - allowance.step,
    }


def _whole(digits: str) -> int:
    return int(digits[:9])  # of more digits nobody could mean all


_UNITS = "|".join(SECONDS)
_ONE = re.compile(
    rf"\s*(?P<amount>[0-9]+)\s*(?:/|\s+per\s+)\s*(?P<count>[0-9]+)?\s*(?P<unit>{_UNITS})s?\s*",
    re.IGNORECASE,
)


def _take(insert_: Any) -> Insert:
    statement = insert_(rates).values(
        person_id=number("person"), span=bindparam("named", type_=Text), full_at=number("first")
    )
    # What was whole long ago is whole now, and no more than that.
    begin = case((rates.c.full_at > number("now"), rates.c.full_at), else_=number("now"))
    return (  # type: ignore[no-any-return]
        statement.on_conflict_do_update(
            index_elements=["person_id", "span"],
            set_={"full_at": begin + number("step")},
            where=rates.c.full_at <= number("latest"),
        ).returning(rates.c.id)
    )


_TAKE = Prepared(both(_take))
_GIVE_BACK = (
    update(rates)
    .where(rates.c.person_id == number("person"), rates.c.span == bindparam("named", type_=Text))
    .values(full_at=rates.c.full_at - number("step"))
)
_KEPT = select(rates.c.span, rates.c.full_at).where(rates.c.person_id == number("person"))
