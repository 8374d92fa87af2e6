"""Twilio's REST API for one account, with errors named by what to do next.

Nothing is tried again in here: a message has no key that would make sending it twice harmless.
"""

import asyncio
import json
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import aiohttp
from twilio.base.exceptions import TwilioException  # type: ignore[import-untyped]
from twilio.rest import Client  # type: ignore[import-untyped]

from adapters.whatsapp.http import Http, InDoubt, NotSent, Refused, Throttled, Timeouts
from core.facts import PlatformCalled
from core.ports import Clock, Observer

__all__ = ["InDoubt", "Message", "NotSent", "Refused", "Sent", "Throttled", "Timeouts", "Twilio"]

AT_ONCE = 20  # calls for an account; Twilio answers too many with 429
PAGE, PAGES = 50, 5  # how far back `recent` looks: messages of a page, pages
TYPING_TIMEOUT = 2.0  # seconds
TYPING_REFUSALS, TYPING_PAUSE = 3, 600.0  # so many in a row, and so many seconds without

# What the package raises over a 2xx that is not as Twilio's.
_GARBAGE = (ValueError, TypeError, AttributeError, LookupError, RecursionError)
_UNREADABLE = (TwilioException, *_GARBAGE)
_NO_ENVIRONMENT = {"": ""}  # an empty one is taken for none, and TWILIO_REGION moves our requests

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """Twilio took a message; whether it arrives, its callbacks tell. `status`: as yet."""

    sid: str
    status: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """A message as Twilio knows it. `created_at` is in whole seconds since 1970, UTC."""

    sid: str
    body: str
    status: str
    created_at: float
    to: str
    sender: str
    error_code: int | None


