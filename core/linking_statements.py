"""The statements of `core.linking`, built once."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    FromClause,
    Text,
    bindparam,
    delete,
    exists,
    func,
    insert,
    select,
    update,
)

from core.statements import number
from core.tables import addresses, codes, identities, links, sessions, turns


def _words(name: str) -> Any:
    return bindparam(name, type_=Text)


_DIGEST = codes.c.digest == _words("of_digest")
_UNUSED = codes.c.used_at.is_(None)
_PERSON = number("person")

LOCK = (
    select(sessions.c.id, sessions.c.person_id)
    .where(
        sessions.c.id.in_(bindparam("ids", type_=BigInteger, expanding=True)),
        sessions.c.erased_at.is_(None),
    )
    .order_by(sessions.c.id)
    .with_for_update()
)
CODE = (
    select(codes, addresses.c.session_id)
    .join_from(codes, addresses, codes.c.address_id == addresses.c.id)
    .where(_DIGEST)
)
NEW_CODE = insert(codes)
VOID = delete(codes).where(codes.c.person_id == _PERSON, _UNUSED)
SWEEP = delete(codes).where(codes.c.expires_at < number("before"), codes.c.joins.is_not(True))
SPOIL = update(codes).where(_DIGEST, _UNUSED).values(used_at=number("now"))
USE = (
    update(codes)
    .where(codes.c.id == number("code"))
    .values(
        used_at=number("now"),
        used_by=number("turn"),
        joins=bindparam("join", type_=Boolean(create_constraint=False)),
    )
)
_TO_JOIN = codes.c.joins.is_(True)
_USED_BY = codes.c.used_by == number("turn")
PENDING = select(codes.c.used_by).where(_TO_JOIN).order_by(codes.c.id)
PENDING_OF = (
    select(codes.c.address_id.label("there"), turns.c.address_id.label("here"))
    .join_from(codes, turns, turns.c.id == codes.c.used_by)
    .where(_USED_BY, _TO_JOIN)
)
SETTLED = update(codes).where(_USED_BY).values(joins=False)

NOTE = insert(links)
DONE = select(links.c.kind).where(
    links.c.turn_id == number("turn"), links.c.kind.in_(bindparam("kinds", expanding=True))
)
WRONG = (
    select(func.count())
    .select_from(links)
    .where(
        links.c.person_id == _PERSON,
        links.c.kind == "wrong",
        links.c.created_at > number("since"),
    )
)


def _here(place: FromClause) -> Any:
    return (
        (place.c.platform == _words("of_platform"))
        & (place.c.account == _words("of_account"))
        & (place.c.conversation == func.coalesce(_words("of_name"), place.c.conversation))
    )


_HERE = _here(addresses)
_OTHER = addresses.alias()
_ELSEWHERE = exists().where(_OTHER.c.session_id == addresses.c.session_id, ~_here(_OTHER))
CONVERSATIONS = (
    select(addresses.c.session_id, _ELSEWHERE.label("elsewhere"))
    .join_from(addresses, sessions, addresses.c.session_id == sessions.c.id)
    .where(sessions.c.person_id == _PERSON, _HERE)
    .distinct()
)
REPOINT = (
    update(addresses)
    .where(addresses.c.session_id == number("session"), _HERE)
    .values(session_id=number("fresh"))
)

_AT = (identities.c.platform == _words("of_platform")) & (
    identities.c.account == _words("of_account")
)
_IDENTITY = identities.c.id == number("identity")
NAMES = select(identities.c.id, identities.c.person_id, identities.c.external_id).where(_AT)
TWIN = select(identities.c.person_id).where(_AT, identities.c.external_id == _words("of_name"))
RENAME = update(identities).where(_IDENTITY).values(account=_words("to"))
UNNAME = delete(identities).where(_IDENTITY)
