"""What a caller is told whose credentials prove nothing. Never why: that would help to forge."""

from adapters.web.errors import Refused

CHALLENGE = {"WWW-Authenticate": "Bearer"}


def missing() -> Refused:
    """There are no credentials where some are needed."""
    return Refused(401, "unauthorized", "No token provided", headers=CHALLENGE)


def invalid() -> Refused:
    """There are credentials, and they do not count."""
    return Refused(401, "unauthorized", "Invalid token", headers=CHALLENGE)
