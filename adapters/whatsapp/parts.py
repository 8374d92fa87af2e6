"""An answer as the messages that it takes: numbered, each short enough, cut where a reader would.

`core.cut` finds the places, and closes code that is cut through. It takes the text for Markdown,
so here a cut moves out of what it does not know: addresses, WhatsApp's marks, headings.
"""

from adapters.whatsapp.format import whatsapp
from adapters.whatsapp.format.blocks import FENCE, QUOTE
from adapters.whatsapp.format.cuts import open_at, settled
from adapters.whatsapp.format.letters import units
from core.cut import cut_at, fence_at, piece

LIMIT = 1_600  # UTF-16 units that Twilio takes in a message
MOST = 6  # messages an answer may take; WhatsApp throttles whoever sends more at once
NOTICE = "\n\n[The answer is too long for WhatsApp and ends here. Ask for the part that you miss.]"

_NUMBER = len("\n(1/6)")
_MARKS = 4  # marks that may have to be closed at a cut


def parts(markdown: str) -> list[str]:
    """What to send for some Markdown, in this order; nothing if there is nothing to see in it.

    Each part is at most `LIMIT` UTF-16 units long, with its number if there are several. There are
    at most `MOST`; if that is not all, the last one says so.
    """
    text = whatsapp(markdown)
    if units(text) <= LIMIT:
        return [text] if text else []
    found = _cut(text, LIMIT - _NUMBER)
    return [f"{part}\n({number}/{len(found)})" for number, part in enumerate(found, 1)]


def _cut(text: str, room: int) -> list[str]:
    found: list[str] = []
    while text and len(found) < MOST:
        part, rest = _first(text, room)
        if rest and len(found) == MOST - 1:
            part = _first(text, room - units(NOTICE))[0] + NOTICE
        found.append(part)
        text = rest
    return [part for part in found if part]


def _first(text: str, room: int) -> tuple[str, str]:
    """The first part of a text, and all that is left of it, to be cut as a text by itself."""
    first = piece(text, 0, limit=room - _MARKS, final=True, measure=units)
    if first.end == len(text):
        return first.text.strip("\n").rstrip(), ""
    fenced = fence_at(text, first.end) is not None
    end = settled(text, first.end, fenced=fenced, room=room)
    part, rest = _code(text, end) if fenced else _prose(text, end)
    return part.strip("\n"), rest if rest.strip() else ""


def _code(text: str, end: int) -> tuple[str, str]:
    """Both sides of a cut amid code, that ends on the one and begins anew on the other."""
    rest = text[end:]
    if rest.lstrip("\n").startswith(FENCE):  # no more of it
        return cut_at(text, 0, end).text, rest.lstrip("\n").removeprefix(FENCE).lstrip("\n")
    return cut_at(text, 0, end).text, f"{FENCE}\n{rest}"


def _prose(text: str, end: int) -> tuple[str, str]:
    """Both sides of a cut, with the marks ended and begun anew that it is amid."""
    marks, rest = open_at(text, end), text[end:].lstrip(" ")
    line = text[text.rfind("\n", 0, end) + 1 : end]
    if not line or rest.startswith("\n"):
        return text[:end].rstrip(), text[end:].lstrip("\n")
    quote = QUOTE if line.startswith(QUOTE) else ""
    return text[:end].rstrip() + marks[::-1], f"{quote}{marks}{rest}"
