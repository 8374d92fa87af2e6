"""`/api/v1/uploads`: files, which are sent ahead of the message that they come with."""

import asyncio

from aiohttp import web

from adapters.web.chats import Chats
from adapters.web.door.limits import network
from adapters.web.door.peers import address
from adapters.web.door.principal import Kind, Principal, Scope, caller, demand
from adapters.web.door.verdicts import invalid
from adapters.web.errors import Refused
from adapters.web.native import file_types, form
from adapters.web.native.intake import Intake, size
from adapters.web.native.messages import TAG, missing
from adapters.web.native.outtake import Outtake, send
from adapters.web.routing import Query, Reply, Route
from adapters.web.wire import PLATFORM, name_of, new_name, reply
from core import files, kinds, visitors
from core.errors import NotFound
from core.files import Fault, Upload
from core.ports import Clock

UPLOADS = "/api/v1/uploads"
FORM = "multipart/form-data"
NAME = Query(name="name", says="What the file is called, if its bytes are all of the body.")
CALLED = Query(name="Content-Disposition", says="The same, as its `filename`.", place="header")
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "private, max-age=86400, immutable",
    "Vary": "Authorization",  # on one machine several people may use one browser
}


class UploadRoutes:
    """Files of one caller: nobody else's is ever in reach."""

    def __init__(self, chats: Chats, clock: Clock) -> None:
        self._chats = chats
        self._database = chats.database
        self._clock = clock
        self._intake, self._outtake = Intake(), Outtake()

    def routes(self) -> list[Route]:
        """What to add to the application."""
        content = dict.fromkeys(sorted(kinds.SHOWN), file_types.Bytes)
        return [
            Route(
                method="POST",
                path=UPLOADS,
                handler=self.upload,
                says=f"Upload a file for a message: {kinds.READABLE}. It waits for a day.",
                tag=TAG,
                body={FORM: file_types.Form, "application/octet-stream": file_types.Bytes},
                replies={
                    201: Reply(says="It is here.", body={"application/json": file_types.Uploaded}),
                    413: Reply(says="It is larger than a file of its kind may be."),
                    415: Reply(says=f"It is none of {kinds.READABLE}."),
                },
                query=(NAME, CALLED),
            ),
            Route(
                method="GET",
                path=f"{UPLOADS}/{{upload}}",
                handler=self.read,
                says="Read a file, also when its message was sent.",
                tag=TAG,
                replies={
                    200: Reply(
                        says="Its bytes.",
                        body=content,
                        headers={"Content-Disposition": "What it is called."},
                    )
                },
            ),
            Route(
                method="DELETE",
                path=f"{UPLOADS}/{{upload}}",
                handler=self.discard,
                says="Delete a file that was not sent.",
                tag=TAG,
                replies={204: Reply(says="It is gone.")},
            ),
        ]

    async def upload(self, request: web.Request) -> web.Response:
        """A form with one part `file`, or the bytes alone → 201 with what it is."""
        principal = caller(request)
        demand(principal, Scope.CHAT)
        self._chats.count(principal, address(request))
        async with self._intake.receive(request, _who(principal, request)) as body:
            # Megabytes, for which nobody else should have to wait.
            found = await asyncio.to_thread(_upload, body, **_said(request))
            key = await self._keep(principal, found)
        return reply(
            file_types.Uploaded(key, found.name, found.type, len(found.content)), status=201
        )

    async def read(self, request: web.Request) -> web.Response:
        """A file's bytes, which a browser shows as an image or not at all."""
        principal = caller(request)
        demand(principal, Scope.HISTORY)
        key = name_of(request, "upload")
        async with self._outtake.hold(_who(principal, request)):
            try:
                found = await self._database.read(files.read, PLATFORM, principal.account, key)
            except NotFound:
                raise missing("file") from None
            response = _response(found)
            await send(request, response)
        return response

    async def discard(self, request: web.Request) -> web.Response:
        """Delete a file that waits for its message; one that was sent goes with that."""
        principal = caller(request)
        demand(principal, Scope.CHAT)
        key = name_of(request, "upload")
        account = principal.account
        if not await self._database.write(files.discard, PLATFORM, account, key):
            raise Refused(404, "not_found", "There is no such file that was not sent yet.")
        return web.Response(status=204)

    async def _keep(self, principal: Principal, upload: Upload) -> str:
        """Store it, and return its id. Raises `RateLimited`, and `Refused` (401)."""
        if principal.kind is Kind.VISITOR:
            standing = await self._database.read(visitors.standing, principal.name)
            if standing.retired:  # since it began to send
                raise invalid()
        key, now = new_name(), int(self._clock.now() * 1000)
        account = principal.account
        await self._database.write(files.keep, PLATFORM, account, key, upload, now=now)
        return key


def _who(principal: Principal, request: web.Request) -> str:
    """Whom to count a body for: who need not sign in is known by their address."""
    if principal.kind in {Kind.PUBLIC, Kind.VISITOR}:
        return network(address(request))
    return principal.account


def _response(found: Upload) -> web.Response:
    kind = "inline" if found.type in kinds.IMAGES else "attachment"
    return web.Response(
        body=found.content,
        content_type=found.type,
        charset="utf-8" if found.type == kinds.TEXT else None,
        headers={**HEADERS, "Content-Disposition": form.disposition(kind, found.name)},
    )


def _said(request: web.Request) -> dict[str, str]:
    """What a request's head says of the file."""
    headers = request.headers
    return {
        "content_type": headers.get("Content-Type", ""),
        "name": request.query.get("name") or form.filename(headers.get("Content-Disposition", "")),
    }


def _upload(body: bytearray, *, content_type: str, name: str) -> Upload:
    """The file in a body. Raises `Refused` (400, 413, 415)."""
    if content_type.partition(";")[0].strip().lower() == FORM:
        named, content = form.file_in(body, content_type)
        name = named or name
    else:
        content = bytes(body)
    kind = _kind(content)
    return Upload(name=form.tidy(name), type=kind, content=kinds.normal(kind, content))


def _kind(content: bytes) -> str:
    """What a file is. Raises `Refused` (400, 413, 415)."""
    match files.kind(content):
        case Fault.EMPTY:
            raise Refused(400, "invalid_request", "The file is empty.", param=form.FIELD)
        case Fault.SIZE:
            kind = kinds.kind_of(content) or ""
            most = f"of the type {kind}, {size(kinds.most(kind))} is the most"
            raise Refused(413, "too_large", f"The file is too large: {most}.", param=form.FIELD)
        case Fault():
            message = f"This is no file that can be read here; send {kinds.READABLE}."
            raise Refused(415, "unsupported_media_type", message, param=form.FIELD)
        case kind:
            return kind
