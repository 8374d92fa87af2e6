"""The web side, made from top to bottom: the gate, and every dialect's routes behind it."""

from collections.abc import Sequence

from aiohttp import web

from adapters.web.application import application
from adapters.web.chats import Chats
from adapters.web.compat import CompatRoutes
from adapters.web.description.docs import Docs
from adapters.web.door.visitors import VisitorRoutes
from adapters.web.native.config import About, ConfigRoutes
from adapters.web.native.messages import NativeRoutes
from adapters.web.native.outreach import OutreachRoutes
from adapters.web.native.people import PeopleRoutes
from adapters.web.native.sessions import SessionsRoutes
from adapters.web.native.uploads import UploadRoutes
from adapters.web.native.usage import UsageRoutes
from adapters.web.openai.routes import OpenAIRoutes
from adapters.web.plain.chat import ChatRoutes
from adapters.web.plain.histories import HistoryRoutes
from adapters.web.plain.sessions import SessionRoutes
from adapters.web.plain.simple import SimpleRoutes
from adapters.web.routing import Route
from adapters.web.site import Site
from adapters.web.socket.sockets import Sockets
from adapters.web.ui.routes import UiRoutes
from adapters.web.wire import PLATFORM
from core.changes import Changes
from core.conversation import ConversationHandler
from core.database import Database
from core.personas import Personas
from core.ports import Clock
from core.types import Address
from gateway.config import Settings
from gateway.health import Health
from gateway.sign_in import VisitorRegister, gate_of
from gateway.web_settings import OPEN


def web_side(  # noqa: PLR0913 - what it speaks for
    settings: Settings,
    *,
    names: Sequence[str],
    personas: Personas,
    database: Database,
    handler: ConversationHandler,
    changes: Changes,
    health: Health,
    clock: Clock,
    more: Sequence[Route] = (),
) -> web.Application:
    """The application that serves people and programs; `names` are the models'.

    `more` are the routes of other platforms.
    """
    about = About(
        name="Chat",
        model=names[0],
        demo=settings.demo,
        auth=settings.web_auth,
        greeting=_greeting(personas),
    )
    gate = gate_of(settings, database=database, clock=clock)
    chats = Chats(handler=handler, database=database, changes=changes, allowance=gate)
    ui = UiRoutes(chats)
    sockets = Sockets(chats, verify=gate.verify, open_mode=OPEN in settings.web_auth, clock=clock)
    app = application(
        [
            *Site(sockets.connect).routes(),
            *sockets.routes(),
            *ChatRoutes(chats, ui).routes(),
            *ui.routes(),
            *SimpleRoutes(chats).routes(),
            *HistoryRoutes(chats).routes(),
            *SessionRoutes(chats, clock).routes(),
            *ConfigRoutes(about).routes(),
            *VisitorRoutes(gate, VisitorRegister(database, clock)).routes(),
            *NativeRoutes(chats).routes(),
            *SessionsRoutes(chats, clock).routes(),
            *UploadRoutes(chats, clock).routes(),
            *PeopleRoutes(chats, clock).routes(),
            *OutreachRoutes(chats).routes(),
            *UsageRoutes(database, clock).routes(),
            *OpenAIRoutes(chats, tuple(names), clock).routes(),
            *CompatRoutes(chats, clock).routes(),
            *Docs().routes(),
            *health.routes(),
            *more,
        ],
        gate,
    )
    app.on_shutdown.append(sockets.on_shutdown)
    return app


def _greeting(personas: Personas) -> str | None:
    """How the persona begins who answers on the web unless somebody chose another."""
    persona = personas.for_address(Address(platform=PLATFORM, account="", conversation=""))
    return None if persona is None else persona.greeting
