"""Slack's Web API, for every workspace, with errors named by what to do next.

Nothing is tried again in here: whether a call bears repetition, its caller knows.
"""

from collections.abc import Mapping
from typing import Any

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient
from yarl import URL

from adapters.slack.installations import Workspaces
from adapters.slack.refusals import (
    LACKS,
    PAUSE,
    TOKEN_FAULTS,
    NotInstalled,
    Refused,
    Unreachable,
    Unsure,
    answered,
    named,
    word_of,
)
from core.errors import Barred
from core.facts import PlatformBarred, PlatformCalled
from core.ports import Clock, Observer

__all__ = [
    "PAUSE",
    "TOKEN_FAULTS",
    "NotInstalled",
    "Refused",
    "Unreachable",
    "Unsure",
    "WebApi",
    "client_of",
    "named",
]

TIMEOUT = aiohttp.ClientTimeout(total=15, connect=5)  # seconds
# Methods that read their arguments from the query, not from a JSON body.
READS = frozenset(
    {"auth.test", "conversations.history", "conversations.replies", "files.info", "users.info"},
)


class WebApi:
    """Calls Slack. Call `open` in the running loop before, and `close` at the end."""

    def __init__(
        self, workspaces: Workspaces, *, base_url: str, clock: Clock, observe: Observer
    ) -> None:
        self._workspaces = workspaces
        self._base_url = base_url
        self._clock = clock
        self._observe = observe
        self._session: aiohttp.ClientSession | None = None
        self._who: dict[str, tuple[str, str]] = {}
        self._barred: dict[str, dict[str, str]] = {}  # a workspace's methods, and Slack's word

    async def open(self) -> None:
        """Make the connections' pool; doing it twice is doing it once."""
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=0, limit_per_host=200)
            self._session = aiohttp.ClientSession(connector=connector, timeout=TIMEOUT)

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    @property
    def barred(self) -> bool:
        """Whether Slack refused a token when it was last used."""
        return bool(self._barred)

    @property
    def site(self) -> str:
        """Where people find Slack, ending in a slash."""
        return self._base_url.removesuffix("api/")

    async def call(
        self, team: str, method: str, *, enterprise: str | None = None, **arguments: Any
    ) -> dict[str, Any]:
        """Call a method as a workspace's bot, and return Slack's answer.

        Arguments that are None are left out. Raises `Refused`, `RateLimited`, `Unsure`, `Barred`,
        `Unreachable`, `NotInstalled` or `DatabaseDown`.
        """
        token = await self._token(team, enterprise)
        given = {name: value for name, value in arguments.items() if value is not None}
        where = {"params": given, "http_verb": "GET"} if method in READS else {"json": given}
        begun, outcome = self._clock.monotonic(), "ok"
        try:
            response = await self._client(token).api_call(method, **where)
        except Exception as error:  # noqa: BLE001 - whatever the SDK raises becomes one of ours
            raised = named(error)
            outcome = word_of(raised)
            if outcome in TOKEN_FAULTS:
                raised = self._bar(team, method, outcome)
            raise raised from None  # the SDK's own error quotes the request
        finally:
            self._tell(method, outcome, begun)
        self._unbar(team, method)
        return dict(response.data) if isinstance(response.data, dict) else {}

    async def respond(self, url: str, body: Mapping[str, Any]) -> None:
        """Post to a `response_url`. Raises as `call` does; a dead one is `Refused`."""
        await self.open()
        assert self._session is not None  # noqa: S101 - open made it
        begun, outcome = self._clock.monotonic(), "ok"
        try:
            async with self._session.post(url, json=body) as response:
                said = (await response.text())[:100]
                raised = answered(response, said)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raised = named(error)
        if raised is not None:
            outcome = word_of(raised)
        self._tell("response_url", outcome, begun)
        if raised is not None:
            raise raised

    async def get(
        self, team: str, url: URL, *, enterprise: str | None, within: float
    ) -> aiohttp.ClientResponse:
        """What is at an address, asked for with the workspace's token: it must be Slack's own.

        Not unpacked, no redirect followed, `within` so many seconds, its end included. Raises
        `NotInstalled`, `DatabaseDown` and the connection's errors, which `named` has names for.
        """
        token = await self._token(team, enterprise)
        assert self._session is not None  # noqa: S101 - _token opened it
        return await self._session.get(
            url,
            headers={"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"},
            allow_redirects=False,
            auto_decompress=False,  # a few bytes may unpack to more than there is room for
            timeout=aiohttp.ClientTimeout(total=within, connect=TIMEOUT.connect),
        )

    async def who(self, team: str, enterprise: str | None = None) -> tuple[str, str]:
        """The bot's user id and bot id in a workspace. Raises as `call` does."""
        if team not in self._who:
            said = await self.call(team, "auth.test", enterprise=enterprise)
            self._who[team] = (str(said.get("user_id", "")), str(said.get("bot_id", "")))
        return self._who[team]

    async def _token(self, team: str, enterprise: str | None) -> str:
        await self.open()
        found = await self._workspaces.find(enterprise=enterprise, team=team, org_wide=False)
        if found is None:
            raise NotInstalled(f"the app is not installed in workspace {team}")
        return found.token

    def _client(self, token: str) -> AsyncWebClient:
        return AsyncWebClient(
            token=token, base_url=self._base_url, session=self._session, retry_handlers=[]
        )

    def _bar(self, team: str, method: str, code: str) -> Barred:
        if team not in self._barred:
            self._observe(PlatformBarred(platform="slack", reason=code))
        self._barred.setdefault(team, {})[method] = code
        return Barred(f"{code}: `gateway doctor` says how to mend it")

    def _unbar(self, team: str, method: str) -> None:
        if (barred := self._barred.pop(team, None)) is None:
            return
        # The token is good, but for what it has no scope for.
        lacking = {name for name, code in barred.items() if code == LACKS and name != method}
        if lacking:
            self._barred[team] = dict.fromkeys(lacking, LACKS)

    def _tell(self, method: str, outcome: str, begun: float) -> None:
        self._observe(
            PlatformCalled(
                platform="slack",
                method=method,
                outcome=outcome,
                seconds=self._clock.monotonic() - begun,
            )
        )


def client_of(base_url: str) -> AsyncWebClient:
    """A client of Slack without a token, for what is not done as a workspace's bot."""
    return AsyncWebClient(base_url=base_url, timeout=15, retry_handlers=[])
