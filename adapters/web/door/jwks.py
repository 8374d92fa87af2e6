"""The keys that an identity provider publishes, fetched when they are needed."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import aiohttp
import msgspec

from adapters.web.door.keys import Key, from_jwk
from adapters.web.errors import Refused
from core.errors import Transient
from core.ports import Clock

FRESH = 600.0  # seconds until it is asked for again
STALE = 86_400.0  # seconds that it serves while it cannot be had again
PAUSE = 60.0  # seconds between two requests for a key that the set lacks
RETRY = 10.0  # seconds between two tries while it cannot be had
LARGEST = 256 * 1024  # bytes
MOST = 64  # keys of one set
PATIENCE = aiohttp.ClientTimeout(total=5)

NOT_NOW = "The keys that tokens are verified with can't be fetched right now; try again soon."


class KeySet:
    """One set, remembered. A set that cannot be had leaves the last one in force for a day."""

    def __init__(self, url: str, *, clock: Clock, complain: Callable[[str], None]) -> None:
        self._url = url
        self._clock = clock
        self._complain = complain  # is told why the set could not be had
        self._keys: tuple[Key, ...] = ()
        self._fetched = self._tried = self._missed = float("-inf")
        self._tries = 0
        self._one_at_a_time = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    async def find(self, kid: object) -> Sequence[Key]:
        """The keys of that name, or all for a token without one. Raises `Refused` (503)."""
        now = self._clock.monotonic()
        if now - self._fetched > FRESH:
            if now - self._tried > RETRY:
                await self._fetch_on()
        elif not self._named(kid) and now - self._missed > PAUSE:
            # Whatever names are made up: all of them together make one request a minute.
            self._missed = now
            await self._fetch_on()
        if now - self._fetched > STALE:
            raise Refused(503, "unavailable", NOT_NOW, retry_after=RETRY)
        return self._named(kid)

    def _named(self, kid: object) -> Sequence[Key]:
        return [key for key in self._keys if kid is None or key.id in {kid, None}]

    async def _fetch_on(self) -> None:
        """Renew the set, also if whoever wanted that goes away meanwhile: it may be a stranger."""
        task = asyncio.create_task(self._renew())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await asyncio.shield(task)

    async def _renew(self) -> None:
        """Fetch the set, one caller for all; what goes wrong leaves it as it was."""
        if self._keys and self._one_at_a_time.locked():
            return  # what is there serves meanwhile
        before = self._tries
        async with self._one_at_a_time:
            if self._tries != before:
                return
            try:
                self._keys = await fetch(self._url)
                self._fetched = self._clock.monotonic()
            except Transient as error:
                self._complain(str(error))
            self._tried = self._clock.monotonic()
            self._tries += 1


async def fetch(url: str) -> tuple[Key, ...]:
    """The usable keys at `url`, one at least. Raises `Transient`, saying what is wrong there."""
    try:
        async with (
            aiohttp.ClientSession(timeout=PATIENCE) as http,
            http.get(url, headers={"Accept": "application/json"}, allow_redirects=False) as found,
        ):
            if found.status != 200:
                raise Transient(f"HTTP {found.status}")
            body = await _bounded(found.content)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise Transient(type(error).__name__) from error
    return _keys(body)


async def _bounded(content: aiohttp.StreamReader) -> bytes:
    body = b""
    async for piece in content.iter_any():
        body += piece
        if len(body) > LARGEST:
            raise Transient("it is too large")
    return body


def _keys(body: bytes) -> tuple[Key, ...]:
    try:
        document: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Transient("it is no JSON") from error
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise Transient("it is no key set: it has no list of keys")
    keys = tuple(key for key in map(from_jwk, listed[:MOST]) if key is not None)
    if not keys:
        raise Transient("none of its keys is one for signatures (RS256, ES256 or EdDSA)")
    return keys
