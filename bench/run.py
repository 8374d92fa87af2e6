"""What the gateway costs, against a bare relay that runs beside it: `make bench`.

One core serves, another has the load and a fake model. The relay and the gateway take turns at
being measured, a pair a round, and a ratio is the median of its pairs: whatever else the machine
does meanwhile hits both. Trust the ratios; the milliseconds are this machine's, today.
"""

import argparse
import sqlite3
import statistics
import sys
import tempfile
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab import Lab, Server

RATE = 100  # deltas a second, when the model is paced
CPU_PACED, CPU_FAST = 1.6, 2.5  # times what the relay spends, at most
ADDED_P50, ADDED_P99 = 3.0, 15.0  # milliseconds before the first words, at most


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; `beside` is the relay, or asking the model directly."""

    what: str
    beside: float
    ours: float
    result: str
    target: str
    met: bool

    def __str__(self) -> str:
        figures = f"{self.beside:>8.2f} ms {self.ours:>8.2f} ms  {self.result:<21}"
        return f"{self.what:<58}{figures}{self.target:>8}  {'ok' if self.met else 'over'}"


def by_ratio(what: str, relay: list[Any], ours: list[Any], limit: float) -> Row:
    """CPU a turn, as the median of the pairs' ratios, with the lowest and the highest."""
    before, after = [run["cpu_ms"] for run in relay], [run["cpu_ms"] for run in ours]
    ratios = [b / a for a, b in zip(before, after, strict=True)]
    ratio = statistics.median(ratios)
    result = f"x {ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    beside, own = statistics.median(before), statistics.median(after)
    return Row(what, beside, own, result, f"<= {limit}", ratio <= limit)


def by_difference(what: str, share: float, direct: list[Any], ours: list[Any], limit: float) -> Row:
    """Time to the first words, over all turns of all rounds."""
    before, after = quantile(direct, share), quantile(ours, share)
    added = after - before
    return Row(what, before, after, f"{added:+.2f} ms", f"<= {limit:g}", added <= limit)


def quantile(runs: list[Any], share: float) -> float:
    """The time to the first words that this share of all turns did not exceed."""
    values = sorted(value for run in runs for value in run["first_ms"])
    return float(values[min(len(values) - 1, int(share * len(values)))])


def paced(lab: Lab, relay: Server, ours: Server, args: argparse.Namespace) -> list[Row]:
    """Answers that grow as a model writes them."""
    lab.gap(1 / RATE)
    spread = args.deltas / RATE  # a whole turn, so that no two conversations are in step
    runs: dict[Server, list[Any]] = {relay: [], ours: [], lab.direct: []}
    for number in range(args.rounds):
        show(f"paced, round {number + 1} of {args.rounds}")
        for server, taken in runs.items():
            turns = 1 if server is lab.direct else args.turns
            taken.append(lab.measure(server, args.streams, turns, spread))
    what = f"CPU a streamed turn, {args.deltas} deltas at {RATE}/s, durable on SQLite"
    first = f"time to first token, {args.streams} streams"
    return [
        by_ratio(what, runs[relay], runs[ours], CPU_PACED),
        by_difference(f"{first}, p50", 0.50, runs[lab.direct], runs[ours], ADDED_P50),
        by_difference(f"{first}, p99", 0.99, runs[lab.direct], runs[ours], ADDED_P99),
    ]


def fast(lab: Lab, relay: Server, ours: Server, args: argparse.Namespace) -> list[Row]:
    """Answers that come all at once."""
    lab.gap(0)
    runs: dict[Server, list[Any]] = {relay: [], ours: []}
    for number in range(args.fast_rounds):
        show(f"fast, round {number + 1} of {args.fast_rounds}")
        for server, taken in runs.items():
            taken.append(lab.measure(server, args.streams, args.fast_turns))
    return [by_ratio("same, deltas as fast as they come", runs[relay], runs[ours], CPU_FAST)]


def show(progress: str) -> None:
    """Say on a terminal how far it is."""
    if sys.stderr.isatty():
        print(f"\r\033[K{progress}", end="", file=sys.stderr, flush=True)


def stored(database: Path) -> int:
    """The turns that the gateway says are done, by its own file."""
    with closing(sqlite3.connect(database)) as connection:
        return int(
            connection.execute("SELECT count(*) FROM turns WHERE status = 'done'").fetchone()[0]
        )


def measure(args: argparse.Namespace) -> list[Row]:
    """Start everything, warm it up, measure, stop everything."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        lab = Lab(folder, stack, args.deltas)
        relay = lab.relay()
        ours = lab.relay() if args.calibrate else lab.gateway()
        for server in (relay, ours):
            lab.measure(server, args.streams, 5)
        first, *waits = paced(lab, relay, ours, args)
        rows = [first, *fast(lab, relay, ours, args), *waits]
        show("")
        if not lab.pinned:
            print("note: no taskset or one core only, so server and load share what there is")
        if not args.calibrate:
            turns = 5 + args.rounds * args.turns + args.fast_rounds * args.fast_turns
            print(f"stored: {stored(lab.database)} of {turns * args.streams} turns")
        return rows


def main() -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description="Measure the gateway against a bare relay.")
    parser.add_argument("--streams", type=int, default=20, help="conversations at a time")
    parser.add_argument("--deltas", type=int, default=200, help="pieces of an answer")
    parser.add_argument("--rounds", type=int, default=3, help="pairs of paced runs")
    parser.add_argument("--turns", type=int, default=2, help="of a conversation, paced")
    parser.add_argument("--fast-rounds", type=int, default=5, help="pairs of fast runs")
    parser.add_argument("--fast-turns", type=int, default=20, help="of a conversation, fast")
    parser.add_argument("--calibrate", action="store_true", help="put the relay in our place")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a target is missed")
    args = parser.parse_args()
    if sys.platform != "linux":
        sys.exit("the bench reads the CPU clocks that Linux keeps of every process: it needs Linux")
    rows = measure(args)
    ours = "relay" if args.calibrate else "gateway"
    print(f"{'':<58}{'beside':>11} {ours:>11}  {'':<21}{'target':>8}")
    print(*rows, sep="\n")
    print("beside: the relay for CPU, the fake model asked directly for the first token")
    print("other peers: none are installed, skipped")
    return 1 if args.check and not all(row.met for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
