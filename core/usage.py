"""Who used how much: turns, tokens and money, by person, platform, model and day.

There is no index by time, for every turn would pay for it; but turns are numbered in the order in
which they begin, so where a time is among them is found in a few looks.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Connection, Select, Text, bindparam, cast, func, select

from core.statements import number
from core.tables import addresses, people, turns

DAY = 86_400_000
# Turns that begin at once, or on machines whose clocks differ, may be numbered the other way round.
DISORDER = 60_000
MOST = 10_000  # rows of a report


class By(StrEnum):
    """What a report has a row for."""

    PERSON = "person"
    PLATFORM = "platform"
    MODEL = "model"
    DAY = "day"


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """What was used by whatever the row is for; what a report is not by is None.

    `day` is days since 1970 (UTC). Without `person_id` in a report by people, nobody knew who
    asked. `turns` are those that a model answered: no command, refusal or message too many is one.
    `cost` is in nano-dollars; the `unpriced` turns are not in it: their model's price was not
    known, or it told no usage.
    """

    person_id: int | None = None
    person: str | None = None
    platform: str | None = None
    model: str | None = None
    day: int | None = None
    turns: int
    input: int
    output: int
    cache_read: int
    cache_write: int
    cost: int
    unpriced: int


def report(  # noqa: PLR0913 - what of it
    db: Connection,
    by: Sequence[By],
    *,
    since: int,
    until: int | None = None,
    person_id: int | None = None,
    platform: str | None = None,
    model: str | None = None,
    limit: int = MOST,
) -> list[Row]:
    """What the turns used that began between two times (milliseconds since 1970).

    The newest day first, then the dearest; at most `limit` rows. Without `by` one row for all.
    """
    begin = since if until is None else min(since, until)
    values = {
        "first": first_turn(db, begin),
        "since": since,
        "until": until,
        "person": person_id,
        "platform": platform,
        "model": model,
        "most": limit,
    }
    wanted = {"until": until, "person": person_id, "platform": platform, "model": model}
    statement = _report(
        tuple(dict.fromkeys(by)), {name for name in wanted if wanted[name] is not None}
    )
    return [_row(found) for found in db.execute(statement, values)]


def mine(db: Connection, person_id: int, *, since: int) -> Row:
    """What a person used since then, by their own index alone."""
    values = {"first": first_turn(db, since), "since": since, "person": person_id}
    return _row(db.execute(_MINE, values).one())


def first_turn(db: Connection, since: int) -> int:
    """A turn's id such that none before it began after `since`, and few behind it before."""
    ends = db.execute(_ENDS).one()
    if ends.high is None:
        return 0
    low, high = int(ends.low), int(ends.high) + 1
    early = since - DISORDER
    while low < high:
        middle = (low + high) // 2
        found = db.execute(_FROM, {"at": middle}).first()
        if found is None or found.started_at >= early:
            high = middle
        else:
            low = int(found.id) + 1
    return low


def beginning(text: str, *, now: int) -> int:
    """The time that `2026-11-01` (UTC) or `7d`, so many days ago, means, in milliseconds.

    Raises `ValueError`, which says what to write.
    """
    days = _DAYS.fullmatch(text.strip())
    if days is not None:
        return now - int(days[1]) * DAY
    try:
        day = datetime.strptime(text.strip(), "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise ValueError("is neither a day, such as 2026-11-01, nor days ago, such as 7d") from None
    return int(day.timestamp() * 1000)


def _row(found: Any) -> Row:
    return Row(**found._mapping)  # noqa: SLF001 - the name is public


_DAYS = re.compile(r"([0-9]{1,5})d")


def _sum(column: Any) -> Any:
    # PostgreSQL's sums of whole numbers are none of 64 bits by themselves.
    return cast(func.coalesce(func.sum(column), 0), BigInteger)


_COST = _sum(turns.c.cost)
_SUMS = (
    func.count().label("turns"),
    _sum(turns.c.input_tokens).label("input"),
    _sum(turns.c.output_tokens).label("output"),
    _sum(turns.c.cache_read_tokens).label("cache_read"),
    _sum(turns.c.cache_write_tokens).label("cache_write"),
    _COST.label("cost"),
    func.count().filter(turns.c.cost.is_(None)).label("unpriced"),
)
_DAY = turns.c.started_at // DAY
_COLUMNS: dict[By, tuple[Any, ...]] = {
    By.PERSON: (turns.c.person_id, people.c.name.label("person")),
    By.PLATFORM: (addresses.c.platform,),
    By.MODEL: (turns.c.model,),
    By.DAY: (_DAY.label("day"),),
}
_RECENT = (
    (turns.c.id >= number("first"))
    & (turns.c.started_at >= number("since"))
    & turns.c.model.is_not(None)
)
_FILTERS = {
    "until": turns.c.started_at < number("until"),
    "person": turns.c.person_id == number("person"),
    "platform": addresses.c.platform == bindparam("platform", type_=Text),
    "model": turns.c.model == bindparam("model", type_=Text),
}


def _report(by: tuple[By, ...], filters: set[str]) -> Select[Any]:
    shown = [column for each in by for column in _COLUMNS[each]]
    source: Any = turns
    if By.PLATFORM in by or "platform" in filters:
        source = source.join(addresses, turns.c.address_id == addresses.c.id)
    if By.PERSON in by:
        source = source.outerjoin(people, turns.c.person_id == people.c.id)
    statement = select(*shown, *_SUMS).select_from(source).where(_RECENT)
    for name in sorted(filters):
        statement = statement.where(_FILTERS[name])
    grouped = [each.element if hasattr(each, "element") else each for each in shown]
    order: list[Any] = [_DAY.desc()] if By.DAY in by else []
    order += [_COST.desc(), func.count().desc(), *grouped]
    return statement.group_by(*grouped).order_by(*order).limit(number("most"))


_MINE = select(*_SUMS).where(turns.c.person_id == number("person"), _RECENT)
_ENDS = select(func.min(turns.c.id).label("low"), func.max(turns.c.id).label("high"))
_FROM = (
    select(turns.c.id, turns.c.started_at)
    .where(turns.c.id >= number("at"))
    .order_by(turns.c.id)
    .limit(1)
)
