"""Keys that tokens are verified with. Each fixes its algorithm, whatever a token says of it."""

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt import PyJWK
from jwt.algorithms import HMACAlgorithm
from jwt.exceptions import InvalidKeyError, PyJWTError

HMAC, RSA, EC, ED = "HS256", "RS256", "ES256", "EdDSA"
SHORTEST_RSA = 2048  # bits; shorter keys have been broken
SHORTEST_SECRET = 32  # bytes, as many as the hash has

_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----.+?-----END \1-----", re.DOTALL)


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """A key, the one algorithm that it is for, and its name in the set that it came with."""

    algorithm: str
    key: Any = field(repr=False)
    id: str | None = None


def from_secret(secret: str) -> Key:
    """The key that signs with a shared secret.

    Raises `ValueError`, which does not repeat it, for what is a public key or a certificate:
    everybody could sign with that.
    """
    try:
        HMACAlgorithm(HMACAlgorithm.SHA256).prepare_key(secret)
    except InvalidKeyError:
        raise ValueError("is a key of another kind, not a secret") from None
    if "-----BEGIN" in secret:
        raise ValueError("is a key of another kind, not a secret")
    # Zeros at its end change nothing in HMAC; without them PyJWT warns at each use of a short one.
    return Key(algorithm=HMAC, key=secret.encode().ljust(SHORTEST_SECRET, b"\0"))


def derived(secret: str, label: str) -> Key:
    """A key for one purpose: what it signs proves nothing to a key of another label."""
    return Key(algorithm=HMAC, key=hmac.digest(secret.encode(), label.encode(), hashlib.sha256))


def from_pem(text: str) -> tuple[Key, ...]:
    r"""The public keys of a PEM text, whose line breaks may be written as `\n`.

    Raises `ValueError`, which does not repeat the text: it may be a private key.
    """
    blocks = list(_BLOCK.finditer(text.replace("\\r", "").replace("\\n", "\n")))
    if not blocks:
        raise ValueError("is not a PEM text, which begins -----BEGIN PUBLIC KEY-----")
    if any("PUBLIC KEY" not in block[1] for block in blocks):
        raise ValueError("holds something other than public keys, such as a private key")
    return tuple(_public(block[0]) for block in blocks)


def _public(pem: str) -> Key:
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("holds a public key that cannot be read") from None
    if (algorithm := _algorithm(key)) is None:
        raise ValueError(
            f"holds a key of another kind than RSA of {SHORTEST_RSA} bits, EC P-256 or Ed25519"
        )
    return Key(algorithm=algorithm, key=key)


def from_jwk(data: Any) -> Key | None:
    """A public key of a key set; None for what is not for signatures, or not of a kind known."""
    if not isinstance(data, dict) or data.get("use", "sig") != "sig" or "d" in data:
        return None
    operations = data.get("key_ops")
    if isinstance(operations, list) and "verify" not in operations:
        return None
    try:
        found = PyJWK(data)
    except (PyJWTError, TypeError, ValueError, AttributeError, KeyError, NotImplementedError):
        return None  # somebody else's set may hold anything
    if _algorithm(found.key) != found.algorithm_name:
        return None
    kid = data.get("kid")
    return Key(
        algorithm=found.algorithm_name, key=found.key, id=kid if isinstance(kid, str) else None
    )


def _algorithm(key: Any) -> str | None:
    match key:
        case RSAPublicKey() if key.key_size >= SHORTEST_RSA:
            return RSA
        case EllipticCurvePublicKey() if isinstance(key.curve, SECP256R1):
            return EC
        case Ed25519PublicKey():
            return ED
        case _:
            return None
