"""Everything is made here, once, from top to bottom; and started, and stopped."""

import asyncio
import errno
import gc
import os
import random
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from adapters.claude import Claude
from adapters.demo import NAME as DEMO
from adapters.demo import Demo
from adapters.web.sse import STREAMS
from core import rates
from core.answering import Answerer
from core.bus import LocalBus
from core.changes import Changes
from core.clock import SystemClock
from core.conversation import ConversationHandler
from core.database import Database, open_database
from core.delivery import Courier
from core.errors import Misconfigured
from core.live import Live
from core.models import Models
from core.obeying import Obeyer
from core.ports import Adapter, Clock, Observer
from core.replica import Lease, Pulse, Replica
from gateway import schema
from gateway.answers import answers_of, models_of
from gateway.chores import Chores
from gateway.config import Settings
from gateway.health import Health
from gateway.persona_files import load
from gateway.sides import Side, sides
from gateway.telemetry import Telemetry
from gateway.web import web_side

PULSE = Pulse()
GARBAGE = 5000  # new objects between two looks for garbage; a turn leaves hardly any in cycles
CLOSING = 1.0  # seconds that open streams have to end once no turn runs any more


@dataclass(frozen=True, kw_only=True)
class Gateway:
    """The parts that are started, stopped and looked at from outside."""

    settings: Settings
    database: Database
    claude: Claude | None
    models: Models
    handler: ConversationHandler
    replica: Replica
    obeyer: Obeyer
    chores: Chores
    telemetry: Telemetry
    sides: Mapping[str, Side]
    web: web.AppRunner


def build(settings: Settings) -> Gateway:
    """Make the gateway. Raises `Misconfigured`; nothing runs yet."""
    clock, telemetry, live = SystemClock(), Telemetry(), Live()
    claude = _claude(settings)
    names = (DEMO,) if claude is None else settings.models
    personas = load(settings.personas_dir, default=settings.persona)
    models = models_of(
        settings,
        claude or Demo(),
        names,
        personas=personas,
        clock=clock,
        observe=telemetry.observe,
    )
    database = open_database(settings.database_url)
    on = sides(settings, database=database, clock=clock, observe=telemetry.observe)
    adapters = {name: side.adapter for name, side in on.items()}
    answers = answers_of(
        settings,
        names,
        database=database,
        claude=claude,
        models=models,
        fetchers=on,
        personas=personas,
        clock=clock,
        observe=telemetry.observe,
    )
    handler, replica = _engine(
        settings, database, answers.answerer, adapters, live, clock, telemetry.observe
    )
    changes = Changes(database=database, handler=handler, clock=clock, replica=replica.name)
    health = Health(
        database=database,
        models=models,
        handler=handler,
        metrics=telemetry.render,
        platforms={name: side.hears for name, side in on.items()},
    )
    app = web_side(
        settings,
        names=names,
        personas=personas,
        database=database,
        handler=handler,
        changes=changes,
        health=health,
        clock=clock,
        more=[route for side in on.values() for route in side.hear(handler, changes)],
    )
    telemetry.watch(
        turns_running=lambda: len(live),
        turns_waiting=lambda: handler.waiting,
        open_streams=lambda: len(app[STREAMS]),
    )
    return Gateway(
        settings=settings,
        database=database,
        claude=claude,
        models=models,
        handler=handler,
        replica=replica,
        obeyer=answers.obeyer,
        chores=Chores((answers.purse.tidy,), clock=clock),
        telemetry=telemetry,
        sides=on,
        web=_runner(app),
    )


def _engine(  # noqa: PLR0913, PLR0917 - what it is made of
    settings: Settings,
    database: Database,
    answerer: Answerer,
    adapters: Mapping[str, Adapter],
    live: Live,
    clock: Clock,
    observe: Observer,
) -> tuple[ConversationHandler, Replica]:
    """What answers, and what keeps it alive."""
    name = f"{socket.gethostname()}:{os.getpid()}:{random.getrandbits(32):08x}"
    # Half of what the others wait: this replica gives up before they take over.
    lease = Lease(clock=clock, seconds=None if database.single else PULSE.dead / 2)
    handler = ConversationHandler(
        database=database,
        answerer=answerer,
        courier=Courier(
            database=database,
            observe=observe,
            clock=clock,
            fence=lease.check,
            stop=answerer.stop,
        ),
        adapters=adapters,
        live=live,
        bus=LocalBus(),
        observe=observe,
        clock=clock,
        replica=name,
        session_ttl=settings.session_ttl,
        allowances=rates.parse(settings.rate_limit),
    )
    replica = Replica(
        name,
        database=database,
        handler=handler,
        lease=lease,
        observe=observe,
        clock=clock,
        pulse=PULSE,
    )
    return handler, replica


def _runner(app: web.Application) -> web.AppRunner:
    return web.AppRunner(
        app,
        access_log=None,
        handle_signals=False,
        handler_cancellation=True,  # a viewer that leaves is noticed at once; turns live elsewhere
        shutdown_timeout=CLOSING,
    )


async def start(gateway: Gateway) -> list[tuple[str, int]]:
    """Take over what was left undone, then listen; returns the addresses listened at.

    Raises `Misconfigured` (schema, ports) and `DatabaseDown`.
    """
    await schema.check(gateway.database)
    for side in gateway.sides.values():
        await side.start()
    await gateway.replica.start()
    gateway.chores.start()
    await gateway.obeyer.resume()
    await gateway.web.setup()
    for port in gateway.settings.ports:
        site = web.TCPSite(gateway.web, gateway.settings.host, port, backlog=1024)
        try:
            await site.start()
        except OSError as error:
            raise _port_fault(error, port) from error
    return [address[:2] for address in gateway.web.addresses]


async def stop(gateway: Gateway, *, grace: float) -> None:
    """Take nothing more, let answers end for `grace` seconds, leave the rest to whoever is next."""
    for site in list(gateway.web.sites):
        await site.stop()
    for side in gateway.sides.values():
        await side.hush()
    await gateway.chores.stop()
    await gateway.replica.stop(grace)
    await gateway.web.cleanup()
    for side in gateway.sides.values():
        await side.stop()
    if gateway.claude is not None:
        await gateway.claude.close()
    await gateway.database.close()


async def serve(
    gateway: Gateway, stopping: asyncio.Event, announce: Callable[[list[tuple[str, int]]], None]
) -> None:
    """Run until `stopping` is set; `announce` is told once where it listens."""
    try:
        announce(await start(gateway))
        _settle()
        await stopping.wait()
    finally:
        await stop(gateway, grace=gateway.settings.shutdown_grace)


def _settle() -> None:
    """What was made to start with stays: collecting garbage need not look at it ever again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE, 20, 20)


def _claude(settings: Settings) -> Claude | None:
    if settings.demo:
        return None
    key = settings.anthropic_api_key
    return Claude(
        api_key=None if key is None else key.get_secret_value(),
        base_url=settings.anthropic_base_url,
        full_body=settings.full_body,
    )


def _port_fault(error: OSError, port: int) -> Misconfigured:
    if error.errno == errno.EADDRINUSE:
        return Misconfigured(f"PORT: {port} is taken by another program; set PORT to another one.")
    return Misconfigured(f"HOST, PORT: cannot listen on port {port}: {error.strerror}")
