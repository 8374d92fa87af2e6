"""The statements of installs and their renewal. `core.installations` says what they are for."""

from typing import Any

from sqlalchemy import (
    Integer,
    LargeBinary,
    Text,
    and_,
    bindparam,
    case,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.sql.dml import Insert

from core.statements import both, number
from core.tables import installations as table

# A parameter may not be named as a column is, where that is set.


def _words(name: str) -> Any:
    return bindparam(name, type_=Text)


ROW = (
    table.c.id,
    table.c.platform,
    table.c.app,
    table.c.enterprise,
    table.c.account,
    table.c.name,
    table.c.details,
    table.c.secret,
    table.c.key_id,
    table.c.version,
    table.c.expires_at,
)
FREE = {"claimed_until": None, "renew_after": None}


def _save(insert_: Any) -> Insert:
    statement = insert_(table)
    taken = ("name", "details", "secret", "key_id", "expires_at", "created_at", "updated_at")
    new = {name: statement.excluded[name] for name in taken}
    return statement.on_conflict_do_update(  # type: ignore[no-any-return]
        index_elements=["platform", "app", "enterprise", "account"],
        set_={**new, **FREE, "version": table.c.version + 1, "revoked_at": None},
    )


SAVE = both(_save)
LIVING = table.c.revoked_at.is_(None)
OF_APP = and_(
    table.c.platform == _words("of_platform"),
    or_(_words("of_app") == "", table.c.app == _words("of_app")),
)
OWN = and_(table.c.account == _words("of_account"), table.c.account != "")
WHOLE = and_(
    table.c.account == "", table.c.enterprise == _words("of_enterprise"), table.c.enterprise != ""
)
FIND = (
    select(*ROW)
    .where(LIVING, OF_APP, or_(OWN, WHOLE))
    .order_by(
        case((table.c.account != "", 0), else_=1),
        case((table.c.enterprise == _words("of_enterprise"), 0), else_=1),
        table.c.created_at.desc(),
        table.c.id.desc(),
    )
    .limit(1)
)
REVOKE = (
    update(table)
    .where(
        LIVING,
        OF_APP,
        or_(OWN, and_(_words("of_account") == "", WHOLE)),
        table.c.created_at <= number("before"),
    )
    .values(
        **FREE,
        secret=b"",
        expires_at=None,
        version=table.c.version + 1,
        revoked_at=number("now"),
        updated_at=number("now"),
    )
)
LIVE = select(*ROW).where(LIVING, table.c.platform == _words("of_platform")).order_by(table.c.id)
IS_DUE = and_(
    LIVING,
    table.c.expires_at <= number("by"),
    func.coalesce(table.c.claimed_until, 0) <= number("now"),
    func.coalesce(table.c.renew_after, 0) <= number("now"),
)
DUE = (
    select(table.c.id)
    .where(table.c.platform == _words("of_platform"), IS_DUE)
    .order_by(table.c.expires_at, table.c.id)
    .limit(bindparam("limit", type_=Integer))
)
CLAIM = (
    update(table)
    .where(table.c.id == number("installation"), IS_DUE)
    .values(claimed_until=number("until"))
    .returning(*ROW)
)
AS_KNOWN = and_(
    table.c.id == number("installation"),
    table.c.version == bindparam("known", type_=Integer),
    LIVING,
)
SECRET = {
    "secret": bindparam("new_secret", type_=LargeBinary),
    "key_id": _words("new_key"),
    "updated_at": number("now"),
}
RENEWED = (
    update(table)
    .where(AS_KNOWN)
    .values(
        **SECRET,
        **FREE,
        version=table.c.version + 1,
        expires_at=number("new_end"),
    )
)
POSTPONED = (
    update(table)
    .where(AS_KNOWN)
    .values(claimed_until=None, renew_after=number("until"), updated_at=number("now"))
)
OTHER_KEYS = (
    select(*ROW)
    .where(
        LIVING,
        table.c.platform == _words("of_platform"),
        table.c.key_id != _words("key"),
        table.c.id > number("after"),
    )
    .order_by(table.c.id)
    .limit(bindparam("limit", type_=Integer))
)
RESEALED = update(table).where(AS_KNOWN).values(**SECRET)
