"""What a server says went wrong, and what the caller should do about it."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from core.errors import (
    GatewayError,
    Overloaded,
    RateLimited,
    Rejected,
    TooLong,
    Transient,
    Unavailable,
)

MESSAGE_LIMIT = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """An error in the server's own words; `status` is None for one that came in a stream."""

    status: int | None = None
    kind: str = ""  # the API's error.type
    code: str = ""  # the API's error.details.error_code
    message: str = ""
    request_id: str = ""
    retry_after: float | None = None
    final: bool = False  # the server asks not to be asked again


_BY_KIND: dict[str, type[GatewayError]] = {
    "overloaded_error": Overloaded,
    "rate_limit_error": RateLimited,
    "authentication_error": Unavailable,
    "billing_error": Unavailable,
    "permission_error": Unavailable,
    "not_found_error": Unavailable,
    "request_too_large": TooLong,
    "invalid_request_error": Rejected,
}
_BY_STATUS: dict[int, type[GatewayError]] = {
    400: Rejected,
    408: Transient,
    409: Transient,
    413: TooLong,
    422: Rejected,
    429: RateLimited,
    501: Unavailable,
    529: Overloaded,
}
_TOO_LONG = re.compile(
    r"(prompt|input|request) is too long|context[ _-]?(window|length|limit|size)|"
    r"too many (input |prompt )?tokens",
    re.IGNORECASE,
)
_NO_MONEY = re.compile(r"credit balance|billing|usage limit", re.IGNORECASE)
_KEY = re.compile(r"\bsk-[\w*.-]{4,}")


def error_of(fault: Fault, secrets: Iterable[str] = ()) -> GatewayError:
    """The fault as one of core's errors. Its message shows none of the `secrets`."""
    found, text = _class_of(fault), _describe(fault, secrets)
    if not issubclass(found, Transient):
        return found(text)
    return Unavailable(text) if fault.final else found(text, retry_after=fault.retry_after)


def _class_of(fault: Fault) -> type[GatewayError]:
    if fault.code.endswith("spend_limit_reached"):
        return Unavailable
    if fault.status is None or fault.kind == "overloaded_error":
        found = _BY_KIND.get(fault.kind, Transient)
    else:
        # Of other 4xx, and of redirects, nothing is known but that no model answers here.
        found = _BY_STATUS.get(fault.status, Transient if fault.status >= 500 else Unavailable)
    if found is Rejected and _TOO_LONG.search(f"{fault.code} {fault.kind} {fault.message}"):
        return TooLong
    if found is Rejected and _NO_MONEY.search(fault.message):
        return Unavailable
    return found


def _describe(fault: Fault, secrets: Iterable[str]) -> str:
    """One line for the log. Servers quote what they refuse: then their message is withheld."""
    message = " ".join(fault.message.split())
    if any(_quotes(message, secret) for secret in secrets):
        message = "(its message quotes the request)"
    head = " ".join(str(part) for part in (fault.status, fault.kind) if part)
    line = _KEY.sub("sk-…", ": ".join(part for part in (head, message) if part))
    if len(line) > MESSAGE_LIMIT:
        line = line[: MESSAGE_LIMIT - 1] + "…"
    return f"{line} ({fault.request_id[:80]})" if fault.request_id else line


def _quotes(message: str, secret: str) -> bool:
    """Whether the start of `secret` is in the message. A word or less would be in many."""
    start = " ".join(secret[:200].split())[:24]
    return len(start) >= 8 and start in message


def read_fault(status: int, headers: Mapping[str, str], body: object, now: float) -> Fault:
    """The fault in a response that is no answer, whatever its body looks like."""
    told = _error_in(body)
    details = told.get("details")
    code = details.get("error_code") if isinstance(details, dict) else None
    return Fault(
        status=status,
        kind=_text(told.get("type")),
        code=_text(code or told.get("code")),
        message=_text(told.get("message")),
        request_id=headers.get("request-id") or headers.get("x-request-id") or "",
        retry_after=retry_after(headers, now),
        final=headers.get("x-should-retry") == "false",
    )


def _error_in(body: object) -> dict[Any, Any]:
    """`{"error": {…}}` as the API has it; `{"error": "…"}` and bare fields as others have it."""
    if not isinstance(body, dict):
        return {}
    told = body.get("error", body)
    return told if isinstance(told, dict) else {"message": told}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """The seconds that the server asks to be left alone, never negative; None if it doesn't."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) / unit
        except ValueError:
            continue
        if math.isfinite(seconds):
            return max(0.0, seconds)
    try:
        return max(0.0, parsedate_to_datetime(headers.get("retry-after", "")).timestamp() - now)
    except (ValueError, OverflowError):
        return None
