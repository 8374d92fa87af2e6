"""Links of a growing Markdown text that lead elsewhere than they say, made plain.

What becomes of a link is decided by what stands before it and by a little that follows, so that
the text can be shown while it grows. Where it's in doubt whether something is code or a link, it
is taken for a link.
"""

import re
from collections.abc import Iterator

from adapters.slack.format.hosts import claims
from adapters.slack.format.labels import LABEL, Bracket, Page, after_label
from core.fences import blocks

CODE = 1_000  # characters of a span of code that are held back until it's known to be one

_ALWAYS = (
    r"(?P<code>`[^`\n\[\]]{1,300}+`(?=[^`]))"  # whoever reads it: there is no link in it
    r"|``*+|\\[!-/:-@\[-`{-~]|!\[\[*+|\[\[*+|\n[ \t\r]*+\n"
)
_OUTSIDE, _SPECIAL = re.compile(_ALWAYS), re.compile(rf"{_ALWAYS}|\]")
# What may follow a label that claims nothing.
_FINE = re.compile(r"\](?:[^(\[:]|\((?:https?://|mailto:))", re.IGNORECASE)
_TICKS = re.compile(r"`+")
_DOUBT = re.compile(r"\||<(?=[A-Za-z/?])(?!(?:https?|mailto|tel|slack):)", re.IGNORECASE)


def honest(text: str, *, final: bool) -> str:
    """Markdown without links that lead to other hosts than they say, or to no page at all.

    They become their label and their target, side by side. Of a text that is not `final`, that
    much is returned as won't change any more.
    """
    page = Page(text=text)
    shown = len(text)
    for start, end in _prose(text):
        decided = _read(page, start, end, growing=not final and end == len(text))
        shown = min(shown, decided) if end == len(text) else shown
    done: list[str] = []
    position = 0
    for start, stop, instead in sorted(page.edits, key=lambda edit: edit[:2]):
        if start < shown:
            done += (text[position:start], instead)
            position = stop
    return "".join([*done, text[position:shown]])


def _prose(text: str) -> Iterator[tuple[int, int]]:
    """What is not fenced code, or follows code of which it's in doubt where it ends."""
    position = 0
    for block in blocks(text):
        yield position, block.code
        position = block.end
        if not block.closed:
            break
    yield position, len(text)


def _read(page: Page, start: int, end: int, *, growing: bool) -> int:
    """Find the links in some prose, and return how far all is decided."""
    text, position, openers = page.text, start, list[int]()
    page.paragraph = start
    while found := (_SPECIAL if openers else _OUTSIDE).search(text, position, end):
        after: int | None = (position := found.end())
        pending = found.start()
        kind = "\\" if text[pending] == "\\" else text[position - 1]
        if pending in page.literal:
            after = pending + 1 if found["code"] else position
        elif kind == "`" and not found["code"]:
            after = _after_code(page, found, end, growing=growing)
        elif kind == "\n":
            page.paragraph = position
            openers.clear()
        elif kind == "[":
            openers.append(pending)
            openers.extend(range(pending + 1 + (text[pending] == "!"), position))
        elif kind == "]" and not _fine(text, openers[-1], pending, end):
            bracket = _bracket(text, openers.pop(), pending, end, growing=growing)
            after = after_label(page, bracket)
            pending = bracket.start if bracket.live else pending
        elif kind == "]":
            openers.pop()
        if after is None:
            return _held(text, openers, pending, end)
        position = after
    bang = growing and position < end and text[end - 1] == "!"  # perhaps an image's
    return _held(text, openers, end - bang, end) if growing else end


def _held(text: str, openers: list[int], pending: int, end: int) -> int:
    """The first of the open labels that may yet become part of an edit, or what's pending."""
    for opener in reversed(openers):
        if not _live(text, opener, end):
            break
        pending = min(pending, opener)
    return pending


def _live(text: str, opener: int, end: int) -> bool:
    return end - opener <= LABEL and text.find("\n", opener, end) < 0


def _after_code(page: Page, opening: re.Match[str], end: int, *, growing: bool) -> int | None:
    """Where to read on after some backticks; None as long as nobody knows whether it's code."""
    text, start = page.text, opening.start()
    stop = min(end, start + CODE)
    line = text.find("\n", start, stop)
    last = stop if line < 0 else line
    growing = growing and last == end and end < start + CODE
    for ticks in _TICKS.finditer(text, opening.end(), last):
        if len(ticks[0]) != len(opening[0]):
            continue
        if ticks.end() == last and line < 0 and (growing or last < end or stop < end):
            break  # there may be more of them
        if _doubtful(page, opening.end(), ticks.start()):
            page.literal.add(ticks.start())
            return opening.end()
        return ticks.end()
    return None if growing else opening.end()


def _doubtful(page: Page, start: int, end: int) -> bool:
    """Whether a reader who sees cells, or HTML, may see a link amid what looks like code."""
    text = page.text
    if text.find("[", start, end) < 0 and text.find("]", start, end) < 0:
        return False
    if page.doubt < page.paragraph:
        found = _DOUBT.search(text, page.paragraph)
        page.doubt = found.start() if found else len(text)
    return page.doubt < end


def _fine(text: str, start: int, close: int, end: int) -> bool:
    """Whether nothing is to be done about a label, as can be told of most at once."""
    return (
        _FINE.match(text, close, end) is not None
        and close - start <= LABEL
        and not claims(text[start:close])
    )


def _bracket(text: str, start: int, close: int, end: int, *, growing: bool) -> Bracket:
    first = text.index("[", start) + 1
    if close - first > 2 * LABEL:
        label = f"{text[first : first + LABEL]} {text[close - LABEL : close]}"
    else:
        label = text[first:close]
    live = _live(text, start, close)
    return Bracket(start=start, label=label, close=close, end=end, growing=growing, live=live)
