"""The statements of `core.people`, built once."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Text,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal_column,
    select,
    update,
)

from core.prepared import Prepared
from core.statements import both, number
from core.tables import addresses, codes, identities, messages, people, sessions
from core.types import TELL


def _words(name: str) -> Any:
    return bindparam(name, type_=Text)


KNOWN = Prepared(
    select(identities.c.person_id)
    .where(
        identities.c.platform == _words("platform"),
        identities.c.account == _words("account"),
        identities.c.external_id == _words("external_id"),
    )
    # Whoever makes them one with somebody else waits, and finds what they begin now.
    .with_for_update(read=True)
)
SPEAKS = Prepared(
    update(people)
    .where(people.c.id == number("person"), people.c.language.is_distinct_from(_words("tongue")))
    .values(language=_words("tongue"))
)
LANGUAGE = select(people.c.language).where(people.c.id == number("person"))
NEW = Prepared(insert(people).returning(people.c.id), columns=("name", "language", "created_at"))
NAME = Prepared(
    both(
        lambda insert_: (
            insert_(identities)
            .on_conflict_do_nothing(index_elements=["platform", "account", "external_id"])
            .returning(identities.c.id)
        )
    ),
    columns=("person_id", "platform", "account", "external_id", "name", "created_at"),
)
OWN = (
    update(sessions)
    .where(sessions.c.id == number("session"), sessions.c.person_id.is_(None))
    .values(person_id=number("person"))
)
_KNOWN_AS = exists().where(identities.c.person_id == people.c.id)
_PEOPLE = select(people.c.id, people.c.name, people.c.created_at).where(
    people.c.merged_into.is_(None), _KNOWN_AS
)
ONE = _PEOPLE.where(people.c.id == number("person"))
_PAGE = _PEOPLE.where(people.c.id < number("before"))
_ORDER = people.c.id.desc()
LISTED = _PAGE.order_by(_ORDER).limit(number("most"))
_ON = _KNOWN_AS.where(identities.c.platform == _words("platform"))
LISTED_OF = _PAGE.where(_ON).order_by(_ORDER).limit(number("most"))
_IDS = bindparam("ids", type_=BigInteger, expanding=True)
NAMES = select(identities).where(identities.c.person_id.in_(_IDS)).order_by(identities.c.id)
# What they said last at each place; what they were told there is none of it. A place may be another
# person's by now, who took it along: what was said at it before is none of theirs.
_SAID = (
    select(
        messages.c.session_id, messages.c.address_id, func.max(messages.c.id).label("message_id")
    )
    .join_from(sessions, messages, messages.c.session_id == sessions.c.id)
    .where(
        sessions.c.person_id == number("person"),
        messages.c.role == "user",
        messages.c.dedupe_key.not_like(literal_column(f"'{TELL}%'")),
    )
    .group_by(messages.c.session_id, messages.c.address_id)
    .subquery()
)
_PLACES = (
    select(
        _SAID.c.message_id,
        addresses.c.platform,
        addresses.c.account,
        addresses.c.conversation,
        addresses.c.direct,
    )
    .join_from(addresses, sessions, addresses.c.session_id == sessions.c.id)
    .outerjoin(
        _SAID,
        (_SAID.c.address_id == addresses.c.id) & (_SAID.c.session_id == addresses.c.session_id),
    )
    .where(
        sessions.c.person_id == number("person"),
        sessions.c.erased_at.is_(None),
        addresses.c.direct,
    )
)
_LAST = (
    func.coalesce(_SAID.c.message_id, 0).desc(),
    sessions.c.updated_at.desc(),
    addresses.c.id.desc(),
)
REACH = _PLACES.order_by(*_LAST).limit(1)
REACH_ON = _PLACES.where(addresses.c.platform == _words("platform")).order_by(*_LAST).limit(1)
CONTENT = select(messages.c.content).where(messages.c.id == number("message"))
_HERE = (identities.c.platform == _words("of_platform")) & (
    identities.c.account == _words("of_account")
)
_THEIRS = select(identities.c.person_id).where(_HERE)
FORGET = (
    delete(codes).where(codes.c.person_id.in_(_THEIRS), codes.c.joins.is_not(True)),
    update(people).where(people.c.id.in_(_THEIRS)).values(name=None, language=None),
    update(identities).where(_HERE).values(name=None),
)
