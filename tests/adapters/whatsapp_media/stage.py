"""A fetcher of media before the fake, and what it was seen to do."""

import socket
from contextlib import asynccontextmanager
from types import SimpleNamespace

import aiohttp
from aiohttp.abc import AbstractResolver

from adapters.whatsapp.media import MediaFetcher
from tests.fakes.hands import HandClock
from tests.fakes.twilio import ACCOUNT, ANA, TOKEN

API = "https://api.twilio.com"
PATH = f"/2010-04-01/Accounts/{ACCOUNT}/Messages/MM1/Media/ME1"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8
ENOUGH = len(PNG)


class NoNames(AbstractResolver):
    """Knows no host, and remembers who was asked for."""

    def __init__(self):
        self.asked = []

    async def resolve(self, host, port=0, family=socket.AF_INET):  # noqa: ARG002 - aiohttp asks so
        self.asked.append(host)
        raise OSError(-2, "Name or service not known")

    async def close(self):
        pass


class Redirecting:
    """A session in which every host sends on to one place, where nobody is."""

    closed = False

    def __init__(self, there):
        self.asked = []
        self._there = there

    @asynccontextmanager
    async def get(self, url, **_):
        self.asked.append(str(url))
        if str(url) == self._there:
            raise aiohttp.ClientConnectionError
        yield SimpleNamespace(status=302, headers={"Location": self._there})


def fetcher_of(session, url, *, told=None, **fields):
    return MediaFetcher(
        **{
            "session": session,
            "account": ACCOUNT,
            "username": ACCOUNT,
            "password": TOKEN,
            "api_url": url,
            "clock": HandClock(),
            "observe": [].append if told is None else told.append,
        }
        | fields
    )


async def sent(fake, content=PNG, *, type_="image/png"):
    """A person sends a file; its source as the gateway keeps it."""
    message = await fake.inbound(ANA, media=[(type_, content)])
    return {"url": fake.messages[message.sid].media[0]}
