"""A fast fake of the Anthropic Messages API: every server that is measured talks to this one.

POST /v1/messages   a stream of --deltas text deltas
POST /gap/0.01      from now on so many seconds between two deltas (0: as fast as they come)
Raw asyncio.Protocol and one write a delta, so that it costs far less than what is measured.
"""

import argparse
import asyncio
import json
from typing import Any, cast

import uvloop

SENTENCE = "the quick brown fox jumps over a lazy dog while rain falls on roofs and somebody reads"
WORDS = [f"{word} " for word in SENTENCE.split()]
HEADER = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
    b"transfer-encoding: chunked\r\nrequest-id: req_bench\r\n\r\n"
)
EMPTY = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
BURST = 8  # deltas between two looks at the sockets when there is no gap


def sse(kind: str, **fields: Any) -> bytes:
    """One event, as one chunk of the body."""
    body = json.dumps({"type": kind} | fields, separators=(",", ":"))
    event = f"event: {kind}\ndata: {body}\n\n".encode()
    return b"%x\r\n%s\r\n" % (len(event), event)


class Script:
    """What every answer says, made once."""

    def __init__(self, deltas: int) -> None:
        message: dict[str, Any] = {
            "id": "msg_bench",
            "type": "message",
            "role": "assistant",
            "content": [],
            "model": "bench",
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": 25, "output_tokens": 1},
        }
        block = {"type": "text", "text": ""}
        stop = {"stop_reason": "end_turn", "stop_sequence": None}
        self.gap = 0.0
        self.head = sse("message_start", message=message)
        self.head += sse("content_block_start", index=0, content_block=block)
        self.deltas = [self._delta(WORDS[n % len(WORDS)]) for n in range(deltas)]
        self.tail = sse("content_block_stop", index=0)
        self.tail += sse("message_delta", delta=stop, usage={"output_tokens": deltas})
        self.tail += sse("message_stop") + b"0\r\n\r\n"

    def _delta(self, word: str) -> bytes:
        return sse("content_block_delta", index=0, delta={"type": "text_delta", "text": word})


class Upstream(asyncio.Protocol):
    """One connection, kept alive for any number of requests."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._buffer = b""
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop answering."""
        del exc
        if self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        """Answer each request as soon as it is whole."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self._buffer) < end + 4 + length:
                return
            self._buffer = self._buffer[end + 4 + length :]
            self._answer(head)

    def _answer(self, head: bytes) -> None:
        path = head.split(b" ", 2)[1]
        if path.startswith(b"/gap/"):
            self._script.gap = float(path.removeprefix(b"/gap/"))
            self._transport.write(EMPTY)
            return
        self._close = b"connection: close" in head
        self._task = asyncio.get_running_loop().create_task(self._stream())

    async def _stream(self) -> None:
        script, write, gap = self._script, self._transport.write, self._script.gap
        write(HEADER + script.head)
        loop = asyncio.get_running_loop()
        start = loop.time()
        for number, delta in enumerate(script.deltas, 1):
            write(delta)
            if gap:
                await asyncio.sleep(max(0, start + number * gap - loop.time()))
            elif number % BURST == 0:
                await asyncio.sleep(0)
        write(script.tail)
        if self._close:
            self._transport.close()


async def main(port: int, deltas: int) -> None:
    """Serve until killed."""
    script = Script(deltas)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Upstream(script), "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--deltas", type=int, default=200)
    uvloop.run(main(**vars(parser.parse_args())))
