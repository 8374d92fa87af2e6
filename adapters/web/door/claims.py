"""What a token says, once a key of ours has proved that it says it."""

from collections.abc import Iterable
from typing import Any

import msgspec
from jwt import PyJWS
from jwt.exceptions import PyJWTError

from adapters.web.door.keys import EC, ED, HMAC, RSA, Key
from adapters.web.door.verdicts import invalid

Claims = dict[str, Any]

LONGEST = 8192  # signs of a token; a header could not carry more
DAY = 86_400.0  # seconds that a token may have before it
FAR = 1e12  # seconds since 1970 that no token's time reaches
LEEWAY = 60.0  # seconds that another machine's clock may be off

_JWS = PyJWS(algorithms=[HMAC, RSA, EC, ED])
_decode = msgspec.json.Decoder().decode


def is_signed(token: str) -> bool:
    """Whether a token looks as one that says something: three parts, with dots between."""
    return token.count(".") == 2


def header_of(token: str) -> Claims:
    """What a token says of itself, which nothing proves. Raises `Refused` for what is none."""
    _check_form(token)
    try:
        return _JWS.get_unverified_header(token)
    except PyJWTError as error:
        raise invalid() from error


def read(token: str, keys: Iterable[Key]) -> Claims:
    """The claims of a token that one of `keys` has signed. Raises `Refused`."""
    _check_form(token)
    for key in keys:
        try:
            found = _JWS.decode_complete(token, key.key, algorithms=[key.algorithm])
        except PyJWTError:
            continue
        return _object(found["payload"])
    raise invalid()


def _check_form(token: str) -> None:
    if not is_signed(token) or len(token) > LONGEST or not token.isascii():
        raise invalid()


def _object(payload: bytes) -> Claims:
    try:
        claims = _decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise invalid() from error
    if not isinstance(claims, dict):
        raise invalid()
    return claims


def ends_at(claims: Claims, now: float) -> float:
    """When a token that counts now ends; a day from now at most. Raises `Refused`."""
    end = moment(claims, "exp")
    if not now - LEEWAY < end <= now + DAY + LEEWAY:
        raise invalid()
    for start in ("nbf", "iat"):
        if start in claims and moment(claims, start) > now + LEEWAY:
            raise invalid()
    return end


def moment(claims: Claims, name: str) -> float:
    """A time in seconds since 1970. Raises `Refused` for what is none."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise invalid()
    if not 0 <= value < FAR:  # which not-a-number isn't either
        raise invalid()
    return float(value)


def is_for(claims: Claims, audience: str) -> bool:
    """Whether a token was made for `audience`, alone or among others."""
    said = claims.get("aud")
    return audience in said if isinstance(said, list) else said == audience
