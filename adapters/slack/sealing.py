"""Tokens at rest: AES-256-GCM, under keys that can be changed.

A ciphertext is bound to its place: copied into another workspace's row, it does not open.
"""

import base64
import binascii
import hashlib
import os
from collections.abc import Callable, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core.errors import Misconfigured, Transient
from core.installations import Place, Sealed

KEY = 32  # bytes
NONCE = 12  # bytes, never the same twice under one key
MOST = 2  # the key in use, and the one before it while what it sealed is sealed anew

Chance = Callable[[int], bytes]


class BadKey(Misconfigured):
    """Mend `ENCRYPTION_KEY`: it is not one or two keys of 32 bytes."""


class CannotOpen(Transient):
    """Try again when `ENCRYPTION_KEY` holds the key that this was sealed with."""


class Keys:
    """Seals with the first of its keys, and opens with any."""

    def __init__(self, keys: Sequence[bytes], *, chance: Chance = os.urandom) -> None:
        if not 1 <= len(keys) <= MOST or any(len(key) != KEY for key in keys):
            raise BadKey("ENCRYPTION_KEY: give one key of 32 bytes, or two as new,old.")
        self.id = key_id(keys[0])
        self._ciphers = {key_id(key): AESGCM(key) for key in reversed(keys)}
        self._chance = chance

    def seal(self, plain: bytes, place: Place) -> Sealed:
        """Encrypt, for this place alone."""
        nonce = self._chance(NONCE)
        return Sealed(
            secret=nonce + self._ciphers[self.id].encrypt(nonce, plain, _bound_to(place)),
            key_id=self.id,
        )

    def open(self, sealed: Sealed, place: Place) -> bytes:
        """Decrypt what was sealed for this place. Raises `CannotOpen`, which names the key."""
        cipher = self._ciphers.get(sealed.key_id)
        if cipher is None:
            raise CannotOpen(f"no key {sealed.key_id} in ENCRYPTION_KEY")
        nonce, secret = sealed.secret[:NONCE], sealed.secret[NONCE:]
        try:
            return cipher.decrypt(nonce, secret, _bound_to(place))
        except (InvalidTag, ValueError):
            raise CannotOpen(f"what key {sealed.key_id} sealed was changed") from None


def read_keys(setting: str, *, chance: Chance = os.urandom) -> Keys:
    """Understand `ENCRYPTION_KEY`: one key in base64, or two as `new,old`. Raises `BadKey`."""
    return Keys([_key(part) for part in setting.split(",")], chance=chance)


def new_key(*, chance: Chance = os.urandom) -> str:
    """A key for `ENCRYPTION_KEY` that nobody guesses."""
    return base64.urlsafe_b64encode(chance(KEY)).decode()


def key_id(key: bytes) -> str:
    """A key's name, which tells nothing of it."""
    return hashlib.sha256(key).hexdigest()[:8]


def _key(text: str) -> bytes:
    """A key from either base64 alphabet, with its padding or without."""
    digits = text.strip().rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(digits + "=" * (-len(digits) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise BadKey("ENCRYPTION_KEY: this is not base64; make one with the gateway.") from None


def _bound_to(place: Place) -> bytes:
    where = (place.platform, place.app, place.enterprise, place.account)
    return "/".join(where).encode()
