"""The calls that came, and waiting for them."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(kw_only=True, slots=True, eq=False)
class Call:
    """A request to the API as it came, and the HTTP status that it was processed with.

    `method` is create, list, fetch, typing or media. `status` is None if it was not processed; an
    answer need not have arrived: see `Faults.drop`.
    """

    method: str
    fields: Mapping[str, str]
    headers: Mapping[str, str]
    at: float  # of the fake's clock
    status: int | None = None


class Log:
    """All calls in order."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._waiting: list[tuple[Callable[[], Any], asyncio.Future[None]]] = []

    def called(self, method: str) -> list[Call]:
        """The calls of a method."""
        return [call for call in self.calls if call.method == method]

    async def came(self, method: str, number: int = 1) -> Call:
        """Wait until so many calls of a method have come; the last of them."""
        await self.until(lambda: len(self.called(method)) >= number)
        return self.called(method)[number - 1]

    async def until(self, reached: Callable[[], Any]) -> None:
        """Wait until something is so; it is looked at whenever a call came or was processed."""
        if not reached():
            future = asyncio.get_running_loop().create_future()
            self._waiting.append((reached, future))
            await future

    def record(self, call: Call) -> None:
        self.calls.append(call)
        self.wake()

    def wake(self) -> None:
        """Look again at what is waited for."""
        waiting, self._waiting = self._waiting, []
        for reached, future in waiting:
            if not reached():
                self._waiting.append((reached, future))
            elif not future.done():
                future.set_result(None)
