"""Tables as text in which columns are columns."""

import unicodedata
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from markdown_it.tree import SyntaxTreeNode

from adapters.slack.format.tree import text_of


def aligned(table: SyntaxTreeNode) -> str:
    """A table's cells in letters of one width, with a line below its head."""
    rows = [
        [_cell(cell) for cell in row.children] for part in table.children for row in part.children
    ]
    widths = [max(map(_width, column)) for column in zip_longest(*rows, fillvalue="")]
    right = [
        "right" in str(cell.attrs.get("style", ""))
        for cell in table.children[0].children[0].children
    ]
    lines = [" | ".join(_padded(row, widths, right)).rstrip() for row in rows]
    lines.insert(1, "-+-".join("-" * width for width in widths))
    return "\n".join(lines)


def _cell(node: SyntaxTreeNode) -> str:
    return " ".join("".join(_words(node)).split())


def _words(node: SyntaxTreeNode) -> Iterator[str]:
    """A cell's words; those of a link are followed by where it leads."""
    if node.type not in {"link", "image"} and node.children:
        for child in node.children:
            yield from _words(child)
        return
    words = text_of(node)
    yield words
    target = node.attrs.get("href") or node.attrs.get("src")
    if target and target != words:
        yield f" ({target})"


def _padded(row: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> Iterator[str]:
    for cell, width, end in zip(row, widths, right, strict=False):
        space = " " * (width - _width(cell))
        yield space + cell if end else cell + space


def _width(text: str) -> int:
    """How many columns a text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(each) else 1 + (unicodedata.east_asian_width(each) in "WF")
        for each in text
    )
