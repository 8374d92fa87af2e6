"""Long Markdown in several messages, cut where a reader would.

A piece that begins or ends amid fenced code has the fence opened or closed for it, and one that
begins within a list item is shown without the item's indentation: each piece is Markdown by itself.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from core.breaks import Row, places, weight
from core.fences import Block, Fence, blocks, fence_at, lists_at

__all__ = ["Fence", "Piece", "cut_at", "fence_at", "piece", "pieces"]

FRAME = 100  # characters of a fence opened and closed anew; a longer one is left broken


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """One message's share: `text` is what is shown, `start` and `end` its span in the whole."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, kw_only=True, slots=True)
class _Room:
    """What one message bears."""

    limit: int
    measure: Callable[[str], int]

    def fits(self, text: str) -> bool:
        return self.measure(text) <= self.limit

    @property
    def frame(self) -> int:
        return min(FRAME, self.limit // 2)


def piece(  # noqa: PLR0913 - what, from where, and how much
    text: str,
    start: int,
    *,
    limit: int,
    final: bool,
    heavy: int | None = None,
    measure: Callable[[str], int] = len,
) -> Piece:
    """The piece that begins at `start`: all the rest if it may be shown at once, else what to cut.

    `measure(piece.text) <= limit` for limits from 250 on; white space at the end that is too much
    is not shown. `measure` has to count each character by itself. At most `heavy` headings, rules,
    tables and images are in a piece, but for a line that has more of them by itself.

    A text that is not `final` may grow, so its last line may yet become another. Once a piece ends
    before its text does, it ends there for every text that begins with that one. Until then the
    last fence stays open, and what is shown only grows, as long as it fits with all its spaces.
    """
    room = _Room(limit=limit, measure=measure)
    rows: list[Row] = []
    end = _end(text, start, rows, room, heavy, final=final)
    if end is None:
        whole = _shown(text, rows, len(text), room, close=False)
        return Piece(text=whole, start=start, end=len(text))
    return Piece(text=_shown(text, rows, end, room, close=True), start=start, end=end)


def pieces(
    text: str, *, limit: int, heavy: int | None = None, measure: Callable[[str], int] = len
) -> list[Piece]:
    """A whole text, in order and without gaps; none if it is empty."""
    found: list[Piece] = []
    start = 0
    while start < len(text):
        found.append(piece(text, start, limit=limit, final=True, heavy=heavy, measure=measure))
        start = found[-1].end
    return found


def cut_at(text: str, start: int, end: int) -> Piece:
    """The piece text[start:end], cut where the caller likes."""
    rows = list(_rows(text[:end], start))
    return Piece(text=_framed(text, rows, end, FRAME, close=True), start=start, end=end)


def _end(  # noqa: PLR0913 - what, from where, and how much
    text: str, start: int, rows: list[Row], room: _Room, heavy: int | None, *, final: bool
) -> int | None:
    """Where to cut, decided by as little of the text as shows that it has to be; None if nowhere.

    Adds to `rows` those that it looked at. Only lines that are complete count as heavy: of others
    nobody knows yet what they are.
    """
    size = used = 0
    for row in _rows(text, start):
        if not rows:
            size = room.measure(_opening(row.code, room.frame))
        rows.append(row)
        line = text[row.start + row.skip : row.end]
        before, size = size, size + room.measure(line)
        if size > room.limit and (over := _overflow(line, room, before)) is not None:
            known = text[: row.start + row.skip + over]
            rows[:] = _rows(known, start)
            return _best(known, rows, room)
        if heavy is not None and (final or line[-1:] == "\n"):
            counted, index = weight(text, rows)
            if used and counted and used + counted > heavy and rows[index].start > start:
                return rows[index].start
            used += counted
    return None


def _overflow(line: str, room: _Room, size: int) -> int | None:
    """How much of a line is the least that is too much; None if there's but white space in it."""
    counts = range(len(line) + 1)
    over = bisect_right(counts, room.limit - size, key=lambda n: room.measure(line[:n]))
    rest = line[max(over - 1, 0) :].lstrip()
    return len(line) - len(rest) + 1 if rest else None


def _best(text: str, rows: Sequence[Row], room: _Room) -> int:
    """Where to cut a text, the last character of which is the first that is too much."""
    start, high = rows[0].start, len(text) - 1
    low = start + max(1, (high - start) // 2)
    for place in places(text, rows, low=low, high=high):
        if place > start and room.fits(_shown(text, rows, place, room, close=True)):
            return place
    return max(high, start + 1)


def _shown(text: str, rows: Sequence[Row], end: int, room: _Room, *, close: bool) -> str:
    whole = _framed(text, rows, end, room.frame, close=close)
    if not rows or room.fits(whole):
        return whole
    solid = rows[0].start + len(text[rows[0].start : end].rstrip())
    return _framed(text, rows, solid, room.frame, close=close)


def _framed(text: str, rows: Sequence[Row], end: int, frame: int, *, close: bool) -> str:
    """What is shown of some lines up to `end`, with the fences that it takes."""
    rows = rows[: bisect_left(rows, end, key=lambda row: row.start)]
    if not rows:
        return ""
    lines = [text[row.start + row.skip : min(row.end, end)] for row in rows]
    closing = _closing(rows[-1], lines[-1], frame) if close else ""
    return _opening(rows[0].code, frame) + "".join(lines) + closing


def _opening(block: Block | None, frame: int) -> str:
    """What opens a block anew; nothing if there is none, or its fence is too long."""
    if block is None:
        return ""
    marker, info = block.fence.marker, block.fence.info
    room = frame - 2 * len(marker) - 2
    if room < 0:
        return ""
    return f"{marker}{info if len(info) <= room else ''}\n"


def _closing(row: Row, line: str, frame: int) -> str:
    """What closes the block that is open after the last line, of which `line` is shown."""
    ended = line[-1:] == "\n"
    block = row.code or (row.opens if ended else None)
    if block is None or not _opening(block, frame):
        return ""
    marker, begun = block.fence.marker, line.strip()
    if row.code and begun and not begun.strip(marker[0]):
        ended = ended and not (block.closed and row.end == block.end)
        return marker if ended else marker[len(begun) :]
    return marker if ended else f"\n{marker}"


def _rows(text: str, start: int) -> Iterator[Row]:
    """The lines from `start` on, the first of which may be the rest of one."""
    found = blocks(text)
    block = next(found, None)
    margin = None if text[start - 1 : start] == "\n" else 0  # not shown of what is within a list
    begin = start
    while start < len(text):
        while block and block.end <= start:
            block = next(found, None)
        end = text.find("\n", start) + 1 or len(text)
        code = block if block and block.code <= start else None
        opens = block if block and block.start == start else None
        row = Row(start=start, end=end, skip=0, code=code, opens=opens)
        if start == begin and margin == 0 and block:
            row = _rest(text, row, block)
            margin = row.code.column if row.code else 0
        elif margin != 0:
            margin, row = _dedented(text, row, begin, margin)
        yield row
        start = end


def _dedented(text: str, row: Row, begin: int, margin: int | None) -> tuple[int | None, Row]:
    """The margin that is not shown from here on, and a row without it."""
    line = text[row.start : row.end]
    lead = len(line) - len(line.lstrip(" "))
    if row.start == begin and row.code:
        margin = row.code.column
    elif margin is None:
        lists = lists_at(text, begin) if lead else ()
        if not line.strip():
            return None, row._replace(skip=lead if lists else 0)
        margin = lead if lists and lead >= lists[0] else 0
    elif margin and not row.code and lead < margin and line.strip():
        margin = 0
    return margin, row._replace(skip=min(margin or 0, lead))


def _rest(text: str, row: Row, block: Block) -> Row:
    """The rest of a line that was cut: of a fence nothing more is shown."""
    if block.start < row.start < block.code:
        return row._replace(skip=row.end - row.start, code=block)
    begun = text[text.rfind("\n", 0, row.start) + 1 : row.start].strip()
    if row.code and begun and block.closed and block.end == row.end:
        return row._replace(skip=row.end - row.start, code=None)
    return row
