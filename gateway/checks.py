"""What a value in the environment must be like, whichever variable it is in."""

from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


def is_loopback(host: str) -> bool:
    """Whether `host` can be reached from this machine only. No name but localhost is trusted."""
    if host.lower() == "localhost":
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return any(address in network for network in LOOPBACK)


def is_plain(value: str) -> bool:
    """Whether `value` is there and is all visible ASCII, as keys and models' names are."""
    return bool(value) and all("!" <= sign <= "~" for sign in value)


def is_server(value: str) -> bool:
    """Whether `value` is the address of an HTTP server, with a path at most."""
    try:
        parts = urlsplit(value)
        _ = parts.port  # raises when it is none
    except ValueError:
        return False
    at_server = parts.scheme in ("http", "https") and bool(parts.hostname)
    return at_server and not parts.query and not parts.fragment
