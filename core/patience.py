"""Read and write what must not be lost, also while the database is away for a moment."""

from collections.abc import Awaitable, Callable
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection

from core.database import Contended, Database, DatabaseDown
from core.ports import Clock

P = ParamSpec("P")
T = TypeVar("T")

WAITS = (0.1, 0.2, 0.5, 1, 2, 5, 5, 5)  # seconds between two tries


class PatientWriter:
    """Tries again and again while the database is down; what it writes must bear repetition."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def write(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As `Database.write`. Raises `DatabaseDown` or `Contended` when patience has run out."""
        return await self._until_done(lambda: self._database.write(fn, *args, **kwargs))

    async def read(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As `Database.read`. Raises `DatabaseDown` when patience has run out."""
        return await self._until_done(lambda: self._database.read(fn, *args, **kwargs))

    async def _until_done(self, act: Callable[[], Awaitable[T]]) -> T:
        for wait in WAITS:
            try:
                return await act()
            except (DatabaseDown, Contended):
                await self._clock.sleep(wait)
        return await act()
