"""A gateway where a printed client looks for it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from core.errors import Misconfigured
from tests.clients.node import Output, execute
from tests.journeys.house import House, serving


@dataclass(frozen=True, kw_only=True)
class Stand:
    """A gateway, and where it is for the places that it could not be at: from origin to origin."""

    house: House
    remap: dict[str, str]

    @property
    def base(self) -> str:
        """The gateway's own origin."""
        return f"http://127.0.0.1:{self.house.port}"

    def at(self, place: str) -> str:
        """Where a client has to look that would look at `place`."""
        return self.remap.get(place, place)

    async def curl(self, call: list[str]) -> Output:
        """A printed call of curl. An answer that is not of success fails the test."""
        return await execute(*call, "--silent", "--show-error", "--fail-with-body", *self._routes())

    def _routes(self) -> list[str]:
        routes: list[str] = []
        for there, here in self.remap.items():
            ends = [urlsplit(there), urlsplit(here)]
            routes += ["--connect-to", ":".join(f"{end.hostname}:{end.port}" for end in ends)]
        return routes


@asynccontextmanager
async def standing(url: str, places: set[str], **changes: Any) -> AsyncIterator[Stand]:
    """A gateway with a database at `url` that listens at `places`, origins, as far as it can."""
    ports = tuple(port for place in places if (port := _local(place)) is not None)
    async with AsyncExitStack() as stack:
        try:
            house = await stack.enter_async_context(serving(url, compat_ports=ports, **changes))
        except Misconfigured:  # another program listens there
            ports = ()
            house = await stack.enter_async_context(serving(url, **changes))
        elsewhere = [place for place in places if _local(place) not in ports]
        yield Stand(house=house, remap=dict.fromkeys(elsewhere, f"http://127.0.0.1:{house.port}"))


def _local(place: str) -> int | None:
    parts = urlsplit(place)
    return parts.port if parts.hostname == "localhost" else None
