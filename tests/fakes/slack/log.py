"""The calls that came, and waiting for them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(kw_only=True, slots=True)
class Call:
    """A call as it came, and the answer that Slack gave it.

    `answer` is None if it was not processed, or if a test made up the answer. An answer need
    not have arrived: see `Faults.drop`.
    """

    method: str
    team: str | None
    args: dict[str, Any]
    at: float  # of the fake's clock
    answer: dict[str, Any] | None = None


class Log:
    """All calls in order; those to response_urls have the method "response_url"."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._by_method: dict[str, list[Call]] = {}
        self._waiting: list[tuple[Callable[[], Any], asyncio.Future[None]]] = []

    def called(self, method: str, team: str | None = None) -> list[Call]:
        """The calls of a method."""
        calls = self._by_method.get(method, [])
        return [call for call in calls if team in {None, call.team}]

    async def came(self, method: str, number: int = 1) -> Call:
        """Wait until so many calls of a method have come; the last of them."""
        calls = self._by_method.setdefault(method, [])
        await self.until(lambda: len(calls) >= number)
        return calls[number - 1]

    async def until(self, reached: Callable[[], Any]) -> None:
        """Wait until something is so; it is looked at whenever a call came or was processed."""
        if not reached():
            future = asyncio.get_running_loop().create_future()
            self._waiting.append((reached, future))
            await future

    def record(self, call: Call) -> None:
        self.calls.append(call)
        self._by_method.setdefault(call.method, []).append(call)
        self.wake()

    def wake(self) -> None:
        """Look again at what is waited for."""
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            for reached, future in waiting:
                if not reached():
                    self._waiting.append((reached, future))
                elif not future.done():
                    future.set_result(None)
