"""The part of a Markdown link that says where it leads."""

import re
from dataclasses import dataclass

LONGEST = 2_000  # characters of a target and all that belongs to it
DEPTH = 8  # parentheses within each other in a target

_LEAD = re.compile(r"[ \t\r]*+(?:\n[ \t>]*+)?")
_ANGLED = re.compile(r"<((?:[^<>\n\\]|\\.)*+)(>?)")
_PART = re.compile(r"\\.?|[()\s]|[^\\()\s]++", re.DOTALL)
_SPACE = r"[ \t\r]*+(?:\n[ \t>]*+)?"
_CLOSE = re.compile(
    rf"{_SPACE}(?:\"[^\"]{{0,300}}+\"|'[^']{{0,300}}+'|\([^()]{{0,300}}+\))?{_SPACE}\)"
)
_CLOSING = re.compile(
    rf"{_SPACE}(?:\"[^\"]{{0,300}}+(?:\"{_SPACE})?|'[^']{{0,300}}+(?:'{_SPACE})?"
    rf"|\([^()]{{0,300}}+(?:\){_SPACE})?)?\Z"
)
_DEFINED = re.compile(rf"{_SPACE}(?:<([^<>\n]*)>|((?!<)\S++))?[ \t\r]*+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Where a link leads, as it is written at text[start:end], and whether in angles.

    `close` is where the link ends; None if it turns out to be none.
    """

    address: str
    start: int
    end: int
    angled: bool
    close: int | None


def target_at(text: str, start: int, end: int, *, growing: bool) -> Target | None:
    """The target that begins at `start`, after its parenthesis; None as long as nobody can tell.

    text[:end] is all there is, and more follows if it is `growing`.
    """
    stop = min(end, start + LONGEST)
    growing = growing and stop == end and end < start + LONGEST
    first = _end(_LEAD, text, start, stop)
    angled = _ANGLED.match(text, first, stop)
    if angled and not angled[2] and angled.end() + 1 >= stop and growing:
        return None
    if angled and angled[2]:
        address, last = angled[1], angled.end()
    else:
        last = _bare_end(text, first, stop)
        address = text[first:last]
    if last == stop and growing:
        return None
    found = _CLOSE.match(text, last, stop)
    if found is None and growing and _CLOSING.match(text, last, stop):
        return None
    return Target(
        address=address,
        start=first,
        end=last,
        angled=bool(angled and angled[2]),
        close=found.end() if found else None,
    )


def defined_at(text: str, start: int, end: int, *, growing: bool) -> Target | None:
    """What a definition's colon before `start` is followed by; None as long as nobody can tell.

    `close` is None if it is no definition after all.
    """
    stop = min(end, start + LONGEST)
    growing = growing and stop == end and end < start + LONGEST
    found = _DEFINED.match(text, start, stop)
    if found is None or (found.end() == stop and growing):
        return None
    group = 1 if found[1] is not None else 2
    address = found[group] or ""
    alone = found.end() == stop or text[found.end()] in "\n\"'("
    first, last = found.span(group) if found[group] is not None else (found.end(), found.end())
    return Target(
        address=address,
        start=first - (group == 1),
        end=last + (group == 1),
        angled=group == 1,
        close=found.end() if alone and address else None,
    )


def encoded(address: str) -> str:
    """An address in which nothing is Markdown, or a token."""
    return _LOOSE.sub(lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), address)


_LOOSE = re.compile(r"[\s<>\[\]()`*|\\\"\x00-\x1f]")


def _bare_end(text: str, start: int, stop: int) -> int:
    """Where a target without angles ends."""
    depth = 0
    for part in _PART.finditer(text, start, stop):
        mark = part[0]
        if mark.isspace() or (mark == ")" and depth == 0):
            return part.start()
        depth += (mark == "(") - (mark == ")")
        if depth > DEPTH:
            return part.start()
    return stop


def _end(pattern: re.Pattern[str], text: str, start: int, stop: int) -> int:
    found = pattern.match(text, start, stop)
    return found.end() if found else start
