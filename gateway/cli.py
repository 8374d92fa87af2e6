"""The `gateway` command."""

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.database import DatabaseDown
from core.errors import GatewayError, Misconfigured

if TYPE_CHECKING:
    from gateway.config import Settings

app = typer.Typer(
    name="gateway",
    help="A chatbot gateway: durable, ordered, streamed conversations.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
slack = typer.Typer(help="Make the Slack app that this gateway answers for.", no_args_is_help=True)
app.add_typer(slack, name="slack")
personas = typer.Typer(help="See to the personas that answer.", no_args_is_help=True)
app.add_typer(personas, name="personas")


def main() -> None:
    """Run a command; what an operator can mend is told in words, without a stack trace."""
    try:
        app()
    except Misconfigured as error:
        print(f"gateway: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(2)
    except DatabaseDown as error:
        print(  # noqa: T201
            f"gateway: DATABASE_URL: the database can't be used ({error}). Check that it runs, and"
            " its address, name, user and password; `gateway doctor` looks at each setting.",
            file=sys.stderr,
        )
        sys.exit(1)
    except GatewayError as error:
        print(f"gateway: {error or type(error).__name__}", file=sys.stderr)  # noqa: T201
        sys.exit(1)


@app.command()
def serve() -> None:
    """Serve the page and the API, and answer."""
    settings = _settings()
    _run(lambda: _serve(settings))


@app.command()
def migrate() -> None:
    """Bring the database's tables up to date."""
    settings = _settings()
    _run(lambda: _migrate(settings))


@app.command()
def chat(
    session: Annotated[
        str | None, typer.Option(help="Go on with this conversation instead of a new one.")
    ] = None,
    url: Annotated[
        str | None, typer.Option(help="The gateway to talk to; by default the one on PORT.")
    ] = None,
) -> None:
    """Talk to the gateway in this terminal. Starts one of its own if none runs on PORT."""
    from gateway.chat import converse  # noqa: PLC0415

    settings = _settings(quiet=True)
    _run(lambda: converse(settings, session=session, url=url))


@app.command()
def doctor() -> None:
    """Check the settings, the database and the models; say how to mend what is wrong."""
    from gateway.doctor import examine  # noqa: PLC0415

    sys.exit(_run(examine))


@app.command()
def token(  # noqa: PLR0913 - each is an option
    subject: Annotated[str | None, typer.Argument(help="Whose token it is: sub.")] = None,
    *,
    user: Annotated[
        str | None, typer.Option("--user", "--sub", help="The same as SUBJECT.")
    ] = None,
    ttl: Annotated[int, typer.Option(help="Seconds that it is good for.")] = 3600,
    scope: Annotated[
        str | None, typer.Option(help='What it allows: "chat history" if left out.')
    ] = None,
    visitor: Annotated[
        str | None, typer.Option(metavar="ORIGIN", help="A visitor's token for this site.")
    ] = None,
    api_key: Annotated[bool, typer.Option("--api-key", help="A new key for API_TOKEN.")] = False,
    secret: Annotated[bool, typer.Option("--secret", help="A new JWT_SECRET.")] = False,
    encryption_key: Annotated[
        bool, typer.Option("--encryption-key", help="A new ENCRYPTION_KEY.")
    ] = False,
) -> None:
    """Print a token for SUBJECT, signed with JWT_SECRET; or another kind of token or key."""
    from gateway import token as make  # noqa: PLC0415

    name = subject if subject is not None else user
    people = [subject is not None, user is not None, visitor is not None]
    if [*people, api_key, secret, encryption_key].count(True) != 1:
        raise Misconfigured(
            "token: name one of SUBJECT, --visitor ORIGIN, --api-key, --secret, --encryption-key."
        )
    if api_key:
        print(make.api_key())  # noqa: T201
        _hint("Set API_TOKEN to it, and WEB_AUTH to apikey; programs send it as Bearer token.")
    elif secret:
        print(make.secret())  # noqa: T201
        _hint("Set JWT_SECRET to it, here and on the server that signs your users' tokens.")
    elif encryption_key:
        print(make.encryption_key())  # noqa: T201
        _hint("Set ENCRYPTION_KEY to it, and keep a copy: what it encrypted is lost without.")
    elif visitor is not None:
        print(make.for_visitor(_settings(quiet=True), visitor))  # noqa: T201
    else:
        print(make.for_user(_settings(quiet=True), name or "", seconds=ttl, scope=scope))  # noqa: T201


@app.command()
def usage(
    *,
    by: Annotated[
        list[str] | None,
        typer.Option(help="A row for each person, platform, model or day; or several of them."),
    ] = None,
    since: Annotated[str, typer.Option(help="From a day on (2026-11-01), or for days (7d).")] = (
        "30d"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show what was used, and what it cost."""
    from gateway.usage import print_usage  # noqa: PLC0415

    settings = _settings(quiet=True)
    _run(lambda: print_usage(settings, by or ["day"], since, as_json=as_json))


@app.command()
def sessions(
    *,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show the newest conversations, and what each cost."""
    from gateway.sessions import print_sessions  # noqa: PLC0415

    settings = _settings(quiet=True)
    _run(lambda: print_sessions(settings, limit=limit, as_json=as_json))


@slack.callback()
def _slack() -> None:
    """Keep `manifest` a command of its own, although it is the only one so far."""


@slack.command()
def manifest(
    *,
    name: Annotated[str, typer.Option(help="What it is called in Slack.")] = "Chat gateway",
    socket: Annotated[
        bool, typer.Option("--socket", help="Over Socket Mode: no public address is needed.")
    ] = False,
    installs: Annotated[
        bool, typer.Option("--installs", help="For many workspaces, which install it by OAuth.")
    ] = False,
) -> None:
    """Print the app's manifest for this deployment, in JSON (which is YAML too)."""
    from gateway import slack_manifest  # noqa: PLC0415

    settings = _settings(quiet=True)
    made = slack_manifest.text(settings, name=name, socket=socket, installs=installs)
    print(made)  # noqa: T201
    for step in slack_manifest.hints(settings, socket=socket, installs=installs):
        _hint(step)


@personas.callback()
def _personas() -> None:
    """Keep `check` a command of its own, although it is the only one so far."""


@personas.command("check")
def check_personas(
    folder: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="Instead of PERSONAS_DIR.")
    ] = None,
) -> None:
    """List the personas; say how to mend what is wrong with their files."""
    from gateway.personas_command import report  # noqa: PLC0415

    sys.exit(report(_settings(quiet=True), folder))


def _hint(words: str) -> None:
    print(words, file=sys.stderr)  # noqa: T201


def _settings(*, quiet: bool = False) -> "Settings":
    import os  # noqa: PLC0415

    from gateway.config import ENV_FILE, load  # noqa: PLC0415
    from gateway.telemetry import configure_logging  # noqa: PLC0415

    settings = load(os.environ, ENV_FILE)
    configure_logging("warning" if quiet else settings.log_level, settings.log_format)
    return settings


async def _serve(settings: "Settings") -> None:
    from gateway.app import build, serve  # noqa: PLC0415
    from gateway.web_doctor import weak_keys  # noqa: PLC0415

    stopping = asyncio.Event()
    gateway = build(settings)
    for warning in weak_keys(settings):
        _hint(f"gateway: {warning}")

    def on_signal() -> None:
        if stopping.is_set():
            gateway.handler.hurry()  # asked twice: whoever asks does not want to wait
        stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, on_signal)
    await serve(gateway, stopping, _announce)


def _announce(addresses: list[tuple[str, int]]) -> None:
    for host, port in addresses:
        shown = f"[{host}]" if ":" in host else host
        print(f"Ready at http://{shown}:{port}", file=sys.stderr, flush=True)  # noqa: T201


async def _migrate(settings: "Settings") -> None:
    from core.database import open_database  # noqa: PLC0415
    from gateway import schema  # noqa: PLC0415

    database = open_database(settings.database_url)
    try:
        revision = await schema.migrate(database)
    finally:
        await database.close()
    print(f"The database is at revision {revision}.", file=sys.stderr)  # noqa: T201


def _run(command: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    import uvloop  # noqa: PLC0415

    return uvloop.run(command())
