"""What conversations cost, by the provider's rules of caching, told from what it is sent.

A cache keeps the prefix of a request up to each block that carries a `cache_control`, for as long
as that says, from its last use on. A later request is charged less for the longest prefix that is
kept and is no more than 20 blocks before one of its own marks.
"""

import json
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from random import Random
from typing import Any

from adapters.claude.request import OPTIONS, body
from core.ports import Clock
from core.types import Began, Done, Piece, Prompt, Text, Usage

LETTERS = 4  # a token
LEAST = 512  # tokens of a prefix that is kept
LOOKBACK = 20  # blocks
SECONDS = {"5m": 300, "1h": 3600}
WRITE_5M, WRITE_1H, OUTPUT = 1.25, 2.0, 5.0  # times what a token costs that goes in uncached
MINUTES = (1, 20, 120)  # between two messages of a person

Body = Mapping[str, Any]


def tokens(text: str) -> int:
    """How many tokens a text is."""
    return -(-len(text) // LETTERS)


def gaps(count: int, shares: Sequence[float] = (0.65, 0.30, 0.05), seed: int = 7) -> list[float]:
    """Seconds between the messages of a person, by the shares of `MINUTES`."""
    return [60.0 * each for each in Random(seed).choices(MINUTES, shares, k=count)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """A block of a request: what it is without its mark, its tokens, and its mark's time."""

    what: str
    tokens: int
    ttl: str | None


def blocks(sent: Body) -> list[Block]:
    """The blocks of a request in the order in which they are cached."""
    placed = [("system", each) for each in _contents(sent.get("system", []))]
    for message in sent["messages"]:
        placed += [(message["role"], each) for each in _contents(message["content"])]
    return [_block(place, content) for place, content in placed]


def marks(sent: Body) -> list[int]:
    """The places of the blocks that carry a mark."""
    return [at for at, block in enumerate(blocks(sent)) if block.ttl is not None]


def _contents(content: str | list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _block(place: str, content: dict[str, Any]) -> Block:
    bare = {key: value for key, value in content.items() if key != "cache_control"}
    size = tokens(content["text"]) if content["type"] == "text" else 1500
    mark = content.get("cache_control")
    return Block(
        what=json.dumps([place, bare], sort_keys=True),
        tokens=size,
        ttl=mark and mark.get("ttl", "5m"),
    )


class Cache:
    """What a provider has kept of the prompts of one model."""

    def __init__(self) -> None:
        self._kept: dict[bytes, tuple[float, str]] = {}  # by prefix: until when, and for how long

    def ask(self, sent: Body, now: float) -> Usage:
        """What a request is charged at `now`, in seconds; its output aside."""
        found = blocks(sent)
        chain, total = _prefixes(found)
        marked = [at for at, block in enumerate(found) if block.ttl and total[at] >= LEAST]
        hit = self._longest(chain, marked, now)
        self._use(chain, hit, now)
        read = total[hit] if hit >= 0 else 0
        written = {"5m": 0, "1h": 0}
        before = read
        for at in (at for at in marked if at > hit):
            ttl = found[at].ttl or "5m"
            self._kept[chain[at]] = (now + SECONDS[ttl], ttl)
            written[ttl] += total[at] - before
            before = total[at]
        return Usage(
            input=total[-1] - before,
            cache_read=read,
            cache_write_5m=written["5m"],
            cache_write_1h=written["1h"],
        )

    def _longest(self, chain: list[bytes], marked: list[int], now: float) -> int:
        """The last block of the longest prefix that is kept and in reach of a mark; or -1."""
        near = {at - back for at in marked for back in range(min(LOOKBACK, at + 1))}
        alive = [at for at in near if self._kept.get(chain[at], (0.0, ""))[0] > now]
        return max(alive, default=-1)

    def _use(self, chain: list[bytes], hit: int, now: float) -> None:
        for prefix in chain[: hit + 1]:
            until, ttl = self._kept.get(prefix, (0.0, ""))
            if until > now:
                self._kept[prefix] = (now + SECONDS[ttl], ttl)


def _prefixes(found: Sequence[Block]) -> tuple[list[bytes], list[int]]:
    """For each block, what stands for all up to it, and the tokens of that."""
    state, chain, total = blake2b(digest_size=16), [], [0]
    for block in found:
        state.update(block.what.encode() + b"\0")
        chain.append(state.digest())
        total.append(total[-1] + block.tokens)
    return chain, total[1:]


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """One request, when it came in seconds, and what it was charged."""

    model: str
    at: float
    sent: Body
    usage: Usage


class Provider:
    """A `core.ports.Model` that says what `answer` makes of a model's name and a body."""

    def __init__(self, clock: Clock, answer: Callable[[str, Body], str]) -> None:
        self.asked: list[Asked] = []
        self._clock = clock
        self._answer = answer
        self._caches: dict[str, Cache] = {}

    async def stream(self, prompt: Prompt, model: str) -> AsyncGenerator[Piece, None]:
        """See `core.ports.Model.stream`."""
        sent = json.loads(body(prompt, model, OPTIONS, "low"))
        now = self._clock.now()
        usage = self._caches.setdefault(model, Cache()).ask(sent, now)
        text = self._answer(model, sent)
        whole = replace(usage, output=tokens(text))
        self.asked.append(Asked(model=model, at=now, sent=sent, usage=whole))
        yield Began(usage=usage)
        yield Text(text)
        yield Done(stop_reason="end_turn", usage=whole)

    async def close(self) -> None:
        """There is nothing to close."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rate:
    """What a model costs: a token that goes in uncached (any unit), and a cached one's share."""

    input: float
    read: float

    def of(self, usage: Usage) -> float:
        """What one call costs."""
        tokens_ = usage.input + usage.cache_read * self.read + usage.output * OUTPUT
        written = usage.cache_write_5m * WRITE_5M + usage.cache_write_1h * WRITE_1H
        return (tokens_ + written) * self.input


RATES = {
    "claude-sonnet-5-5": Rate(input=2.0, read=0.05),
    "claude-haiku-5-5": Rate(input=0.1, read=0.1),
}
"""Dollars a million tokens."""


def spent(asked: Iterable[Asked], main: str, rates: Mapping[str, Rate] = RATES) -> float:
    """What requests come to, in uncached input tokens of the `main` model, whose output is free.

    What that one says is the same however it was asked; the other models only serve it.
    """
    cost = 0.0
    for each in asked:
        usage = replace(each.usage, output=0) if each.model == main else each.usage
        cost += rates[each.model].of(usage)
    return cost / rates[main].input


def resent(system: str, said: Sequence[str]) -> int:
    """Tokens of a conversation whose every question is sent with all before it, cached by nobody.

    `said` are questions and answers by turns.
    """
    sums, total = [], tokens(system)
    for text in said:
        total += tokens(text)
        sums.append(total)
    return sum(sums[::2])


def read_share(asked: Iterable[Asked]) -> float:
    """How much of what went in was read from the cache."""
    usages = [each.usage for each in asked]
    return sum(each.cache_read for each in usages) / sum(each.prompt for each in usages)
