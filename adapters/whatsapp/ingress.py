"""The door for Twilio's webhooks: who can't sign for one of our addresses stays outside."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from math import ceil, inf
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from aiohttp import web

from adapters.whatsapp.events import PLATFORM, Fields, Malformed
from adapters.whatsapp.signature import Keys, fits
from core.errors import Transient
from core.facts import InboundRefused
from core.ports import Clock, Observer

FORM = "application/x-www-form-urlencoded"
LARGEST = 256 * 1024  # bytes of a body
MOST = 200  # fields of a form
PATIENCE = 10.0  # seconds for all of a body to arrive
TAKING = 5.0  # seconds to store what it says; Twilio waits 15
QUIET = 60.0  # seconds between two words about the same refusal
HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
EMPTY = f"{HEAD}<Response/>"

Take = Callable[[Fields], Awaitable[str | None]]
"""Stores what Twilio says; may return words that the person is told at once."""


class _Refused(Exception):
    """A request that is answered with an error; `reason` is counted, if it has one."""

    def __init__(
        self, status: int, message: str, *, reason: str | None = None, wait: float | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.reason = status, reason
        self.headers = {} if wait is None else {"Retry-After": str(max(1, ceil(wait)))}


class Ingress:
    """Takes people's messages and what became of ours, as Twilio posts them.

    200 or 204 says that all is stored; 503 that it is to be sent again. `public_urls` are what
    our paths follow in the URLs that Twilio knows: scheme, host, and a path if a proxy takes one
    off. Of each the callbacks may raise `Transient` (503) or `Malformed` (400), and have 5 seconds.
    """

    def __init__(  # noqa: PLR0913 - whose requests, where to, and who is told
        self,
        *,
        account: str,
        keys: Keys,
        public_urls: Sequence[str],
        on_inbound: Take,
        on_status: Take,
        observe: Observer,
        clock: Clock,
    ) -> None:
        self._account = account
        self._keys = keys
        self._public_urls = [url.rstrip("/") for url in public_urls]
        self._on_inbound = on_inbound
        self._on_status = on_status
        self._observe = observe
        self._clock = clock
        self._told: dict[str, tuple[float, int]] = {}  # when, and how many since
        self._taking: set[asyncio.Task[str | None]] = set()

    async def inbound(self, request: web.Request) -> web.Response:
        """Answer a person's message with TwiML, mostly an empty one: answers come over REST.

        As plain text, Twilio would send the body to the person.
        """
        return await self._answer(request, self._on_inbound, _twiml)

    async def status(self, request: web.Request) -> web.Response:
        """Answer news about a message of ours."""
        return await self._answer(request, self._on_status, lambda _: web.Response(status=204))

    async def _answer(
        self, request: web.Request, take: Take, thanks: Callable[[str | None], web.Response]
    ) -> web.Response:
        try:
            words = await self._hand_over(await self._admit(request), take)
        except _Refused as refused:
            if refused.reason is not None:
                self._count(refused.reason)
            says = {"error": str(refused)}
            return web.json_response(says, status=refused.status, headers=refused.headers)
        return thanks(words)

    async def _admit(self, request: web.Request) -> Fields:
        """What our account at Twilio says. Raises `_Refused`."""
        signature = request.headers.get("X-Twilio-Signature")
        if not signature:
            raise _unsigned()  # before a stranger's bytes take our memory
        path = request.raw_path
        if not path.startswith("/"):
            raise _unreadable(400, "Ask for a path, not for a whole URL.")
        if request.content_type != FORM:
            raise _unreadable(415, f"Send a form, with the header Content-Type: {FORM}.")
        pairs = _pairs(await _read(request))
        urls = [url + path for url in self._public_urls]
        settings = request.headers.get("X-Twilio-Webhooks-Signature-Settings")
        if not fits(urls, pairs, signature=signature, settings=settings, keys=self._keys):
            raise _unsigned()
        fields = _fields(pairs)
        if fields.get("AccountSid") != self._account:
            says = "This is about another account than TWILIO_ACCOUNT_SID."
            raise _Refused(403, says, reason="account")
        return fields

    async def _hand_over(self, fields: Fields, take: Take) -> str | None:
        """Store it, even if Twilio hangs up meanwhile: it may not send it again."""
        taking = asyncio.create_task(_store(fields, take))
        self._taking.add(taking)
        taking.add_done_callback(self._taking.discard)
        return await asyncio.shield(taking)

    def _count(self, reason: str) -> None:
        """Tell of it, not so often that strangers could fill the log."""
        told, unsaid = self._told.get(reason, (-inf, 0))
        now, count = self._clock.monotonic(), unsaid + 1
        if now - told < QUIET:
            self._told[reason] = told, count
        else:
            self._told[reason] = now, 0
            self._observe(InboundRefused(platform=PLATFORM, reason=reason, count=count))


async def _read(request: web.Request) -> bytes:
    """The body, whatever the application's own limit is. Raises `_Refused` (413, 408, 400)."""
    try:
        async with asyncio.timeout(PATIENCE):
            await request.content.readexactly(LARGEST + 1)
    except asyncio.IncompleteReadError as ended:
        return ended.partial
    except TimeoutError:
        raise _unreadable(408, "The body took too long; send it again.") from None
    except web.RequestPayloadError:
        raise _unreadable(400, "The body's encoding is not what its headers say.") from None
    raise _unreadable(413, "The body is larger than 256 KiB.")


def _pairs(raw: bytes) -> list[tuple[str, str]]:
    """A form's fields in order, byte for byte: what is no text is found out when it is signed."""
    lossless = "surrogateescape"
    try:
        return parse_qsl(
            raw.decode(errors=lossless),
            keep_blank_values=True,
            errors=lossless,
            max_num_fields=MOST,
        )
    except ValueError:
        raise _unreadable(400, f"A form has at most {MOST} fields.") from None


def _fields(pairs: list[tuple[str, str]]) -> Fields:
    try:
        return {_strict(name): _strict(value) for name, value in reversed(pairs)}
    except UnicodeDecodeError:
        raise _unreadable(400, "A form is in UTF-8.") from None


def _strict(text: str) -> str:
    return text if text.isascii() else text.encode(errors="surrogateescape").decode()


async def _store(fields: Fields, take: Take) -> str | None:
    try:
        async with asyncio.timeout(TAKING):
            return await take(fields)
    except Malformed as error:
        raise _Refused(400, f"{error}.", reason="malformed") from None
    except (Transient, TimeoutError) as error:
        wait = getattr(error, "retry_after", None) or TAKING
        raise _Refused(503, "This could not be stored now; send it again.", wait=wait) from None


def _twiml(words: str | None) -> web.Response:
    text = (
        EMPTY if words is None else f"{HEAD}<Response><Message>{escape(words)}</Message></Response>"
    )
    return web.Response(body=text.encode(), content_type="text/xml")


def _unreadable(status: int, message: str) -> _Refused:
    return _Refused(status, message, reason="unreadable")


def _unsigned() -> _Refused:
    says = (
        "The signature does not fit. Compare TWILIO_AUTH_TOKEN with the account's page, and"
        " PUBLIC_URL with the address that Twilio posts to, character by character."
    )
    return _Refused(403, says, reason="signature")
