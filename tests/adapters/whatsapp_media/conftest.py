import aiohttp
import pytest
import pytest_asyncio

from tests.adapters.whatsapp_media.stage import NoNames, fetcher_of
from tests.fakes.twilio import FakeTwilio


@pytest_asyncio.fixture
async def fake():
    async with FakeTwilio() as made:
        yield made


@pytest.fixture
def names():
    return NoNames()


@pytest_asyncio.fixture
async def session(names):
    connector = aiohttp.TCPConnector(resolver=names)
    jar = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(connector=connector, cookie_jar=jar) as made:
        yield made


@pytest.fixture
def told():
    return []


@pytest.fixture
def fetcher(session, fake, told):
    return fetcher_of(session, fake.url, told=told)
