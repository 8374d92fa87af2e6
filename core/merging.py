"""Two people turn out to be one, or one to be two: what they are called, and have used up."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Text,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal,
    select,
    update,
)

from core.prepared import Prepared
from core.statements import number
from core.tables import (
    budgets,
    codes,
    identities,
    links,
    messages,
    people,
    rates,
    reservations,
    sessions,
    turns,
)


def lock(db: Connection, *person_ids: int) -> set[int]:
    """Those of some people that are nobody else by now, nor become so meanwhile, or two."""
    return set(db.execute(_LOCK, {"ids": list(person_ids)}).scalars())


def whoever(db: Connection, person_id: int, *, hold: bool = False) -> int:
    """Who somebody is by now: whoever they turned out to be, as often as they did.

    With `hold` they become nobody else before this transaction ends.
    """
    while True:
        into = (_HELD_INTO if hold else _INTO).scalar(db, {"person": person_id})
        if into is None:
            return person_id
        person_id = into


def become_one(db: Connection, one: int, other: int, *, now: int) -> int:
    """Two people, both locked, are one from now on; returns the older, who stays.

    Their names, conversations and allowances are one's: what either has used is used, and what was
    set aside for answers that are being given is so still. The other's row stays, and says who.
    """
    kept, gone = sorted((one, other))
    values = {"kept": kept, "gone": gone, "micros": now * 1000}
    for statement in _MERGE:
        db.execute(statement, values)
    _set_aside_anew(db, _scopes(kept, gone))
    for statement in _ADD_UP:
        db.execute(statement, _scopes(kept, gone))
    return kept


def part(
    db: Connection, person_id: int, names: Mapping[str, str | None], *, now: int
) -> int | None:
    """Make a person of their own of what somebody is called at an account; returns the new one.

    `names` are the `of_platform`, the `of_account`, and the `of_name` there (None: all of them).
    None if they have no other name. What they have used so far is used by both.
    """
    here = {**names, "person": person_id}
    if db.execute(_OTHER_NAMES, here).scalar_one() == 0:
        return None
    new: int = db.execute(_NEW, {"person": person_id, "now": now}).scalar_one()
    db.execute(_TAKE_NAMES, {**here, "new": new})
    db.execute(_COPY_RATES, {"person": person_id, "new": new})
    db.execute(_COPY_SPENT, {**_scopes(new, person_id)})
    return new


def give(db: Connection, session_id: int, person_id: int) -> None:
    """A conversation, and all that was said in it, is another person's from now on."""
    for statement in _GIVE:
        db.execute(statement, {"session": session_id, "new": person_id})


def _set_aside_anew(db: Connection, scopes: dict[str, str]) -> None:
    """What is set aside of one's budgets is so of the other's; that is a short list."""
    renamed = {scopes["gone_scope"]: scopes["kept_scope"]}
    for row in db.execute(_RESERVED).all():
        moved = [[renamed.get(scope, scope), period] for scope, period in row.budgets]
        if moved != row.budgets:
            db.execute(_RESERVE, {"reservation": row.id, "of_budgets": moved})


def _scopes(kept: int, gone: int) -> dict[str, str]:
    return {"kept_scope": f"person:{kept}", "gone_scope": f"person:{gone}"}


