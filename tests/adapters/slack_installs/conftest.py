import aiohttp
import pytest
import pytest_asyncio
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.sealing import read_keys
from core.database import open_database
from core.tables import metadata
from tests.adapters.slack_installs.stage import NEW, StillClock, installed_in
from tests.databases import sqlite_url
from tests.fakes.slack import FakeSlack


@pytest_asyncio.fixture
async def database(tmp_path):
    """SQLite alone, and no migrations: what is stored is tested on both in tests/core."""
    made = open_database(sqlite_url(tmp_path))
    await made.write(metadata.create_all)
    yield made
    await made.close()


@pytest.fixture
def clock():
    return StillClock()


@pytest_asyncio.fixture
async def fake(clock):
    async with FakeSlack(clock=clock) as made:
        yield made


@pytest_asyncio.fixture
async def client(fake):
    async with aiohttp.ClientSession() as session:
        yield AsyncWebClient(base_url=fake.url, session=session, retry_handlers=[])


@pytest.fixture
def keys():
    return read_keys(NEW)


@pytest.fixture
def installed(database, keys, clock):
    return installed_in(database, keys, clock)
