"""For operators: who is known, and telling somebody something unasked."""

import re
from typing import Annotated, Any

import msgspec
from aiohttp import web
from msgspec import Meta

from adapters.web.chats import Chats
from adapters.web.door.principal import Scope, caller, demand
from adapters.web.errors import Refused
from adapters.web.fields import Name, Words
from adapters.web.native.messages import TAG, missing
from adapters.web.native.types import Left, Time
from adapters.web.routing import Access, Query, Reply, Route
from adapters.web.wire import fit, name_in, number, read_object, reply, text_in
from core import people
from core.errors import NotFound
from core.people import Person

PAGE, MOST = 50, 200
Platform = Annotated[str, Meta(pattern=r"^[a-z]{1,32}$")]
ONLY = Query(name="platform", says="Only who is known there, such as `whatsapp`.")
BEFORE = Query(name="before", says="The page after this person's id.")
LIMIT = Query(name="limit", says=f"How many at most; {PAGE} unless said, up to {MOST}.")


class Called(msgspec.Struct, rename="camel"):
    """What a person is called on a platform."""

    platform: str
    account: str
    external_id: str
    name: str | None


class Known(msgspec.Struct, rename="camel"):
    """A person, by all the names that we know."""

    id: str
    name: str | None
    created_at: Time
    identities: list[Called]


class Everybody(msgspec.Struct):
    """A page of people, the newest first. `before` is for the next one; null at the end."""

    people: list[Known]
    before: str | None


class Tell(msgspec.Struct, rename="camel"):
    """A message to a person; the same `messageId` again is the same message.

    Without a `platform` it goes where they last wrote.
    """

    text: Words
    message_id: Name | None = None
    platform: Platform | None = None


class OutreachRoutes:
    """Behind the administrator's token alone."""

    def __init__(self, chats: Chats) -> None:
        self._handler = chats.handler
        self._database = chats.database

    def routes(self) -> list[Route]:
        """What to add to the application."""
        return [
            Route(
                method="GET",
                path="/api/v1/people",
                handler=self.listing,
                says="Who is known, the newest first (administrators).",
                tag=TAG,
                access=Access.SIGNED_IN,
                replies={200: Reply(says="A page.", body={"application/json": Everybody})},
                query=(ONLY, BEFORE, LIMIT),
            ),
            Route(
                method="POST",
                path="/api/v1/people/{person}/messages",
                handler=self.tell,
                says="Tell somebody something unasked (administrators): it goes out as answers do,"
                " in its place among them, and on WhatsApp no sooner than they may be written to.",
                tag=TAG,
                access=Access.SIGNED_IN,
                body=Tell,
                replies={
                    202: Reply(says="It will go out.", body={"application/json": Left}),
                    409: Reply(
                        says="They never wrote to us alone, or not there; or `messageId` stands for"
                        " other words."
                    ),
                },
            ),
        ]

    async def listing(self, request: web.Request) -> web.Response:
        """A page of people, and where the next one begins."""
        demand(caller(request), Scope.ADMIN)
        platform, (before, limit) = _platform(request), _page(request)
        found = await self._database.read(
            people.listed, platform=platform, before=before, limit=limit + 1
        )
        more = str(found[limit - 1].id) if len(found) > limit else None
        return reply(Everybody([_known(each) for each in found[:limit]], more))

    async def tell(self, request: web.Request) -> web.Response:
        """`{text, messageId?, platform?}` → 202: it is stored, and goes out in its turn."""
        demand(caller(request), Scope.ADMIN)
        person_id = number(request.match_info["person"], missing("person"))
        body: dict[str, Any] = await read_object(request)
        text, name, wish = text_in(body, "text"), name_in(body, "messageId"), fit(body, Tell)
        try:
            await self._database.read(people.find, person_id)
        except NotFound:
            raise missing("person") from None
        try:
            reach = await self._database.read(people.reach, person_id, wish.platform)
        except NotFound:
            raise _unreachable() from None
        receipt = await self._handler.accept(people.telling(person_id, reach, text, name=name))
        if receipt.duplicate:
            told = await self._database.read(people.told, receipt.message_id)
            if told != text:
                raise _used()
        run = None if receipt.turn_id is None else str(receipt.turn_id)
        return reply(Left(name, reach.address.conversation, run), status=202)


def _known(person: Person) -> Known:
    names = [
        Called(each.platform, each.account, each.external_id, each.name)
        for each in person.identities
    ]
    return Known(str(person.id), person.name, person.created_at, names)


def _platform(request: web.Request) -> str | None:
    platform = request.query.get("platform")
    if platform is not None and not re.fullmatch(r"[a-z]{1,32}", platform):
        raise Refused(400, "invalid_request", "platform must be a name such as whatsapp.")
    return platform


def _used() -> Refused:
    says = "That messageId stands for another message to them; send this one with an id of its own."
    return Refused(409, "message_id_used", says)


def _page(request: web.Request) -> tuple[int | None, int]:
    wrong = Refused(
        400, "invalid_request", f"before and limit must be whole numbers: an id, and up to {MOST}."
    )
    before, limit = request.query.get("before"), request.query.get("limit", str(PAGE))
    start = None if before is None else number(before, wrong)
    return start, max(1, min(number(limit, wrong), MOST))


def _unreachable() -> Refused:
    says = "They can't be written to: they never wrote to us alone, or not on that platform."
    return Refused(409, "unreachable", says)