_LOCK = (
    select(people.c.id)
    .where(
        people.c.id.in_(bindparam("ids", type_=BigInteger, expanding=True)),
        people.c.merged_into.is_(None),
    )
    .order_by(people.c.id)
    .with_for_update()
)
_BY_NOW = select(people.c.merged_into).where(people.c.id == number("person"))
_INTO = Prepared(_BY_NOW)
_HELD_INTO = Prepared(_BY_NOW.with_for_update(read=True, key_share=True))
_KEPT, _GONE_ID = number("kept"), number("gone")
_TWIN = people.alias()
_THEIRS = select(_TWIN.c.name, _TWIN.c.language).where(_TWIN.c.id == _GONE_ID).subquery()
_OLD = rates.alias()
_MICROS = number("micros")
_LEFT = case((rates.c.full_at > _MICROS, rates.c.full_at), else_=_MICROS)
_MORE = (
    select(case((_OLD.c.full_at > _MICROS, _OLD.c.full_at - _MICROS), else_=0))
    .where(_OLD.c.person_id == _GONE_ID, _OLD.c.span == rates.c.span)
    .scalar_subquery()
)
_SPANS = select(_OLD.c.span).where(_OLD.c.person_id == _KEPT)
_MERGE = (
    # First of all: whoever is about to begin a conversation by one of these names waits, and then
    # begins it as the one who stays.
    update(identities).where(identities.c.person_id == _GONE_ID).values(person_id=_KEPT),
    update(messages)
    .where(
        messages.c.person_id == _GONE_ID,
        messages.c.session_id.in_(select(sessions.c.id).where(sessions.c.person_id == _GONE_ID)),
    )
    .values(person_id=_KEPT),
    update(sessions).where(sessions.c.person_id == _GONE_ID).values(person_id=_KEPT),
    update(turns).where(turns.c.person_id == _GONE_ID).values(person_id=_KEPT),
    update(codes).where(codes.c.person_id == _GONE_ID).values(person_id=_KEPT),
    update(links).where(links.c.person_id == _GONE_ID).values(person_id=_KEPT),
    update(people)
    .where(people.c.id == _KEPT)
    .values(
        name=func.coalesce(people.c.name, select(_THEIRS.c.name).scalar_subquery()),
        language=func.coalesce(people.c.language, select(_THEIRS.c.language).scalar_subquery()),
    ),
    update(people)
    .where(people.c.id == _GONE_ID)
    .values(merged_into=_KEPT, name=None, language=None),
    update(rates).where(rates.c.person_id == _KEPT).values(full_at=_LEFT + func.coalesce(_MORE, 0)),
    delete(rates).where(rates.c.person_id == _GONE_ID, rates.c.span.in_(_SPANS)),
    update(rates).where(rates.c.person_id == _GONE_ID).values(person_id=_KEPT),
)


def _words(name: str) -> Any:
    return bindparam(name, type_=Text)


_TWO = budgets.alias()
_SAME = (_TWO.c.scope == _words("gone_scope")) & (_TWO.c.period == budgets.c.period)
_PERIODS = select(_TWO.c.period).where(_TWO.c.scope == _words("kept_scope"))
_ADD_UP = (
    update(budgets)
    .where(budgets.c.scope == _words("kept_scope"))
    .values(
        {
            each: each + func.coalesce(select(_TWO.c[each.name]).where(_SAME).scalar_subquery(), 0)
            for each in (budgets.c.spent, budgets.c.reserved)
        }
    ),
    delete(budgets).where(budgets.c.scope == _words("gone_scope"), budgets.c.period.in_(_PERIODS)),
    update(budgets)
    .where(budgets.c.scope == _words("gone_scope"))
    .values(scope=_words("kept_scope")),
)
# Whoever settles one meanwhile finds it changed, in the order in which many are settled at once.
_RESERVED = select(reservations.c.id, reservations.c.budgets).order_by(reservations.c.turn_id)
_RESERVE = (
    update(reservations)
    .where(reservations.c.id == number("reservation"))
    .values(budgets=bindparam("of_budgets", type_=reservations.c.budgets.type))
)

_AT = (
    (identities.c.platform == _words("of_platform"))
    & (identities.c.account == _words("of_account"))
    & (identities.c.external_id == func.coalesce(_words("of_name"), identities.c.external_id))
)
_MINE = identities.c.person_id == number("person")
_OTHER_NAMES = select(func.count()).select_from(identities).where(_MINE, ~_AT)
_NEW = (
    insert(people)
    .from_select(
        ["name", "language", "created_at"],
        select(_TWIN.c.name, _TWIN.c.language, number("now")).where(_TWIN.c.id == number("person")),
    )
    .returning(people.c.id)
)
_TAKE_NAMES = update(identities).where(_MINE, _AT).values(person_id=number("new"))
_COPY_RATES = insert(rates).from_select(
    ["person_id", "span", "full_at"],
    select(number("new"), _OLD.c.span, _OLD.c.full_at).where(_OLD.c.person_id == number("person")),
)
_COPY_SPENT = insert(budgets).from_select(
    ["scope", "period", "spent", "reserved", "warned_at"],
    select(
        _words("kept_scope"), _TWO.c.period, _TWO.c.spent, literal(0, BigInteger), _TWO.c.warned_at
    ).where(_TWO.c.scope == _words("gone_scope")),
)
_GIVE = (
    update(messages)
    .where(messages.c.session_id == number("session"), messages.c.person_id.is_not(None))
    .values(person_id=number("new")),
    update(turns)
    .where(turns.c.session_id == number("session"), turns.c.person_id.is_not(None))
    .values(person_id=number("new")),
    update(sessions).where(sessions.c.id == number("session")).values(person_id=number("new")),
)
