"""Tokens that end are renewed in time, and what an old key sealed is sealed anew."""

import asyncio
from contextlib import suppress
from typing import NamedTuple

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.calls import Refused
from adapters.slack.exchange import Credentials, exchange, tokens_in
from adapters.slack.installations import PLATFORM, Installed, Tokens, seal, unseal
from adapters.slack.sealing import CannotOpen, Keys
from core import installations as stored
from core.database import Database
from core.errors import Permanent, Transient
from core.ports import Clock

PACE = 30.0  # seconds between two looks
EARLY = 2 * 3_600_000  # milliseconds before its end in which a token is renewed
CLAIM = 120_000  # milliseconds that a renewal may take: its call, and storing what came of it
AGAIN = 60_000  # milliseconds until the next try when Slack could not be asked …
REFUSED = 3_600_000  # … and when it refused: somebody has to install the app again
BATCH = 100  # tokens a look
PATIENCE = 20.0  # seconds that a stop waits for a renewal on its way

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class Unsaved(NamedTuple):
    """New tokens that the database has not taken yet, and the row that they follow."""

    row: stored.Installation
    tokens: Tokens


class Renewal:
    """Works in the background, in every process: the database tells who renews which token.

    A refresh token is good once. So what Slack gave for it is kept until it is stored, and a stop
    waits for that.
    """

    def __init__(  # noqa: PLR0913 - parts, each of its own
        self,
        *,
        database: Database,
        keys: Keys,
        installed: Installed,
        client: AsyncWebClient,
        credentials: Credentials,
        clock: Clock,
    ) -> None:
        self._database = database
        self._keys = keys
        self._installed = installed
        self._client = client
        self._credentials = credentials
        self._clock = clock
        self._unsaved: dict[int, Unsaved] = {}
        self._shut: set[int] = set()  # rows that no key opens, told of once
        self._task: asyncio.Task[None] | None = None
        self._ticking = asyncio.Lock()
        self._stopping = False

    def start(self) -> None:
        """Begin, with a first look at once."""
        self._task = asyncio.create_task(self._live(), name="slack-renewal")

    async def stop(self) -> None:
        """End; waits for a renewal that is on its way, and tries once more to store what is not."""
        self._stopping = True
        if self._task is None:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE), self._ticking:
                self._task.cancel()
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        with suppress(Transient):
            await self._save()
        for unsaved in self._unsaved.values():
            log.error("slack.token_lost", team=_team(unsaved.row))

    async def tick(self) -> None:
        """One look at all tokens; survives a database and a Slack that are away."""
        try:
            await self._save()
            await self._renew()
            await self._reseal()
        except Transient as error:  # only the database's get here
            log.warning("slack.tokens_not_looked_at", error=str(error))

    async def _live(self) -> None:
        while not self._stopping:
            async with self._ticking:
                try:
                    await self.tick()
                except Exception as error:  # noqa: BLE001 - whatever it is, there is a next look
                    log.error("slack.tokens_not_looked_at", error=type(error).__name__)  # noqa: TRY400 - a traceback quotes values
            await self._clock.sleep(PACE)

    async def _renew(self) -> None:
        """Renew what ends soon, and is not another process's business."""
        due = await self._database.read(
            stored.due, PLATFORM, now=self._now(), within=EARLY, limit=BATCH
        )
        for row_id in due:
            if self._stopping:
                return
            now = self._now()
            row = await self._database.write(
                stored.claim, row_id, now=now, within=EARLY, until=now + CLAIM
            )
            if row is not None:
                await self._renew_one(row)

    async def _renew_one(self, row: stored.Installation) -> None:
        try:
            self._unsaved[row.id] = Unsaved(row, await self._refreshed(row))
        except (Transient, Permanent) as error:
            refused = isinstance(error, Refused)
            told = log.error if refused else log.warning
            told("slack.token_not_renewed", team=_team(row), error=str(error))
            wait = REFUSED if refused else AGAIN
            if isinstance(error, Transient) and error.retry_after is not None:
                wait = max(wait, int(error.retry_after * 1000))
            now = self._now()
            await self._database.write(
                stored.postponed, row.id, row.version, until=now + wait, now=now
            )
        else:
            await self._save()

    async def _refreshed(self, row: stored.Installation) -> Tokens:
        """What Slack gives for the refresh token. Raises `Transient` or `calls.Refused`."""
        refresh = unseal(self._keys, row).refresh
        if refresh is None:
            raise CannotOpen("there is no refresh token")
        now = self._clock.now()
        said = await exchange(
            self._client, self._credentials, grant_type="refresh_token", refresh_token=refresh
        )
        return tokens_in(said, now=now)

    async def _save(self) -> None:
        """Store what Slack gave. Raises `DatabaseDown`, and the rest stays for the next time."""
        for unsaved in list(self._unsaved.values()):
            row, tokens = unsaved
            latest = await self._database.write(
                stored.renewed,
                row.id,
                row.version,
                sealed=seal(self._keys, tokens, row.place),
                expires_at=tokens.expires_at,
                now=self._now(),
            )
            del self._unsaved[row.id]
            self._installed.forget(row.place)
            log.info("slack.token_renewed", team=_team(row), latest=latest)

    async def _reseal(self) -> None:
        """Seal with the newest key what another one sealed."""
        after = 0
        while not self._stopping:
            rows = await self._database.read(
                stored.sealed_with_other_keys, PLATFORM, self._keys.id, after=after, limit=BATCH
            )
            for row in rows:
                await self._reseal_one(row)
            if len(rows) < BATCH:
                return
            after = rows[-1].id

    async def _reseal_one(self, row: stored.Installation) -> None:
        try:
            plain = self._keys.open(row.sealed, row.place)
        except CannotOpen as error:
            if row.id not in self._shut:
                self._shut.add(row.id)
                log.error("slack.token_not_opened", team=_team(row), error=str(error))  # noqa: TRY400 - it is told once, and quotes nothing
            return
        await self._database.write(
            stored.resealed,
            row.id,
            row.version,
            sealed=self._keys.seal(plain, row.place),
            now=self._now(),
        )

    def _now(self) -> int:
        return int(self._clock.now() * 1000)


def _team(row: stored.Installation) -> str:
    return row.place.account or row.place.enterprise
