"""Tokens to money, per model."""

import re
from dataclasses import dataclass
from datetime import date
from typing import Final

from core.types import Usage

SEEN: Final = date(2026, 11, 21)
"""The day on which the prices below were read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Price:
    """Nano-dollars a token, which is a thousandth of dollars a million tokens.

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
        """What one call costs, in nano-dollars."""
        cost = (
            usage.input * self.input
            + usage.output * self.output
            + usage.cache_read * self.cache_read
            + usage.cache_write_5m * self.cache_write_5m
            + usage.cache_write_1h * self.cache_write_1h
        )
        long = self.long_prompt is not None and usage.prompt > self.long_prompt
        return cost * self.long_factor if long else cost


PRICES: Final = {
    "claude-sonnet-5-5": Price(
        input=2_000, output=10_000, cache_read=100, cache_write_5m=2_500, cache_write_1h=4_000
    ),
    "claude-haiku-5-5": Price(
        input=100,
        output=500,
        cache_read=10,
        cache_write_5m=125,
        cache_write_1h=200,
        long_prompt=100_000,
        long_factor=5,
    ),
    "claude-opus-5-5": Price(
        input=4_000, output=20_000, cache_read=200, cache_write_5m=5_000, cache_write_1h=8_000
    ),
    "claude-fable-5-1": Price(
        input=10_000, output=50_000, cache_read=250, cache_write_5m=12_500, cache_write_1h=20_000
    ),
    "claude-haiku-4-5": Price(
        input=1_000, output=5_000, cache_read=100, cache_write_5m=1_250, cache_write_1h=2_000
    ),
}
"""Anthropic's list prices. A reseller's are its own; theirs count as these."""

DATED: Final = re.compile(r"[-@]\d{8}$")


def price(model: str) -> Price | None:
    """The price of a model by any of its ids, or None.

    `anthropic/claude-haiku-4.5` and `claude-haiku-4-5-20251001` are `claude-haiku-4-5`.
    """
    name = model.rpartition("/")[2].replace(".", "-")
    return PRICES.get(DATED.sub("", name))


def cost(model: str, usage: Usage) -> int | None:
    """What one call costs in nano-dollars, or None if the model's price is not known.

    One call, not several added up: a long prompt changes the price of its own call only.
    """
    known = price(model)
    return None if known is None else known.of(usage)


class Bill:
    """What the calls for one answer came to, readable at any time, also after an error.

    A call that broke off counts with what it had charged by then, so the sums are at least
    true. `usage` is None while no call has told any.
    """

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self._cost: int | None = 0

    @property
    def cost(self) -> int | None:
        """Nano-dollars, None unless every call told its usage and every price is known."""
        return None if self.usage is None else self._cost

    def add(self, model: str, usage: Usage) -> None:
        """Count one call. A usage of no tokens at all is an untold one: no call is free."""
        told = usage != Usage()
        charged = cost(model, usage) if told else None
        if told:
            self.usage = usage if self.usage is None else self.usage + usage
        self._cost = None if charged is None or self._cost is None else self._cost + charged
