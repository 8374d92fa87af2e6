"""The files that come with messages, as functions over a connection."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    Connection,
    LargeBinary,
    Text,
    bindparam,
    delete,
    func,
    insert,
    null,
    select,
    update,
)

from core import kinds, names
from core.errors import NotFound, RateLimited
from core.statements import number
from core.tables import files
from core.types import InboundEvent, Part

DAY = 24 * 3600 * 1000  # milliseconds that an upload waits for its message
MOST_UNSENT = 20  # uploads of one account that wait
UNSENT_BYTES = 64 * 1024 * 1024


class Fault(StrEnum):
    """Why a file is not shown to any model."""

    EMPTY = "empty"  # there is nothing in it
    KIND = "kind"  # it is of no kind that a model reads
    SIZE = "size"  # it is larger than a model takes
    GONE = "gone"  # its platform does not give it to us
    REFUSED = "refused"  # the models' provider took it for broken, or for too much


@dataclass(frozen=True, kw_only=True, slots=True)
class Upload:
    """A file that was sent ahead of its message; `type` is what it is."""

    name: str
    type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """What is known of a file. `is_there`: its content is; `size` is then in bytes."""

    key: str
    platform: str
    name: str
    type: str
    size: int
    source: Mapping[str, Any] | None
    fault: Fault | None
    is_there: bool


def kind(content: bytes) -> str | Fault:
    """What a file is, one of `kinds.SHOWN`, or why no model is shown it."""
    if not content:
        return Fault.EMPTY
    found = kinds.kind_of(content)
    if found is None:
        return Fault.KIND
    return found if len(kinds.normal(found, content)) <= kinds.most(found) else Fault.SIZE


def parts_of(event: InboundEvent) -> list[Part]:
    """What stands in a message for the files that come with it."""
    return [
        {"type": "file", "file": key, "name": names.plain(each.name)}
        for key, each in zip(_keys(event), event.files, strict=True)
    ]


def keys_in(parts: Sequence[Part]) -> list[str]:
    """The files that came with a stored message."""
    return [part["file"] for part in parts if part["type"] == "file"]


def claim(db: Connection, event: InboundEvent, message_id: int, *, now: int) -> None:
    """Bind a message's files to it. Raises `NotFound` for an upload that is not to be had.

    An upload can be sent once, by whoever uploaded it.
    """
    where = event.address
    for key, each in zip(_keys(event), event.files, strict=True):
        if each.upload is None:
            name = names.plain(each.name)
            row = {"key": key, "message_id": message_id, "name": name, "type": each.type}
            whose = {"platform": where.platform, "account": where.account}
            source = None if each.source is None else dict(each.source)
            db.execute(_ADD, whose | row | {"source": source, "created_at": now})
            continue
        own = {"of_platform": where.platform, "of_account": where.account, "of_key": key}
        if not db.execute(_CLAIM, own | {"message": message_id}).rowcount:
            raise NotFound(f"upload {key}")


def sent_with(db: Connection, message_id: int) -> set[str]:
    """The files that came with a message, by their keys."""
    return set(db.execute(_SENT_WITH, {"message": message_id}).scalars())


def find(db: Connection, keys: Collection[str]) -> dict[str, Kept]:
    """What is known of files, by their keys."""
    return {row.key: _kept(row) for row in db.execute(_FIND, {"keys": list(keys)})}


def contents(db: Connection, keys: Collection[str]) -> dict[str, bytes]:
    """The contents of files, by their keys; without those that are not there."""
    if not keys:
        return {}
    return {row.key: row.content for row in db.execute(_CONTENTS, {"keys": list(keys)})}


def fill(db: Connection, key: str, kind_: str, content: bytes) -> None:
    """A file's content is there. The first one stays."""
    values = {"of_key": key, "kind": kind_, "bytes": len(content), "bytes_of_it": content}
    db.execute(_FILL, values)


def fail(db: Connection, key: str, fault: Fault) -> None:
    """A file is not shown to any model, from now on."""
    db.execute(_FAIL, {"of_key": key, "why": fault.value})


