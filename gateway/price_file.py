"""Prices in a file that people edit; `prices.toml` beside this says how it is written."""

import tomllib
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from core.errors import Misconfigured
from core.pricing import EVER, MILLION, Listed, Price, Prices, listed

SHIPPED = Path(__file__).parent / "prices.toml"
RATES = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")
NEEDED = ("model", "input", "output")
KNOWN = frozenset({"model", "from", "long_prompt", "long_factor", *RATES})
DEAREST = 1_000_000  # dollars a million tokens
LONGEST = 10**9


def prices(own: Path | None = None) -> Prices:
    """The shipped prices, with the operator's own over them.

    Raises `Misconfigured` with every fault of a file, one a line, each with how to mend it.
    """
    shipped = read(SHIPPED)
    return shipped if own is None else shipped.under(read(own))


def read(file: Path) -> Prices:
    """The prices in one file. Raises `Misconfigured` as `prices` does."""
    try:
        written = tomllib.loads(file.read_text("utf-8-sig"), parse_float=Decimal)
    except OSError as error:
        raise Misconfigured(f"{file.name}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise Misconfigured(f"{file.name}: is not UTF-8 text") from error
    except tomllib.TOMLDecodeError as error:
        raise Misconfigured(f"{file.name}: is not TOML: {error}") from error
    except (ValueError, RecursionError) as error:  # a name with a NUL, or what no file needs
        raise Misconfigured(
            f"{file.name}: cannot be read: its name, a number in it or how deep it nests is"
            " beyond all measure"
        ) from error
    found, faults = _entries(written)
    if faults:
        raise Misconfigured("\n".join(f"{file.name}: {fault}" for fault in faults))
    return listed(found)


def _entries(written: dict[str, Any]) -> tuple[list[Listed], list[str]]:
    entries = written.pop("price", None)
    faults = [f"`{name}` means nothing here; begin each price with [[price]]" for name in written]
    if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
        return [], [*faults, "has no prices; begin each with [[price]]"]
    found: list[Listed] = []
    seen: dict[tuple[str, date], int] = {}
    for number, entry in enumerate(entries, 1):
        where = f"price {number} ({entry.get('model', 'no model')})"
        wrong = _faults(entry)
        faults += [f"{where}: {fault}" for fault in wrong]
        if not wrong:
            made = _listed(entry)
            first = seen.setdefault((made.model, made.since), number)
            if first != number:
                faults.append(
                    f"{where}: price {first} is of the same model and day; give one of them"
                    " another `from`, or take it out"
                )
            found.append(made)
    return found, faults


def _faults(entry: dict[str, Any]) -> list[str]:
    """What is wrong with an entry, and what to write instead."""
    faults = [f"`{name}` is missing; add it" for name in NEEDED if name not in entry]
    unknown = [name for name in entry if name not in KNOWN]
    faults += [f"`{name}` means nothing here; take it out, or mend its name" for name in unknown]
    model, since = entry.get("model", "x"), entry.get("from", EVER)
    if not isinstance(model, str) or not model.strip():
        faults.append('`model` is not a name; write one such as "claude-sonnet-5-5"')
    if not isinstance(since, date) or isinstance(since, datetime):
        faults.append("`from` is not a day; write one such as 2026-10-07, without quotes")
    faults += [
        f"`{name}` is not a price; write dollars for a million tokens such as 2.50, with six"
        " digits behind the point at most"
        for name in RATES
        if name in entry and not _is_rate(entry[name])
    ]
    if ("long_prompt" in entry) != ("long_factor" in entry):
        faults.append("`long_prompt` and `long_factor` go together; write both or neither")
    faults += [
        f"`{name}` is not a whole number from 1 on; write one such as {such}"
        for name, such in (("long_prompt", 100_000), ("long_factor", 5))
        if name in entry and not _is_count(entry[name])
    ]
    return faults


def _is_rate(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return False
    rate = Decimal(value)
    return rate.is_finite() and 0 <= rate <= DEAREST and rate * MILLION % 1 == 0


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= LONGEST


def _listed(entry: dict[str, Any]) -> Listed:
    rates = {name: int(Decimal(entry.get(name, entry["input"])) * MILLION) for name in RATES}
    price = Price(
        **rates,
        long_prompt=entry.get("long_prompt"),
        long_factor=entry.get("long_factor", 1),
    )
    return Listed(model=entry["model"].strip(), since=entry.get("from", EVER), price=price)
