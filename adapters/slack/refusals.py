"""What Slack says when a call fails, as errors named by what to do next."""

import re
from collections.abc import Mapping
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from core.errors import Permanent, RateLimited, Transient

_DONE = re.compile(r'\s*(ok\s*$|\{\s*"ok"\s*:\s*true\b)')
PAUSE = 5.0  # seconds to wait when Slack says "too much" and not for how long
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


def word_of(error: Transient | Permanent) -> str:
    """What a failed call's outcome is called."""
    return error.code if isinstance(error, Refused) else type(error).__name__.lower()


def refusal(response: aiohttp.ClientResponse, said: str = "") -> Transient | Permanent | None:
    """The error that a status stands for; `said` is the reason that came with it."""
    if response.status == 429:
        return RateLimited("429", retry_after=_seconds(response.headers))
    if response.status >= 500:
        return Unsure(str(response.status))
    return Refused(said.strip() or str(response.status)) if response.status >= 400 else None


def _said(response: AsyncSlackResponse) -> Transient | Permanent:
    data = response.data if isinstance(response.data, dict) else {}
    code = str(data.get("error") or "")
    if response.status_code == 429 or code in LIMITED:
        return RateLimited(code, retry_after=_seconds(response.headers))
    if not code or code in BROKEN or response.status_code >= 500:
        return Unsure(f"{response.status_code} {code}".strip())
    return Refused(code)


def answered(response: aiohttp.ClientResponse, said: str) -> Transient | Permanent | None:
    """The error that the answer of a `response_url` stands for."""
    if raised := refusal(response, said):
        return raised
    # A proxy's page is neither. What is sent replaces what was there, so it can be sent again.
    return None if _DONE.match(said) else Unsure("an answer that is not Slack's")


def _seconds(headers: Mapping[str, Any]) -> float:
    """What `Retry-After` asks for."""
    given = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    try:
        return min(max(float(given), 0.1), 3600.0)
    except (TypeError, ValueError):
        return PAUSE
