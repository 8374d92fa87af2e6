"""Tokens that this gateway signs itself, for visitors: anonymous people on a site's page."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import jwt

from adapters.web.door.claims import DAY, Claims, ends_at, header_of, moment, read
from adapters.web.door.keys import HMAC, Key, derived
from adapters.web.door.principal import Kind, Principal
from adapters.web.door.verdicts import invalid
from adapters.web.errors import Refused
from core.errors import NotFound
from core.ports import Clock
from core.visitors import Standing

ISSUER = "gateway"
TYPE = "visitor+jwt"
LABEL = "chat-gateway visitor token 1"
LIFE = DAY  # seconds that a pass is good for
RENEWABLE = 30 * DAY  # seconds in which it can still be renewed, from when it was made
OVERLAP = 60_000  # milliseconds that the one before still counts: requests may be on their way


@dataclass(frozen=True, kw_only=True, slots=True)
class Pass:
    """A visitor's token, and when it ends, in seconds since 1970."""

    token: str = field(repr=False)
    expires_at: float


class Register(Protocol):
    """What is remembered of visitors."""

    async def standing(self, visitor: str) -> Standing:
        """Which of a visitor's passes count."""
        ...

    async def rotate(self, visitor: str, *, epoch: int) -> int:
        """Begin the epoch after `epoch`, unless it has begun. Raises `NotFound` when retired."""
        ...


class Passes:
    """Makes passes and verifies them. One is good on the site that it was made for alone."""

    def __init__(
        self,
        *,
        secrets: Sequence[str],
        origins: frozenset[str],
        register: Register,
        clock: Clock,
    ) -> None:
        self._keys = keys(secrets)
        self._origins = origins
        self._register = register
        self._clock = clock

    def mint(self, origin: str) -> Pass:
        """A pass for somebody new. Raises `Refused` (403) unless the site is on the list."""
        if origin not in self._origins:
            raise Refused(
                403,
                "foreign_origin",
                "Visitors' tokens are for pages of the sites in WEB_ORIGINS alone; this page's"
                " origin is not among them.",
            )
        return sign(self._keys[0], origin, somebody(), epoch=0, now=self._clock.now())

    async def verify(self, token: str, *, origin: str | None) -> Principal:
        """The visitor whom a pass is for. Raises `Refused` (401)."""
        claims = self._claims(token, origin)
        end = ends_at(claims, self._clock.now())
        visitor, _ = await self._counted(claims)
        return Principal(kind=Kind.VISITOR, name=visitor, expires_at=end)

    async def renew(self, token: str, *, origin: str | None) -> Pass:
        """A new pass for the same visitor; the old one ends in a minute. Raises `Refused` (401).

        The old one may have expired, up to 30 days after it was made.
        """
        claims = self._claims(token, origin)
        if self._clock.now() > moment(claims, "iat") + RENEWABLE:
            raise invalid()
        visitor, epoch = await self._counted(claims)
        try:
            epoch = await self._register.rotate(visitor, epoch=epoch)
        except NotFound as error:
            raise invalid() from error
        return sign(self._keys[0], str(claims["aud"]), visitor, epoch=epoch, now=self._clock.now())

    def _claims(self, token: str, origin: str | None) -> Claims:
        """What a pass of ours says, if it is for the page that it came from."""
        claims = read(token, self._keys)
        site = claims.get("aud")
        ours = claims.get("iss") == ISSUER and isinstance(site, str)
        if not ours or site not in self._origins:
            raise invalid()
        if origin is not None and origin != site:
            raise invalid()
        return claims

    async def _counted(self, claims: Claims) -> tuple[str, int]:
        """The visitor and the pass's epoch, unless that is over or somebody was identified."""
        visitor, epoch = claims.get("sub"), claims.get("epoch")
        if not isinstance(visitor, str) or not isinstance(epoch, int):
            raise invalid()
        now = await self._register.standing(visitor)
        if now.retired or not (epoch >= now.epoch or self._overlaps(epoch, now)):
            raise invalid()
        return visitor, epoch

    def _overlaps(self, epoch: int, standing: Standing) -> bool:
        """Whether the epoch has just been followed by the next."""
        if epoch != standing.epoch - 1 or standing.rotated_at is None:
            return False
        return self._clock.now() * 1000 < standing.rotated_at + OVERLAP


def is_pass(token: str) -> bool:
    """Whether a token says that it is a pass. Raises `Refused` for what is no token."""
    return header_of(token).get("typ") == TYPE


def keys(secrets: Sequence[str]) -> tuple[Key, ...]:
    """The keys for passes, made of the secrets for users' tokens: neither does for the other."""
    return tuple(derived(secret, LABEL) for secret in secrets)


def somebody() -> str:
    """A new visitor's name, which nobody guesses."""
    return f"v_{secrets.token_urlsafe(16)}"


def sign(key: Key, origin: str, visitor: str, *, epoch: int, now: float) -> Pass:
    """A pass, good for a day from `now`."""
    end = int(now + LIFE)
    claims = {
        "iss": ISSUER,
        "aud": origin,
        "sub": visitor,
        "epoch": epoch,
        "iat": int(now),
        "exp": end,
    }
    token = jwt.encode(claims, key.key, algorithm=HMAC, headers={"typ": TYPE})
    return Pass(token=token, expires_at=end)
