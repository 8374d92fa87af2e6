"""The integrator's own users, by the tokens that its server signs for them."""

from collections.abc import Sequence
from typing import Any

from adapters.web.door.claims import Claims, ends_at, header_of, is_for, read
from adapters.web.door.jwks import KeySet
from adapters.web.door.keys import HMAC, Key
from adapters.web.door.principal import PEOPLE, Kind, Principal, Scope
from adapters.web.door.verdicts import invalid
from adapters.web.errors import Refused
from core.ports import Clock

NAMES = ("sub", "userId")  # the claims that may name the user; the first that is there counts
LONGEST_NAME = 255
PROFILE = frozenset({"openid", "profile", "email", "address", "phone", "offline_access"})


class Users:
    """Verifies users' tokens with fixed keys, and with those of a key set if there is one."""

    def __init__(
        self,
        *,
        keys: Sequence[Key],
        key_set: KeySet | None,
        audience: str | None,
        issuer: str | None,
        clock: Clock,
    ) -> None:
        self._keys = keys
        self._key_set = key_set
        self._audience = audience
        self._issuer = issuer
        self._clock = clock

    async def verify(self, token: str) -> Principal:
        """The user whom a token names. Raises `Refused`: 401, or 503 without the key set."""
        claims = await self._claims(token)
        end = ends_at(claims, self._clock.now())
        if self._audience is not None and not is_for(claims, self._audience):
            raise invalid()
        if self._issuer is not None and claims.get("iss") != self._issuer:
            raise invalid()
        return Principal(kind=Kind.USER, name=_name(claims), scopes=_scopes(claims), expires_at=end)

    async def _claims(self, token: str) -> Claims:
        header = header_of(token)
        try:
            return read(token, self._keys)
        except Refused:
            # A set has public keys only: none of them makes a shared secret of itself.
            if self._key_set is None or header.get("alg") == HMAC:
                raise
        return read(token, await self._key_set.find(header.get("kid")))


def _name(claims: Claims) -> str:
    """The user's name: a whole number is one too, as many sites count their users."""
    said: Any = next((claims[name] for name in NAMES if claims.get(name) is not None), None)
    if isinstance(said, bool) or not isinstance(said, str | int):
        raise invalid()
    if isinstance(said, int) and said.bit_length() > 128:
        raise invalid()  # too long to be written out
    name = str(said)
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise invalid()
    return name


def _scopes(claims: Claims) -> frozenset[Scope]:
    """What the token allows: of what it lists, that which people may do; all, if it lists none.

    The words that every sign-in asks its provider for say nothing of this server.
    """
    said = claims.get("scope")
    if said is None:
        return PEOPLE
    if not isinstance(said, str):
        raise invalid()
    words = set(said.split())
    if words and words <= PROFILE:
        return PEOPLE
    return frozenset(scope for scope in PEOPLE if scope in words)
