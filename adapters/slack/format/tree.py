"""Markdown as a tree of what it means."""

import re

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

DEPTH = 60  # lists and quotes within each other; more is no Markdown to us


def tree_of(markdown: str) -> SyntaxTreeNode | None:
    """CommonMark with tables and struck-out text, HTML being text; None if it's nested too deep.

    Links of every scheme are links.
    """
    tokens = _MARKDOWN.parse(markdown)
    spans = (span for token in tokens for span in token.children or ())
    if any(each.level >= DEPTH - 2 for each in (*tokens, *spans)):
        return None  # what is deeper was left out, or would be walked down too far
    return SyntaxTreeNode(tokens)


def text_of(node: SyntaxTreeNode) -> str:
    """The words of a node alone."""
    if node.type in {"softbreak", "hardbreak"}:
        return "\n"
    if not node.children:
        return node.content if node.type == "text" else code_of(node)
    between = "" if node.type in _INLINE else "\n"
    return between.join(text_of(child) for child in node.children)


def code_of(node: SyntaxTreeNode) -> str:
    """The code of a node as it was before `defuse.shown`; "" if it holds none.

    In code an entity is no entity, so whoever escapes the code again has to undo it first.
    """
    return _DEFUSED.sub("<", node.content) if node.type in _CODE else ""


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": DEPTH})
    parser.enable(["table", "strikethrough"])
    parser.validateLink = lambda _: True  # type: ignore[method-assign, assignment] # who shows it looks at it
    return parser


_CODE = frozenset({"code_inline", "fence", "code_block"})
_DEFUSED = re.compile(r"&lt;(?=[!@#]|(?i:https?|mailto|tel|slack):)")
_INLINE = frozenset({"inline", "strong", "em", "s", "link", "image"})
_MARKDOWN = _parser()
