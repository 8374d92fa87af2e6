"""The door for Slack's requests: whoever has no signature over the very bytes stays outside."""

import asyncio
import hashlib
import hmac
from collections.abc import Sequence

from aiohttp import web
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from adapters.slack.places import PLATFORM
from adapters.slack.shape import Kind, kind_of
from core.facts import InboundRefused
from core.ports import Clock, Observer

LARGEST = 1024 * 1024  # bytes of a body
PATIENCE = 10.0  # seconds for all of a body to arrive
QUIET = 60.0  # seconds between two words about the same refusal
AGE = 300  # seconds that a signature holds, either way
TYPES = frozenset({"application/json", "application/x-www-form-urlencoded"})

_RETRIES = ("x-slack-retry-num", "x-slack-retry-reason")
_SSL_CHECK = b"ssl_check=1"
_NO_RETRY = {"X-Slack-No-Retry": "1"}

# What parsing raises, here or in Bolt, over what is not as Slack's.
_GARBAGE = (ValueError, TypeError, AttributeError, LookupError, RecursionError)


class _Refused(Exception):
    """A request that is answered with an error; the message says how to mend it."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def verify(raw: bytes, timestamp: str, signature: str, secrets: Sequence[str], now: float) -> bool:
    """Whether one of the app's signing secrets signed these bytes in the last five minutes.

    `timestamp` and `signature` are the headers' values, whatever they are; `now` is in seconds
    since 1970. An empty secret signs nothing.
    """
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return False
    if abs(now - int(timestamp)) > AGE:
        return False
    given, signed = signature.encode("latin-1", "replace"), b"v0:%b:%b" % (timestamp.encode(), raw)
    return any(
        hmac.compare_digest(
            b"v0=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest().encode(), given
        )
        for secret in secrets
        if secret
    )


class Ingress:
    """Takes requests to `POST /slack/events`: events, commands and clicks.

    200 says that all is stored, or that there is nothing to store; 503 that Slack is to send it
    again. `secrets` are the signing secrets that count, two of them while one takes over.
    """

    def __init__(
        self, app: AsyncApp, *, secrets: Sequence[str], clock: Clock, observe: Observer
    ) -> None:
        self._app = app
        self._secrets = tuple(secrets)
        self._clock = clock
        self._observe = observe
        self._refused: dict[str, int] = {}
        self._told: dict[str, float] = {}

    async def events(self, request: web.Request) -> web.Response:
        """Answer a request, whoever sent it."""
        try:
            raw = await _read(request)
            if not self._is_signed(raw, request):
                return self._unsigned(raw)
            told = _parse(raw, request)
        except _Refused as refused:
            self._count("unreadable")
            retry = _NO_RETRY if refused.status == 400 else None
            return _json(refused.status, {"error": str(refused)}, retry)
        match kind_of(told.body):
            case Kind.EVENT | Kind.COMMAND | Kind.ACTION:
                return _response(await self._app.async_dispatch(told))
            case Kind.CHALLENGE:
                return _json(200, {"challenge": told.body["challenge"]})
            case Kind.NOTHING:
                if told.body.get("type") == "app_rate_limited":
                    self._count("rate_limited")  # Slack has kept events from us
                return web.Response()
            case _:
                self._count("unknown")
                return _json(400, {"error": "This is nothing that Slack sends."}, _NO_RETRY)

    def _is_signed(self, raw: bytes, request: web.Request) -> bool:
        timestamp = request.headers.get("X-Slack-Request-Timestamp", "")
        signature = request.headers.get("X-Slack-Signature", "")
        return verify(raw, timestamp, signature, self._secrets, self._clock.now())

    def _unsigned(self, raw: bytes) -> web.Response:
        # Slack looks whether the certificate is good without signing that: there is no harm in it.
        if len(raw) < 200 and _SSL_CHECK in raw.split(b"&"):
            return web.Response()
        self._count("signature")
        says = (
            "The signature does not fit. Compare SLACK_SIGNING_SECRET with the app's page"
            " (Basic Information, App Credentials), and this server's clock with the time."
        )
        return _json(401, {"error": says})

    def _count(self, reason: str) -> None:
        """Tell of it, not so often that strangers could fill the log."""
        now = self._clock.monotonic()
        self._refused[reason] = self._refused.get(reason, 0) + 1
        if now >= self._told.get(reason, now) + QUIET or reason not in self._told:
            self._told[reason] = now
            count = self._refused.pop(reason)
            self._observe(InboundRefused(platform=PLATFORM, reason=reason, count=count))


async def _read(request: web.Request) -> bytes:
    """The body's bytes, whatever the application's own limit is.

    Raises `_Refused` (413, 408, 400).
    """
    raw = bytearray()
    try:
        async with asyncio.timeout(PATIENCE):
            async for chunk in request.content.iter_any():
                raw += chunk
                if len(raw) > LARGEST:
                    raise _Refused(413, "The body is larger than 1 MiB.")
    except TimeoutError:
        raise _Refused(408, "The body did not arrive in time; send it again.") from None
    except web.RequestPayloadError:
        raise _Refused(400, "The body is not encoded as its headers say.") from None
    return bytes(raw)


def _parse(raw: bytes, request: web.Request) -> AsyncBoltRequest:
    """What Bolt takes; only headers that mean something to it go along. Raises `_Refused` (400)."""
    if request.content_type not in TYPES:
        raise _Refused(400, "Send JSON or a form, and say which in the header Content-Type.")
    headers = {name: request.headers[name] for name in _RETRIES if name in request.headers}
    try:
        return AsyncBoltRequest(
            body=raw.decode(), headers={"content-type": request.content_type, **headers}
        )
    except _GARBAGE:
        raise _Refused(400, "The body can't be read as what its headers say.") from None


def _response(answer: BoltResponse) -> web.Response:
    kind = "application/json" if answer.body.startswith("{") else "text/plain"
    return web.Response(status=answer.status, text=answer.body, content_type=kind)


def _json(status: int, body: dict[str, str], headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response(body, status=status, headers=headers)
