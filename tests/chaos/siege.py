"""Kill a gateway with SIGKILL at random moments under load, again and again, and see what is left.

    python -m tests.chaos.siege --kills 100 --database sqlite:////tmp/siege.db
    python -m tests.chaos.siege --kills 100 --database postgresql://postgres@127.0.0.1/siege

The load posts numbered messages to a few sessions and repeats each, under its own id, until it
is acknowledged. The fake model answers with what it was asked. At the end the database itself is
asked: was an acknowledged message lost, stored twice, left unanswered, answered twice, or answered
with something else than its own turn's messages; and did any session have two calls at once?
"""

import argparse
import asyncio
import contextlib
import os
import random
import socket
import sys
from dataclasses import dataclass, field

import aiohttp
from sqlalchemy import select

from core.database import Database, open_database
from core.tables import addresses, messages, turns
from gateway import schema
from tests.databases import empty
from tests.fakes.anthropic import Answer, FakeAnthropic

SESSIONS = 20
LOST = (aiohttp.ClientError, OSError, TimeoutError)


@dataclass
class Siege:
    """What was done, and what came of it."""

    kills: int = 0
    acked: dict[str, list[str]] = field(default_factory=dict)  # session -> texts, in order
    repeats: int = 0
    turns: int = 0
    retried: int = 0
    failed: int = 0
    faults: list[str] = field(default_factory=list)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def besiege(database_url: str, *, kills: int, seed: int, alive: tuple[float, float]) -> Siege:
    """Load a gateway, killing it `kills` times after `alive` seconds each, and judge."""
    chance = random.Random(seed)
    siege = Siege()
    await prepare(database_url)
    async with FakeAnthropic(default=Answer(gap=0.005, first=0.02)) as fake:
        port = free_port()
        environ = {
            **os.environ,
            "CONTEXT_FACTS": "off",  # so that an answer tells exactly what was asked
            "RATE_LIMIT": "none",
            "DATABASE_URL": database_url,
            "PORT": str(port),
            "ANTHROPIC_BASE_URL": fake.url,
            "LOG_LEVEL": "error",
        }
        done = asyncio.Event()
        load = [
            asyncio.create_task(talk(siege, port, f"s{number}", done, random.Random(seed + number)))
            for number in range(SESSIONS)
        ]
        process = await launch(environ)
        for _ in range(kills):
            await asyncio.sleep(chance.uniform(*alive))
            process.kill()
            await process.wait()
            siege.kills += 1
            process = await launch(environ)
        done.set()
        await asyncio.gather(*load)
        await settle(database_url, port, process)
        judge_calls(siege, fake)
    await judge(siege, database_url)
    return siege


async def prepare(database_url: str) -> None:
    database = open_database(database_url)
    await schema.migrate(database)
    await empty(database)
    await database.close()


async def launch(environ: dict[str, str]) -> asyncio.subprocess.Process:
    """Start the gateway's own command; it takes some 1.5 s until it answers."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.chaos.server", env=environ
    )


async def talk(
    siege: Siege, port: int, session: str, done: asyncio.Event, chance: random.Random
) -> None:
    """Send messages one after the other, each until it is acknowledged."""
    acked = siege.acked.setdefault(session, [])
    url = f"http://127.0.0.1:{port}/api/v1/sessions/{session}/messages"
    while not done.is_set():
        text = f"{session} number {len(acked)}"
        body = {"messageId": f"{session}.{len(acked)}", "text": text}
        while not await send(siege, url, body):  # noqa: ASYNC110 - another process is waited for
            await asyncio.sleep(0.05)
        acked.append(text)
        await asyncio.sleep(chance.uniform(0, 0.15))


async def send(siege: Siege, url: str, body: dict[str, str]) -> bool:
    timeout = aiohttp.ClientTimeout(total=5)
    headers = {"Prefer": "respond-async"}
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as http,
            http.post(url, json=body, headers=headers) as response,
        ):
            if response.status == 202:
                return True
    except LOST:
        pass
    siege.repeats += 1
    return False


async def settle(database_url: str, port: int, process: asyncio.subprocess.Process) -> None:
    """Wait until nothing is open any more, then stop the gateway in good order."""
    single = database_url.startswith("sqlite")
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http:
        for _ in range(1200):
            with contextlib.suppress(*LOST):
                async with http.get("/metrics") as response:
                    text = await response.text()
                if all(f"gateway_turns_{what} 0.0" in text for what in ("running", "waiting")) and (
                    single or await closed(database_url)
                ):
                    break
            await asyncio.sleep(0.1)
    process.terminate()
    await process.wait()


async def closed(database_url: str) -> bool:
    database = open_database(database_url)
    try:
        return not await database.read(_open_turns)
    finally:
        await database.close()


def judge_calls(siege: Siege, fake: FakeAnthropic) -> None:
    """Two calls at once in one session, both by the living."""
    for request in fake.requests:
        if request.beside:
            siege.faults.append(f"two model calls at once: {request.said[:60]}")


async def judge(siege: Siege, database_url: str) -> None:
    """Compare what was acknowledged with what is stored."""
    database: Database = open_database(database_url)
    rows, every = await database.read(_everything)
    await database.close()
    siege.turns = len(every)
    siege.retried = sum(turn.attempt > 1 for turn in every.values())
    siege.failed = sum(turn.status == "failed" for turn in every.values())
    stored: dict[str, list[str]] = {}
    asked: dict[int, list[str]] = {}
    answers: dict[int, list[str]] = {}
    for row in rows:
        text = row.content[0]["text"]
        if row.role == "assistant":
            answers.setdefault(row.turn_id, []).append(text)
            continue
        stored.setdefault(row.conversation, []).append(text)
        if row.turn_id is None:
            siege.faults.append(f"never taken up: {text}")
        else:
            asked.setdefault(row.turn_id, []).append(text)
    for session, acked in siege.acked.items():
        # The last one may be stored without its acknowledgement having arrived.
        if stored.get(session, [])[: len(acked)] != acked:
            siege.faults.append(f"{session}: lost, doubled or out of order")
    for turn_id, turn in every.items():
        said, expected = answers.get(turn_id, []), "\n\n".join(asked.get(turn_id, []))
        if turn.closed_at is None:
            siege.faults.append(f"turn {turn_id} is still open")
        elif turn.status == "done" and said != [f"You said: {expected}"]:
            siege.faults.append(f"turn {turn_id}: asked {expected!r}, answered {said!r}")


def _open_turns(db):
    return db.execute(select(turns.c.id).where(turns.c.closed_at.is_(None))).all()


def _everything(db):
    rows = db.execute(
        select(messages, addresses.c.conversation)
        .join_from(messages, addresses, messages.c.address_id == addresses.c.id)
        .order_by(messages.c.turn_id, messages.c.id)
    ).all()
    return rows, {turn.id: turn for turn in db.execute(select(turns))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", required=True)
    parser.add_argument("--alive", type=float, nargs=2, default=(0.5, 5.0))
    args = parser.parse_args()
    siege = asyncio.run(
        besiege(args.database, kills=args.kills, seed=args.seed, alive=tuple(args.alive))
    )
    acked = sum(map(len, siege.acked.values()))
    print(
        f"{siege.kills} kills, {acked} messages acknowledged ({siege.repeats} sends repeated),"
        f" {siege.turns} turns, {siege.retried} tried again, {siege.failed} failed,"
        f" {len(siege.faults)} faults"
    )
    for fault in siege.faults[:20]:
        print("  ", fault)
    sys.exit(bool(siege.faults))


if __name__ == "__main__":
    main()
