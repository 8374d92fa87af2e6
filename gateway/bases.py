"""Addresses of servers, to put a path behind."""

from urllib.parse import urlsplit

from gateway.checks import is_safe_address, is_server, origin

LONGEST_LABEL = 63  # of a host's name, between dots


def bases(value: str | None) -> tuple[str, ...]:
    """The entries between commas, each once and without a slash at its end."""
    entries = (entry.strip().rstrip("/") for entry in (value or "").split(","))
    return tuple(dict.fromkeys(filter(None, entries)))


def is_base(value: str) -> bool:
    """Whether it is a server's address, to put a path behind; it names no user or password."""
    if not is_safe_address(value) or not is_server(value):
        return False
    parts = urlsplit(value)
    try:
        origin(f"{parts.scheme}://{parts.netloc}")
    except ValueError:
        return False
    return all(0 < len(label) <= LONGEST_LABEL for label in str(parts.hostname).split("."))
