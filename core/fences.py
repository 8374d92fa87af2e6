"""Where a Markdown text has fenced code, by CommonMark's rules; block quotes are not looked into.

All is decided from left to right: what a line is never depends on a later line.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_INDENT = 3  # further in, a fence is indented code
_OPENING = re.compile(
    r"^([ \t]*+)((?:(?:[-+*]|\d{1,9}[.)])[ \t]{1,4})*+)(`{3,}+(?=[^`\n]*$)|~{3,}+)([^\n]*)",
    re.MULTILINE,
)
_CLOSING = re.compile(r"^([ \t]*+)(`{3,}+|~{3,}+)[ \t\r]*+$", re.MULTILINE)
_LINE = re.compile(r"^([ \t]*+)(?=\S)(?:(`{3,}+|~{3,}+)[ \t\r]*+$)?", re.MULTILINE)
_ITEM = re.compile(
    r"^([ \t]*+)(?=\S)((?:[-+*]|\d{1,9}[.)])(?:[ \t]{1,4}(?=\S)|(?=\s|\Z)))?", re.MULTILINE
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Fence:
    """What opens fenced code: `marker` also closes it, `info` is the rest of its line."""

    marker: str
    info: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """Fenced code: its lines are text[start:end], and those after the opening one text[code:end].

    `closed` says that its last line is its closing fence. Else the text ends there, or the list
    item does that the block is in. `column` is how far the opening fence is indented.
    """

    fence: Fence
    start: int
    code: int
    end: int
    closed: bool
    column: int


def fence_at(text: str, position: int) -> Fence | None:
    """The fence that is open after text[:position], or None."""
    before = text[:position]
    last: Block | None = None
    for block in blocks(before):
        last = block
    return last.fence if last and not last.closed and last.end == len(before) else None


def blocks(text: str) -> Iterator[Block]:
    """The fenced code in a text, in order; the last may be open still."""
    if "```" not in text and "~~~" not in text:
        return
    lists: tuple[int, ...] = ()
    unread: list[tuple[int, int]] = []  # what lies between blocks, as long as nobody asked for it
    ended = position = 0
    while opening := _OPENING.search(text, position):
        start, code = opening.start(), min(opening.end() + 1, len(text))
        floor: int | None = 0
        if opening[1] or opening[2]:
            for gap in (*unread, (ended, start)):
                lists = _lists(text, gap, lists)
            unread, ended = [], start
            floor = _floor(opening, lists)
        position = code
        if floor is None:
            continue
        end, closed = _end(text, code, opening[3], floor)
        yield Block(
            fence=Fence(marker=opening[3], info=opening[4].strip()),
            start=start,
            code=code,
            end=end,
            closed=closed,
            column=_width(opening[1] + opening[2]),
        )
        unread.append((ended, code if opening[2] else start))
        ended = position = end


def lists_at(text: str, position: int) -> tuple[int, ...]:
    """The columns at which the contents of the list items begin that text[:position] is in."""
    before = text[:position]
    lists: tuple[int, ...] = ()
    ended = 0
    for block in blocks(before):
        lists = _lists(before, (ended, block.code), lists)
        ended = block.end
    return _lists(before, (ended, len(before)), lists)


def _floor(opening: re.Match[str], lists: tuple[int, ...]) -> int | None:
    """The column that all of a block's lines reach; None if indented code looks like its fence."""
    indent = _width(opening[1])
    floor = max((offset for offset in lists if offset <= indent), default=0)
    if indent - floor > _INDENT:
        return None
    return _width(opening[1] + opening[2]) if opening[2] else floor


def _end(text: str, code: int, marker: str, floor: int) -> tuple[int, bool]:
    """Where a block ends, and whether its own fence ends it."""
    lines = _LINE if floor else _CLOSING
    for line in lines.finditer(text, code):
        indent = _width(line[1])
        if indent < floor:
            return line.start(), False  # not even in the list item any more
        found = line[2] or ""
        if found.startswith(marker) and indent <= floor + _INDENT:
            return min(line.end() + 1, len(text)), True
    return len(text), False


def _lists(text: str, span: tuple[int, int], lists: tuple[int, ...]) -> tuple[int, ...]:
    """The list items that are open after text[start:end], by the columns of their contents."""
    for line in _ITEM.finditer(text, *span):
        indent = _width(line[1])
        if lists and lists[-1] > indent:
            lists = tuple(offset for offset in lists if offset <= indent)
        if line[2] and indent - (lists[-1] if lists else 0) <= _INDENT:
            blank = 0 if line[2][-1] in " \t" else 1
            lists = (*lists, indent + len(line[2]) + blank)
    return lists


def _width(space: str) -> int:
    return len(space.expandtabs(4)) if "\t" in space else len(space)
