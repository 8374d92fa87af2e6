"""Where a platform's app is installed, and the sealed secret that it speaks with there.

What is sealed, and how, is the adapter's business; here it is bytes. All times are milliseconds
since 1970.
"""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from core import installation_statements as sql


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """One account of a platform, such as a workspace, seen by one app.

    `enterprise` is '' for an account that belongs to none, `account` is '' for an install in all
    accounts of the enterprise at once.
    """

    platform: str
    app: str
    enterprise: str
    account: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Sealed:
    """A ciphertext, and the name of the key that opens it."""

    secret: bytes = field(repr=False)
    key_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Installation:
    """What is stored of one install. `version` counts the secrets that it has had."""

    id: int
    place: Place
    name: str
    details: dict[str, Any]
    sealed: Sealed
    version: int
    expires_at: int | None


def save(  # noqa: PLR0913 - what there is to store
    db: Connection,
    place: Place,
    *,
    name: str,
    details: dict[str, Any],
    sealed: Sealed,
    expires_at: int | None,
    now: int,
) -> None:
    """Store an install; one of the same place before it, revoked or not, is replaced."""
    values = {
        **_where(place),
        "name": name,
        "details": details,
        "secret": sealed.secret,
        "key_id": sealed.key_id,
        "version": 1,
        "expires_at": expires_at,
        "created_at": now,
        "updated_at": now,
    }
    db.execute(sql.SAVE[db.dialect.name], values)


def find(
    db: Connection, platform: str, *, enterprise: str, account: str, app: str = ""
) -> Installation | None:
    """The install that serves an account: its own, or else its enterprise's.

    Without `app`, whichever was installed last. An account's id is the platform's own: it is
    found although it has joined an enterprise since.
    """
    asked = _asked(platform, app, enterprise, account)
    row = db.execute(sql.FIND, asked).first()
    return None if row is None else _from(row)


def revoke(  # noqa: PLR0913 - which, and when
    db: Connection,
    platform: str,
    *,
    enterprise: str,
    account: str,
    before: int,
    now: int,
    app: str = "",
) -> int:
    """End the installs of an account, or with '' the one of an enterprise; returns how many.

    Their secrets are deleted. One that was made after `before` stays: the news of the end are of
    an older one.
    """
    asked = _asked(platform, app, enterprise, account)
    return db.execute(sql.REVOKE, {**asked, "before": before, "now": now}).rowcount


def live(db: Connection, platform: str) -> list[Installation]:
    """All installs that were not revoked, the oldest first."""
    return [_from(row) for row in db.execute(sql.LIVE, {"of_platform": platform})]


def due(db: Connection, platform: str, *, now: int, within: int, limit: int) -> list[int]:
    """The ids of secrets that end within so many milliseconds, and that nobody renews already.

    The first to end comes first.
    """
    asked = {"of_platform": platform, "now": now, "by": now + within, "limit": limit}
    return list(db.execute(sql.DUE, asked).scalars())


def claim(
    db: Connection, installation_id: int, *, now: int, within: int, until: int
) -> Installation | None:
    """Take the renewal of a secret on oneself, `until` then; None if it is not `due` any more."""
    asked = {"installation": installation_id, "now": now, "by": now + within, "until": until}
    row = db.execute(sql.CLAIM, asked).first()
    return None if row is None else _from(row)


def renewed(  # noqa: PLR0913 - of what, and what it is now
    db: Connection,
    installation_id: int,
    version: int,
    *,
    sealed: Sealed,
    expires_at: int | None,
    now: int,
) -> bool:
    """Store the secret that followed the one of `version`, and end the claim.

    False if that is not the latest, because of a new install or another renewal: nothing is stored.
    """
    asked = {"installation": installation_id, "known": version, "now": now, "new_end": expires_at}
    return db.execute(sql.RENEWED, asked | _columns(sealed)).rowcount > 0


def postponed(db: Connection, installation_id: int, version: int, *, until: int, now: int) -> None:
    """End the claim on a secret that could not be renewed; it is not `due` again before `until`."""
    asked = {"installation": installation_id, "known": version, "until": until, "now": now}
    db.execute(sql.POSTPONED, asked)


def sealed_with_other_keys(
    db: Connection, platform: str, key_id: str, *, after: int, limit: int
) -> list[Installation]:
    """Installs whose secret another key opens, by id from the one that follows `after`."""
    asked = {"of_platform": platform, "key": key_id, "after": after, "limit": limit}
    return [_from(row) for row in db.execute(sql.OTHER_KEYS, asked)]


def resealed(
    db: Connection, installation_id: int, version: int, *, sealed: Sealed, now: int
) -> bool:
    """Store the same secret under another key; False if it is not the latest any more."""
    asked = {"installation": installation_id, "known": version, "now": now}
    return db.execute(sql.RESEALED, asked | _columns(sealed)).rowcount > 0


def _where(place: Place) -> dict[str, str]:
    return {
        "platform": place.platform,
        "app": place.app,
        "enterprise": place.enterprise,
        "account": place.account,
    }


def _asked(platform: str, app: str, enterprise: str, account: str) -> dict[str, str]:
    return {
        "of_platform": platform,
        "of_app": app,
        "of_enterprise": enterprise,
        "of_account": account,
    }


def _columns(sealed: Sealed) -> dict[str, Any]:
    return {"new_secret": sealed.secret, "new_key": sealed.key_id}


def _from(row: Any) -> Installation:
    place = Place(
        platform=row.platform, app=row.app, enterprise=row.enterprise, account=row.account
    )
    return Installation(
        id=row.id,
        place=place,
        name=row.name,
        details=row.details,
        sealed=Sealed(secret=row.secret, key_id=row.key_id),
        version=row.version,
        expires_at=row.expires_at,
    )
