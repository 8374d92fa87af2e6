"""Markdown as a tree of what it means, read as models write it."""

import re

from markdown_it import MarkdownIt
from markdown_it.common.utils import unescapeAll
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.emphasis import tokenize
from markdown_it.tree import SyntaxTreeNode

from adapters.whatsapp.format.letters import CLOSING, OPENING, spaceless

DEPTH = 60  # lists, quotes and marks within each other; more is no Markdown to us

_SCHEME = re.compile(r"(?<![a-z0-9])https?\Z", re.IGNORECASE)
# It ends where Chinese or Japanese begins: that is written without a space before it.
_REST = re.compile(r"://(?=[^\s/])(?:(?![<>\[\]`\"])[!-~\u00a1-\u2e7f])+")
_TRAILING = "?!.,:;'*_~"
_QUOTES = frozenset("\"'“‘«„")  # noqa: RUF001 - as they are written


def tree_of(markdown: str) -> SyntaxTreeNode | None:
    """CommonMark with tables and struck-out text; None if it is nested too deep.

    Bare addresses are nodes of type `address`, tags of type `html_inline`; what was escaped stays
    apart, as `text_special`.
    """
    tokens = _MARKDOWN.parse(markdown)
    for token in tokens:
        if token.level >= DEPTH - 2:
            return None  # what is deeper was left out
        if any(child.level >= DEPTH for child in token.children or ()):
            return None
    return SyntaxTreeNode(tokens)


def normalized(address: str) -> str:
    """An address as a link's target has it, with nothing but ASCII in it."""
    return _MARKDOWN.normalizeLink(address)


def _address(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - the library's signature
    """A bare address is taken as it is: what looks like marks in it are none."""
    start = state.pos
    found = _REST.match(state.src, start, state.posMax)
    scheme = _SCHEME.search(state.src[max(0, start - 6) : start]) if found else None
    if not found or not scheme:
        return False
    rest = _trimmed(found[0])
    if not silent:
        if not state.pending.endswith(scheme[0]):
            return False
        state.pending = state.pending.removesuffix(scheme[0])
        token = state.push("address", "", 0)
        token.content = unescapeAll(scheme[0] + rest)
    state.pos = start + len(rest)
    return True


def _trimmed(rest: str) -> str:
    """An address without what belongs to the sentence around it."""
    surplus = rest.count(")") - rest.count("(")
    while True:
        if rest[-1] == ")" and surplus > 0:
            surplus -= 1
        elif rest[-1] not in _TRAILING or len(rest) < 5:
            return rest
        rest = rest[:-1]


def _emphasis(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - the library's signature
    """CommonMark's marks; also those that it takes for text as a letter follows their punctuation.

    Models write **Note:**text, and **「so」** within Chinese, and mean marks.
    """
    start, known = state.pos, len(state.delimiters)
    if not tokenize(state, silent):
        return False
    before, after = state.src[start - 1 : start], state.src[state.pos : state.pos + 1]
    if state.src[start] == "*" and start and before and after:
        closes, opens = _closes(before, after), state.pos - start > 1 and _opens(before, after)
        for each in state.delimiters[known:]:
            each.close = each.close or closes
            each.open = each.open or opens
    return True


def _closes(before: str, after: str) -> bool:
    if spaceless(after):
        return not before.isspace() and before not in OPENING
    return (before in CLOSING or before == "`") and after.isalpha()


def _opens(before: str, after: str) -> bool:
    return spaceless(before) and (after in OPENING or after in _QUOTES)


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": True, "maxNesting": DEPTH})
    parser.enable(["table", "strikethrough"])
    parser.disable(["html_block", "text_join"])  # there is Markdown in HTML
    parser.inline.ruler.before("escape", "address", _address)
    parser.inline.ruler.at("emphasis", _emphasis)
    parser.validateLink = lambda _: True  # type: ignore[method-assign, assignment] # it is shown
    return parser


_MARKDOWN = _parser()
