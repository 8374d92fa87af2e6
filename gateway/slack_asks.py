"""One question to Slack's Web API, or to the gateway in Slack's name."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import msgspec

from core.errors import Transient

PATIENCE = aiohttp.ClientTimeout(total=5)
LARGEST = 64 * 1024  # bytes
LONGEST_WORD = 80  # signs of a name that Slack tells

_ERROR = re.compile(r"[a-z0-9_]{1,60}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """What Slack said: `error` is empty when it said yes, `scopes` is None where it told none."""

    error: str
    body: Mapping[str, Any]
    scopes: frozenset[str] | None

    def word(self, name: str) -> str:
        """A name in the answer that may be shown; empty if it is not there."""
        value = self.body.get(name)
        shown = value if isinstance(value, str) else ""
        return "".join(sign for sign in shown if sign.isprintable())[:LONGEST_WORD]


async def ask(
    http: aiohttp.ClientSession,
    url: str,
    *,
    token: str | None = None,
    form: Mapping[str, str] | None = None,
) -> Said:
    """Ask a method of the Web API. Raises `Transient`, saying what is wrong on the way there."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    try:
        async with http.post(url, headers=headers, data=form, allow_redirects=False) as answer:
            status, told = answer.status, answer.headers.get("X-OAuth-Scopes")
            content = await _bounded(answer.content)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise Transient(type(error).__name__) from error
    body = _object(content)
    if not isinstance(body.get("ok"), bool):
        raise Transient(f"HTTP {status}, and not in Slack's words")
    return Said(error=_error(body), body=body, scopes=None if told is None else _scopes(told))


async def shake_hands(
    http: aiohttp.ClientSession, url: str, *, secret: str, challenge: str, now: float
) -> int:
    """Send `url` what Slack sends to verify it; the status that came back.

    0 stands for a 200 that is not the answer. Raises what aiohttp does when nobody answers.
    """
    body = msgspec.json.encode({"type": "url_verification", "challenge": challenge})
    headers = {"Content-Type": "application/json", **_signature(secret, body, now)}
    async with http.post(url, data=body, headers=headers, allow_redirects=False) as answer:
        content = await _bounded(answer.content)
        return 0 if answer.status == 200 and challenge.encode() not in content else answer.status


def _signature(secret: str, body: bytes, now: float) -> dict[str, str]:
    at = str(int(now))
    digest = hmac.new(secret.encode(), f"v0:{at}:".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": at, "X-Slack-Signature": f"v0={digest}"}


async def _bounded(content: aiohttp.StreamReader) -> bytes:
    """What is at the beginning: an answer that is longer is none of Slack's or ours."""
    body = b""
    async for piece in content.iter_any():
        body += piece
        if len(body) > LARGEST:
            break
    return body


def _object(content: bytes) -> Mapping[str, Any]:
    try:
        body: Any = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _error(body: Mapping[str, Any]) -> str:
    if body["ok"]:
        return ""
    error = body.get("error")
    return error if isinstance(error, str) and _ERROR.fullmatch(error) else "no reason given"


def _scopes(told: str) -> frozenset[str]:
    return frozenset(scope.strip() for scope in told.split(",") if scope.strip())
