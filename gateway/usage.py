"""Who used how much, as a table in a terminal or as JSON."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

from rich.table import Table
from rich.text import Text

from core import usage
from core.errors import Misconfigured
from core.usage import By, Row
from gateway.beside import read
from gateway.config import Settings
from gateway.showing import show

NANO = 1_000_000_000
EPOCH = date(1970, 1, 1)


async def print_usage(settings: Settings, by: Sequence[str], since: str, *, as_json: bool) -> None:
    """Print what was used since then. Raises `Misconfigured` for what cannot be asked."""
    kinds, begin = _kinds(by), _beginning(since)
    rows = await read(settings, lambda db: usage.report(db, kinds, since=begin))
    if as_json:
        print(json.dumps([_plain(row, kinds) for row in rows], indent=2))  # noqa: T201
        return
    show(_table(rows, kinds))
    if any(row.unpriced for row in rows):
        print("Turns without a price are not in the cost: add their models to PRICES_FILE.")  # noqa: T201


def _kinds(by: Sequence[str]) -> list[By]:
    try:
        return [By(name.strip().lower()) for each in by for name in each.split(",")]
    except ValueError:
        known = ", ".join(By)
        raise Misconfigured(f"usage: --by is one of {known}, or several with commas") from None


def _beginning(since: str) -> int:
    try:
        return usage.beginning(since, now=int(time.time() * 1000))
    except (ValueError, OverflowError):
        wanted = "a day, such as 2026-11-01, or days ago, such as 7d"
        raise Misconfigured(f"usage: --since is {wanted}") from None


def _table(rows: Sequence[Row], by: Sequence[By]) -> Table:
    table = Table(box=None, pad_edge=False)
    for kind in by:
        table.add_column(kind)
    for heading in ("turns", "in", "cache read", "cache write", "out", "dollars", "no price"):
        table.add_column(heading, justify="right")
    for row in rows:
        counts = (row.turns, row.input, row.cache_read, row.cache_write, row.output)
        table.add_row(
            *(Text(_named(row, kind)) for kind in by),
            *(f"{count:,}" for count in counts),
            f"{row.cost / NANO:,.4f}",
            f"{row.unpriced:,}" if row.unpriced else "",
        )
    return table


def _named(row: Row, kind: By) -> str:
    match kind:
        case By.PERSON:
            number = "nobody known" if row.person_id is None else f"{row.person_id}"
            return f"{number} {row.person}" if row.person else number
        case By.PLATFORM:
            return row.platform or ""
        case By.MODEL:
            return row.model or ""
        case By.DAY:
            return _day(row.day)


def _plain(row: Row, by: Sequence[By]) -> dict[str, Any]:
    """What the API says of a row, too: costs in dollars, days as dates."""
    told: dict[str, Any] = asdict(row)
    shown = {kind.value for kind in by}
    for name in ("platform", "model", "person", "day"):
        if name not in shown:
            del told[name]
    if By.PERSON not in by:
        del told["person_id"]
    if By.DAY in by:
        told["day"] = _day(row.day)
    told["cost"] = row.cost / NANO
    return told


def _day(day: int | None) -> str:
    return (EPOCH + timedelta(days=day or 0)).isoformat()
