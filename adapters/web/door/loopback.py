"""Who may come in while nobody has to sign in: programs and pages of this machine alone.

A listener on loopback is still reached by every page that the machine's browser shows (also under
another name, by DNS rebinding), and by a proxy that faces the world. Both are turned away here.
"""

import re
from functools import lru_cache
from ipaddress import ip_address

from aiohttp import web

from adapters.web.errors import Refused

FORWARDED = re.compile(r"forwarded|x-forwarded-.*|x-real-ip", re.IGNORECASE)
HOST = re.compile(r"(\[[0-9a-f:.]+\]|[0-9a-z.-]+)(:[0-9]{0,5})?", re.IGNORECASE)
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
FOREIGN = "Pages of other sites may not use this server without sign-in."


def check(request: web.Request) -> None:
    """Raise `Refused` (403) for what may come from elsewhere."""
    headers = request.headers
    if not is_this_machine(headers.get("Host", "")):
        raise Refused(
            403, "foreign_host", "Without sign-in this server answers to localhost alone."
        )
    for name in headers:
        if name[:1] in "FfXx" and FORWARDED.fullmatch(name):
            raise Refused(
                403,
                "forwarded",
                f"{name} says that a proxy is in front, and without sign-in this server serves"
                " its own machine alone. Set WEB_AUTH before you put it on a network.",
            )
    origin = headers.get("Origin")
    if origin is not None and not is_local(origin):
        raise Refused(403, "foreign_origin", FOREIGN)
    if request.method not in SAFE and headers.get("Sec-Fetch-Site") == "cross-site":
        raise Refused(403, "foreign_origin", FOREIGN)


def is_local(origin: str) -> bool:
    """Whether an origin is a page of this machine."""
    scheme, _, host = origin.partition("://")
    return scheme in {"http", "https"} and is_this_machine(host)


@lru_cache(maxsize=256)
def is_this_machine(host: str) -> bool:
    """Whether a `Host` names this machine. No name but localhost does: others can be rebound."""
    found = HOST.fullmatch(host)
    if found is None:
        return False
    name = found[1].strip("[]").lower()
    try:
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False
