"""HTTP as bytes, for requests that no client library would send."""

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

Headers = Iterable[tuple[str | bytes, str | bytes]]


@dataclass(frozen=True)
class Reply:
    """A response as it came; `status` 0 if there was none."""

    raw: bytes

    @property
    def head(self) -> bytes:
        return self.raw.partition(b"\r\n\r\n")[0]

    @property
    def body(self) -> bytes:
        return self.raw.partition(b"\r\n\r\n")[2]

    @property
    def status(self) -> int:
        return int(self.head[9:12] or 0)

    @property
    def json(self) -> Any:
        assert self.header("Content-Type") == "application/json"
        return json.loads(self.body)

    @property
    def from_parser(self) -> bool:
        """Whether it was no request at all: aiohttp answers such ones itself, as HTTP/1.0."""
        return self.head.startswith(b"HTTP/1.0 400 ")

    def header(self, name: str) -> str | None:
        """The header's values, joined as a list."""
        pairs = (line.partition(b": ") for line in self.head.split(b"\r\n")[1:])
        values = [value.decode() for each, _, value in pairs if each.decode() == name]
        return ", ".join(values) if values else None


async def ask(port: int, method: str, path: str, headers: Headers = (), body: bytes = b"") -> Reply:
    """One request on a connection of its own; `Host` is localhost unless given."""
    given = [(_bytes(name), _bytes(value)) for name, value in headers]
    names = {name.lower() for name, _ in given}
    if b"host" not in names:
        given.append((b"Host", b"localhost"))
    if body and not names & {b"content-length", b"transfer-encoding"}:
        given.append((b"Content-Length", b"%d" % len(body)))
    given.append((b"Connection", b"close"))
    lines = [b"%b %b HTTP/1.1" % (method.encode(), path.encode())]
    lines += [b"%b: %b" % pair for pair in given]
    return await send(port, b"\r\n".join(lines) + b"\r\n\r\n" + body)


async def send(port: int, data: bytes) -> Reply:
    """Send bytes, and read to the connection's end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    raw = b""
    try:
        async with asyncio.timeout(20):
            writer.write(data)
            while chunk := await reader.read(65536):
                raw += chunk
    except ConnectionError:
        pass  # what came before stands
    finally:
        writer.close()
    return Reply(raw)


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode()
