"""Who may come in while nobody has to sign in: programs and pages of this machine alone.

A listener on loopback is still reached by every page that the machine's browser shows (also under
another name, by DNS rebinding), and by a proxy that faces the world. Both are turned away here.
"""

import re
from ipaddress import ip_address

from aiohttp import web

from adapters.web.errors import Handler, Refused

FORWARDED = re.compile(r"forwarded|x-forwarded-.*|x-real-ip", re.IGNORECASE)
HOST = re.compile(r"(\[[0-9a-f:.]+\]|[0-9a-z.-]+)(:[0-9]{0,5})?", re.IGNORECASE)
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
EXPOSED = "X-Session-Id, Retry-After"


@web.middleware
async def only_this_machine(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what may come from elsewhere; answer a local page's preflight."""
    _check(request)
    if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
        return web.Response(status=204, headers=_preflight(request))
    return await handler(request)


async def allow_origin(request: web.Request, response: web.StreamResponse) -> None:
    """Let a local page on another port read the answer. A hook, so that streams have it too."""
    origin = request.headers.get("Origin")
    if origin is not None and _is_local(origin):
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = EXPOSED
        response.headers.add("Vary", "Origin")


def _check(request: web.Request) -> None:
    headers = request.headers
    if not _is_loopback(headers.get("Host", "")):
        raise Refused(
            403, "foreign_host", "Without sign-in this server answers to localhost alone."
        )
    for name in headers:
        if FORWARDED.fullmatch(name):
            raise Refused(
                403,
                "forwarded",
                f"{name} says that a proxy is in front, and without sign-in this server serves"
                " its own machine alone. Set WEB_AUTH before you put it on a network.",
            )
    origin = headers.get("Origin")
    if origin is not None and not _is_local(origin):
        raise Refused(
            403, "foreign_origin", "Pages of other sites may not use this server without sign-in."
        )
    if request.method not in SAFE and headers.get("Sec-Fetch-Site") == "cross-site":
        raise Refused(
            403, "foreign_origin", "Pages of other sites may not use this server without sign-in."
        )


def _is_local(origin: str) -> bool:
    scheme, _, host = origin.partition("://")
    return scheme in {"http", "https"} and _is_loopback(host)


def _is_loopback(host: str) -> bool:
    """Whether a `Host` names this machine. No name but localhost does: others can be rebound."""
    found = HOST.fullmatch(host)
    if found is None:
        return False
    name = found[1].strip("[]").lower()
    try:
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False


def _preflight(request: web.Request) -> dict[str, str]:
    wanted = request.headers.get("Access-Control-Request-Headers", "content-type")
    return {
        "Access-Control-Allow-Methods": "GET, POST, DELETE, OPTIONS",
        "Access-Control-Allow-Headers": wanted,
        "Access-Control-Max-Age": "600",
        "Vary": "Access-Control-Request-Headers",
    }
