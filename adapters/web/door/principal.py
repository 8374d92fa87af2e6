"""Who calls: what a request's credentials prove, and what that allows."""

from dataclasses import dataclass, field, replace
from enum import StrEnum

from aiohttp import web

from adapters.web.errors import Refused


class Kind(StrEnum):
    """What stands behind a request."""

    PUBLIC = "public"  # nobody in particular: there is no sign-in, on loopback only
    VISITOR = "visitor"  # an anonymous person on a page, by a token of this gateway
    USER = "user"  # a person whom the integrator's token names
    SERVICE = "service"  # a program with an API key


class Scope(StrEnum):
    """What a caller may do."""

    CHAT = "chat"
    HISTORY = "history"
    ADMIN = "admin"  # see what belongs to others


PEOPLE = frozenset({Scope.CHAT, Scope.HISTORY})


@dataclass(frozen=True, kw_only=True, slots=True)
class Principal:
    """A caller. `name` is unique within its kind; `expires_at` is in seconds since 1970.

    `language` is what their browser asks for, as a BCP 47 tag.
    """

    kind: Kind
    name: str = ""
    scopes: frozenset[Scope] = PEOPLE
    expires_at: float | None = None
    language: str | None = field(default=None, compare=False)

    @property
    def account(self) -> str:
        """The namespace of the caller's conversations: `core.types.Address.account`."""
        return f"{self.kind}:{self.name}" if self.name else str(self.kind)

    @property
    def trusted(self) -> bool:
        """Whether it may tell the model how to behave: a server, or this machine's own user."""
        return self.kind in {Kind.PUBLIC, Kind.SERVICE}


PUBLIC = Principal(kind=Kind.PUBLIC)
_CALLER: web.RequestKey[Principal] = web.RequestKey("caller", Principal)


def present(request: web.Request, principal: Principal) -> None:
    """Say who makes this request."""
    request[_CALLER] = speaking(principal, request)


def speaking(principal: Principal, request: web.Request) -> Principal:
    """The caller, with the language that a request asks for first of all, if it does."""
    asked = request.headers.get("Accept-Language", "").partition(",")[0].partition(";")[0].strip()
    return replace(principal, language=asked) if asked and asked != "*" else principal


def caller(request: web.Request) -> Principal:
    """Who makes this request; it was found out before its handler was called."""
    return request[_CALLER]


def demand(principal: Principal, scope: Scope) -> None:
    """Raise `Refused` (403) unless the caller's token allows it."""
    if scope not in principal.scopes:
        raise Refused(
            403, "forbidden", f"This token does not allow that: it lacks the scope {scope}."
        )
