"""The files that people send, from where Twilio keeps them. Credentials go to its API alone."""

import asyncio
import re
from collections.abc import Mapping
from io import BytesIO
from typing import Any
from urllib.parse import urljoin

import aiohttp
from yarl import URL

from adapters.whatsapp.http import Timeouts
from core.errors import Permanent, TooLarge, Transient
from core.facts import PlatformCalled
from core.ports import Clock, Observer

API = "https://api.twilio.com"
HOPS = 3  # the API, which sends on to where the file is, which may have moved once more
CHUNK = 64 * 1024  # bytes
TIMEOUTS = Timeouts(total=30.0)  # of all hops together

_PLAIN = {"Accept-Encoding": "identity"}  # what is unpacked can be of any size
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_LATER = frozenset({404, 408, 429})  # a webhook may be faster than its file
# No dot: there is no way up to what is not below our messages.
_BELOW = r"/Messages/[A-Za-z0-9]+(?:/[A-Za-z0-9]+)*"
# Nothing before the host, and no port of its own: all that could make it another host's.
_THEIRS = re.compile(
    r"https://(?:[a-z0-9-]{1,63}\.){1,6}twilio(?:cdn)?\.com(?::443)?(?:[/?][!-~]*)?",
    re.ASCII | re.IGNORECASE,
)
_LOOPBACK = re.compile(
    r"http://(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])(?::[0-9]{1,5})?(?:[/?][!-~]*)?", re.ASCII
)


class MediaFetcher:
    """A `core.ports.Fetcher` whose sources are `{"url": …}`, as a webhook told it.

    Each fetch is observed as `media`. Its outcome is `ok` or the error's text, one word without
    anything of the URL: an HTTP status, what broke, `forbidden` (an address that is not Twilio's),
    `redirects`, `encoded` or `too_large`.
    """

    def __init__(  # noqa: PLR0913 - where to ask, as whom, and how long
        self,
        *,
        session: aiohttp.ClientSession,
        account: str,
        username: str,
        password: str,
        api_url: str | None,
        clock: Clock,
        observe: Observer,
        timeouts: Timeouts = TIMEOUTS,
    ) -> None:
        self._session = session
        self._base = API if api_url is None else api_url.rstrip("/")
        # A region's host is Twilio itself: it has nothing to do on this machine.
        self._local = _LOOPBACK.fullmatch(self._base) is not None
        below = rf"/2010-04-01/Accounts/{re.escape(account)}{_BELOW}"
        bases = rf"{re.escape(API)}(?::443)?|{re.escape(self._base)}"
        self._ours = re.compile(rf"(?:{bases})({below})", re.ASCII)
        self._known = {"Authorization": aiohttp.encode_basic_auth(username, password)}
        self._clock = clock
        self._observe = observe
        self._total = timeouts.total
        self._limits = aiohttp.ClientTimeout(connect=timeouts.connect)

    async def fetch(self, source: Mapping[str, Any], *, most: int) -> bytes:
        """The file; see `core.ports.Fetcher`."""
        begun, outcome = self._clock.monotonic(), "cancelled"
        try:
            content = await self._get(self._first(source), most)
            outcome = "ok"
        except (Transient, Permanent) as error:
            outcome = str(error)
            raise
        finally:
            seconds = self._clock.monotonic() - begun
            self._observe(
                PlatformCalled(
                    platform="whatsapp", method="media", outcome=outcome, seconds=seconds
                )
            )
        return content

    def _first(self, source: Mapping[str, Any]) -> URL:
        """Where credentials go: one of our own messages' files at the API."""
        ours = self._ours.fullmatch(str(source.get("url")))
        if ours is None:
            raise Permanent("forbidden")
        return URL(self._base + ours[1], encoded=True)

    async def _get(self, url: URL, most: int) -> bytes:
        try:
            async with asyncio.timeout(self._total):
                return await self._follow(url, most)
        # What these say themselves quotes the address.
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Transient(type(error).__name__) from None

    async def _follow(self, url: URL, most: int) -> bytes:
        headers = _PLAIN | self._known
        for _ in range(HOPS):
            if self._session.closed:
                raise Transient("closed")
            async with self._session.get(
                url,
                headers=headers,
                allow_redirects=False,
                raise_for_status=False,
                auto_decompress=False,  # it would be before anybody looked
                timeout=self._limits,
            ) as response:
                if response.status == 200:
                    return await _content(response, most)
                url = onward(url, _location(response), local=self._local)
            headers = _PLAIN
        raise Permanent("redirects")


def onward(url: URL, location: str, *, local: bool) -> URL:
    """Where `url` sends on to. Raises `Permanent` if that is not Twilio's.

    `local`: what stands for Twilio is on this machine, and may send on to it.
    """
    try:
        there = urljoin(str(url), location)
        found = URL(there, encoded=True)  # as it is: a link may be signed
        _ = found.port  # raises when it is none
    except ValueError:
        raise Permanent("forbidden") from None
    if not _THEIRS.fullmatch(there) and not (local and _LOOPBACK.fullmatch(there)):
        raise Permanent("forbidden")
    return found


def _location(response: aiohttp.ClientResponse) -> str:
    """What an answer without a file says of where it is, or the error that the answer is."""
    status = response.status
    if status in _LATER or status >= 500:
        raise Transient(str(status))
    location = response.headers.get("Location")
    if status not in _REDIRECTS or location is None:
        raise Permanent(str(status))
    return location


async def _content(response: aiohttp.ClientResponse, most: int) -> bytes:
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Permanent("encoded")
    if (response.content_length or 0) > most:
        raise TooLarge("too_large")
    held = BytesIO()  # unlike a list or a bytearray it is not copied in the end
    async for chunk in response.content.iter_chunked(CHUNK):
        if held.tell() + len(chunk) > most:
            raise TooLarge("too_large")
        held.write(chunk)
    return held.getvalue()
