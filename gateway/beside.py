"""Reading a database beside whoever runs on it."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection

from core.database import open_database, parse_url
from core.errors import Misconfigured
from core.sqlite_connections import Reader
from gateway.config import Settings

T = TypeVar("T")


async def read(settings: Settings, fn: Callable[[Connection], T]) -> T:
    """What `fn` finds, also while a gateway runs: a SQLite file is read beside it.

    Raises `Misconfigured` if there is no database yet.
    """
    url = parse_url(settings.database_url)
    if url.get_backend_name() != "sqlite":
        database = open_database(settings.database_url)
        try:
            return await database.read(fn)
        finally:
            await database.close()
    file = Path(str(url.database))
    if not file.exists():  # noqa: ASYNC240 - nothing else runs here
        raise Misconfigured(f"DATABASE_URL: there is no file {file} yet; run `gateway migrate`")
    reader = Reader(file)
    try:
        return await reader.run(fn)
    finally:
        await reader.shut()
