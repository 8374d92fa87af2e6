"""Where a reader would break a Markdown text off, and what in it counts as heavy."""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from enum import IntEnum, auto
from typing import NamedTuple

from core.fences import Block


class Row(NamedTuple):  # a tuple, for there are many
    """A line, text[start:end] with its end, of which the first `skip` characters aren't shown.

    `code` is the block whose code it belongs to (or is the end of), `opens` the one that it opens.
    """

    start: int
    end: int
    skip: int
    code: Block | None
    opens: Block | None


class _Kind(IntEnum):
    """What a line's beginning is worth as a place to break off before it."""

    BAD = auto()
    POOR = auto()  # amid code, a table, a list item
    LINE = auto()
    PARAGRAPH = auto()


_HEADING = re.compile(r" {0,3}#{1,6}(?:\s|$)")
_RULE = re.compile(r" {0,3}([-*_])(?:[ \t]*+\1){2,}+\s*+$")
_TABLE = re.compile(
    r" {0,3}(?=[^\n]*\|)\|?[ \t]*+:?-++:?[ \t]*+(?:\|[ \t]*+:?-++:?[ \t]*+)*+\|?\s*+$"
)
_IMAGE = re.compile(r"!\[[^\]\n]{0,1000}\][(\[]")
_ITEM = re.compile(r"[ \t]*(?:[-+*]|\d{1,9}[.)])(?:\s|$)")
_SENTENCE = re.compile(r"[.!?…]['\"”’)\]*_]*\s+|[。！？]['\"”’」』)]*\s*")  # noqa: RUF001
_SPACE = re.compile(r"\s+")
# A link, a span of code, one of a platform's own tokens, an entity: each is one thing.
_ATOM = re.compile(
    r"\[[^\[\]\n]{0,500}+(?:\Z|\](?:\([^()\s]{0,2000}+(?:\)|\Z)|\Z))"
    r"|(?<!`)`[^`\n]++(?:`|\Z)|<(?=\S)[^<>\n]{1,2000}+(?:>|\Z)|&#?\w{1,31}+(?:;|\Z)"
)
# What would be something else at the beginning of a line than it is within one.
_BEGINNING = re.compile(r"[`~]{3}|#{1,6}\s|[>|=]|[-+*]\s|\d{1,9}[.)]\s|[-_*]{3}")
_JOINER = "\u200d"
_FLAG = ("\U0001f1e6", "\U0001f1ff")
_ATOM_REACH = 2_000  # how far back a thing may begin that reaches over a place


def weight(text: str, rows: Sequence[Row]) -> tuple[int, int]:
    """What the last of some rows counts as heavy, and the index of the row where that begins."""
    last = len(rows) - 1
    row = rows[last]
    if row.code or row.opens:
        return 0, last
    line = text[row.start : row.end]
    if _table_begins(text, rows):
        return 1, last - 1
    if _HEADING.match(line) or _RULE.match(line):
        return 1, last
    return len(_IMAGE.findall(line)), last


def _table_begins(text: str, rows: Sequence[Row]) -> bool:
    if len(rows) < 2 or rows[-2].code or rows[-2].opens:
        return False
    head, line = (text[row.start : row.end] for row in rows[-2:])
    return "|" in head and _TABLE.match(line) is not None


def places(text: str, rows: Sequence[Row], *, low: int, high: int) -> Iterator[int]:
    """Where to break off, the best place first, between `low` and `high` if there is one at all.

    `rows` are the lines of what is to be broken; `text` ends where nothing more may be known.
    """
    kinds = [(_kind(text, rows, index), rows[index].start) for index in _between(rows, low, high)]
    for kind in (_Kind.PARAGRAPH, _Kind.LINE, _Kind.POOR):
        yield from (start for found, start in reversed(kinds) if found is kind)
    atoms = [atom.span() for atom in _ATOM.finditer(text, max(0, low - _ATOM_REACH))]
    for pattern in (_SENTENCE, _SPACE):
        ends = [found.end() for found in pattern.finditer(text, low, high)]
        yield from (
            end
            for end in reversed(ends)
            if not _BEGINNING.match(text, end) and _between_atoms(atoms, end) and _whole(text, end)
        )
    anywhere = range(high, max(rows[0].start, high - _ATOM_REACH), -1)
    yield from (end for end in anywhere if _between_atoms(atoms, end) and _whole(text, end))
    yield from (end for end in anywhere if _whole(text, end))
    yield from anywhere


def _between(rows: Sequence[Row], low: int, high: int) -> Iterator[int]:
    return (index for index in range(1, len(rows)) if low <= rows[index].start <= high)


def _kind(text: str, rows: Sequence[Row], index: int) -> _Kind:
    """How good it is to break off before a row."""
    row, before = rows[index], rows[index - 1]
    line = text[row.start : row.end]
    if not line.strip():
        return _Kind.BAD
    if before.opens or (row.code and row.code.closed and row.end == row.code.end):
        return _Kind.BAD
    if row.code:
        return _Kind.POOR
    return _after(text, rows, index)


def _after(text: str, rows: Sequence[Row], index: int) -> _Kind:
    """How good it is to break off before a row of prose, by what stands before it."""
    line = text[rows[index].start : rows[index].end]
    last = index - 1
    while last and not text[rows[last].start : rows[last].end].strip():
        last -= 1
    before = text[rows[last].start : rows[last].end]
    if rows[last].code is None and _HEADING.match(before):
        return _Kind.BAD
    if line[0] in " \t":
        return _Kind.POOR if rows[index].opens or not _ITEM.match(line) else _Kind.LINE
    if last < index - 1 or rows[last].code or _HEADING.match(line):
        return _Kind.PARAGRAPH
    return _Kind.POOR if "|" in line and "|" in before else _Kind.LINE


def _between_atoms(atoms: Sequence[tuple[int, int]], end: int) -> bool:
    index = bisect_left(atoms, (end, 0)) - 1  # the last one that begins before the place
    return index < 0 or atoms[index][1] <= end


def _whole(text: str, end: int) -> bool:
    """Whether no character, as a reader sees it, has parts on both sides."""
    if end >= len(text):
        return True
    before, after = text[end - 1], text[end]
    if after.isascii():
        run = text[end : end + 3]
        fence = after in "`~" and (before == after or run == after * len(run))
        return not fence and before + after != "\r\n"
    return not (
        _JOINER in (before, after)
        or unicodedata.category(after) in {"Mn", "Mc", "Me"}
        or "\U0001f3fb" <= after <= "\U0001f3ff"  # colours of skin
        or "\U000e0020" <= after <= "\U000e007f"  # tags
        or ("\udc00" <= after <= "\udfff" and "\ud800" <= before <= "\udbff")
        or _splits_flag(text, end)
    )


def _splits_flag(text: str, end: int) -> bool:
    """Whether a place is within a pair of the letters that flags are made of."""
    if not _FLAG[0] <= text[end] <= _FLAG[1]:
        return False
    start = end
    while start and _FLAG[0] <= text[start - 1] <= _FLAG[1]:
        start -= 1
    return (end - start) % 2 == 1