def keep(  # noqa: PLR0913 - whose, and what
    db: Connection, platform: str, account: str, key: str, upload: Upload, *, now: int
) -> None:
    """Keep an upload until its message comes, for a day.

    Raises `RateLimited` when too many of the account's wait already.
    """
    if db.dialect.name == "postgresql":  # SQLite writes one at a time
        db.execute(_LOCK, {"whose": f"{platform}:{account}", "seed": 0})
    db.execute(_SWEEP, {"before": now - DAY})
    whose = {"platform": platform, "account": account}
    waiting = db.execute(_UNSENT, {"of_platform": platform, "of_account": account}).one()
    if waiting.uploads >= MOST_UNSENT or waiting.bytes + len(upload.content) > UNSENT_BYTES:
        raise RateLimited(
            "too many uploads wait for their message; send them with one, or delete them",
            retry_after=60,
        )
    name = names.plain(upload.name)
    row = {"key": key, "message_id": None, "name": name, "type": upload.type}
    content = {"size": len(upload.content), "content": upload.content}
    db.execute(_ADD, whose | row | content | {"created_at": now})


def discard(db: Connection, platform: str, account: str, key: str) -> bool:
    """Delete an upload that was not sent; False if there is none."""
    values = {"of_platform": platform, "of_account": account, "of_key": key}
    return db.execute(_DISCARD, values).rowcount > 0


def read(db: Connection, platform: str, account: str, key: str) -> Upload:
    """A file of an account's, its content included. Raises `NotFound`."""
    values = {"of_platform": platform, "of_account": account, "of_key": key}
    row = db.execute(_READ, values).first()
    if row is None:
        raise NotFound(f"file {key}")
    return Upload(name=row.name, type=row.type, content=row.content)


def hand_over(db: Connection, platform: str, account: str, *, to: str) -> None:
    """Give an account's files to another."""
    db.execute(_HAND_OVER, {"of_platform": platform, "of_account": account, "to": to})


def forget(db: Connection, platform: str, account: str) -> None:
    """Delete an account's uploads that were not sent."""
    db.execute(_FORGET, {"of_platform": platform, "of_account": account})


def _keys(event: InboundEvent) -> list[str]:
    """What a message's files are called: uploads as they were, others after their message."""
    return [
        each.upload or f"{event.message_key}/{number_}" for number_, each in enumerate(event.files)
    ]


def _kept(row: Any) -> Kept:
    return Kept(
        key=row.key,
        platform=row.platform,
        name=row.name,
        type=row.type,
        size=row.size or 0,
        source=row.source,
        fault=None if row.fault is None else Fault(row.fault),
        is_there=row.is_there,
    )


def _words(name: str) -> Any:
    return bindparam(name, type_=Text)


_KEYS = bindparam("keys", type_=Text, expanding=True)
_ONE = files.c.key == _words("of_key")
_OWN = (files.c.platform == _words("of_platform")) & (files.c.account == _words("of_account"))
_WAITS = files.c.message_id.is_(None)

_ADD = insert(files)
_CLAIM = update(files).where(_OWN, _ONE, _WAITS).values(message_id=number("message"))
_SENT_WITH = select(files.c.key).where(files.c.message_id == number("message"))
_FIND = select(
    files.c.key,
    files.c.platform,
    files.c.name,
    files.c.type,
    files.c.size,
    files.c.source,
    files.c.fault,
    files.c.content.is_not(null()).label("is_there"),
).where(files.c.key.in_(_KEYS))
_CONTENTS = select(files.c.key, files.c.content).where(
    files.c.key.in_(_KEYS), files.c.content.is_not(null())
)
_FILL = (
    update(files)
    .where(_ONE, files.c.content.is_(null()), files.c.fault.is_(None))
    .values(
        type=_words("kind"),
        size=number("bytes"),
        content=bindparam("bytes_of_it", type_=LargeBinary),
    )
)
_FAIL = update(files).where(_ONE).values(fault=_words("why"))
_SWEEP = delete(files).where(_WAITS, files.c.created_at < number("before"))
_LOCK = select(func.pg_advisory_xact_lock(func.hashtextextended(_words("whose"), number("seed"))))
_UNSENT = (
    select(func.count().label("uploads"), func.coalesce(func.sum(files.c.size), 0).label("bytes"))
    .select_from(files)
    .where(_OWN, _WAITS)
)
_DISCARD = delete(files).where(_OWN, _ONE, _WAITS)
_READ = select(files.c.name, files.c.type, files.c.content).where(
    _OWN, _ONE, files.c.content.is_not(null())
)
_HAND_OVER = update(files).where(_OWN).values(account=_words("to"))
_FORGET = delete(files).where(_OWN, _WAITS)
