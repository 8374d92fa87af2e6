"""A message from somebody who may want to hear no more from us: what it means, once."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from core import addresses, contacts, outcomes, owed, reports
from core import statements as sql
from core.contacts import Contact
from core.reports import Report
from core.types import Address

RECEIVED, WISH = Report(status="received", rank=0), Report(status="wish", rank=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """Who wrote; `fresh` the first time that we hear of the message.

    `wish`: the message was one to hear no more, or to hear again, that changed something then.
    """

    contact: Contact
    fresh: bool
    wish: bool = False


def hear(  # noqa: PLR0913, PLR0917 - who, where, what and when
    db: Connection,
    platform: str,
    account: str,
    names: Sequence[str],
    message: str,
    out: bool | None,  # noqa: FBT001 - None is the third
    *,
    now: int,
) -> Heard:
    """Somebody wrote, as `contacts.hear`; with `out` they want to hear no more, or again (False).

    Who wants to hear no more is not answered what waits behind a running answer of theirs. The same
    `message` again changes nothing: platforms repeat themselves, also much later.
    """
    if not reports.rise(db, platform, message, RECEIVED, now=now):
        known = contacts.find(db, platform, account, names[0])
        if known is not None:
            told = reports.find(db, platform, message)
            return Heard(contact=known, fresh=False, wish=told is not None and told.rank > 0)
    contact = contacts.hear(db, platform, account, names, now=now)
    if out is None or not contacts.opt(db, contact.id, out=out, now=now):
        return Heard(contact=contact, fresh=True)
    reports.rise(db, platform, message, WISH, now=now)
    if out:
        _hush(db, Address(platform=platform, account=account, conversation=contact.person))
    return Heard(contact=contact, fresh=True, wish=True)


def _hush(db: Connection, address: Address) -> None:
    """Count what waits to what the running turn answers: when that is stopped, so is all of it.

    What was owed to them is owed no more.
    """
    found = addresses.lock(db, address)
    if found is not None:
        owed.drop(db, found.id)
    running = None if found is None else outcomes.open_turn(db, found.session_id)
    if found is not None and running is not None:
        taken = {"turn": running, "session": found.session_id, "address": found.id}
        db.execute(sql.TAKE, taken)
