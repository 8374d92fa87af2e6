"""Where a request comes from, also through proxies that may be believed."""

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from aiohttp import web

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
_PORT = re.compile(r"\[([^\]]*)\](?::\d+)?|([0-9.]+):\d+")  # as some proxies write it
MOST = 32  # entries that are looked at: no chain of proxies is longer


_ADDRESS: web.RequestKey[str] = web.RequestKey("address", str)


def address(request: web.Request) -> str:
    """The address of the client, as the gate found it; empty for none (a socket file)."""
    return request.get(_ADDRESS) or request.remote or ""


class Peers:
    """Finds clients' addresses. Of `X-Forwarded-For`, only what a trusted proxy wrote counts."""

    def __init__(self, trusted: Sequence[Network]) -> None:
        self._trusted = trusted

    def note(self, request: web.Request) -> None:
        """Remember the address of the nearest that is no trusted proxy."""
        peer = _parse(request.remote or "")
        if peer is None or not self._trusts(peer):
            return
        entries = ",".join(request.headers.getall("X-Forwarded-For", ())).split(",")
        nearest = peer
        for entry in reversed(entries[-MOST:]):
            found = _parse(entry)
            if found is None:
                break  # whatever stands further left was not seen by a proxy of ours
            nearest = found
            if not self._trusts(nearest):
                break
        request[_ADDRESS] = str(nearest)

    def _trusts(self, found: Address) -> bool:
        return any(found in network for network in self._trusted)


def _parse(text: str) -> Address | None:
    text = text.strip()
    if with_port := _PORT.fullmatch(text):
        text = with_port[1] or with_port[2] or ""
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
