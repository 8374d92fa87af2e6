"""Where a request comes from, also through proxies that may be believed."""

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from aiohttp import web

Network = IPv4Network | IPv6Network
_PORT = re.compile(r"\[([^\]]*)\](?::\d+)?|([0-9.]+):\d+")  # as some proxies write it
MOST = 32  # entries that are looked at: no chain of proxies is longer


class Peers:
    """Finds the client's address. Of `X-Forwarded-For`, only what a trusted proxy wrote counts."""

    def __init__(self, trusted: Sequence[Network]) -> None:
        self._trusted = trusted

    def address(self, request: web.Request) -> str:
        """The address of the nearest that is no trusted proxy; empty for none (a socket file)."""
        peer = request.remote or ""
        if not self._trusted or not self._trusts(_parse(peer)):
            return peer
        entries = ",".join(request.headers.getall("X-Forwarded-For", ())).split(",")
        nearest = peer
        for entry in reversed(entries[-MOST:]):
            address = _parse(entry)
            if address is None:
                break  # whatever stands further left was not seen by a proxy of ours
            nearest = str(address)
            if not self._trusts(address):
                break
        return nearest

    def _trusts(self, address: IPv4Address | IPv6Address | None) -> bool:
        return address is not None and any(address in network for network in self._trusted)


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    text = text.strip()
    if found := _PORT.fullmatch(text):
        text = found[1] or found[2] or ""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
