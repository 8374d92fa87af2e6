"""What every test may ask for."""

import httpx2

httpx2.alias_httpx()  # first of all: respx patches the httpx that it finds when it is imported

import gc  # noqa: E402
from collections.abc import AsyncIterator, Iterator  # noqa: E402
from pathlib import Path  # noqa: E402

import pytest  # noqa: E402
import pytest_asyncio  # noqa: E402

from core.database import Database  # noqa: E402
from tests.databases import (  # noqa: E402
    ENGINES,
    POSTGRES,
    drop_postgres,
    make_postgres,
    migrated,
    sqlite_url,
)


def pytest_collection_finish() -> None:
    """Thousands of tests are there to stay: looking through them for garbage takes a tenth."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of this run's PostgreSQL database."""
    if make_postgres() is None:
        pytest.skip("no PostgreSQL on 127.0.0.1:5432; set TEST_POSTGRES to use another")
    yield POSTGRES
    drop_postgres()


@pytest.fixture(params=ENGINES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, on each engine in turn."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    return str(request.getfixturevalue("postgres"))


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A migrated database with nothing in it, on each engine in turn."""
    async with migrated(database_url) as opened:
        yield opened
