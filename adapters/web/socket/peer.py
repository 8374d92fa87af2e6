"""One socket: its frames are read one by one, and what they ask for is done."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from adapters.web.chats import Chats
from adapters.web.dialects.frames import fault
from adapters.web.door.sign_in import bearer
from adapters.web.errors import Refused, refusal
from adapters.web.socket.credentials import Credentials
from adapters.web.socket.ours import Ours
from adapters.web.socket.outbox import Outbox
from adapters.web.socket.streams import Streams
from adapters.web.socket.theirs import Theirs
from adapters.web.sse import ReaderLeft
from adapters.web.wire import BODY_LIMIT
from core.errors import NotFound, Transient
from core.ports import Clock

STRANGER = 10.0  # seconds in which somebody has to sign in
UNAUTHORIZED = 4401  # closes the socket of who did not
NAMED = ("auth", "cancel", "chat", "ping", "resume")
REQUESTED = ("abort", "resume", "send")
LONGEST = 128  # characters of a requestId: it comes back with every chunk
PONG = b'{"type":"pong"}'
WELCOME = b'{"type":"authenticated"}'


class Peer:
    """Talks with one client until one of the two has left."""

    def __init__(
        self,
        ws: web.WebSocketResponse,
        *,
        outbox: Outbox,
        chats: Chats,
        credentials: Credentials,
        clock: Clock,
    ) -> None:
        self._ws = ws
        self._chats = chats
        self._credentials = credentials
        self._clock = clock
        self.outbox = outbox

    async def talk(self) -> None:
        """Read and obey to the socket's end. Answers that are under way then go on without it."""
        async with asyncio.TaskGroup() as group:
            streams = Streams(group)
            stranger = group.create_task(self._expect_credentials())
            try:
                with suppress(ReaderLeft):
                    await self._listen(streams)
            finally:
                stranger.cancel()
                streams.cancel()

    async def _listen(self, streams: Streams) -> None:
        chats, ip = self._chats, self._credentials.ip
        ours = Ours(chats, outbox=self.outbox, streams=streams, ip=ip)
        theirs = Theirs(chats, outbox=self.outbox, streams=streams, clock=self._clock, ip=ip)
        async for data in self._messages():
            frame: dict[str, Any] = {}
            try:
                frame = _read(data)
                _check(frame)
                await self._obey(frame, ours, theirs)
            except (Refused, NotFound, Transient) as error:
                await self.outbox.send(_fault(refusal(error), frame))

    async def _messages(self) -> AsyncIterator[bytes | None]:
        """What comes, as bytes; None for what is no text."""
        async for message in self._ws:
            if message.type is WSMsgType.TEXT:
                yield message.data
            elif message.type is WSMsgType.BINARY:
                yield None

    async def _obey(self, frame: dict[str, Any], ours: Ours, theirs: Theirs) -> None:
        match frame["type"]:
            case "ping":
                await self.outbox.send(PONG)
            case "abort":
                await theirs.abort(frame["requestId"])
            case "auth":
                await self._credentials.caller(_token(frame))
                await self.outbox.send(WELCOME)
            case _:
                principal = await self._credentials.caller(_token(frame))
                await (theirs if "requestId" in frame else ours).obey(principal, frame)

    async def _expect_credentials(self) -> None:
        if self._credentials.known:
            return
        await self._clock.sleep(STRANGER)
        if not self._credentials.known:
            await self.outbox.close(UNAUTHORIZED, "No token was sent in time.")


def _read(data: bytes | None) -> dict[str, Any]:
    """A frame as an object. Raises `Refused`."""
    if data is None:
        raise _wrong("A frame is text: JSON, not binary.")
    if len(data) > BODY_LIMIT:
        message = f"A frame holds {BODY_LIMIT // 1024} KiB at most."
        raise Refused(413, "too_large", message)
    try:
        frame = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(400, "invalid_json", "A frame is JSON; this one is not.") from error
    if not isinstance(frame, dict):
        raise _wrong('A frame is an object: {"type": "chat", …}.')
    return frame


def _check(frame: dict[str, Any]) -> None:
    """Raise `Refused` for a frame of a type that is not known."""
    request = frame.get("requestId")
    if "requestId" in frame and not (isinstance(request, str) and 0 < len(request) <= LONGEST):
        del frame["requestId"]
        raise _wrong(f"requestId must be a string of 1 to {LONGEST} characters.")
    known = NAMED if request is None else REQUESTED
    if frame.get("type") not in known:
        names = ", ".join(known)
        which = "without" if request is None else "with"
        raise _wrong(f"The type of a frame {which} a requestId must be one of: {names}.")


def _token(frame: dict[str, Any]) -> str:
    """The token that a frame brings, empty if none. Raises `Refused`."""
    token, headers = frame.get("token"), frame.get("headers")
    if isinstance(headers, dict):
        sent = [value for name, value in headers.items() if name.lower() == "authorization"]
        if sent and not token:
            token = bearer(str(sent[0]))
    if token is not None and not isinstance(token, str):
        raise _wrong("token must be a string.")
    return token or ""


def _fault(refused: Refused, frame: dict[str, Any]) -> bytes:
    """The refusal of a frame, with what it named, so that the client knows which it was."""
    named = {key: frame.get(key) for key in ("sessionId", "messageId", "requestId")}
    session, message, request = (v if isinstance(v, str) else None for v in named.values())
    return fault(refused, session=session, message=message, request=request)


def _wrong(message: str) -> Refused:
    return Refused(400, "invalid_request", message)
