"""Commands in chat: what a person tells the gateway itself, not a model."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.transcript import Spoken
from core.types import Message, Part
from core.wording import words_in

HELP, NEW, STOP, PERSONA, MODEL = "help", "new", "stop", "persona", "model"
USAGE, LINK, UNLINK = "usage", "link", "unlink"
EXPORT, FORGET, ABOUT = "export", "forget", "about"

PREFIXES = ("!", "/")
LONGEST = 100  # characters of a message that is one
APART = frozenset({"apart", "getrennt", "aparte", "separado", "séparé", "separe", "sépare"})
YES = frozenset({"yes", "ja", "sí", "si", "oui", "sim"})
_ONE_WORD = r"\S+"
_CODE = rf"[0-9A-Za-z]{{4}}[- ]?[0-9A-Za-z]{{4}}\s+(?:{'|'.join(sorted(APART))})"
_CODES = rf"{_CODE}|[0-9A-Za-z]{{4}} [0-9A-Za-z]{{4}}|\S+"


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """What was told: a command's English name, and what stood behind it."""

    name: str
    argument: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A command: what else it is called, and what may stand behind it, if anything."""

    name: str
    aliases: tuple[str, ...] = ()
    argument: str | None = None


ENTRIES = (
    Entry(name=HELP, aliases=("hilfe", "ayuda", "aide", "ajuda"), argument=_ONE_WORD),
    Entry(name=NEW, aliases=("reset", "clear", "neu", "nuevo", "nouveau", "novo")),
    Entry(name=STOP, aliases=("stopp", "parar", "arrêter", "arreter")),
    Entry(name=PERSONA, aliases=("rolle", "personaje", "personnage"), argument=r"\S+(?: \S+){0,3}"),
    Entry(name=MODEL, aliases=("modell", "modelo", "modèle", "modele"), argument=_ONE_WORD),
    Entry(name=USAGE, aliases=("verbrauch", "uso", "gasto", "consumo", "consommation")),
    Entry(name=LINK, aliases=("verbinden", "vincular", "lier"), argument=_CODES),
    Entry(name=UNLINK, aliases=("trennen", "desvincular", "délier", "delier")),
    Entry(name=EXPORT, aliases=("exportieren", "exportar", "exporter")),
    Entry(
        name=FORGET,
        aliases=("vergessen", "vergiss", "olvidar", "oublier", "esquecer"),
        argument="|".join(sorted(YES)),
    ),
    Entry(name=ABOUT, aliases=("info", "über", "ueber", "sobre", "acerca", "apropos")),
)
_BY_NAME = {called: entry for entry in ENTRIES for called in (entry.name, *entry.aliases)}


def parse(text: str, prefixes: Sequence[str] = PREFIXES) -> Command | None:
    """The command that a message is, or None: then it is for the model.

    A command is all of its message, in any case: `!help`, `!persona Name`. What only looks like
    one (`/etc/hosts is broken`) is none. The prefix "" takes it without any sign: `help`.
    """
    line = text.strip()
    prefix = next((each for each in prefixes if line.startswith(each)), None)
    if prefix is None or len(line) > LONGEST or "\n" in line:
        return None
    name, *rest = line[len(prefix) :].split() or [""]
    entry, argument = _BY_NAME.get(name.lower()), " ".join(rest)
    if entry is None or (prefix and line[len(prefix)].isspace()):
        return None
    return Command(name=entry.name, argument=argument) if _fits(entry, argument) else None


def _fits(entry: Entry, argument: str) -> bool:
    if not argument:
        return True
    if entry.name == HELP:
        return find(argument) is not None
    pattern = entry.argument
    return pattern is not None and re.fullmatch(pattern, argument, re.IGNORECASE) is not None


def find(name: str) -> Entry | None:
    """The command of that name, in any language and case; with or without its sign."""
    return _BY_NAME.get(name.strip().lstrip("!/").lower())


def usage(language: str | None = None, *, prefix: str = "!") -> str:
    """What a person can do, in Markdown."""
    lines = [_line(entry, language, prefix) for entry in ENTRIES]
    return "\n".join([words_in(language).help_intro, "", *lines])


def usage_of(name: str, language: str | None = None, *, prefix: str = "!") -> str:
    """What one command does, by any of its names; of one that there is not, all of them."""
    entry = find(name)
    if entry is None:
        return usage(language, prefix=prefix)
    also = ", ".join(f"`{prefix}{alias}`" for alias in entry.aliases)
    return "\n".join(filter(None, (_line(entry, language, prefix), also and f"  ({also})")))


def _line(entry: Entry, language: str | None, prefix: str) -> str:
    sample, says = words_in(language).help[entry.name]
    return f"- `{prefix}{' '.join(filter(None, (entry.name, sample)))}` {says}"


def command_of(parts: Iterable[Part]) -> Command | None:
    """The command that a stored message is, or None."""
    found = (part for part in parts if part["type"] == "command")
    return next(
        (Command(name=part["name"], argument=part.get("argument", "")) for part in found), None
    )


def told(spoken: Sequence[Spoken], turn_id: int) -> list[str]:
    """What the operator has us tell the person in a turn, the oldest first."""
    return [
        part["tell"]
        for message in spoken
        if message.turn_id == turn_id
        for part in message.parts
        if part["type"] == "tell"
    ]


def limited(spoken: Iterable[Spoken]) -> int | None:
    """How many seconds to wait somebody is to be told, whose messages were too many; or None."""
    found = [part["seconds"] for said in spoken for part in said.parts if part["type"] == "limited"]
    return max(found, default=None)


def given(spoken: Sequence[Spoken], turn_id: int) -> list[Command]:
    """The commands among the messages that a turn answers; of each name the last one counts."""
    found = [command_of(message.parts) for message in spoken if message.turn_id == turn_id]
    return list({command.name: command for command in found if command is not None}.values())


def language_in(spoken: Sequence[Spoken], turn_id: int) -> str | None:
    """The language of whoever asked in a turn, as their platform tells it; the last one's."""
    known = [
        part["language"]
        for message in spoken
        if message.turn_id == turn_id
        for part in message.parts
        if part["type"] == "from" and part.get("language")
    ]
    return known[-1] if known else None


def is_talk(message: Spoken | Message) -> bool:
    """Whether a person said it, and it is no command."""
    return message.role == "user" and command_of(message.parts) is None


def without(spoken: Sequence[Spoken]) -> list[Spoken]:
    """What of it is for a model: no command, and no reply to commands alone."""
    spoken_to = {message.turn_id for message in spoken if is_talk(message)}
    return [
        message
        for message in spoken
        if message.turn_id in spoken_to and command_of(message.parts) is None
    ]
