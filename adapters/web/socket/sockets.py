"""The WebSocket at `/ws` and `/`: for as long as a client likes, any number of conversations."""

import asyncio
import re

from aiohttp import web

from adapters.web.chats import Chats
from adapters.web.door.sign_in import bearer
from adapters.web.errors import Refused
from adapters.web.routing import Access, Route
from adapters.web.socket.credentials import Credentials, Verify
from adapters.web.socket.outbox import CLOSING, Outbox
from adapters.web.socket.peer import Peer
from adapters.web.sse import bound
from adapters.web.wire import BODY_LIMIT
from core.ports import Clock

HEARTBEAT = 20.0  # seconds; proxies cut what is silent for 55 to 100
HARD_LIMIT = 2 * BODY_LIMIT  # bytes; what is larger than a frame may be, but not this, is told so
RESTART = 1012
BROKEN = frozenset({None, 1006})
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class Sockets:
    """The sockets that are open. With `open_mode`, nobody has to sign in."""

    def __init__(self, chats: Chats, *, verify: Verify, open_mode: bool, clock: Clock) -> None:
        self._chats = chats
        self._verify = verify
        self._open_mode = open_mode
        self._clock = clock
        self._peers: set[Peer] = set()

    def __len__(self) -> int:
        return len(self._peers)

    def routes(self) -> list[Route]:
        """What to add to the application."""
        return [
            Route(
                method="GET",
                path="/ws",
                handler=self.connect,
                says="Open a WebSocket.",
                tag="socket",
                access=Access.ANYBODY,  # a browser can send no header: it signs in with a frame
                hidden=True,
            )
        ]

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """Open a socket, and stay until it closes. Raises `Refused` before it is open."""
        if not wants_socket(request):
            raise Refused(
                426, "upgrade_required", "This is a WebSocket.", headers={"Upgrade": "websocket"}
            )
        credentials = Credentials(
            request, verify=self._verify, anybody=self._open_mode, clock=self._clock
        )
        if "Authorization" in request.headers:
            await credentials.caller(bearer(request.headers["Authorization"]))
        ws = await _opened(request)
        peer = Peer(
            ws,
            outbox=Outbox(ws, request.transport),
            chats=self._chats,
            credentials=credentials,
            clock=self._clock,
        )
        self._peers.add(peer)
        try:
            await peer.talk()
        finally:
            self._peers.discard(peer)
            if ws.close_code in BROKEN:
                peer.outbox.cut_off()
        return ws

    async def on_shutdown(self, _: web.Application) -> None:
        """Tell every client to come again."""
        goodbyes = [
            peer.outbox.close(RESTART, "The server restarts; come again.") for peer in self._peers
        ]
        await asyncio.gather(*goodbyes)


def wants_socket(request: web.Request) -> bool:
    """Whether a request asks for a WebSocket in place of what is at its address."""
    asked = request.headers.get("Upgrade", "").strip().lower()
    return request.method == "GET" and asked == "websocket"


async def _opened(request: web.Request) -> web.WebSocketResponse:
    ws = web.WebSocketResponse(
        timeout=CLOSING,
        heartbeat=HEARTBEAT,
        max_msg_size=HARD_LIMIT,
        compress=False,  # it would hold a window of memory for each socket
        protocols=_offered(request),
        decode_text=False,
    )
    try:
        await ws.prepare(request)
    except (web.HTTPBadRequest, ValueError) as error:
        raise _bad_handshake() from error
    bound(request.transport)
    return ws


def _offered(request: web.Request) -> tuple[str, ...]:
    """The first protocol that the client would speak: without it, browsers hang up."""
    offered = request.headers.get("Sec-WebSocket-Protocol")
    if offered is None:
        return ()
    first = offered.partition(",")[0].strip()
    if not TOKEN.fullmatch(first):
        raise _bad_handshake()
    return (first,)


def _bad_handshake() -> Refused:
    return Refused(400, "invalid_handshake", "The headers are not those that open a WebSocket.")
