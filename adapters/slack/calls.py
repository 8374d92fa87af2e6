"""Slack's Web API, for every workspace, with errors named by what to do next.

Nothing is tried again in here: whether a call bears repetition, its caller knows.
"""

import re
from collections.abc import Mapping
from typing import Any, Protocol

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from adapters.slack.installations import Workspaces
from core.errors import Barred, Permanent, RateLimited, Transient
from core.facts import PlatformBarred, PlatformCalled
from core.ports import Clock, Observer

_DONE = re.compile(r'\s*(ok\s*$|\{\s*"ok"\s*:\s*true\b)')
TIMEOUT = aiohttp.ClientTimeout(total=15, connect=5)  # seconds
PAUSE = 5.0  # seconds to wait when Slack says "too much" and not for how long
# Methods that read their arguments from the query, not from a JSON body.
READS = frozenset(
    {"auth.test", "conversations.history", "conversations.replies", "users.info"},
)
LIMITED = frozenset({"ratelimited", "rate_limited"})
# Slack broke while it worked on the call, which may have been done.
BROKEN = frozenset({"fatal_error", "internal_error", "request_timeout", "service_unavailable"})


LACKS = "missing_scope"
# The token is at fault, which is the operator's to mend: what was to be said is still to be said.
TOKEN_FAULTS = frozenset(
    {
        "account_inactive",
        "ekm_access_denied",
        "invalid_auth",
        LACKS,
        "not_authed",
        "org_login_required",
        "token_expired",
        "token_revoked",
    }
)


class Refused(Permanent):
    """Slack understood the call and said no; `code` is its word for why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Unsure(Transient):
    """Nobody knows whether it was done: look before doing it again."""


class Unreachable(Transient):
    """It was not done: Slack could not be reached."""


class NotInstalled(Permanent):
    """The workspace has not installed the app, or has removed it."""


class Identity(Protocol):
    """Who the bot is in a workspace."""

    @property
    def bot_user(self) -> str | None:
        """The bot's user id."""
        ...

    @property
    def bot_id(self) -> str | None:
        """The bot's own id."""
        ...


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
            outcome = raised.code if isinstance(raised, Refused) else type(raised).__name__.lower()
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
                raised = _answered(response, said)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raised = named(error)
        if raised is not None:
            outcome = raised.code if isinstance(raised, Refused) else type(raised).__name__.lower()
        self._tell("response_url", outcome, begun)
        if raised is not None:
            raise raised

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


def named(error: Exception) -> Transient | Permanent:
    """One of our errors for one of the SDK's or of the connection's."""
    if isinstance(error, SlackApiError) and isinstance(error.response, AsyncSlackResponse):
        return _said(error.response)
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        return Unreachable(type(error).__name__)
    known = (SlackClientError, aiohttp.ClientError, TimeoutError, OSError, AttributeError)
    if isinstance(error, (*known, ValueError, TypeError, RecursionError)):
        # such as HTML where JSON belongs
        return Unsure(type(error).__name__)
    raise error


def _said(response: AsyncSlackResponse) -> Transient | Permanent:
    data = response.data if isinstance(response.data, dict) else {}
    code = str(data.get("error") or "")
    if response.status_code == 429 or code in LIMITED:
        return RateLimited(code, retry_after=_seconds(response.headers))
    if not code or code in BROKEN or response.status_code >= 500:
        return Unsure(f"{response.status_code} {code}".strip())
    return Refused(code)


def _answered(response: aiohttp.ClientResponse, said: str) -> Transient | Permanent | None:
    if response.status == 429:
        return RateLimited("response_url", retry_after=_seconds(response.headers))
    if response.status >= 500:
        return Unsure(str(response.status))
    if response.status >= 400:
        return Refused(said.strip() or str(response.status))
    # A proxy's page is neither. What is sent replaces what was there, so it can be sent again.
    return None if _DONE.match(said) else Unsure("an answer that is not Slack's")


def _seconds(headers: Mapping[str, Any]) -> float:
    """What `Retry-After` asks for."""
    given = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    try:
        return min(max(float(given), 0.1), 3600.0)
    except (TypeError, ValueError):
        return PAUSE
