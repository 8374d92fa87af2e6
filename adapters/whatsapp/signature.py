"""Twilio's signatures: who signed a request, told over the bytes that came."""

import hashlib
import hmac
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Algorithm = Literal["sha1", "sha256"]

_ALGORITHMS: Mapping[str, Algorithm] = {"HMAC_SHA1": "sha1", "HMAC_SHA256": "sha256"}
_PORTS = {"http": ":80", "https": ":443"}
_URL = re.compile(
    r"(?P<scheme>https?)(?P<host>://(?:[^/?#]*@)?(?:\[[^\]/?#]*\]|[^:/?#\[\]]*))"
    r"(?P<port>:[0-9]*)?(?P<rest>[/?#].*)?",
    re.DOTALL,
)
_BODY_HASH = re.compile(r"[?&]bodySHA256=([^&#]*)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Keys:
    """What Twilio may sign with; empty secrets sign nothing.

    `tokens` are the account's Auth Tokens, two of them while one takes over. `shared` are the
    SharedKeys' secrets, by the keys' ids.
    """

    tokens: tuple[str, ...] = field(repr=False)
    shared: Mapping[str, str] = field(default_factory=dict, repr=False)


def sign(
    url: str, fields: Sequence[tuple[str, str]], secret: str, *, algorithm: Algorithm = "sha1"
) -> str:
    """What Twilio sends as `X-Twilio-Signature` along with these decoded fields.

    Bytes that are not UTF-8 stand in texts as Python's `surrogateescape` has them; other half
    surrogates raise `UnicodeEncodeError`.
    """
    return _digest(_bytes(url) + _tail(fields), secret, algorithm).decode()


def fits(
    urls: Sequence[str],
    fields: Sequence[tuple[str, str]],
    *,
    signature: str | None,
    settings: str | None,
    keys: Keys,
) -> bool:
    """Whether somebody who has one of the keys sent these fields to one of the URLs.

    `signature` and `settings` are the values of the headers `X-Twilio-Signature` and
    `X-Twilio-Webhooks-Signature-Settings`, whatever they are. Twilio signs a URL with its port
    or without it: either will do.
    """
    algorithm, secrets = _asked(settings or "", keys)
    if not signature or algorithm is None:
        return False
    given = signature.encode("ascii", "replace")
    try:
        tail = _tail(fields)
        signed = [_bytes(each) + tail for url in urls for each in _spellings(url)]
    except UnicodeEncodeError:  # Twilio signs no half surrogates
        return False
    return any(
        hmac.compare_digest(_digest(text, secret, algorithm), given)
        for secret in secrets
        if secret
        for text in signed
    )


def fits_body(
    urls: Sequence[str], raw: bytes, *, signature: str | None, settings: str | None, keys: Keys
) -> bool:
    """As `fits`, for a body that is no form: the URL's query has its hash as `bodySHA256`."""
    found = hashlib.sha256(raw).hexdigest().encode()
    told = [
        url
        for url in urls
        if (hashed := _BODY_HASH.search(url))
        and hmac.compare_digest(hashed[1].encode("ascii", "replace"), found)
    ]
    return fits(told, (), signature=signature, settings=settings, keys=keys)


def _asked(settings: str, keys: Keys) -> tuple[Algorithm | None, tuple[str, ...]]:
    """The algorithm and the secrets that a request says it was signed with."""
    pairs = (part.partition("=") for part in settings.split(","))
    told = {name.strip(): value.strip() for name, _, value in pairs}
    algorithm = _ALGORITHMS.get((told.get("algorithm") or "HMAC_SHA1").upper())
    if "key" in told:
        return algorithm, (keys.shared.get(told["key"], ""),)
    return algorithm, keys.tokens


def _digest(text: bytes, secret: str, algorithm: Algorithm) -> bytes:
    return b64encode(hmac.digest(secret.encode(), text, algorithm))


def _tail(fields: Sequence[tuple[str, str]]) -> bytes:
    """The fields as they are signed: sorted, what is said twice only once."""
    return _bytes("".join(name + value for name, value in sorted(set(fields))))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _spellings(url: str) -> Iterator[str]:
    """The URL, and the same with or without its port."""
    yield url
    if parts := _URL.fullmatch(url):
        scheme, host, port, rest = parts.group("scheme", "host", "port", "rest")
        yield f"{scheme}{host}{'' if port else _PORTS[scheme]}{rest or ''}"
