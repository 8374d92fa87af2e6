"""The newest conversations, as a table in a terminal or as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from rich.table import Table
from rich.text import Text

from core import overview
from core.overview import Overview
from gateway.beside import read
from gateway.config import Settings
from gateway.showing import show

NANO = 1_000_000_000


async def print_sessions(settings: Settings, *, limit: int, as_json: bool) -> None:
    """Print the conversations that were begun last, and what each cost."""
    found = await read(settings, lambda db: overview.newest(db, limit=limit))
    if as_json:
        print(json.dumps([asdict(each) | {"cost": each.cost / NANO} for each in found], indent=2))  # noqa: T201
    else:
        show(_table(found))


def _table(found: Sequence[Overview]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("session", "platforms", "person", "begun (UTC)", "last answer (UTC)"):
        table.add_column(heading)
    for heading in ("answers", "tokens", "dollars"):
        table.add_column(heading, justify="right")
    for each in found:
        person = "" if each.person_id is None else f"{each.person_id} {each.person or ''}".strip()
        table.add_row(
            str(each.session_id),
            ", ".join(each.platforms),
            Text(person),
            _time(each.created_at),
            _time(each.updated_at),
            f"{each.turns:,}",
            f"{each.tokens:,}",
            f"{each.cost / NANO:,.4f}",
        )
    return table


def _time(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M")
