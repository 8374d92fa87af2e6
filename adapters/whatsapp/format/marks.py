"""Where WhatsApp's marks are in a text of its, and the text without them."""

import re
from itertools import chain

from adapters.whatsapp.format.blocks import FENCE, QUOTE

ADDRESS = re.compile(r"https?://[!-~\u00a1-\u2e7f]+", re.IGNORECASE)

_LETTER = r"[^\W_]"
_CODE = re.compile(r"`[^`\n]+`")
_MARKED = tuple(
    re.compile(
        rf"(?<!{_LETTER})\{mark}(?![\s{mark}])"
        rf"(?:[^\n{mark}]|(?<={_LETTER})\{mark}(?={_LETTER}))*+(?<=\S)\{mark}(?!{_LETTER})"
    )
    for mark in "*_~"
)


def marks(line: str) -> list[tuple[int, int]]:
    """The spans of marked words and of code in a line, marks included."""
    code = [found.span() for found in _CODE.finditer(line)]
    for pattern in (_CODE, ADDRESS):
        line = pattern.sub(lambda found: "x" * len(found[0]), line)
    return [*code, *(found.span() for found in chain(*(each.finditer(line) for each in _MARKED)))]


def plain(text: str) -> str:
    """The words alone; what is code, and what is an address, stays as it is."""
    lines: list[str] = []
    code = False
    for line in text.split("\n"):
        if line == FENCE:
            code = not code
        else:
            lines.append(line if code else _unmarked(line.removeprefix(QUOTE)))
    return "\n".join(lines).strip("\n")


def _unmarked(line: str) -> str:
    ends = {at for start, stop in marks(line) for at in (start, stop - 1)}
    return "".join(sign for at, sign in enumerate(line) if at not in ends)
