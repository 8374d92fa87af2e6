"""A fast fake of Slack's Web API: it takes every call, and remembers nothing.

Raw asyncio.Protocol, so that it costs far less than what is measured. Reads PORT.
"""

import asyncio
import itertools
import os
import time
from typing import cast

import uvloop

HEADER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json; charset=utf-8\r\n"
BODY = b'{"ok":true,"channel":"D1","ts":"%d.%06d","user_id":"UBOT","bot_id":"BBOT","messages":[]}'


class SlackApi(asyncio.Protocol):
    """One connection, kept alive for any number of calls."""

    def __init__(self, numbers: "itertools.count[int]") -> None:
        self._numbers = numbers
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer each call as soon as it is whole."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self._buffer) < end + 4 + length:
                return
            self._buffer = self._buffer[end + 4 + length :]
            self._transport.write(self._answer())

    def _answer(self) -> bytes:
        body = BODY % (int(time.time()), next(self._numbers) % 1_000_000)
        return HEADER + b"content-length: %d\r\n\r\n%s" % (len(body), body)


async def main(port: int) -> None:
    """Serve until killed."""
    numbers = itertools.count(1)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SlackApi(numbers), "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(os.environ["PORT"])))
