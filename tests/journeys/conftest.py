"""A gateway for each test, on a database of its own."""

import logging
import ssl
from collections.abc import AsyncIterator, Iterator
from functools import cache
from pathlib import Path

import pytest
import pytest_asyncio
import structlog

from gateway.telemetry import configure_logging
from tests.databases import ENGINES, copy_template, sqlite_url
from tests.journeys.house import House, migrate, serving


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A SQLite database of this test's own, migrated."""
    url = sqlite_url(tmp_path)
    copy_template(url)
    return url


@pytest_asyncio.fixture
async def house(url: str, swift: None) -> AsyncIterator[House]:
    async with serving(url) as house:
        yield house


@pytest.fixture(params=ENGINES)
def either_url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue("url" if request.param == "sqlite" else "postgres"))


@pytest_asyncio.fixture
async def either(either_url: str, swift: None) -> AsyncIterator[House]:
    """A house on each engine in turn."""
    await migrate(either_url)
    async with serving(either_url) as house:
        yield house


@pytest.fixture(scope="session", autouse=True)
def trusting() -> Iterator[None]:
    """One set of certificates for all: reading them takes longer than most tests."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ssl, "create_default_context", cache(ssl.create_default_context))
        yield


@pytest.fixture(autouse=True)
def swift(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streams that do not end by themselves are waited for hardly at all."""
    monkeypatch.setattr("gateway.app.CLOSING", 0.02)


@pytest.fixture(autouse=True)
def log() -> Iterator[None]:
    """The gateway's own logging, as in production but for the level."""
    root = logging.getLogger()
    level = root.level
    configure_logging("error", "json")
    yield
    for handler in [handler for handler in root.handlers if handler.name == "gateway"]:
        root.removeHandler(handler)
    root.setLevel(level)
    structlog.reset_defaults()
