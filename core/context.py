"""Choose what the model sees of a conversation.

The history only grows, so that the provider's cache of its prefix holds, until it is long; then
it is cut in one big step to its newest part, and grows again.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter
from typing import Literal

from core.text import words
from core.transcript import Spoken
from core.types import Failure, Notice, Part, Prompt, PromptMessage, Role, Status

LONGEST = 60  # messages; beyond, the window is cut
KEPT = 20  # messages that stay when it is cut
VERBATIM = 10  # messages that always stay, even if a burst makes it more than that
MAX_TOKENS = 8192


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """A prompt, and the first turn that it shows if the window was cut."""

    prompt: Prompt
    window_from: int | None


def build(
    spoken: Sequence[Spoken], *, turn_id: int, system: str, cache: Literal["5m", "1h"]
) -> Context:
    """Make the prompt for `turn_id` from what was said up to it, oldest first.

    Turns that would only make the model fail or refuse again are left out.
    """
    turns = [list(turn) for _, turn in groupby(spoken, key=attrgetter("turn_id"))]
    turns = [turn for turn in turns if turn[0].turn_id == turn_id or _harmless(turn)]
    window_from = None
    if sum(map(len, turns)) > LONGEST:
        turns = _newest(turns)
        window_from = turns[0][0].turn_id
    messages = _alternate(said for turn in turns for message in turn for said in _said(message))
    asked = _asked(turns[-1]) if turns else {}
    prompt = Prompt(
        system=system,
        messages=messages,
        max_tokens=min(asked.get("max_tokens") or MAX_TOKENS, MAX_TOKENS),
        cache=cache,
        model=asked.get("model"),
    )
    return Context(prompt=prompt, window_from=window_from)


def shrink(prompt: Prompt) -> Prompt | None:
    """The same question with almost no history, or None if there is none to take away."""
    if len(prompt.messages) <= 3:
        return replace(prompt, messages=prompt.messages[-1:]) if len(prompt.messages) > 1 else None
    return replace(prompt, messages=prompt.messages[-3:])


def _harmless(turn: Sequence[Spoken]) -> bool:
    """False for a turn that a model refused, or that failed for what was asked."""
    refused = any(
        part["type"] == "notice" and part["notice"] == Notice.REFUSED
        for message in turn
        for part in message.parts
    )
    poisonous = turn[0].status == Status.FAILED and turn[0].error in (
        Failure.REJECTED,
        Failure.CRASHED,
    )
    return not refused and not poisonous


def _newest(turns: Sequence[list[Spoken]]) -> list[list[Spoken]]:
    """Whole turns from the end: as many as fit in `KEPT` messages, and `VERBATIM` at least."""
    kept = count = 0
    for turn in reversed(turns):
        if count >= VERBATIM and count + len(turn) > KEPT:
            break
        kept, count = kept + 1, count + len(turn)
    return list(turns[-kept:])


def _said(message: Spoken) -> Iterator[tuple[Role, str]]:
    """Who said what in a message, after what its client says was said before."""
    for part in message.parts:
        if part["type"] == "asked":
            yield from ((role, text) for role, text in part["transcript"])
    yield message.role, words(message.parts)


def _asked(turn: Sequence[Spoken]) -> Part:
    """What the newest message of a turn asks for, besides its words."""
    wishes = [part for message in turn for part in message.parts if part["type"] == "asked"]
    return wishes[-1] if wishes else {}


def _alternate(said: Iterable[tuple[Role, str]]) -> tuple[PromptMessage, ...]:
    """Join neighbours of one role; begin and end with the user."""
    messages: list[PromptMessage] = []
    for role, text in said:
        if not text or (not messages and role == "assistant"):
            continue
        if messages and messages[-1].role == role:
            messages.append(replace(last := messages.pop(), text=f"{last.text}\n\n{text}"))
            continue
        messages.append(PromptMessage(role=role, text=text))
    return tuple(messages)
