"""People prove that they are one on several platforms, and may undo it.

A code that was given to them on one platform is typed on another. All of it happens within a turn,
which may be attempted more than once: whatever a turn has done, it finds done. Locks are taken
sessions first, by their ids, then the turn, then people, by their ids.
"""

import hashlib
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection

from core import joining, merging
from core import linking_statements as sql
from core.database import Contended
from core.deliveries import hold
from core.joining import Joined
from core.statements import NEW_SESSION, START_AFRESH
from core.types import Address, Turn

SIGNS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # 32, no two of which look or sound alike
LENGTH = 8
LIVES = 10 * 60 * 1000  # milliseconds that a code is valid
KEPT = 24 * 3600 * 1000
# So many wrong codes in so many milliseconds, and a right one is refused too.
LIMITS = ((5, 10 * 60 * 1000), (20, 3600 * 1000))
_LOOKS = str.maketrans("OILU", "011V")


class Outcome(StrEnum):
    """What came of a code."""

    LINKED = "linked"
    OWN = "own"  # it was given in this very conversation
    WRONG = "wrong"
    LOCKED = "locked"  # nobody looks at it: there were too many wrong ones


def new_code(pick: Callable[[str], str]) -> str:
    """A code of signs that `pick` picks, one at a time; 40 bits."""
    return "".join(pick(SIGNS) for _ in range(LENGTH))


def shown(code: str) -> str:
    """A code as people read it."""
    return f"{code[:4]}-{code[4:]}"


def read_code(typed: str) -> str | None:
    """The code that somebody typed, in any case and with or without its hyphen; None if none."""
    code = typed.replace("-", "").replace(" ", "").upper().translate(_LOOKS)
    return code if len(code) == LENGTH and set(code) <= set(SIGNS) else None


def digest(code: str) -> str:
    """What is stored of a code."""
    return hashlib.sha256(f"link {code}".encode()).hexdigest()


def begin(db: Connection, turn: Turn, code_digest: str, *, now: int) -> bool:
    """A code is given to whoever asks in a turn; one that they had before is void.

    False if it is not known who they are. Raises `Fenced`.
    """
    person = _enter(db, turn, turn.session_id)
    if person is None:
        return False
    db.execute(sql.SWEEP, {"before": now - KEPT})
    db.execute(sql.VOID, {"person": person})
    values = {"person_id": person, "address_id": turn.address_id, "turn_id": turn.id}
    times = {"created_at": now, "expires_at": now + LIVES}
    db.execute(sql.NEW_CODE, {"digest": code_digest, **values, **times})
    if _done(db, turn, "code") is None:
        _note(db, turn, "code", person, now=now)
    return True


def redeem(
    db: Connection, turn: Turn, code_digest: str, *, apart: bool, now: int
) -> Outcome | None:
    """A code is typed in a turn: whoever typed it, and whoever it was given to, are one person.

    Their conversations are to become one then (`join`), unless they are to stay `apart`. None if
    it is not known who they are. Raises `Fenced` and `Contended`.
    """
    code = _code(db, code_digest)
    where = [turn.session_id, *([] if code is None else [code.session_id])]
    person = _enter(db, turn, *where)
    if person is None:
        return None
    if (before := _done(db, turn, *Outcome)) is not None:
        return Outcome(before)
    there = merging.lock(db, *sorted({person, *([] if code is None else [code.person_id])}))
    if _code(db, code_digest) != code:
        raise Contended("another transaction used the same code, or linked its person")
    outcome = _judge(db, code if code and code.person_id in there else None, turn, person, now)
    if outcome is Outcome.OWN:
        return outcome
    other = None
    if code is not None and outcome is Outcome.LINKED:
        other = code.person_id
        db.execute(sql.USE, {"code": code.id, "now": now, "turn": turn.id, "join": not apart})
        if other != person:
            person = merging.become_one(db, other, person, now=now)
    _note(db, turn, outcome.value, person, other=other, now=now)
    return outcome


def spoil(db: Connection, code_digest: str, *, now: int) -> None:
    """A code was shown where others could read it: it is void."""
    db.execute(sql.SPOIL, {"of_digest": code_digest, "now": now})


def join(db: Connection, turn_id: int, *, now: int) -> Joined:
    """Make one of the conversations that a turn linked; once. Raises `Contended`."""
    row = db.execute(sql.PENDING_OF, {"turn": turn_id}).first()
    if row is None:
        return Joined.NEVER
    joined = joining.join(db, row.here, row.there, by=turn_id, now=now)
    if joined is not Joined.BUSY:
        db.execute(sql.SETTLED, {"turn": turn_id})
    return joined


