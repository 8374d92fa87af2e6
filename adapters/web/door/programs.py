"""Programs, which come with a key that was made up for them."""

import hashlib
from collections.abc import Iterable
from hmac import compare_digest

from adapters.web.door.principal import PEOPLE, Kind, Principal, Scope

PREFIX = "gw_"  # keys that this gateway makes begin so, and scanners of leaked secrets find them
SERVICE = Principal(kind=Kind.SERVICE)
ADMIN = Principal(kind=Kind.SERVICE, name="admin", scopes=PEOPLE | {Scope.ADMIN})


class Programs:
    """Knows the keys by their digests: comparing those tells nothing of where they differ."""

    def __init__(self, *, keys: Iterable[str], admin: str | None) -> None:
        self._known = [(_digest(key), SERVICE) for key in keys]
        if admin is not None:
            self._known.append((_digest(admin), ADMIN))

    def find(self, token: str) -> Principal | None:
        """Whose key it is, None for nobody's; as long for the one as for the other."""
        digest = _digest(token)
        found = None
        for known, principal in self._known:
            if compare_digest(known, digest):
                found = principal
        return found


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
