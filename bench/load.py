"""Drives one server over HTTP and prints, as one JSON line, what its turns took.

Each of --streams workers holds a conversation and takes --turns turns in it, one after another.
A turn counts only when its answer came to its proper end. From a request's last byte are timed:
the first byte of the body that carries text, and the end. With --pid, the CPU seconds that the
process, its threads and its children spent meanwhile.

Workers that all began at once would stay in step for good, and each measure the queue of all the
others. They begin spread evenly over --spread seconds instead.
"""

import argparse
import asyncio
import json
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import uvloop

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Kind:
    """How to ask a server, and how to know its first words and its end."""

    path: str
    first: bytes
    last: bytes


KINDS = {
    "direct": Kind("/v1/messages", b"text_delta", b'"message_stop"'),
    "relay": Kind("/api/chat", b"text_delta", b'"message_stop"'),
    "gateway": Kind("/api/chat", b'"text"', b'"done"'),
}


@dataclass(frozen=True, slots=True)
class Took:
    """What one turn took, in seconds."""

    first: float
    total: float


class Broken(Exception):
    """The answer was refused, or ended before its time."""


def tree(pid: int) -> list[int]:
    """The process and all that it started."""
    found = [pid]
    for parent in found:
        for children in PROC.glob(f"{parent}/task/*/children"):
            found += [int(child) for child in children.read_text().split()]
    return found


def cpu(pids: list[int]) -> float:
    """The CPU seconds that these processes have spent so far, in all their threads."""
    # Linux has a clock for every process, numbered so; /proc counts in steps of 10 ms only.
    return sum(time.clock_gettime((~pid << 3) | 2) for pid in pids)


def request(kind: Kind, port: int, session: str, number: int) -> bytes:
    """One POST that every kind of server understands."""
    text = f"question {number}: what about the weather in town {number}?"
    messages = [{"role": "user", "content": text}]
    body: dict[str, object] = {"message": text, "sessionId": session}
    if kind.path.startswith("/v1"):
        body = {"model": "bench", "max_tokens": 100, "stream": True, "messages": messages}
    data = json.dumps(body).encode()
    head = (
        f"POST {kind.path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\n"
        f"content-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n"
    )
    return head.encode() + data


async def turn(kind: Kind, port: int, session: str, number: int) -> Took:
    """Ask once and read to the end. Raises `Broken`."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    try:
        writer.write(request(kind, port, session, number))
        start = time.perf_counter()
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in head.split(b"\r\n", 1)[0]:
            raise Broken(head.split(b"\r\n", 1)[0].decode())
        return await answer(reader, kind, start)
    finally:
        writer.close()


async def answer(reader: asyncio.StreamReader, kind: Kind, start: float) -> Took:
    """Read one body to its end, looking at no more of it than is needed."""
    first, seen, tail = 0.0, b"", b""
    while not tail.endswith(b"0\r\n\r\n"):
        piece = await reader.read(65536)
        if not piece:
            break
        tail = (tail + piece)[-512:]
        if not first:
            seen += piece
            if kind.first in seen:
                first = time.perf_counter() - start
    if not first or kind.last not in tail:
        raise Broken(f"ended with {tail[-80:]!r}")
    return Took(first, time.perf_counter() - start)


async def worker(args: argparse.Namespace, number: int, took: list[Took]) -> None:
    """One conversation."""
    await asyncio.sleep(args.spread * number / args.streams)
    session = str(uuid.uuid4())
    kind = KINDS[args.kind]
    took.extend([await turn(kind, args.port, session, n) for n in range(args.turns)])


async def main(args: argparse.Namespace) -> None:
    """Run all workers; one that breaks stops everything."""
    took: list[Took] = []
    pids = tree(args.pid) if args.pid else []
    spent, began = cpu(pids), time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(args.streams):
            group.create_task(worker(args, number, took))
    spent, wall = cpu(pids) - spent, time.perf_counter() - began
    said = {
        "cpu_ms": 1000 * spent / len(took),
        "first_ms": [round(1000 * one.first, 3) for one in took],
        "total_ms": [round(1000 * one.total, 3) for one in took],
        "wall_s": wall,
    }
    print(json.dumps(said))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--kind", choices=KINDS, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--streams", type=int, default=20)
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--spread", type=float, default=0.0)
    parser.add_argument("--pid", type=int, default=0)
    try:
        uvloop.run(main(parser.parse_args()))
    except ExceptionGroup as group:  # a TaskGroup's; one worker's reason says enough
        sys.exit(f"{type(group.exceptions[0]).__name__}: {group.exceptions[0]}")
