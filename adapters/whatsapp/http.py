"""HTTP for Twilio's package: our session and timeouts, no retries, no log, errors of ours.

The package's own client waits for ever, sends JSON as a form, and loses what `Retry-After` says.
"""

import json
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import aiohttp
from twilio.http import AsyncHttpClient  # type: ignore[import-untyped]
from twilio.http.response import Response  # type: ignore[import-untyped]

from core.errors import Permanent, RateLimited, Transient

LONGEST_WAIT = 3600.0  # seconds of a Retry-After that we believe
# Too much was asked, whichever status says so: of the account, or of one recipient.
TOO_MUCH = frozenset({20429, 63018})

# What aiohttp raises before a request's first byte: no name, no connection, no TLS, no proxy.
_BEFORE = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ServerFingerprintMismatch,
    aiohttp.ClientHttpProxyError,
    aiohttp.InvalidURL,
)
_log = logging.getLogger(__name__)  # the package wants one; nobody writes to it


class Throttled(RateLimited):
    """It was not done: too much was asked, of the account or for one recipient.

    `code` is Twilio's number for it; `retry_after` is None if it did not say how long.
    """

    def __init__(self, code: int | None = None, *, retry_after: float | None = None) -> None:
        super().__init__(f"code {code}" if code else "", retry_after=retry_after)
        self.code = code


class NotSent(Transient):
    """It was not done: the request never left."""


class InDoubt(Transient):
    """Nobody knows whether it was done: look before doing it again."""


class Refused(Permanent):
    """Twilio understood the request and said no: the HTTP `status`, and its `code` for why."""

    def __init__(self, status: int, code: int | None = None) -> None:
        super().__init__(f"HTTP {status}" + (f", code {code}" if code else ""))
        self.status = status
        self.code = code


@dataclass(frozen=True, kw_only=True, slots=True)
class Timeouts:
    """Seconds: `total` for a whole request, `connect` until there is a connection for it."""

    total: float = 10.0
    connect: float = 3.0


class Http(AsyncHttpClient):  # type: ignore[misc]
    """Sends what Twilio's package asks for. With `api_url`, every product is asked there."""

    def __init__(
        self, session: aiohttp.ClientSession, *, api_url: str | None, timeouts: Timeouts
    ) -> None:
        super().__init__(_log, is_async=True, timeout=timeouts.total)
        self._session = session
        self._api_url = api_url
        # No request may outlive its total while it waits to connect: that would be in doubt.
        connect = min(timeouts.connect, timeouts.total / 2)
        self._limits = aiohttp.ClientTimeout(total=timeouts.total, connect=connect)

    async def request(  # noqa: PLR0913, PLR0917 - the package's own signature
        self,
        method: str,
        uri: str,
        params: Mapping[str, Any] | None = None,
        data: Any = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 - ours are the ones that count
        allow_redirects: bool = False,  # noqa: ARG002, FBT001, FBT002 - credentials stay here
    ) -> Response:
        """Return a 2xx answer, whatever is in it.

        Raises `Throttled`, `NotSent`, `InDoubt` or `Refused`.
        """
        if self._session.closed:
            raise NotSent("the session is closed")
        given = dict(headers or {})
        if auth is not None:
            given["Authorization"] = aiohttp.encode_basic_auth(*auth)
        try:
            async with self._session.request(
                method,
                self._moved(uri),
                params=params,
                data=_encoded(data, given.get("Content-Type", "")),
                headers=given,
                allow_redirects=False,
                raise_for_status=False,
                timeout=self._limits,
            ) as response:
                if response.status >= 300:
                    raise await _turned_away(response)
                said = (await response.read()).decode(errors="replace")
                return Response(response.status, said, response.headers)
        except _BEFORE as error:
            raise NotSent(type(error).__name__) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise InDoubt(type(error).__name__) from None

    def _moved(self, url: str) -> str:
        if self._api_url is None:
            return url
        asked = urlsplit(url)
        query = f"?{asked.query}" if asked.query else ""
        return self._api_url.rstrip("/") + asked.path + query


def _encoded(data: Any, content_type: str) -> bytes | None:
    if data is None:
        return None
    if "json" in content_type:
        return json.dumps(data).encode()
    # Half a surrogate pair can't be said to anybody: it is no reason to fail.
    return urlencode(data, doseq=True, errors="replace").encode()


async def _turned_away(response: aiohttp.ClientResponse) -> Transient | Permanent:
    """The error for an answer that is no 2xx."""
    code = await _code(response)
    if response.status == 429 or (code in TOO_MUCH and response.status < 500):
        return Throttled(code, retry_after=_seconds(response.headers.get("Retry-After", "")))
    if response.status >= 500 or response.status == 408:
        return InDoubt(f"HTTP {response.status}")
    return Refused(response.status, code)


async def _code(response: aiohttp.ClientResponse) -> int | None:
    """Twilio's own number for what went wrong, if the answer has one."""
    try:
        said = json.loads(await response.read())
    except (aiohttp.ClientError, TimeoutError, ValueError, RecursionError):
        return None  # the status alone is sure
    code = said.get("code") if isinstance(said, dict) else None
    return code if isinstance(code, int) else None


def _seconds(retry_after: str) -> float | None:
    try:
        seconds = float(retry_after)
    except ValueError:
        return None
    return min(max(seconds, 0.1), LONGEST_WAIT) if math.isfinite(seconds) else None
