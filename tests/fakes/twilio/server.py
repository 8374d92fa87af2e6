"""The fake's server: what is asked of it over HTTP, and what tests ask of it."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Sequence
from itertools import count
from random import Random
from typing import Any, Self

from aiohttp import web

from tests.fakes.hands import HandClock
from tests.fakes.twilio import http
from tests.fakes.twilio.faults import Faults
from tests.fakes.twilio.log import Log
from tests.fakes.twilio.media import Media, Store
from tests.fakes.twilio.message import LOST, Message
from tests.fakes.twilio.pairs import Pairs
from tests.fakes.twilio.webhooks import Answered, Delivered, Webhooks, changed, inbound_fields

ACCOUNT, TOKEN = "AC" + "0" * 32, "0123456789abcdef" * 2
BUSINESS, ANA = "whatsapp:+14155238886", "whatsapp:+15551230000"
WELL = ("sent", "delivered", "read")


class FakeTwilio:
    """Twilio on a loopback port, as strict as it is; see the package for how it is used.

    `keys` are users and their secrets, `senders` and `services` who may write, `templates` the
    words of each ContentSid. `gateway` is where webhooks go, `public_url` what they are signed
    for, `webhook` the path for what people write. `automatic` are the statuses that are told by
    themselves once a message was accepted. `concurrency`: with more calls at a time, 429.
    """

    def __init__(
        self,
        *,
        clock: Any = None,
        gateway: str = "",
        public_url: str = "https://gw.example.com",
        webhook: str = "/whatsapp",
    ) -> None:
        self.clock = clock or HandClock()
        self.gateway, self.public_url, self.webhook = gateway, public_url, webhook
        self.account, self.token, self.url = ACCOUNT, TOKEN, ""
        self.api = "https://api.twilio.com"  # in the addresses of media
        self.keys = {ACCOUNT: TOKEN}
        self.senders = {BUSINESS}
        self.services: dict[str, tuple[str, ...]] = {}
        self.templates: dict[str, str] = {}
        self.opted_out: set[str] = set()
        self.limits_on, self.pair_limit_at_create = True, False
        self.concurrency: int | None = None
        self.retry_after: float | None = 1
        self.automatic: tuple[str, ...] = ()
        self.messages: dict[str, Message] = {}
        self.wrote: dict[tuple[str, str], float] = {}  # when a person last did: (to, from)
        self.typings: list[str] = []
        self.running = self.most_at_once = 0
        self.log, self.faults, self.pairs, self.store = Log(), Faults(), Pairs(), Store()
        self.calls, self.called = self.log.calls, self.log.called
        self.came, self.until = self.log.came, self.log.until
        self.fail, self.answer = self.faults.fail, self.faults.answer
        self.drop, self.hang = self.faults.drop, self.faults.hang
        self._webhooks = Webhooks(self)
        self.post, self.redeliver = self._webhooks.post, self._webhooks.retell
        self._dooms: defaultdict[str, deque[int]] = defaultdict(deque)
        self._chance = Random(0)
        self._numbers = count(1)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._runner: web.AppRunner | None = None

    async def start(self, port: int = 0) -> None:
        app = web.Application()
        app.add_routes(http.routes(self))
        self._runner = web.AppRunner(
            app, handler_cancellation=True, access_log=None, shutdown_timeout=0.01
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port, backlog=1024).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        await self.store.start()
        self._webhooks.start()

    async def stop(self) -> None:
        self.faults.clear()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._webhooks.stop()
        await self.store.stop()
        if self._runner:
            await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def number(self, prefix: str) -> str:
        """A new SID."""
        return f"{prefix}{next(self._numbers):032x}"

    def open_window(self, person: str, business: str = BUSINESS) -> None:
        """Let the person have written just now, without telling the gateway."""
        self.wrote[business, person] = self.clock.now()

    def doom(self, person: str, *codes: int) -> None:
        """Accept the next messages to the person, each to fail later with its code."""
        self._dooms[person].extend(codes)

    def take_doom(self, person: str) -> int | None:
        dooms = self._dooms[person]
        return dooms.popleft() if dooms else None

    def sent(self, person: str) -> list[Message]:
        """All that was accepted for a person, in that order, whatever became of it."""
        return [each for each in self.messages.values() if each.is_outbound and each.to == person]

    def seen(self, person: str) -> list[str]:
        """What the person sees of the business: the bodies, in the order of their acceptance."""
        return [each.body for each in self.sent(person) if not each.is_lost]

    async def inbound(
        self,
        person: str,
        body: str = "",
        *,
        to: str = BUSINESS,
        name: str = "Ana",
        media: Sequence[tuple[str, bytes]] = (),
        duplicates: int = 1,
        **extra: str | None,
    ) -> Delivered:
        """A person writes, with files (their type and content); the gateway is told of it.

        `duplicates`: told so many times, all at once. `extra` are other fields, or others' values;
        None leaves one out.
        """
        message = Message(
            sid=extra.get("MessageSid") or self.number("MM" if media else "SM"),
            account=self.account,
            to=to,
            sender=person,
            body=body,
            direction="inbound",
            created_at=self.clock.now(),
            sent_at=self.clock.now(),
            status="received",
        )
        self.messages[message.sid] = message
        self.open_window(person, to)
        files = [self._file(message, Media(type=type_, content=given)) for type_, given in media]
        message.media = tuple(url for url, _ in files)
        fields = changed(inbound_fields(message, name, files), extra)
        return await self._webhooks.tell(fields, duplicates)

    def _file(self, message: Message, media: Media) -> tuple[str, Media]:
        sid = self.number("ME")
        self.store.add(message.sid, sid, media)
        path = f"/2010-04-01/Accounts/{self.account}/Messages/{message.sid}/Media/{sid}"
        return self.api + path, media

    async def callbacks(
        self, sid: str, *statuses: str, shuffled: bool = False, error: int | None = None
    ) -> list[Answered]:
        """Let these happen to a message of ours, and tell the gateway.

        Without any, its fate does, or all goes well. `shuffled`: they are told in another order.
        `error` is the code of a failure.
        """
        message = self.messages[sid]
        course = list(statuses or (("failed",) if message.fate else WELL))
        told = [(status, self._happen(message, status, error)) for status in course]
        in_order = told.copy()
        while shuffled and told == in_order and len(set(course)) > 1:
            self._chance.shuffle(told)
        if message.callback is None:
            return []
        return [await self._webhooks.report(message, status, code) for status, code in told]

    def _happen(self, message: Message, status: str, error: int | None) -> int | None:
        """Let a status come true; the code that it is told with."""
        message.status = status
        if status in LOST and status != "canceled":
            message.error = error or message.fate or 63010
            return message.error
        if message.sent_at is None and status in WELL:
            message.sent_at = self.clock.now()
        return None

    def accepted(self, message: Message) -> None:
        """Tell of a message by itself, if that is asked for."""
        if self.automatic:
            statuses = () if message.fate else self.automatic
            task = asyncio.ensure_future(self.callbacks(message.sid, *statuses))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def settled(self) -> None:
        """Wait until all that is told by itself was told."""
        while self._tasks:
            await asyncio.gather(*self._tasks)