class Twilio:
    """One account's messages. Call `warm` before the first request is answered.

    A `sender` is an address (`whatsapp:+…`) or a Messaging Service (`MG…`). `username` is the
    account's SID or an API key's. At most 20 calls run at a time, the others wait.
    """

    def __init__(  # noqa: PLR0913 - where to ask, as whom, and how long
        self,
        *,
        session: aiohttp.ClientSession,
        account: str,
        username: str,
        password: str,
        api_url: str | None,
        clock: Clock,
        observe: Observer,
        timeouts: Timeouts | None = None,
        typing_timeout: float = TYPING_TIMEOUT,
    ) -> None:
        def client(limits: Timeouts) -> Client:
            http = Http(session, api_url=api_url, timeouts=limits)
            return Client(
                username, password, account, http_client=http, environment=_NO_ENVIRONMENT
            )

        self._client = client(timeouts or Timeouts())
        self._hasty = client(Timeouts(total=typing_timeout))
        self._clock = clock
        self._observe = observe
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._typing_refusals = 0
        self._typing_from = -math.inf

    def warm(self) -> None:
        """Import what the package imports at first use: it blocks for 30 ms or more."""
        _ = self._client.messages, self._hasty.messaging.v2.typing_indicator

    async def send(  # noqa: PLR0913 - what Twilio takes
        self,
        *,
        to: str,
        sender: str,
        service: str | None = None,
        body: str | None = None,
        content_sid: str | None = None,
        content_variables: Mapping[str, str] | None = None,
        status_callback: str | None = None,
    ) -> Sent:
        """Send words, or a template (`content_sid`) with its variables.

        With a `service` and a `sender`, the message comes from that one of its senders.

        Raises `Throttled`, `NotSent`, `InDoubt` or `Refused`. That the 24 hours are over is not
        told here, but to `status_callback`.
        """
        variables = None if content_variables is None else json.dumps(dict(content_variables))
        fields = {
            "to": to,
            "messaging_service_sid": service,
            "messaging_service_sid" if _is_service(sender) else "from_": sender,
            "body": body,
            "content_sid": content_sid,
            "content_variables": variables,
            "status_callback": status_callback,
        }
        given = {name: value for name, value in fields.items() if value is not None}

        async def create() -> Sent:
            made = await self._client.messages.create_async(**given)
            return Sent(sid=_text(made.sid), status=_text(made.status))

        return await self._call("messages.create", create)

    async def recent(self, *, to: str, sender: str, since: float | datetime) -> list[Message]:
        """What was sent to somebody since then, the newest first: of the last 250 messages.

        `since` is in seconds since 1970, or a datetime with its zone; Twilio's clock counts, and
        in whole seconds. Raises as `send` does.
        """
        # DateSent is no filter for this: what is still in the queue was not sent at any time.
        asked = {"to": to} if _is_service(sender) else {"to": to, "from_": sender}
        from_ = math.floor(since.timestamp() if isinstance(since, datetime) else since)
        found: list[Message] = []
        page: Any = None
        for _ in range(PAGES):
            page, messages = await self._call("messages.list", _page(self._client, asked, page))
            found += [each for each, service in messages if sender in {each.sender, service}]
            is_past = all(each.created_at < from_ for each, _ in messages)
            if is_past or page.next_page_url is None:
                break
        found = [each for each in found if each.created_at >= from_]
        return sorted(found, key=lambda each: each.created_at, reverse=True)

    async def typing(self, sid: str) -> None:
        """Show that we type, and that we read the message `sid` of theirs; best effort.

        Three refusals in a row and it is not tried for ten minutes. Never raises.
        """
        if self._clock.monotonic() < self._typing_from or self._slots.locked():
            return

        async def show() -> None:
            indicator = self._hasty.messaging.v2.typing_indicator
            await indicator.create_async(channel="whatsapp", message_id=sid)

        try:
            await self._call("typing", show)
        except (Refused, Throttled):
            self._count_refusal()
        except (NotSent, InDoubt):
            return
        else:
            self._typing_refusals = 0

    def _count_refusal(self) -> None:
        self._typing_refusals += 1
        if self._typing_refusals >= TYPING_REFUSALS:
            self._typing_refusals = 0
            self._typing_from = self._clock.monotonic() + TYPING_PAUSE

    async def _call(self, method: str, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask when there is room, and tell of it."""
        async with self._slots:
            begun, outcome = self._clock.monotonic(), "cancelled"
            try:
                answer = await ask()
                outcome = "ok"
            except (Throttled, NotSent, InDoubt, Refused) as raised:
                outcome = _word(raised)
                raise
            except _UNREADABLE as error:
                outcome = InDoubt.__name__.lower()
                raise InDoubt(type(error).__name__) from None  # its own words quote the answer
            finally:
                self._tell(method, outcome, begun)
            return answer

    def _tell(self, method: str, outcome: str, begun: float) -> None:
        self._observe(
            PlatformCalled(
                platform="whatsapp",
                method=method,
                outcome=outcome,
                seconds=self._clock.monotonic() - begun,
            )
        )


def _page(
    client: Client, asked: Mapping[str, str], before: Any
) -> Callable[[], Awaitable[tuple[Any, list[tuple[Message, str | None]]]]]:
    """The page after `before` or the first one, its messages, and each one's service."""

    async def read() -> tuple[Any, list[tuple[Message, str | None]]]:
        if before is None:
            page = await client.messages.page_async(**asked, page_size=PAGE)
        else:
            page = await before.next_page_async()
        return page, [(_message(each), each.messaging_service_sid) for each in page]

    return read


def _message(found: Any) -> Message:
    code = found.error_code
    return Message(
        sid=_text(found.sid),
        body=found.body or "",
        status=_text(found.status),
        created_at=found.date_created.timestamp(),
        to=_text(found.to),
        sender=found.from_ or "",  # a service has not chosen yet
        error_code=code if isinstance(code, int) else None,
    )


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError("no text where there has to be one")
    return value


def _is_service(sender: str) -> bool:
    return sender.startswith("MG")


def _word(raised: Throttled | NotSent | InDoubt | Refused) -> str:
    if isinstance(raised, Refused):
        return str(raised.code or raised.status)
    return type(raised).__name__.lower()
