"""Choose what the model sees of a conversation.

The history only grows, so that the provider's cache of its prefix holds, until it is long; then
it is cut in one big step to its newest part, and grows again.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby, repeat
from operator import attrgetter
from typing import Literal

from core import kinds
from core.attachments import Files
from core.past import Past
from core.text import clean, words
from core.transcript import Spoken
from core.types import Failure, File, Notice, Part, Prompt, PromptMessage, Status

HOUR = 3600 * 1000  # milliseconds, after which it is worth telling the time again
LONGEST = 60  # messages; beyond, the window is cut
KEPT = 20  # messages that stay when it is cut
VERBATIM = 10  # messages that always stay, even if a burst makes it more than that
MAX_TOKENS = 8192
NAMED = 60  # characters of a name

# Who holds these could end what stands between two tags, and say more in another's name.
_TAGS = re.compile(r"<(?=\s*/?\s*(?:conversation|memory|person|assistant))", re.IGNORECASE)
_MARKS = str.maketrans({"[": "(", "]": ")", "`": "'", "“": "'", "”": "'"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """A prompt, and the first turn that it shows if the window was cut."""

    prompt: Prompt
    window_from: int | None


def build(  # noqa: PLR0913 - what a prompt is made of
    past: Past,
    *,
    turn_id: int,
    system: str,
    cache: Literal["5m", "1h"],
    files: Files | None = None,
    cut: bool = False,
    moment: bool = False,
) -> Context:
    """Make the prompt for `turn_id` from what was said up to it.

    `files` are those that came with it, by their keys. With `cut` what is long is cut to its newest
    part. With `moment` the model is told when and where something was said, and by whom.
    """
    turns, window_from = turns_of(past.spoken, turn_id), None
    if cut and sum(map(len, turns)) > LONGEST:
        turns = turns[-newest(turns, KEPT) :]
        window_from = turns[0][0].turn_id
    shown = [message for turn in turns for message in turn]
    when_said = moments(shown) if moment else repeat("")
    messages = _alternate(
        (
            *_remembered(past.summary),
            *(
                each
                for message, when in zip(shown, when_said, strict=False)
                for each in said(message, files or {}, when)
            ),
        )
    )
    asked = _asked(turns[-1]) if turns else {}
    prompt = Prompt(
        system=system,
        messages=messages,
        max_tokens=min(asked.get("max_tokens") or MAX_TOKENS, MAX_TOKENS),
        cache=cache,
        model=asked.get("model"),
    )
    return Context(prompt=prompt, window_from=window_from)


def turns_of(spoken: Sequence[Spoken], turn_id: int) -> list[list[Spoken]]:
    """What was said, turn by turn, as `turn_id` is shown it.

    Turns that would only make the model fail or refuse again are left out.
    """
    turns = [list(turn) for _, turn in groupby(spoken, key=attrgetter("turn_id"))]
    return [turn for turn in turns if turn[0].turn_id == turn_id or _harmless(turn)]


def newest(turns: Sequence[Sequence[Spoken]], most: int = VERBATIM) -> int:
    """How many turns from the end are `VERBATIM` messages, and as far as they fit in `most`."""
    kept = count = 0
    for turn in reversed(turns):
        if count >= VERBATIM and count + len(turn) > most:
            break
        kept, count = kept + 1, count + len(turn)
    return kept


def _remembered(summary: str | None) -> Iterator[PromptMessage]:
    """What stands for all that is not shown."""
    if summary:
        yield PromptMessage(role="user", text=framed("conversation_summary", summary))


def framed(tag: str, text: str) -> str:
    """Words between two tags, which they can't close themselves."""
    return f"<{tag}>\n{_TAGS.sub('(', text)}\n</{tag}>"


def moments(shown: Iterable[Spoken]) -> Iterator[str]:
    """For each message, when and where it was said and by whom, if that is news."""
    before, place = 0, None
    for message in shown:
        at, *here = _moment(message)
        if at is None or (here == place and at - before < HOUR):
            yield ""
        else:
            when = datetime.fromtimestamp(at / 1000, UTC).strftime("%A %Y-%m-%d %H:%M UTC")
            yield f"[{', '.join(filter(None, (when, *here)))}]"
        if at is not None:
            before, place = at, here


def _moment(message: Spoken) -> tuple[int | None, str | None, str | None]:
    for part in message.parts:
        if part["type"] == "from":
            return part["at"], part["platform"], _tame(part["name"] or "") or None
    return None, None, None


def _tame(name: str) -> str:
    """What people call themselves or a file: one short line, without the marks around it."""
    line = "".join(each if each.isprintable() else " " for each in name.translate(_MARKS))
    return " ".join(line.split())[:NAMED].rstrip()


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


def said(message: Spoken, files: Files, moment: str = "") -> Iterator[PromptMessage]:
    """Who said what in a message, after what its client says was said before."""
    shown: list[File] = []
    texts: list[str] = []
    for part in message.parts:
        if part["type"] == "asked":
            for role, text in part["transcript"]:
                yield PromptMessage(role=role, text=text)
        elif part["type"] == "tell":
            texts.append(f"[They were sent this message without asking: “{part['tell']}”]")
        elif part["type"] == "file":
            match files.get(part["file"]):
                case File(type=kinds.TEXT) as file:
                    texts.append(_quoted(file))
                case File() as file:
                    shown.append(file)
                case _:
                    texts.append(f"[A file, “{_tame(part['name'])}”, is not shown here.]")
    text = "\n\n".join(filter(None, [*texts, words(message.parts)]))
    if moment and (text or shown):
        text = f"{moment}\n{text}".rstrip()
    yield PromptMessage(role=message.role, text=text, files=tuple(shown))


def _quoted(file: File) -> str:
    """A text file as it stands in a prompt, between marks that it does not hold itself."""
    text, fence = clean(file.content.decode()), "```"
    while fence in text:
        fence += "`"
    return f"{_tame(file.name)}\n{fence}\n{text}\n{fence}".lstrip()


def _asked(turn: Sequence[Spoken]) -> Part:
    """What the newest message of a turn asks for, besides its words."""
    wishes = [part for message in turn for part in message.parts if part["type"] == "asked"]
    return wishes[-1] if wishes else {}


def _alternate(said: Iterable[PromptMessage]) -> tuple[PromptMessage, ...]:
    """Join neighbours of one role; begin and end with the user."""
    messages: list[PromptMessage] = []
    for message in said:
        if not (message.text or message.files) or (not messages and message.role == "assistant"):
            continue
        follows = bool(messages) and messages[-1].role == message.role
        messages.append(_joined(messages.pop(), message) if follows else message)
    return tuple(messages)


def _joined(one: PromptMessage, other: PromptMessage) -> PromptMessage:
    text = "\n\n".join(filter(None, (one.text, other.text)))
    return replace(one, text=text, files=(*one.files, *other.files))
