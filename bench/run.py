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
from memory import memory

RATE = 100  # deltas a second, when the model is paced
CPU_PACED, CPU_FAST = 1.6, 2.5  # times what the relay spends, at most
ADDED_P50, ADDED_P99 = 3.0, 15.0  # milliseconds before the first words, at most
TURNS = "turns WHERE status = 'done'"
MESSAGES = "messages WHERE role = 'user'"
ACK_P99 = 50.0  # milliseconds from when an event was due to its ack, at most


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; `beside` is the relay, or another lower bound."""

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


def quantile(runs: list[Any], share: float, what: str = "first_ms") -> float:
    """The time that this share of all did not exceed; to the first words, unless told."""
    values = sorted(value for run in runs for value in run[what])
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


def acks(args: argparse.Namespace) -> list[Row]:
    """Slack's events, each the first of a conversation: the answers run at the same time."""
    with ExitStack() as stack:
        lab = laboratory(stack, args)
        bare, ours = lab.bare(), lab.slack()
        runs = {}
        for server in (bare, ours):
            show(f"acks, {server.kind}")
            lab.acks(server, 20, 1)
            runs[server] = lab.acks(server, args.ack_rate, args.ack_seconds)
        kept = stored(lab.database, MESSAGES)
        lost = 20 + runs[ours]["sent"] - kept
    show("")
    for server, run in runs.items():
        print(f"acks, {server.kind}: {told(run)}")
    print(f"stored: {kept} of {20 + runs[ours]['sent']} events")
    return [by_ack(args, runs[bare], runs[ours], lost)]


def by_ack(args: argparse.Namespace, bare: Any, ours: Any, lost: int) -> Row:
    """Time to the ack, over all events; one that is lost is a target missed."""
    what = f"webhook ack under {args.ack_rate:g} signed events/s, durable, p99"
    before, after = (quantile([run], 0.99, "ack_ms") for run in (bare, ours))
    met = after < ACK_P99 and not lost and ours["answered"] == ours["sent"]
    return Row(what, before, after, f"x {after / before:.1f}, {lost} lost", f"< {ACK_P99:g}", met)


def told(run: Any) -> str:
    """What a run of `acks.py` was like."""
    p50, p99, most = (quantile([run], share, "ack_ms") for share in (0.5, 0.99, 1))
    in_time = sum(one < ACK_P99 for one in run["ack_ms"]) / run["sent"]
    return (
        f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, longest {most:.0f} ms, {in_time:.1%} in"
        f" {ACK_P99:g} ms; {run['answered']} of {run['sent']} answered 200 over"
        f" {run['connections']} connections, {run['cpu_ms']:.2f} ms of CPU an event; the load was"
        f" {quantile([run], 0.99, 'late_ms'):.1f} ms late (p99)"
    )


def show(progress: str) -> None:
    """Say on a terminal how far it is."""
    if sys.stderr.isatty():
        print(f"\r\033[K{progress}", end="", file=sys.stderr, flush=True)


def stored(database: Path, what: str) -> int:
    """How many there are, by the gateway's own file."""
    with closing(sqlite3.connect(database)) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {what}").fetchone()[0])  # noqa: S608


def laboratory(stack: ExitStack, args: argparse.Namespace) -> Lab:
    """A laboratory in a folder of its own."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
    return Lab(folder, stack, args.deltas)


def measure(args: argparse.Namespace) -> list[Row]:
    """Start everything, warm it up, measure, stop everything."""
    with ExitStack() as stack:
        lab = laboratory(stack, args)
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
            print(f"stored: {stored(lab.database, TURNS)} of {turns * args.streams} turns")
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
    parser.add_argument("--ack-seconds", type=float, default=10, help="of events; 0 for none")
    parser.add_argument("--ack-rate", type=float, default=500, help="events a second")
    parser.add_argument("--calibrate", action="store_true", help="put the relay in our place")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a target is missed")
    args = parser.parse_args()
    if sys.platform != "linux":
        sys.exit("the bench reads the CPU clocks that Linux keeps of every process: it needs Linux")
    cheap = args.calibrate or memory()
    rows = measure(args)
    if args.ack_seconds and not args.calibrate:
        rows += acks(args)
    ours = "relay" if args.calibrate else "gateway"
    print(f"{'':<58}{'beside':>11} {ours:>11}  {'':<21}{'target':>8}")
    print(*rows, sep="\n")
    print("beside: the relay for CPU, the fake model asked directly for the first token,")
    print("a bare handler that checks signatures and stores nothing for acks")
    print("other peers: none are installed, skipped")
    return 1 if args.check and not (cheap and all(row.met for row in rows)) else 0


if __name__ == "__main__":
    sys.exit(main())
