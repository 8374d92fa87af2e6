"""What stands within a paragraph, in WhatsApp's marks.

WhatsApp has no escapes, and takes a mark for one only where a word begins or ends.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from markdown_it.tree import SyntaxTreeNode

from adapters.whatsapp.format import html
from adapters.whatsapp.format.letters import CLOSING, spaceless, unfenced, visible
from adapters.whatsapp.format.names import identifies
from adapters.whatsapp.format.tree import normalized

MARKS = {"strong": "*", "em": "_", "s": "~"}
ALL = "".join(MARKS.values())

_TEXT = frozenset({"text", "text_special"})
_LETTER = r"[^\W_]"
# A pair of marks that WhatsApp would take for such; those within words are none.
_PAIR = re.compile(
    rf"(?<!{_LETTER})(?<![*_~])([*_~]{{1,3}})(?![\s*_~])"
    rf"(?:[^*_~\n`]|(?<={_LETTER})[*_~](?={_LETTER}))*+(?<=\S)\1(?!{_LETTER})"
)
_CODE = re.compile(r"`[^`\n]*`")
_CLOSES = {mark: re.compile(rf"(?<=\S)\{mark}(?!{_LETTER})") for mark in ALL}
_GLUED = re.compile(r"://[^\s()]*\Z")
_PARENTHESES = str.maketrans({"(": "%28", ")": "%29"})
_SCHEMES = frozenset({"", "mailto:", "http://", "https://"})  # that a label may leave out
_TICK = "'"  # there are no ticks in code


def spans(
    nodes: Sequence[SyntaxTreeNode], *, inside: str = "", before: str = "", after: str = ""
) -> str:
    """Words with their marks, but for those that they are `inside` of already.

    `before` and `after` are the characters around them; empty at the ends of a paragraph.
    """
    shown: list[str] = []
    runs = [*_runs(nodes)]
    followers = [*_followers(runs, after)][::-1]
    last, address = before, ""
    for run, follower in zip(runs, followers, strict=True):
        if run[0].type == "html_inline":
            text, address = _tag(run[0].content, address)
        elif run[0].type in _TEXT:
            text = _text(run)
        else:
            text = _span(run[0], inside, last, follower)
        shown.append(text)
        last = text[-1:] or last
    return unfenced("".join(shown))


def marked(words: str, mark: str) -> str:
    """Words between marks, line by line: a mark counts within its line alone."""
    return "\n".join(_marked(line.strip(), mark) for line in words.split("\n"))


def _runs(nodes: Sequence[SyntaxTreeNode]) -> Iterator[list[SyntaxTreeNode]]:
    """Text with the text that it goes on in; every other node by itself."""
    for text, run in groupby(nodes, key=lambda node: node.type in _TEXT):
        if text:
            yield list(run)
        else:
            yield from ([node] for node in run)


def _followers(runs: Sequence[Sequence[SyntaxTreeNode]], after: str) -> Iterator[str]:
    """The character after each run, the last one's first."""
    for run in reversed(runs):
        yield after
        after = _first(run[0]) or after


def _first(node: SyntaxTreeNode) -> str:
    """The character that a node begins with."""
    match node.type:
        case "text" | "text_special" | "address":
            return node.content[:1]
        case "link" | "image":
            return next(filter(None, map(_first, node.children)), "h")
        case "softbreak" | "hardbreak":
            return "\n"
        case "html_inline":
            return html.shown(node.content)[:1]
        case _:
            return MARKS.get(node.type, "`")


def _span(node: SyntaxTreeNode, inside: str, before: str, after: str) -> str:
    match node.type:
        case "code_inline":
            return f"`{visible(node.content).replace('`', _TICK)}`"
        case "address":
            return visible(node.content)
        case "softbreak" | "hardbreak":
            return "\n"
        case "link" | "image":
            words = spans(node.children, inside=inside, before=before, after=" ")
            return _link(words, str(node.attrs.get("href") or node.attrs.get("src") or ""))
        case _:
            return _emphasis(node, inside, before, after)


def _tag(tag: str, address: str) -> tuple[str, str]:
    """What is shown of a tag, and the address of the link that is open after it."""
    if html.ends_link(tag):
        return (f" ({address.translate(_PARENTHESES)})" if address else ""), ""
    return visible(html.shown(tag)), visible(html.target(tag)) or address


def _text(nodes: Sequence[SyntaxTreeNode]) -> str:
    """Text in which marks that were escaped are in code, where WhatsApp would see marks."""
    text, escaped = "", set()
    for node in nodes:
        if node.type == "text_special" and node.info == "escape" and node.content in ALL:
            escaped.add(len(text))
        text += visible(node.content)
    if not escaped:
        return text
    return _PAIR.sub(lambda pair: f"`{pair[0]}`" if pair.start() in escaped else pair[0], text)


def _link(words: str, target: str) -> str:
    """A label and its target; the target alone, if the label says the same."""
    target = visible(target)
    label = normalized(" ".join(words.split()))
    said = target.rstrip("/")
    if said.endswith(label.rstrip("/")) and said.removesuffix(label.rstrip("/")) in _SCHEMES:
        return target.removeprefix("mailto:")
    if not target:
        return words
    return f"{words} ({target.translate(_PARENTHESES)})" if words.strip() else target


def _emphasis(node: SyntaxTreeNode, inside: str, before: str, after: str) -> str:
    mark = MARKS[node.type]
    if node.markup == "__" and _identifies(node, before, after):
        return f"__{node.children[0].content}__"
    left, right = before.isalnum(), after.isalnum()
    fits = not left or _parts(before, _letter(node), mark)
    if not fits and before.isascii():  # no mark, but an operator, as in 2*3*4
        return f"{node.markup}{spans(node.children, before=before, after=after)}{node.markup}"
    words = spans(node.children, inside=inside + mark, before=before, after=after)
    end = words.rstrip(f"{ALL}`")[-1:]
    if right and not _parts(after, end, mark) and end not in CLOSING:
        fits = False
    if mark in inside or not fits:
        return words
    made = marked(words, mark)
    return words if made == words else f"{' ' * left}{made}{' ' * right}"


def _letter(node: SyntaxTreeNode) -> str:
    """The character that marked words begin with."""
    while node.type in MARKS and node.children:
        node = node.children[0]
    return _first(node)


def _parts(outer: str, inner: str, mark: str) -> bool:
    """Whether there may be a space between two letters, so that the mark there counts."""
    return mark == "~" or spaceless(outer) or spaceless(inner)


def _identifies(node: SyntaxTreeNode, before: str, after: str) -> bool:
    alone = len(node.children) == 1 and node.children[0].type == "text"
    return alone and identifies(node.children[0].content, before, after)


def _marked(line: str, mark: str) -> str:
    """A line between marks, if it has none in it that would end them, nor an address at its end."""
    if not line or _GLUED.search(line) or _CLOSES[mark].search(_CODE.sub("", line)):
        return line
    return f"{mark}{line}{mark}"
