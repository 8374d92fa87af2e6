"""What somebody said to us alone is deleted, because they say so themselves, in a conversation."""

from collections.abc import Sequence

from sqlalchemy import BigInteger, Connection, bindparam, delete, or_, select, update

from core import account, commands, files
from core.deliveries import hold
from core.statements import START_AFRESH, number
from core.tables import (
    deliveries,
    feedback,
    identities,
    messages,
    owed,
    sessions,
    turns,
)
from core.tables import files as files_
from core.types import Part, Turn


def forget_some(db: Connection, turn: Turn, *, now: int) -> bool:
    """Erase some conversations of whoever asks in a turn, but for that one; False if none is left.

    Raises `Fenced`.
    """
    hold(db, turn)
    mine = {"session": turn.session_id, "most": account.BATCH}
    found = db.execute(_OTHERS, mine).scalars().all()
    if found:
        account.erase(db, found, now)
    return bool(found)


def forget_here(db: Connection, turn: Turn) -> None:
    """Delete all that was said in a turn's conversation before it was asked for in the turn.

    What was said since is kept, and the turn itself, which is to say that it was done. Raises
    `Fenced`.
    """
    asked = {"session": turn.session_id, "turn": turn.id}
    asking = db.execute(_ASKING, asked).all()
    since = max((row.id for row in asking if _asks(row.content)), default=0)
    values = asked | {"since": since}
    db.execute(_LOCK, values)
    hold(db, turn)
    for row in db.execute(_ACCOUNTS, values):
        files.forget(db, row.platform, row.account)
    for statement in _FORGET:
        db.execute(statement, values)
    db.execute(START_AFRESH, values)


def leave_unread(db: Connection, turn: Turn, name: str) -> bool:
    """Take out what was said in a turn behind its command `name`: it is for another conversation.

    True if there was any, also if it was taken out before. Raises `Fenced`.
    """
    hold(db, turn)
    said = db.execute(_ASKING, {"session": turn.session_id, "turn": turn.id}).all()
    given = {row.id: commands.command_of(row.content) for row in said}
    last = max((id_ for id_, each in given.items() if each and each.name == name), default=None)
    behind = [
        id_ for id_, each in given.items() if last is not None and each is None and id_ > last
    ]
    for id_ in behind:
        db.execute(_UNREAD, {"message": id_})
    return bool(behind)


def _asks(content: Sequence[Part]) -> bool:
    command = commands.command_of(content)
    return command is not None and command.name == commands.FORGET


_UNREAD = (
    update(messages).where(messages.c.id == number("message")).values(content=[{"type": "unread"}])
)
_HERE, _TURN = number("session"), number("turn")
_THIS, _OWN = sessions.alias(), messages.alias()
_PERSON = select(_THIS.c.person_id).where(_THIS.c.id == _HERE).scalar_subquery()
_OTHERS = (
    select(sessions.c.id)
    .where(sessions.c.person_id == _PERSON, sessions.c.id != _HERE)
    .order_by(sessions.c.id)
    .limit(bindparam("most", type_=BigInteger))
)
_LOCK = select(sessions.c.id).where(sessions.c.id == _HERE).with_for_update()
_ACCOUNTS = select(identities.c.platform, identities.c.account).where(
    identities.c.person_id == _PERSON
)
_FIRST = (
    select(_OWN.c.id)
    .where(_OWN.c.session_id == _HERE, _OWN.c.turn_id == _TURN)
    .order_by(_OWN.c.id)
    .limit(1)
    .scalar_subquery()
)
_SAID = (
    messages.c.session_id == _HERE,
    or_(
        messages.c.turn_id != _TURN,
        (messages.c.turn_id == _TURN) & (messages.c.id < number("since")),
        messages.c.turn_id.is_(None) & (messages.c.id < _FIRST),
    ),
)
_ASKING = select(messages.c.id, messages.c.content).where(
    messages.c.session_id == _HERE, messages.c.turn_id == _TURN, messages.c.role == "user"
)
_MESSAGES = select(messages.c.id).where(*_SAID)
_TURNS = select(turns.c.id).where(turns.c.session_id == _HERE, turns.c.id != _TURN)
_FORGET = (
    delete(feedback).where(feedback.c.message_id.in_(_MESSAGES)),
    delete(files_).where(files_.c.message_id.in_(_MESSAGES)),
    delete(deliveries).where(deliveries.c.turn_id.in_(_TURNS)),
    delete(owed).where(owed.c.turn_id.in_(_TURNS)),
    delete(messages).where(*_SAID),
    update(turns).where(turns.c.session_id == _HERE, turns.c.id != _TURN).values(person_id=None),
    update(sessions).where(sessions.c.id == _HERE).values(system=None),
)
