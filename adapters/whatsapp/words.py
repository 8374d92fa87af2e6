"""A person's message as the model reads it, and whether they want to hear from us: pure."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from unicodedata import category

from adapters.whatsapp.events import Inbound, Location, Media
from core import commands

NO_WORDS = "(a message without text)"
REPLY = "(in reply to an earlier message)"
FORWARDED = "(forwarded)"

COMMAND = "!"  # a chat command begins with it
_FAMILIES = ("image", "audio", "video")  # of media types: the part before the slash
_CARDS = ("text/vcard", "text/x-vcard")
_KINDS = {"contacts": "contact", "sticker": "sticker", "voice": "audio"}
# The languages of countries, by how their phone numbers begin, and by their letters.
_CALLS = {
    "de": "49 43 41 423",
    "es": "34 51 52 53 54 56 57 58 502 503 504 505 506 507 591 593 595 598",
    "fr": "33 32 221 225 226 227 228 229 237 241",
    "pt": "351 55 244 258",
}
_LETTERS = {
    "de": "DE AT CH LI",
    "es": "ES MX AR CO CL PE VE EC GT CU BO DO HN PY SV NI CR PA UY",
    "fr": "FR BE SN CI CM",
    "pt": "PT BR AO MZ",
}
_BY_CALL = {call: language for language, calls in _CALLS.items() for call in calls.split()}
_BY_LETTERS = {each: language for language, all_ in _LETTERS.items() for each in all_.split()}
_NUMBER = re.compile(r"whatsapp:\+([0-9]{5,})")
_USER = re.compile(r"whatsapp:([A-Z]{2})\.")


class Will(StrEnum):
    """What a person asks of us as a sender."""

    STOP = "stop"  # write to me no more
    START = "start"  # write to me again
    HELP = "help"


@dataclass(frozen=True, kw_only=True, slots=True)
class WillWords:
    """Messages that are nothing but one of these; case, and what stands around, don't matter.

    `cancel`, `end`, `quit` and `yes` are left out by default: people say them to a chatbot.
    """

    stop: frozenset[str] = frozenset({"stop", "stopall", "unsubscribe", "optout"})
    start: frozenset[str] = frozenset({"start", "unstop"})
    help: frozenset[str] = frozenset()


def will_of(inbound: Inbound, words: WillWords) -> Will | None:
    """What the person wants, or None: they talk. If in doubt, STOP.

    What Twilio made of the message (`inbound.opt_out`) counts more than its words; Twilio has
    then answered it by itself.
    """
    if inbound.opt_out is not None:
        return Will(inbound.opt_out.lower())
    # `/stop` ends an answer, and is no wish to hear no more.
    said = "" if commands.parse(inbound.body) else _plain(inbound.body)
    asked = {Will.STOP: words.stop, Will.START: words.start, Will.HELP: words.help}
    return next(
        (will for will, these in asked.items() if said and said in map(_plain, these)), None
    )


def language_of(names: Iterable[str]) -> str | None:
    """The language of whoever has these addresses, as far as their country tells; else English."""
    for name in names:
        if number := _NUMBER.match(name):
            digits = number[1]
            found = (_BY_CALL.get(digits[:length]) for length in (3, 2, 1))
            return next(filter(None, found), "en")
        if user := _USER.match(name):
            return _BY_LETTERS.get(user[1], "en")
    return None


def text_of(inbound: Inbound) -> str:
    """The person's words, with a line for all that is neither words nor a file.

    Empty only if there are files.
    """
    content = list(_content(inbound))
    if not content and not inbound.media:
        content = [_nothing(inbound.kind)]
    marks = []
    if inbound.replied_to is not None:
        marks.append(REPLY)
    if inbound.forwarded:
        marks.append(FORWARDED)
    return "\n".join(marks + content)


def name_of(media: Media, kind: str) -> str:
    """What to call a file in a message of this `kind`: Twilio tells no file's name."""
    if media.type in _CARDS:
        return "contact"
    family = media.type.partition("/")[0]
    return _KINDS.get(kind) or (family if family in _FAMILIES else "document")


def _content(inbound: Inbound) -> Iterator[str]:
    if inbound.location is not None:
        yield _place(inbound.location)
    body = inbound.body.strip()
    if body:
        yield body
    # A button's title mostly is the body too.
    if inbound.button and (title := inbound.button.title.strip()) and title != body:
        yield title


def _nothing(kind: str) -> str:
    return NO_WORDS if kind == "text" else f"[{_KINDS.get(kind, kind)}]"


def _place(location: Location) -> str:
    at = f"{location.latitude}, {location.longitude}"
    names = (location.label.strip(), location.address.strip())
    return f"[location: {'; '.join([at, *filter(None, names)])}]"


def _plain(text: str) -> str:
    """A word without space, quotes and full stops around it; `!stop` is a command, and stays."""
    start, end = 0, len(text)
    while end > start and _is_around(text[end - 1]):
        end -= 1
    while start < end and _is_around(text[start]) and text[start] != COMMAND:
        start += 1
    return text[start:end].casefold()


def _is_around(sign: str) -> bool:
    return sign in "`~" or category(sign)[0] in "PZC"
