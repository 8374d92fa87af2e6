"""Where a text of WhatsApp's may not be cut, and what a cut leaves open."""

import re

from adapters.whatsapp.format.letters import joined, units
from adapters.whatsapp.format.marks import ADDRESS, marks

_LETTER = r"[^\W_]"
_HEADING = re.compile(r"(?:\A|\n)(\*[^*\n]{1,300}\*)\n+\Z")
_COMMA = re.compile(rf"[、，,;:/；：-](?={_LETTER})")  # noqa: RUF001 - Chinese
_ENDED = frozenset(".!?…。！？\"'”’」』)]）")  # noqa: RUF001 - Chinese
_BEFORE = "([<"  # what belongs to the address after it
_FRAME = "`*_~> \n"  # what a part may begin with that is no text of its own
_REACH = 400  # how far before a cut a heading may begin


def settled(text: str, end: int, *, fenced: bool, room: int) -> int:
    """Where to cut a text, instead of at `end`: there or before, but for marks that end there.

    Not amid an address, unless it takes more than `room` units by itself; not amid marked words,
    unless they are half the part; not amid a letter as readers see it; not after a heading. In
    code, which is `fenced`, there are no marks and no headings.
    """
    low = end // 2
    if text[end - 1] == "\n":
        return end if fenced else _before_heading(text, end, low)
    end = _before_address(text, end, room)
    if not fenced:
        end = _before_marks(text, end, low)
        end = _after_comma(text, end, low)
    while end > low and joined(text, end):
        end -= 1
    return end


def open_at(text: str, end: int) -> str:
    """The marks that are open at a place, the outermost first."""
    return "".join(text[start] for start, _ in _marks(text, end))


def _marks(text: str, end: int) -> list[tuple[int, int]]:
    """The spans of marked words, and of code, that a place is within, the outermost first."""
    begin, line = _line(text, end)
    spans = sorted((begin + start, begin + stop) for start, stop in marks(line))
    return [(start, stop) for start, stop in spans if start < end < stop]


def _line(text: str, end: int) -> tuple[int, str]:
    """Where the line begins that a place is in, and that line."""
    begin, stop = text.rfind("\n", 0, end) + 1, text.find("\n", end)
    return begin, text[begin:] if stop < 0 else text[begin:stop]


def _before_heading(text: str, end: int, low: int) -> int:
    while heading := _HEADING.search(text[max(0, end - _REACH) : end]):
        start = end - len(heading[0].lstrip("\n"))
        if start < max(low, 1):
            break
        end = start
    return end


def _before_address(text: str, end: int, room: int) -> int:
    begin, line = _line(text, end)
    for found in ADDRESS.finditer(line):
        start, stop = begin + found.start(), begin + found.end()
        if start < end < stop and units(found[0]) <= room:
            start -= text[start - 1 : start] in {*_BEFORE}
            return start if text[:start].strip(_FRAME) else end
    return end


def _before_marks(text: str, end: int, low: int) -> int:
    """A place before marked words; amid them, they have to be closed there and opened again."""
    for start, _ in _marks(text, end):
        if start >= low:
            return start - (text[start - 1] in _BEFORE)
    while any(stop == end + 1 for _, stop in _marks(text, end)):
        end += 1
    return end


def _after_comma(text: str, end: int, low: int) -> int:
    """A place between words, if the one that there is tears a word."""
    if text[end - 1].isspace() or text[end - 1] in _ENDED or text[end].isspace():
        return end
    begin, _ = _line(text, end)
    for found in reversed([*_COMMA.finditer(text, max(low, begin), end)]):
        place = found.end()
        if _before_address(text, place, len(text)) == place and not _marks(text, place):
            return place
    return end
