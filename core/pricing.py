"""Tokens to money, per model and day."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from core.types import Usage

EVER: Final = date.min
"""Since when a price counts that says nothing of it."""
LATEST: Final = date.max
"""The day whose prices are the last ones known."""
MILLION: Final = 1_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Price:
    """Pico-dollars (1e-12 USD) a token, which is a millionth of dollars a million tokens.

    A call whose prompt is longer than `long_prompt` costs `long_factor` times as much, to
    its last token.
    """

    input: int
    output: int
    cache_read: int
    cache_write_5m: int
    cache_write_1h: int
    long_prompt: int | None = None
    long_factor: int = 1

    def of(self, usage: Usage) -> int:
        """What one call costs, in nano-dollars; a part of one counts as a whole one."""
        cost = (
            usage.input * self.input
            + usage.output * self.output
            + usage.cache_read * self.cache_read
            + usage.cache_write_5m * self.cache_write_5m
            + usage.cache_write_1h * self.cache_write_1h
        )
        long = self.long_prompt is not None and usage.prompt > self.long_prompt
        return -(-cost * (self.long_factor if long else 1) // 1000)

    @property
    def dollars(self) -> list[float]:
        """Dollars a million tokens, in the order of the fields, as a price list has them."""
        known = (self.input, self.output, self.cache_read, self.cache_write_5m, self.cache_write_1h)
        rates = [each // MILLION if each % MILLION == 0 else each / MILLION for each in known]
        return rates if self.long_prompt is None else [*rates, self.long_prompt, self.long_factor]


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """A model's price from a day on (UTC), until another of the same model follows."""

    model: str
    since: date = EVER
    price: Price


@dataclass(frozen=True, kw_only=True, slots=True)
class Prices:
    """What is known of prices; made by `listed`. Each model's are the newest first."""

    models: Mapping[str, tuple[Listed, ...]] = field(default_factory=dict)

    def price(self, model: str, on: date = LATEST) -> Price | None:
        """The price of a model by any of its ids on a day, or None if none was in force.

        `anthropic/claude-haiku-4.5` and `claude-haiku-4-5-20251001` are `claude-haiku-4-5`,
        unless they are listed by those very names.
        """
        found = self.models.get(model) or self.models.get(_bare(model)) or ()
        return next((each.price for each in found if each.since <= on), None)

    def cost(self, model: str, usage: Usage, on: date = LATEST) -> int | None:
        """What one call costs in nano-dollars, or None if the model's price is not known.

        One call, not several added up: a long prompt changes the price of its own call only.
        """
        known = self.price(model, on)
        return None if known is None else known.of(usage)

    def under(self, own: "Prices") -> "Prices":
        """The same, but the models that are in `own` cost what that says, and only that."""
        return Prices(models={**self.models, **own.models})


def listed(entries: Iterable[Listed]) -> Prices:
    """Price lists in any order; of two for the same model and day the last one counts."""
    models: dict[str, dict[date, Listed]] = {}
    for each in entries:
        # A provider in front makes it that provider's own price.
        name = each.model if "/" in each.model else _bare(each.model)
        models.setdefault(name, {})[each.since] = each
    return Prices(
        models={
            name: tuple(found[since] for since in sorted(found, reverse=True))
            for name, found in models.items()
        }
    )


def _bare(model: str) -> str:
    name = model.rpartition("/")[2].replace(".", "-")
    return _DATED.sub("", name)


_DATED = re.compile(r"[-@]\d{8}$")


def _dollars(*rates: float, **long: int) -> Price:
    """A price from dollars a million tokens, in the order of its fields."""
    names = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")
    known = {name: round(rate * MILLION) for name, rate in zip(names, rates, strict=True)}
    return Price(**known, **long)


STANDARD: Final = listed(
    Listed(model=model, price=price)
    for model, price in {
        "claude-sonnet-5-5": _dollars(2, 10, 0.1, 2.5, 4),
        "claude-haiku-5-5": _dollars(
            0.1, 0.5, 0.01, 0.125, 0.2, long_prompt=100_000, long_factor=5
        ),
        "claude-opus-5-5": _dollars(4, 20, 0.2, 5, 8),
        "claude-fable-5-1": _dollars(10, 50, 0.25, 12.5, 20),
        "claude-haiku-4-5": _dollars(1, 5, 0.1, 1.25, 2),
    }.items()
)
"""For whoever is given no prices. The gateway reads `gateway/prices.toml`, which says the same."""


class Bill:
    """What the calls for one answer came to, readable at any time, also after an error.

    A call that broke off counts with what it had charged by then, so the sums are at least
    true. `usage` is None while no call has told any. Prices are those of the day `on`.
    """

    def __init__(self, prices: Prices = STANDARD, on: date = LATEST) -> None:
        self.usage: Usage | None = None
        self._cost: int | None = 0
        self._prices = prices
        self._on = on
        self._used: dict[str, Price | None] = {}

    @property
    def cost(self) -> int | None:
        """Nano-dollars, None unless every call told its usage and every price is known."""
        return None if self.usage is None else self._cost

    @property
    def prices(self) -> str | None:
        """What was charged for each model's tokens, for the record; None while nothing was.

        JSON: `{"model": [in, out, cache read, 5m write, 1h write]}` in dollars a million tokens,
        where it has one with its long prompt and factor behind; null for a price not known.
        """
        if not self._used:
            return None
        used = {model: price and price.dollars for model, price in self._used.items()}
        return json.dumps(used, separators=(",", ":"))

    def add(self, model: str, usage: Usage) -> None:
        """Count one call. A usage of no tokens at all is an untold one: no call is free."""
        told = usage != Usage()
        known = self._prices.price(model, self._on)
        charged = known.of(usage) if told and known is not None else None
        if told:
            self.usage = usage if self.usage is None else self.usage + usage
            self._used[model] = known
        self._cost = None if charged is None or self._cost is None else self._cost + charged
