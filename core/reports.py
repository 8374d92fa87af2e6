"""What platforms say became of what they took, as functions over a connection."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Text, bindparam, select
from sqlalchemy.sql.dml import Insert

from core.statements import both
from core.tables import reports


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """How far something is that a platform took; a higher `rank` is further."""

    status: str
    rank: int
    error_code: str | None = None


def rise(db: Connection, platform: str, external_id: str, report: Report, *, now: int) -> bool:
    """Remember a report; False if as much or more was known already.

    The id may be one that nobody here has heard of yet.
    """
    values = {
        "platform": platform,
        "external_id": external_id,
        "status": report.status,
        "rank": report.rank,
        "error_code": report.error_code,
        "updated_at": now,
    }
    return db.execute(_RISE[db.dialect.name], values).first() is not None


def find(db: Connection, platform: str, external_id: str) -> Report | None:
    """The furthest that was reported."""
    values = {"of_platform": platform, "of_id": external_id}
    row = db.execute(_FIND, values).one_or_none()
    if row is None:
        return None
    return Report(status=row.status, rank=row.rank, error_code=row.error_code)


def _rise(insert_: Any) -> Insert:
    statement = insert_(reports)
    new = statement.excluded
    return statement.on_conflict_do_update(  # type: ignore[no-any-return]
        index_elements=["platform", "external_id"],
        set_={name: new[name] for name in ("status", "rank", "error_code", "updated_at")},
        where=reports.c.rank < new.rank,
    ).returning(reports.c.id)


_RISE = both(_rise)
_OF_PLATFORM = bindparam("of_platform", type_=Text)
_OF_ID = bindparam("of_id", type_=Text)
_FIND = select(reports.c.status, reports.c.rank, reports.c.error_code).where(
    reports.c.platform == _OF_PLATFORM, reports.c.external_id == _OF_ID
)
