"""Kill a gateway that answers in Slack with SIGKILL, again and again, and see what people see.

    python -m tests.chaos.slack_siege --kills 30 --database sqlite:////tmp/slack_siege.db

People write messages, which Slack repeats until they are acknowledged; connections to Slack's API
break at random, before and after it did what it was asked. At the end each thread must show one
whole answer to what was acknowledged, once, and no stream may be open.
"""

import argparse
import asyncio
import os
import random
import sys
from contextlib import suppress
from dataclasses import dataclass, field

import aiohttp

from core.clock import SystemClock
from tests.chaos.siege import LOST, free_port, launch, prepare, settle
from tests.fakes.anthropic import Answer, FakeAnthropic
from tests.fakes.slack import FakeSlack, send

SECRET = "0123456789abcdef0123456789abcdef"
PEOPLE = 8
FRAGILE = ("chat.startStream", "chat.appendStream", "chat.stopStream", "chat.postMessage")
APOLOGY = "Sorry, I could not answer that"


@dataclass
class Siege:
    """What was done, and what came of it."""

    kills: int = 0
    said: list[dict] = field(default_factory=list)  # acknowledged
    repeats: int = 0
    broken: int = 0  # connections to Slack's API
    failed: int = 0
    faults: list[str] = field(default_factory=list)


async def besiege(database_url: str, *, kills: int, seed: int, alive: tuple[float, float]) -> Siege:
    """Let people write, and kill what answers them `kills` times after `alive` seconds each."""
    chance, siege = random.Random(seed), Siege()
    await prepare(database_url)
    async with (
        FakeAnthropic(default=Answer(gap=0.01, first=0.05, chunk=40)) as model,
        FakeSlack(clock=SystemClock()) as slack,
    ):
        slack.limits_on = False
        port, done = free_port(), asyncio.Event()
        environ = {
            **os.environ,
            "CONTEXT_FACTS": "off",  # so that an answer tells exactly what was asked
            "RATE_LIMIT": "none",
            "DATABASE_URL": database_url,
            "PORT": str(port),
            "ANTHROPIC_BASE_URL": model.url,
            "SLACK_BOT_TOKEN": slack.workspace().token,
            "SLACK_SIGNING_SECRET": SECRET,
            "SLACK_API_URL": slack.url,
            "LOG_LEVEL": "error",
        }
        process = await launch(environ)
        await answers(port)
        load = [
            asyncio.create_task(write(siege, slack, port, f"U{number}", done))
            for number in range(PEOPLE)
        ]
        breaking = asyncio.create_task(break_connections(siege, slack, random.Random(seed)))
        for _ in range(kills):
            await asyncio.sleep(chance.uniform(*alive))
            process.kill()
            await process.wait()
            siege.kills += 1
            process = await launch(environ)
            await answers(port)
        done.set()
        await asyncio.gather(*load)
        breaking.cancel()
        slack.faults.clear()
        await settle(database_url, port, process)
        judge(siege, slack)
    return siege


async def answers(port: int) -> None:
    """Wait until the process is there: a slow machine must not kill it before it has begun."""
    async with asyncio.timeout(60), aiohttp.ClientSession() as http:
        while True:
            with suppress(*LOST):
                async with http.get(f"http://127.0.0.1:{port}/livez") as response:
                    if response.ok:
                        return
            await asyncio.sleep(0.05)


async def break_connections(siege: Siege, slack: FakeSlack, chance: random.Random) -> None:
    while True:
        await asyncio.sleep(chance.uniform(0.1, 0.4))
        slack.faults.clear()  # or they would pile up while nobody is there
        slack.drop(chance.choice(FRAGILE), processed=chance.random() < 0.5)
        siege.broken += 1


async def write(siege: Siege, slack: FakeSlack, port: int, user: str, done: asyncio.Event) -> None:
    """Say one thing after the other, each repeated until it is acknowledged."""
    acme, chance, number = slack.workspaces["T1"], random.Random(user), 0
    dm = acme.im(user)
    while not done.is_set():
        number += 1
        words = " ".join(f"{user}.{number}.{word}" for word in range(chance.randint(20, 150)))
        said = acme.say(dm, user, words)
        body = acme.envelope(acme.message_event(said))
        while not await heard(siege, port, body):  # noqa: ASYNC110 - another process is waited for
            await asyncio.sleep(0.05)
        siege.said.append(said)
        await asyncio.sleep(chance.uniform(0.2, 0.8))


async def heard(siege: Siege, port: int, body: dict) -> bool:
    timeout = aiohttp.ClientTimeout(total=5)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as http:
            answered = await send(http, f"http://127.0.0.1:{port}", body, SECRET)
            if answered.status == 200:
                return True
    except LOST:
        pass
    siege.repeats += 1
    return False


def judge(siege: Siege, slack: FakeSlack) -> None:
    """Compare what was said with what stands below it."""
    acme = slack.workspaces["T1"]
    for said in siege.said:
        shown = "".join(each.text for each in acme.bot_messages(said["channel"], said["ts"]))
        if shown.startswith(APOLOGY):
            siege.failed += 1
        elif shown != f"You said: {said['text']}":
            siege.faults.append(f"{said['text'][:20]}: shown {len(shown)} signs, {shown[:60]!r}")
    siege.faults += [f"a stream is open: {each.text[:60]}" for each in acme.streams.values()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", required=True)
    parser.add_argument("--alive", type=float, nargs=2, default=(1.5, 6.0))
    args = parser.parse_args()
    siege = asyncio.run(
        besiege(args.database, kills=args.kills, seed=args.seed, alive=tuple(args.alive))
    )
    print(
        f"{siege.kills} kills, {len(siege.said)} messages acknowledged ({siege.repeats} repeated),"
        f" {siege.broken} connections broken, {siege.failed} apologies,"
        f" {len(siege.faults)} faults"
    )
    for fault in siege.faults[:20]:
        print("  ", fault)
    sys.exit(bool(siege.faults))


if __name__ == "__main__":
    main()
