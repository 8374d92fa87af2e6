"""Markdown in Slack's own notation, for places that take no other."""

import re
from bisect import bisect_right
from collections.abc import Sequence

from markdown_it.tree import SyntaxTreeNode

from adapters.slack.format.hosts import misleads, scheme
from adapters.slack.format.tables import aligned
from adapters.slack.format.targets import encoded
from adapters.slack.format.tree import code_of, text_of, tree_of
from core.cut import pieces

SECTION = 3_000  # characters of a section block's text
READ = 8  # characters of Markdown that are read for one of its words, at most
_MARKS = {"strong": "*", "em": "_", "s": "~"}
_SCHEMES = frozenset({"http", "https", "mailto"})
_END = "\n"
_JOINT = "\u200b"  # a mark counts only where a word ends; this ends one, and isn't seen


def mrkdwn(markdown: str) -> str:
    """Markdown as mrkdwn. Nobody is mentioned in it, and its links lead where they say."""
    tree = tree_of(markdown)
    return escaped(markdown) if tree is None else _blocks(tree.children, "\n\n")


def sections(text: str, limit: int = SECTION) -> list[str]:
    """A text of mrkdwn in parts of at most `limit` characters, cut where a reader would."""
    parts = (piece.text.strip("\n") for piece in pieces(text, limit=limit))
    return [part for part in parts if part.strip()]


def plain(markdown: str, limit: int) -> str:
    """The first words of some Markdown in a line of at most `limit` characters, for `text`."""
    markdown = markdown[: READ * limit]
    tree = tree_of(markdown)
    words = " ".join((markdown if tree is None else text_of(tree)).split())
    if len(escaped(words)) <= limit:
        return escaped(words)
    fits = bisect_right(range(len(words)), limit - 1, key=lambda n: len(escaped(words[:n]))) - 1
    return escaped(words[: max(fits, 0)].rstrip()) + "…"[:limit]


def escaped(text: str) -> str:
    """Text in which Slack finds nothing of its own."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _blocks(nodes: Sequence[SyntaxTreeNode], between: str) -> str:
    shown = (_block(node) for node in nodes)
    return between.join(block for block in shown if block)


def _block(node: SyntaxTreeNode) -> str:
    match node.type:
        case "paragraph":
            text = _spans(node.children[0].children, "")
        case "heading":
            text = _marked(_spans(node.children[0].children, "*"), "*")
        case "fence" | "code_block":
            text = _fenced(code_of(node))
        case "bullet_list" | "ordered_list":
            text = _list(node)
        case "blockquote":
            text = _indented(_blocks(node.children, "\n\n"), "> ", "> ")
        case "table":
            text = _fenced(aligned(node))
        case _:
            text = "———"  # a rule
    return text


def _fenced(code: str) -> str:
    inside = escaped(code.replace("```", f"``{_JOINT}`"))
    return f"```\n{inside.removesuffix(_END)}\n```"


def _list(node: SyntaxTreeNode) -> str:
    number = int(node.attrs.get("start", 1))
    items = []
    for index, item in enumerate(node.children, number):
        mark = "• " if node.type == "bullet_list" else f"{index}. "
        tight = all(child.type != "paragraph" or child.hidden for child in item.children)
        text = _blocks(item.children, "\n" if tight else "\n\n")
        if found := _TASK.match(text):
            mark, text = ("☐ " if found[1] == " " else "☑ "), text[found.end() :]
        items.append(_indented(text, mark, "    "))
    return "\n".join(items)


_TASK = re.compile(r"\[([ xX])\] ")


def _indented(text: str, first: str, then: str) -> str:
    """Lines behind marks; code in a list stays at the margin, where it begins."""
    lines: list[str] = []
    code = False
    for line in text.split("\n"):
        fence = line == "```"
        bare = then.isspace() and (code or fence) and lines
        before = "" if bare else then if lines else first
        lines.append(f"{before}{line}" if line else before.rstrip())
        code ^= fence
    return "\n".join(lines) if text else first.rstrip()


def _spans(nodes: Sequence[SyntaxTreeNode], inside: str) -> str:
    """Words with their marks, except for those that are `inside` already."""
    shown = ""
    ended = False  # with a mark that needs the end of a word after it
    for node in nodes:
        text = _span(node, inside)
        mark = node.type in _MARKS and text[:1] in "*_~"
        if shown and text and ((mark and shown[-1].isalnum()) or (ended and text[0].isalnum())):
            shown += _JOINT
        shown += text
        ended = mark if text else ended
    return shown


def _span(node: SyntaxTreeNode, inside: str) -> str:
    match node.type:
        case "text":
            return escaped(node.content)
        case "code_inline":
            ticks = "```" if "`" in node.content else "`"
            return f"{ticks}{escaped(code_of(node))}{ticks}"
        case "softbreak" | "hardbreak":
            return "\n"
        case "link":
            return _link(node, str(node.attrs.get("href", "")), inside)
        case "image":
            return _link(node, str(node.attrs.get("src", "")), inside)
        case _:
            mark = _MARKS.get(node.type, "")
            words = _spans(node.children, inside + mark)
            return words if mark in inside else _marked(words, mark)


def _marked(words: str, mark: str) -> str:
    """Words between marks, line by line: marks count within a line alone."""
    if not mark:
        return words
    lines = (line.strip() for line in words.split("\n"))
    return "\n".join(f"{mark}{line}{mark}" if line else line for line in lines)


def _link(node: SyntaxTreeNode, target: str, inside: str) -> str:
    label = " ".join(text_of(node).split())
    if scheme(target) not in _SCHEMES or misleads(label, target):
        words = escaped(label) if node.type == "image" else _spans(node.children, inside)
        return f"{words} ({escaped(target)})" if words.strip() else escaped(target)
    address = escaped(encoded(target))
    if not label or label == target:
        return f"<{address}>"
    return f"<{address}|{escaped(label.replace('|', '¦'))}>"