def pending(db: Connection) -> list[int]:
    """The turns whose conversations are yet to become one."""
    return list(db.execute(sql.PENDING).scalars())


def unlink(db: Connection, turn: Turn, *, now: int) -> bool:
    """Make a person of their own of whoever says so, by their names at the turn's account.

    Where the conversation is called as they are they leave by that name alone, and may leave
    another one at the same account. What was said there alone goes with them; what was shared
    stays with the other, and a new conversation begins here. Codes that were given to either are
    void. False if they have no other name. Raises `Fenced`.
    """
    person = _enter(db, turn, turn.session_id)
    if _done(db, turn, "unlinked") is not None:
        return True
    if person is None or not merging.lock(db, person):
        return False
    names = _names(db, turn.address, person)
    new = merging.part(db, person, names, now=now)
    if new is None:
        return False
    _leave(db, {**names, "person": person}, new, turn, now)
    for each in (person, new):
        db.execute(sql.VOID, {"person": each})
    _note(db, turn, "unlinked", person, other=new, now=now)
    return True


def identify(db: Connection, platform: str, account: str, *, to: str, now: int) -> None:
    """Whoever is known at an account turns out to be whoever is known at another one.

    Raises `Contended`.
    """
    for row in db.execute(sql.NAMES, {"of_platform": platform, "of_account": account}).all():
        twin = {"of_platform": platform, "of_account": to, "of_name": row.external_id}
        other = db.execute(sql.TWIN, twin).scalar()
        if other is None:
            db.execute(sql.RENAME, {"identity": row.id, "to": to})
            continue
        db.execute(sql.UNNAME, {"identity": row.id})
        if other != row.person_id:
            if len(merging.lock(db, row.person_id, other)) < 2:
                raise Contended("another transaction has made one of them another")
            merging.become_one(db, row.person_id, other, now=now)
            values = {"person_id": min(row.person_id, other), "other_id": row.person_id}
            _add(db, "identified", platform, values, now)


def _code(db: Connection, code_digest: str) -> Any:
    """All that is known of a code, and the conversation that it was asked for in."""
    return db.execute(sql.CODE, {"of_digest": code_digest}).first()


def _enter(db: Connection, turn: Turn, *session_ids: int) -> int | None:
    """Lock conversations and the turn; returns whose the turn's is. Raises `Fenced`."""
    rows = db.execute(sql.LOCK, {"ids": list(session_ids)}).all()
    hold(db, turn)
    found: int | None = next((row.person_id for row in rows if row.id == turn.session_id), None)
    return found


def _judge(db: Connection, code: Any, turn: Turn, person: int, now: int) -> Outcome:
    for most, span in LIMITS:
        if db.execute(sql.WRONG, {"person": person, "since": now - span}).scalar_one() >= most:
            return Outcome.LOCKED
    if code is None or code.used_at is not None or code.expires_at <= now:
        return Outcome.WRONG
    if code.session_id == turn.session_id:
        return Outcome.OWN
    return Outcome.LINKED


def _names(db: Connection, where: Address, person: int) -> dict[str, str | None]:
    """By which names somebody leaves: the one that their conversation has too, or an account's."""
    here: dict[str, str | None] = {"of_platform": where.platform, "of_account": where.account}
    named = {**here, "of_name": where.conversation}
    return named if db.execute(sql.TWIN, named).scalar() == person else {**here, "of_name": None}


def _leave(
    db: Connection, here: dict[str, str | int | None], new: int, turn: Turn, now: int
) -> None:
    for row in db.execute(sql.CONVERSATIONS, here).all():
        if row.elsewhere:
            session = {"now": now, "system": None, "person": new}
            fresh = NEW_SESSION.scalar(db, session)
            db.execute(sql.REPOINT, {**here, "session": row.session_id, "fresh": fresh})
            continue
        merging.give(db, row.session_id, new)
        if row.session_id == turn.session_id:
            db.execute(START_AFRESH, {"session": row.session_id, "turn": turn.id + 1})


def _done(db: Connection, turn: Turn, *kinds: str) -> str | None:
    """What a turn has done already, of some kinds."""
    found = db.execute(sql.DONE, {"turn": turn.id, "kinds": [str(kind) for kind in kinds]})
    return found.scalar()


def _note(  # noqa: PLR0913 - who did what, where and when
    db: Connection, turn: Turn, kind: str, person: int, *, other: int | None = None, now: int
) -> None:
    values = {"person_id": person, "other_id": other, "turn_id": turn.id}
    _add(db, kind, turn.address.platform, values, now)


def _add(db: Connection, kind: str, platform: str, values: dict[str, int | None], now: int) -> None:
    db.execute(sql.NOTE, {"kind": kind, "platform": platform, "created_at": now, **values})
