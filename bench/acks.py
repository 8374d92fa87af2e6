"""Sends signed Slack events over HTTP at a steady rate, and prints, as one JSON line, the acks.

The rate is kept whatever the server does: each event is due at a time, and its ack's latency
counts from then. There are as many connections as are needed for that, kept alive.

Each event is a message of its own in the direct messages of one of --people, so that each opens
a conversation, and a turn in it. With --pid, the CPU that the process spent meanwhile.
"""

import argparse
import asyncio
import gc
import hashlib
import hmac
import json
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import cast

import uvloop
from load import cpu, tree

LASTLY = 15.0  # seconds for the last acks to come
LOST = 0  # in place of the status of an event that was not answered


@dataclass
class Acks:
    """What became of the events: seconds from when each was due, and the answers' statuses."""

    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    late: list[float] = field(default_factory=list)  # seconds that the load itself was behind
    waiting: int = 0
    all_in: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, status: int, due: float) -> None:
        """An event is answered, or is lost."""
        self.statuses[status] += 1
        self.latencies.append(time.perf_counter() - due)
        self.waiting -= 1
        if not self.waiting:
            self.all_in.set()


class Connection(asyncio.Protocol):
    """Has one event under way at most; `idle` is where it goes once that is answered."""

    def __init__(self, acks: Acks, idle: "deque[Connection]") -> None:
        self._acks, self._idle = acks, idle
        self._buffer = b""
        self._due: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        self._transport = cast("asyncio.Transport", transport)

    def send(self, request: bytes, due: float) -> None:
        """Send an event; only while none is under way."""
        self._due = due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Look whether the answer is whole."""
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._buffer[:end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self._buffer) < end + 4 + length:
            return
        self._buffer = b""
        self._end(int(head.split(b" ", 2)[1]))
        self._idle.append(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """An event that was under way is lost."""
        del exc
        if self in self._idle:
            self._idle.remove(self)
        self._end(LOST)

    def _end(self, status: int) -> None:
        if self._due is not None:
            due, self._due = self._due, None
            self._acks.take(status, due)


class Load:
    """Sends events on connections that are idle, or on new ones."""

    def __init__(self, port: int) -> None:
        self.acks = Acks()
        self.connections = 0
        self._port = port
        self._idle: deque[Connection] = deque()
        self._opening: set[asyncio.Task[None]] = set()

    async def open(self, connections: int) -> None:
        """Have so many connections before it begins."""
        for _ in range(connections):
            self._idle.append(await self._connect())

    async def run(self, requests: list[bytes], rate: float) -> None:
        """Send all, each when it is due, and wait for the answers."""
        acks = self.acks
        acks.waiting = len(requests)
        begun = time.perf_counter() + 0.1
        for number, request in enumerate(requests):
            due = begun + number / rate
            while (wait := due - time.perf_counter()) > 0:  # noqa: ASYNC110 - for a time, no event
                await asyncio.sleep(wait)
            acks.late.append(-wait)
            self._send(request, due)
            if -wait > 1 / rate:
                await asyncio.sleep(0)  # behind the schedule: hear the answers all the same
        try:
            async with asyncio.timeout(LASTLY):
                await acks.all_in.wait()
        except TimeoutError:
            acks.statuses[LOST] += acks.waiting
            acks.latencies += [LASTLY] * acks.waiting

    def _send(self, request: bytes, due: float) -> None:
        if self._idle:
            self._idle.pop().send(request, due)
            return
        task = asyncio.create_task(self._send_anew(request, due))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _send_anew(self, request: bytes, due: float) -> None:
        try:
            connection = await self._connect()
        except OSError:
            self.acks.take(LOST, due)
        else:
            connection.send(request, due)

    async def _connect(self) -> Connection:
        self.connections += 1
        loop = asyncio.get_running_loop()
        _, made = await loop.create_connection(
            lambda: Connection(self.acks, self._idle), "127.0.0.1", self._port
        )
        return made


def envelope(number: int, person: int, now: int) -> bytes:
    """The body of an event: somebody says something new to the bot."""
    authorization = {
        "enterprise_id": None,
        "team_id": "T1",
        "user_id": "UBOT",
        "is_bot": True,
        "is_enterprise_install": False,
    }
    ts = f"{now}.{number:06d}"
    event = {
        "type": "message",
        "channel": f"D{person:04d}",
        "channel_type": "im",
        "user": f"U{person:04d}",
        "text": f"question {number}: what about the weather in town {number}?",
        "ts": ts,
        "event_ts": ts,
        "client_msg_id": f"00000000-0000-4000-8000-{number:012d}",
        "team": "T1",
    }
    body = {
        "token": "bench",
        "team_id": "T1",
        "api_app_id": "A1",
        "type": "event_callback",
        "event_id": f"Ev{now}{number:06d}",
        "event_time": now,
        "authorizations": [authorization],
        "event": event,
    }
    return json.dumps(body).encode()


def request(body: bytes, secret: str, now: int) -> bytes:
    """The request that brings a body, signed."""
    signed = b"v0:%d:%s" % (now, body)
    signature = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    head = (
        f"POST /slack/events HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        f"x-slack-request-timestamp: {now}\r\nx-slack-signature: v0={signature}\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def main(args: argparse.Namespace) -> None:
    """Make all requests, then send them."""
    now, count = int(time.time()), int(args.rate * args.seconds)
    requests = [
        request(envelope(number, number % args.people, now), args.secret, now)
        for number in range(count)
    ]
    load = Load(args.port)
    await load.open(args.connections)
    gc.freeze()
    gc.disable()
    pids = tree(args.pid) if args.pid else []
    spent = cpu(pids)
    await load.run(requests, args.rate)
    spent = cpu(pids) - spent
    acks = load.acks
    said = {
        "sent": count,
        "answered": acks.statuses[200],
        "statuses": acks.statuses,
        "ack_ms": [round(1000 * one, 3) for one in acks.latencies],
        "late_ms": [round(1000 * one, 3) for one in acks.late],
        "connections": load.connections,
        "cpu_ms": 1000 * spent / count,
    }
    print(json.dumps(said))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--secret", required=True)
    parser.add_argument("--rate", type=float, default=500)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--connections", type=int, default=20)
    parser.add_argument("--pid", type=int, default=0)
    uvloop.run(main(parser.parse_args()))
