"""The door for Twilio over real HTTP; what is behind it writes down what it takes."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from urllib.parse import urlencode

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer
from yarl import URL

from adapters.whatsapp.events import Fields
from adapters.whatsapp.ingress import FORM, Ingress
from adapters.whatsapp.signature import Keys, sign
from core.facts import Fact
from tests.adapters.whatsapp_ingress.vectors import ACCOUNT, PATH, PUBLIC, TOKEN_OF_OURS
from tests.fakes.clock import VirtualClock

OLD, OTHER = "the token before", "https://other.example.com/under/"
SHARED_KEY, SHARED_SECRET = "webhooks_sharedkey_1", "a shared secret"
PATIENCE = 20  # seconds until a test that waits for what never comes gives up


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """What the door answered."""

    status: int
    body: bytes
    headers: Any


class Door:
    """What a test sees of it, and what it may put in."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.facts: list[Fact] = []
        self.inbound: list[Fields] = []
        self.statuses: list[Fields] = []
        self.fault: Exception | None = None
        self.gate = asyncio.Event()  # what is taken waits for it
        self.gate.set()
        self.waiting = 0
        self.reads: Any = None  # called with what came
        self.http: aiohttp.ClientSession = None  # type: ignore[assignment]
        self.server: TestServer = None  # type: ignore[assignment]
        self.url = ""

    async def take_inbound(self, fields: Fields) -> None:
        await self._take(self.inbound, fields)

    async def take_status(self, fields: Fields) -> None:
        await self._take(self.statuses, fields)

    async def _take(self, taken: list[Fields], fields: Fields) -> None:
        self.waiting += 1
        await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        if self.reads is not None:
            self.reads(fields)
        taken.append(fields)

    async def say(self, fields: Iterable[tuple[str, str]], path: str = PATH) -> Answered:
        """Let Twilio post these fields."""
        fields = tuple(fields)
        signature = sign(PUBLIC + path, fields, TOKEN_OF_OURS)
        return await self.post(urlencode(fields).encode(), signature, path)

    async def post(
        self, body: Any, signature: str | None, path: str = PATH, **headers: str
    ) -> Answered:
        """Send these bytes; with `signature=None` the header is left out."""
        given = {"Content-Type": FORM} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        if signature is not None:
            given["X-Twilio-Signature"] = signature
        where = URL(self.url + path, encoded=True)
        data = BytesIO(body) if isinstance(body, bytes) else body
        async with self.http.post(where, data=data, headers=given) as said:
            return Answered(status=said.status, body=await said.read(), headers=said.headers)

    async def raw(self, request: bytes) -> int:
        """Send bytes that no client would, and return the status that they are answered with."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        writer.write(request)
        answered = await reader.readline()
        writer.close()
        await writer.wait_closed()
        return int(answered.split()[1])


@asynccontextmanager
async def door() -> AsyncIterator[Door]:
    """A door that is open, behind two public URLs."""
    made = Door()
    ingress = Ingress(
        account=ACCOUNT,
        keys=Keys(tokens=(TOKEN_OF_OURS, OLD), shared={SHARED_KEY: SHARED_SECRET}),
        public_urls=(OTHER, f"{PUBLIC}/"),
        on_inbound=made.take_inbound,
        on_status=made.take_status,
        observe=made.facts.append,
        clock=made.clock,
    )

    site = web.Application(client_max_size=100)  # the door has a limit of its own
    site.router.add_post(f"{PATH}/status", ingress.status)
    site.router.add_post("/{path:.*}", ingress.inbound)
    async with TestServer(site) as server, asyncio.timeout(PATIENCE):
        made.server, made.url = server, f"http://127.0.0.1:{server.port}"
        async with aiohttp.ClientSession() as made.http:
            yield made
