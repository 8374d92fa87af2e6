"""A conversation in the terminal, over the same API that the page uses."""

import asyncio
import io
import sys
import threading
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec
from rich.console import Console
from rich.live import Live
from rich.markdown import Markdown
from rich.markup import escape

from adapters.web.wire import NAME_RULE, is_name
from core.errors import Misconfigured, Transient
from gateway.app import build, start, stop
from gateway.config import Settings
from gateway.token import for_terminal

LOST = (aiohttp.ClientError, TimeoutError)
TRIES, PAUSE = 5, 1.0  # the pause, in seconds, doubles with every try


async def converse(settings: Settings, *, session: str | None, url: str | None) -> None:
    """Talk until the person leaves (Ctrl-D, Ctrl-C, `/quit`)."""
    name = session or f"terminal-{uuid.uuid4().hex[:12]}"
    if not is_name(name):
        raise Misconfigured(f"--session: a session's id is {NAME_RULE}")
    token = for_terminal(settings)
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    async with (
        _gateway(settings, url) as base,
        aiohttp.ClientSession(base, headers=headers) as http,
    ):
        await Terminal(http, name).run()


@asynccontextmanager
async def _gateway(settings: Settings, url: str | None) -> AsyncIterator[str]:
    """The address of a running gateway; without one, of one that lives as long as the talk."""
    found = url or f"http://127.0.0.1:{settings.port}"
    if await _answers(found):
        yield found
        return
    if url is not None:
        raise Misconfigured(f"--url: no gateway answers at {url}")
    try:
        gateway = build(settings.model_copy(update={"port": 0, "compat_ports": ()}))
    except Misconfigured as error:
        raise Misconfigured(
            f"{error} (No gateway answers at {found}; name a running one with --url.)"
        ) from error
    try:
        host, port = (await start(gateway))[0]
        yield f"http://{host}:{port}"
    finally:
        await stop(gateway, grace=0)


async def _answers(base: str) -> bool:
    timeout = aiohttp.ClientTimeout(total=2)
    try:
        async with aiohttp.ClientSession(base, timeout=timeout) as http, http.get("/") as response:
            return bool(await response.json() == {"status": "ok", "service": "chat-api"})
    except (*LOST, ValueError):
        return False


class Terminal:
    """One conversation: reads lines, shows answers while they come."""

    def __init__(self, http: aiohttp.ClientSession, session: str) -> None:
        self._http = http
        self._session = session
        self._console = Console()

    async def run(self) -> None:
        """Ask and answer until the input ends."""
        await self._greet()
        while (line := await self._read()) is not None:
            if line.strip():
                await self._ask(line.strip("\r\n"))
        self._console.print(f"[dim]Go on later with: gateway chat --session {self._session}[/dim]")

    async def _greet(self) -> None:
        async with self._http.get("/api/v1/config") as response:
            about = await response.json()
        self._console.print(f"[dim]{escape(about['model'])} · /quit or Ctrl-D to leave[/dim]")

    async def _read(self) -> str | None:
        try:
            line = await _line("\nyou > " if sys.stdin.isatty() else "")
        except EOFError:
            return None
        return None if line.strip() in {"/quit", "/exit"} else line

    async def _ask(self, text: str) -> None:
        shown = ""
        with Live(console=self._console, refresh_per_second=12) as live:
            async for kind, data in self._events(text):
                if kind == "delta":
                    shown += data["text"]
                elif kind == "snapshot":
                    shown = data["text"]
                elif kind == "run.failed":
                    shown = data["message"]
                live.update(Markdown(shown))
        self._console.print()

    async def _events(self, text: str) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """The answer's events, to its end; a lost connection is taken up where it broke."""
        path, last = f"/api/v1/sessions/{self._session}", ""
        body = {"messageId": str(uuid.uuid4()), "text": text}
        for tried in range(TRIES):
            headers = {"Last-Event-ID": last} if last else {}
            request = (
                self._http.get(f"{path}/events", headers=headers)
                if last
                else self._http.post(f"{path}/messages", json=body)
            )
            try:
                async with request as response:
                    await _check(response)
                    async for kind, mark, data in _parse(response.content):
                        last = mark
                        yield kind, data
                        if kind.startswith("run.") and kind != "run.started":
                            return
            except LOST:
                await asyncio.sleep(PAUSE * 2**tried)
        raise Transient("the connection to the gateway is lost; the message is kept there")


async def _line(prompt: str) -> str:
    """A line of input. The thread that waits for it is left behind when the person leaves."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[str] = loop.create_future()

    def read() -> None:
        try:
            line = input(prompt) if sys.stdin.isatty() else _piped()
        except (EOFError, UnicodeDecodeError) as error:
            loop.call_soon_threadsafe(future.set_exception, error)
        else:
            loop.call_soon_threadsafe(future.set_result, line)

    threading.Thread(target=read, daemon=True).start()
    return await future


def _piped() -> str:
    # Past Python's buffer: it has a lock, and who leaves while the thread holds it is aborted.
    line = io.FileIO(sys.stdin.fileno(), closefd=False).readline()
    if not line:
        raise EOFError
    return line.decode(errors="replace")


async def _check(response: aiohttp.ClientResponse) -> None:
    if response.status == 200:
        return
    if response.status == 503:
        response.raise_for_status()  # it restarts: as good as a lost connection
    try:
        message = (await response.json())["error"]["message"]
    except (ValueError, KeyError, TypeError, aiohttp.ContentTypeError):
        message = f"the server answered {response.status}"
    raise Misconfigured(message)


async def _parse(stream: aiohttp.StreamReader) -> AsyncIterator[tuple[str, str, dict[str, Any]]]:
    """Server-sent events as (name, id, data). A line may be longer than `readline` takes."""
    kind = mark = ""
    rest = b""
    async for chunk in stream.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            field, _, value = line.decode().partition(": ")
            if field == "event":
                kind = value
            elif field == "id":
                mark = value
            elif field == "data":
                yield kind, mark, msgspec.json.decode(value)
