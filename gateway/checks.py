"""What a value in the environment must be like, whichever variable it is in."""

import re
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
PORTS = {"http": 80, "https": 443}
NULL, ANY = "null", "*"

_HOST = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\]")


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


def is_safe_address(value: str) -> bool:
    """Whether nobody on the way can change what comes from `value`: https, or this machine."""
    try:
        parts = urlsplit(value)
        _ = parts.port  # raises when it is none
    except ValueError:
        return False
    host = parts.hostname or ""
    return is_plain(value) and (
        (parts.scheme == "https" and bool(host)) or (parts.scheme == "http" and is_loopback(host))
    )


def listed(value: object) -> object:
    """A text's entries between commas, each once; what is no text stays as it is."""
    if not isinstance(value, str):
        return value
    names = (name.strip() for name in value.split(","))
    return tuple(dict.fromkeys(name for name in names if name))


def origin(value: str) -> str:
    """An origin as browsers send it; `*` and `null` are themselves.

    Raises `ValueError`, which does not repeat the value.
    """
    if value in {NULL, ANY}:
        return value
    scheme, _, rest = value.lower().removesuffix("/").partition("://")
    host, colon, port = rest.rpartition(":") if re.search(r":\d*$", rest) else (rest, "", "")
    if scheme not in PORTS or not _HOST.fullmatch(host) or bool(colon) != bool(port):
        raise ValueError("names something that is not an origin, as https://example.org is")
    if colon and not 0 < int(port[:6]) < 65536:
        raise ValueError("names an origin with a port that does not exist")
    usual = not colon or int(port) == PORTS[scheme]
    return f"{scheme}://{host}" if usual else f"{scheme}://{host}:{int(port)}"
