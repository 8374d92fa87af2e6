"""Look at everything that can be wrong, and say how to mend what is."""

import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from adapters.claude import Claude
from core.cache_health import cache_health
from core.database import Database, DatabaseDown, open_database, parse_url
from core.errors import GatewayError, Misconfigured
from core.types import Prompt, PromptMessage
from gateway import personas_command, schema
from gateway.config import ENV_FILE, Settings, load
from gateway.findings import Finding
from gateway.slack_doctor import slack
from gateway.web_doctor import key_set, web_auth
from gateway.whatsapp_doctor import whatsapp

ENOUGH = 20  # answers that say something about the cache
HALF = 0.5  # of what goes in should be read from it at least
COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


async def examine() -> int:
    """Print all findings as a table; the exit status is 1 if something has to be mended."""
    table = Table("", "what", "finding", box=None, pad_edge=False)
    failed = False
    async for finding in findings(dict(os.environ), ENV_FILE):
        failed = failed or finding.verdict == "fail"
        verdict = Text(finding.verdict, style=COLOURS[finding.verdict])
        table.add_row(verdict, finding.what, Text(finding.words))  # brackets in it are no markup
    Console(soft_wrap=True).print(table)
    return 1 if failed else 0


async def findings(environ: dict[str, str], env_file: Path) -> AsyncIterator[Finding]:
    """Everything there is to say, in the order in which to mend it."""
    try:
        settings = load(environ, env_file)
    except Misconfigured as error:
        for line in str(error).splitlines():
            yield Finding("settings", "fail", line)
        return
    yield Finding("settings", "ok", "every variable is understood")
    database = await _database(settings)
    yield database
    for port in settings.ports:
        yield _port(settings.host, port)
    for finding in (*web_auth(settings), *personas_command.check(settings)):
        yield finding
    async for finding in key_set(settings):
        yield finding
    async for finding in slack(settings, stored=database.verdict == "ok"):
        yield finding
    async for finding in whatsapp(settings):
        yield finding
    async for finding in _cache(settings, stored=database.verdict == "ok"):
        yield finding
    async for finding in _models(settings):
        yield finding


async def _database(settings: Settings) -> Finding:
    what = "DATABASE_URL"
    try:
        url = parse_url(settings.database_url)
        if url.get_backend_name() == "sqlite" and not _exists(str(url.database)):
            return Finding(what, "fail", f"no file {url.database} yet; run `gateway migrate`")
        database = open_database(settings.database_url)
    except Misconfigured as error:
        running = "in use by another gateway" in str(error)
        words = "in use by a running gateway" if running else str(error)
        return Finding(what, "ok" if running else "fail", words)
    try:
        return await _schema(database)
    finally:
        await database.close()


async def _cache(settings: Settings, *, stored: bool) -> AsyncIterator[Finding]:
    """Whether conversations stay the same bytes from turn to turn, as Anthropic's cache tells."""
    if settings.demo or not settings.full_body or not stored:
        return
    try:
        database = open_database(settings.database_url)
    except Misconfigured:
        return  # a running gateway uses it: that was told
    try:
        found = await database.read(cache_health)
    except DatabaseDown:
        return  # so was that
    finally:
        await database.close()
    if found.turns < ENOUGH:
        return
    told = f"{found.share:.0%} of what the last {found.turns} answers took in came from it"
    if found.share >= HALF:
        yield Finding("prompt cache", "ok", told)
    else:
        why = (
            "models may take turns (MODEL_FALLBACKS), a proxy may change what is sent"
            " (ANTHROPIC_BASE_URL), or people pause for longer than it keeps"
        )
        yield Finding("prompt cache", "warn", f"only {told}, which is dear: {why}")


def _exists(path: str) -> bool:
    return Path(path).exists()


async def _schema(database: Database) -> Finding:
    what = "DATABASE_URL"
    try:
        await schema.check(database)
    except Misconfigured as error:
        return Finding(what, "fail", str(error).removeprefix("DATABASE_URL: "))
    except DatabaseDown as error:
        mend = "check the file" if database.single else "check host, port, name, user and password"
        return Finding(what, "fail", f"cannot be used ({error}); {mend}")
    engine = "SQLite, for one process" if database.single else "PostgreSQL"
    return Finding(what, "ok", f"{engine}, at revision {schema.latest()}")


def _port(host: str, port: int) -> Finding:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            words = f"{port} is taken ({error.strerror}): by a running gateway, or set another"
            return Finding("PORT", "warn", words)
    return Finding("PORT", "ok", f"{host}:{port} is free")


async def _models(settings: Settings) -> AsyncIterator[Finding]:
    """Ask each model for a word: only that proves key, address, name and credit at once."""
    if settings.demo:
        yield Finding(
            "ANTHROPIC_API_KEY", "warn", "not set: answers come from the offline demo model"
        )
        return
    key = settings.anthropic_api_key
    claude = Claude(
        api_key=None if key is None else key.get_secret_value(),
        base_url=settings.anthropic_base_url,
        full_body=settings.full_body,
        read_timeout=20,
    )
    try:
        for number, name in enumerate(settings.models):
            yield await _model(claude, name, "MODEL" if number == 0 else "MODEL_FALLBACKS")
    finally:
        await claude.close()


async def _model(claude: Claude, name: str, what: str) -> Finding:
    prompt = Prompt(
        system="", messages=(PromptMessage(role="user", text="Say ok."),), max_tokens=64
    )
    try:
        async for _ in claude.stream(prompt, name):
            pass
    except GatewayError as error:
        words = f"{name} does not answer: {error or type(error).__name__}"
        return Finding(_culprit(error) or what, "fail", words)
    return Finding(what, "ok", f"{name} answers")


def _culprit(error: GatewayError) -> str | None:
    """The variable to look at first, if it is not the model's name."""
    status = str(error)[:3]
    if not status.isdigit():
        return "ANTHROPIC_BASE_URL"  # no answer at all, or none that HTTP knows
    return "ANTHROPIC_API_KEY" if status in {"401", "403"} else None
