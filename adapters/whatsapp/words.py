"""A person's message as the model reads it, and whether they want to hear from us: pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from unicodedata import category

from adapters.whatsapp.events import Inbound, Location, Media

NO_WORDS = "(a message without text)"
REPLY = "(in reply to an earlier message)"
FORWARDED = "(forwarded)"

COMMAND = "!"  # a chat command begins with it
_FAMILIES = ("image", "audio", "video")  # of media types: the part before the slash
_CARDS = ("text/vcard", "text/x-vcard")
_KINDS = {"contacts": "contact", "sticker": "sticker", "voice": "audio"}


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
    said = _plain(inbound.body)
    asked = {Will.STOP: words.stop, Will.START: words.start, Will.HELP: words.help}
    return next(
        (will for will, these in asked.items() if said and said in map(_plain, these)), None
    )


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
