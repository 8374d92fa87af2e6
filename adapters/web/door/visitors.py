"""`/api/v1/visitor`, `/api/v1/identify`: people on a page, until it knows who they are."""

from typing import Annotated, NoReturn, Protocol

import msgspec
from aiohttp import web

from adapters.web.door.guard import Gate
from adapters.web.door.passes import Pass, Passes
from adapters.web.door.peers import address
from adapters.web.door.principal import Kind, caller
from adapters.web.door.sign_in import bearer
from adapters.web.door.users import Users
from adapters.web.door.verdicts import invalid, missing
from adapters.web.errors import Refused
from adapters.web.routing import Access, Reply, Route
from adapters.web.wire import fit, read_object, reply
from core.errors import NotFound

TAG = "native"


class Visitor(msgspec.Struct, rename="camel"):
    """A token for `Authorization: Bearer`, for this site's pages alone.

    `expiresAt` is in milliseconds since 1970. Until 30 days after it was made it can be renewed.
    """

    token: str
    expires_at: int


class Identify(msgspec.Struct):
    """The user's token, which the site's own server signed."""

    token: Annotated[str, msgspec.Meta(min_length=1)]


class Identified(msgspec.Struct, rename="camel"):
    """The token to go on with, and the conversations' new names by their old ones.

    `expiresAt` is in milliseconds since 1970.
    """

    token: str
    expires_at: int
    sessions: dict[str, str]


class Handover(Protocol):
    """Where conversations change hands."""

    async def identify(self, visitor: str, *, account: str, to: str) -> dict[str, str]:
        """Hand all of `account` over to the account `to`; their new names by the old.

        The visitor's tokens count no more. Raises `NotFound` when that was so before.
        """
        ...


class VisitorRoutes:
    """The routes for visitors; where there are none, they say so."""

    def __init__(self, gate: Gate, handover: Handover) -> None:
        self._gate = gate
        self._handover = handover

    def routes(self) -> list[Route]:
        """What to add to the application."""
        visitor = {
            200: Reply(says="The visitor's token.", body={"application/json": Visitor}),
            401: Reply(says="There is no token to renew, or it can't be."),
            404: Reply(says="`WEB_AUTH` does not name `visitor`."),
            429: Reply(says="Too many new visitors from there."),
        }
        return [
            Route(
                method="POST",
                path="/api/v1/visitor",
                handler=self.mint,
                says="Become a visitor: somebody new on a page of the sites in WEB_ORIGINS.",
                tag=TAG,
                access=Access.ANYBODY,
                replies=visitor,
            ),
            Route(
                method="POST",
                path="/api/v1/visitor/refresh",
                handler=self.refresh,
                says="Renew the visitor's token in Authorization, which ends a minute later.",
                tag=TAG,
                access=Access.ANYBODY,  # the token may have expired
                replies=visitor,
            ),
            Route(
                method="POST",
                path="/api/v1/identify",
                handler=self.identify,
                says="Say which user the visitor in Authorization is, and take all along.",
                tag=TAG,
                access=Access.SIGNED_IN,
                body=Identify,
                replies={
                    200: Reply(says="What to go on with.", body={"application/json": Identified}),
                    404: Reply(says="`WEB_AUTH` does not name both `visitor` and `jwt`."),
                },
            ),
        ]

    async def mint(self, request: web.Request) -> web.Response:
        """A token for somebody new."""
        passes = self._passes()
        origin = request.headers.get("Origin")
        if origin is None:
            raise Refused(
                403,
                "no_origin",
                "Visitors' tokens are for pages: a request needs the header Origin, as browsers"
                " send it.",
            )
        self._gate.limits.visitor(address(request))
        return _shown(passes.mint(origin))

    async def refresh(self, request: web.Request) -> web.Response:
        """A new token for the same visitor."""
        passes, ip = self._passes(), address(request)
        self._gate.limits.request(ip)
        token = bearer(request.headers.get("Authorization", ""))
        if not token:
            raise missing()
        try:
            return _shown(await passes.renew(token, origin=request.headers.get("Origin")))
        except Refused:
            self._gate.limits.failure(ip)
            raise

    async def identify(self, request: web.Request) -> web.Response:
        """The visitor's conversations are the user's from now on, under new names."""
        visitor = caller(request)
        if visitor.kind is not Kind.VISITOR:
            raise Refused(
                403, "not_a_visitor", "Send the visitor's token in Authorization, not another."
            )
        token = fit(await read_object(request), Identify).token
        user = await self._users().verify(token)
        try:
            sessions = await self._handover.identify(
                visitor.name, account=visitor.account, to=user.account
            )
        except NotFound as error:
            raise invalid() from error
        ends = round((user.expires_at or 0) * 1000)
        return reply(Identified(token=token, expires_at=ends, sessions=sessions))

    def _passes(self) -> Passes:
        return self._gate.sign_in.passes or _off("visitor")

    def _users(self) -> Users:
        return self._gate.sign_in.users or _off("jwt")


def _off(mode: str) -> NoReturn:
    raise Refused(
        404,
        "mode_off",
        f"This server does not sign in so; its operator can add {mode} to WEB_AUTH.",
    )


def _shown(found: Pass) -> web.Response:
    return reply(Visitor(token=found.token, expires_at=round(found.expires_at * 1000)))
