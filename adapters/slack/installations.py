"""The workspaces that have the app, and the token that it speaks with in each."""

import asyncio
import json
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple, Protocol

from adapters.slack.sealing import Keys
from core import installations as stored
from core.database import Database
from core.installations import Place, Sealed
from core.ports import Clock

PLATFORM = "slack"
FRESH = 60.0  # seconds that a token is used without another look at the database
MOST = 10_000  # tokens remembered at a time


@dataclass(frozen=True, kw_only=True, slots=True)
class Installation:
    """The app in one workspace, or with `team` None in all of an enterprise.

    What is None of the bot is not known; Slack's `auth.test` tells it.
    """

    app: str
    enterprise: str | None
    team: str | None
    token: str = field(repr=False)
    bot_user: str | None = None
    bot_id: str | None = None
    scopes: tuple[str, ...] = ()
    name: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tokens:
    """The secret of an install. Without `refresh` it never ends; `expires_at` in milliseconds."""

    access: str = field(repr=False)
    refresh: str | None = field(default=None, repr=False)
    expires_at: int | None = None


class Workspaces(Protocol):
    """Where the app is installed."""

    async def find(
        self, *, enterprise: str | None, team: str | None, org_wide: bool
    ) -> Installation | None:
        """The install that serves a workspace; None if there is none.

        `org_wide` says that the enterprise's own is meant. Raises `DatabaseDown` when that
        can't be known now, and `sealing.CannotOpen`; both are `Transient`.
        """
        ...


class OneWorkspace:
    """The workspace whose bot's token is a setting; it is not asked which one that is."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def find(
        self, *, enterprise: str | None, team: str | None, org_wide: bool
    ) -> Installation | None:
        """See `Workspaces.find`; never None."""
        whole = None if org_wide else team
        return Installation(app="", enterprise=enterprise, team=whole, token=self._token)


class Key(NamedTuple):
    """What a workspace is looked up by; '' is none, or all of the enterprise."""

    enterprise: str
    team: str


class Known(NamedTuple):
    """A token in memory."""

    until: float
    installation: Installation


class Installed:
    """The workspaces that installed the app by themselves.

    What another process stores is seen after a minute at the latest; what is saved or revoked
    here, at once. A workspace that is not known is looked for each time: it may have just come.
    """

    def __init__(self, *, database: Database, keys: Keys, clock: Clock) -> None:
        self._database = database
        self._keys = keys
        self._clock = clock
        self._known: dict[Key, Known] = {}
        self._flights: dict[Key, asyncio.Task[Installation | None]] = {}

    async def find(
        self, *, enterprise: str | None, team: str | None, org_wide: bool
    ) -> Installation | None:
        """See `Workspaces.find`. Many who ask for the same at once make one query."""
        key = Key(enterprise or "", "" if org_wide else team or "")
        known = self._known.get(key)
        if known is not None and self._clock.monotonic() < known.until:
            return known.installation
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = asyncio.create_task(self._read(key))
            flight.add_done_callback(partial(self._landed, key))
        return await asyncio.shield(flight)  # who goes away leaves it to the others

    async def save(self, installation: Installation, tokens: Tokens) -> None:
        """Store an install with its tokens, in place of the one before. Raises `DatabaseDown`."""
        place = place_of(installation)
        try:
            await self._database.write(
                stored.save,
                place,
                name=installation.name,
                details={
                    "bot_user": installation.bot_user,
                    "bot_id": installation.bot_id,
                    "scopes": list(installation.scopes),
                    "org_wide": installation.team is None,
                },
                sealed=seal(self._keys, tokens, place),
                expires_at=tokens.expires_at,
                now=self._now(),
            )
        finally:
            self.forget(place)  # also when it is in doubt

    async def revoke(
        self,
        *,
        enterprise: str | None,
        team: str | None,
        org_wide: bool,
        app: str = "",
        before: int | None = None,
    ) -> bool:
        """End an install and delete its tokens; False if there is none. Raises `DatabaseDown`.

        One that was made after `before` (milliseconds since 1970) stays.
        """
        now = self._now()
        account = "" if org_wide else team or ""
        try:
            ended = await self._database.write(
                stored.revoke,
                PLATFORM,
                enterprise=enterprise or "",
                account=account,
                app=app,
                before=now if before is None else before,
                now=now,
            )
        finally:
            gone = Place(platform=PLATFORM, app=app, enterprise=enterprise or "", account=account)
            self.forget(gone)
        return ended > 0

    def forget(self, place: Place) -> None:
        """Look at the database again for those whom an install of this place may serve."""
        for known in (self._known, self._flights):
            for key in [key for key in known if _concerns(place, key)]:
                del known[key]

    def _landed(self, key: Key, flight: "asyncio.Task[Installation | None]") -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]

    async def _read(self, key: Key) -> Installation | None:
        found = await self._database.read(
            stored.find, PLATFORM, enterprise=key.enterprise, account=key.team
        )
        if found is None:
            return None
        installation = _opened(self._keys, found)
        if self._flights.get(key) is asyncio.current_task():  # else it may be old news
            while len(self._known) >= MOST:
                del self._known[next(iter(self._known))]
            self._known.pop(key, None)
            self._known[key] = Known(self._clock.monotonic() + FRESH, installation)
        return installation

    def _now(self) -> int:
        return int(self._clock.now() * 1000)


def place_of(installation: Installation) -> Place:
    """Where an install is stored."""
    return Place(
        platform=PLATFORM,
        app=installation.app,
        enterprise=installation.enterprise or "",
        account=installation.team or "",
    )


def seal(keys: Keys, tokens: Tokens, place: Place) -> Sealed:
    """The tokens, for the database; when they end stands beside."""
    secret = {"access": tokens.access, "refresh": tokens.refresh}
    return keys.seal(json.dumps(secret).encode(), place)


def unseal(keys: Keys, found: stored.Installation) -> Tokens:
    """The tokens of an install. Raises `CannotOpen`."""
    secret = json.loads(keys.open(found.sealed, found.place))
    return Tokens(access=secret["access"], refresh=secret["refresh"], expires_at=found.expires_at)


def _opened(keys: Keys, found: stored.Installation) -> Installation:
    details = found.details
    return Installation(
        app=found.place.app,
        enterprise=found.place.enterprise or None,
        team=found.place.account or None,
        token=unseal(keys, found).access,
        bot_user=details.get("bot_user"),
        bot_id=details.get("bot_id"),
        scopes=tuple(details.get("scopes", ())),
        name=found.name,
    )


def _concerns(place: Place, key: Key) -> bool:
    """Whether an install of the place may be what the key finds."""
    if place.account:
        return key.team == place.account
    return key.enterprise == place.enterprise
