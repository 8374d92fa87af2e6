"""What a long conversation costs by each strategy, told by a model that is not there.

A person says a hundred things, with pauses, by a clock that nobody waits for; the gateway is whole,
on SQLite, and the provider's cache is played by its rules. So these are no measurements: the same
code gives the same figures on any machine.
"""

import asyncio
import logging
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import structlog

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # the fakes are the tests' own

from tests.fakes.costs import gaps
from tests.fakes.talk import Talk, talking

TURNS = 100
LIMIT = 0.12  # of what it costs to send all again and again
STRATEGIES = ("summary", "importance", "window", "full")
# How people pause: a minute, twenty, two hours.
PAUSES = {
    "mixed": (0.65, 0.30, 0.05),
    "no long ones": (0.65, 0.35, 0.0),
    "20 min each": (0.0, 1.0, 0.0),
}
PLATFORMS = {"messenger": "whatsapp", "web": "web"}  # kept for an hour, and for five minutes
USUAL = ("messenger", "mixed")
LOOKED_AT = (
    USUAL,
    ("messenger", "no long ones"),
    ("messenger", "20 min each"),
    ("web", "mixed"),
    ("web", "20 min each"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A strategy: its cost by place and pauses, what it reads from the cache, what it keeps."""

    strategy: str
    costs: dict[tuple[str, str], float]
    read: float
    kept: str

    @property
    def met(self) -> bool:
        """Whether the strategy that is set by default is as cheap as it should be."""
        return self.strategy != "summary" or self.costs[USUAL] <= LIMIT

    def __str__(self) -> str:
        figures = "".join(f"{cost:>14.3f}" for cost in self.costs.values())
        return f"{self.strategy:<12}{figures}{self.read:>8.0%}  {self.kept}"


async def _talked(strategy: str, place: str, pauses: str) -> Talk:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        url = f"sqlite:///{folder}/memory.db"
        async with talking(url, context_strategy=strategy) as talk:
            await talk.go_on(gaps(TURNS, PAUSES[pauses]), platform=PLATFORMS[place])
            return talk


def _kept(talk: Talk) -> str:
    """What the last request still tells of the conversation."""
    sent = talk.asked[-1].sent["messages"]
    fact = "4711" in str(sent)
    return f"{len(sent) - 1} messages; fact of turn 3 {'known' if fact else 'forgotten'}"


async def _row(strategy: str) -> Row:
    talks = {where: await _talked(strategy, *where) for where in LOOKED_AT}
    return Row(
        strategy=strategy,
        costs={where: talk.share for where, talk in talks.items()},
        read=talks[USUAL].read,
        kept=_kept(talks[USUAL]),
    )


async def _rows() -> list[Row]:
    return [await _row(strategy) for strategy in STRATEGIES]


def memory() -> bool:
    """Print the table; says whether the target is met."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    rows = asyncio.run(_rows())
    print(f"memory, {TURNS} turns: input and summaries, by what sending all again and again costs")
    print(f"{'':<12}" + "".join(f"{place:>14}" for place, _ in LOOKED_AT))
    heads = "".join(f"{pauses:>14}" for _, pauses in LOOKED_AT)
    print(f"{'strategy':<12}{heads}{'cached':>8}  in the last request")
    print(*rows, sep="\n")
    met = all(row.met for row in rows)
    print(f"summary, messenger, mixed pauses: target <= {LIMIT}  {'ok' if met else 'over'}")
    return met


if __name__ == "__main__":
    sys.exit(0 if memory() else 1)
