"""Who speaks on a socket: with every frame, with its first one, or as it is opened."""

from typing import Protocol

from aiohttp import web

from adapters.web.door.peers import address
from adapters.web.door.principal import PUBLIC, Kind, Principal, speaking
from adapters.web.door.verdicts import invalid, missing
from adapters.web.errors import Refused
from core.ports import Clock

FRESH = 60.0  # seconds that a token counts without another look: it may have been revoked


class Verify(Protocol):
    """Finds out who a token is for."""

    async def __call__(self, token: str, *, path: str, origin: str | None, ip: str) -> Principal:
        """Its principal. Raises `Refused`."""
        ...


async def nobody(token: str, *, path: str, origin: str | None, ip: str) -> Principal:  # noqa: ARG001
    """Verifies where there is no sign-in: no token is good."""
    raise invalid()


class Credentials:
    """The last token that was good on a socket, and whose it is.

    With `anybody`, who shows no token is the public; a bad one is refused all the same.
    """

    def __init__(
        self, request: web.Request, *, verify: Verify, anybody: bool, clock: Clock
    ) -> None:
        self._path = request.path
        self._origin = request.headers.get("Origin")
        self._verify = verify
        self._anybody = anybody
        self._clock = clock
        self._token = ""
        self._principal: Principal | None = None
        self._checked = 0.0
        self._request = request
        self.ip = address(request)

    @property
    def known(self) -> bool:
        """Whether somebody may speak here without a token."""
        return self._anybody or self._principal is not None

    async def caller(self, token: str) -> Principal:
        """Who sends a frame; without a token, whoever sent the last good one. Raises `Refused`."""
        if not token and self._principal is None:
            if self._anybody:
                return speaking(PUBLIC, self._request)
            raise missing()
        principal = await self._look(token or self._token)
        if principal.expires_at is not None and self._clock.now() >= principal.expires_at:
            raise invalid()
        return speaking(principal, self._request)

    async def _look(self, token: str) -> Principal:
        now = self._clock.monotonic()
        known = self._principal if token == self._token and now < self._checked + FRESH else None
        # A visitor may turn out to be somebody at any moment, and is nobody from then on.
        if known is not None and known.kind is not Kind.VISITOR:
            return known
        try:
            found = await self._verify(token, path=self._path, origin=self._origin, ip=self.ip)
        except Refused as refused:
            if refused.status == 401 and token == self._token:
                self._principal = None
            raise
        self._token, self._principal, self._checked = token, found, now
        return found
