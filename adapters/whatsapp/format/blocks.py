"""Markdown, block by block, in WhatsApp's notation.

A line that is ``` begins or ends code, and nothing else has three such ticks in it: whoever cuts
the text may rely on that.
"""

import re
from collections.abc import Sequence

from markdown_it.tree import SyntaxTreeNode

from adapters.whatsapp.format.letters import unfenced, visible
from adapters.whatsapp.format.spans import ALL, marked, spans
from adapters.whatsapp.format.tree import tree_of

FENCE = "```"
QUOTE = "> "

_RULE = "─" * 10
_LOOSE = "\n\n"  # stands between paragraphs
_INDENT = "  "
_LISTS = frozenset({"bullet_list", "ordered_list"})
_TASK = re.compile(r"\[([ xX])\] ")


def whatsapp(markdown: str) -> str:
    """Markdown as WhatsApp shows it best; empty only if there is nothing in it to see."""
    source = visible(markdown).strip("\r\n")
    tree = tree_of(source)
    made = _blocks(tree.children, _LOOSE) if tree else ""
    return made.strip("\n").rstrip() or unfenced(source.strip())


def _blocks(nodes: Sequence[SyntaxTreeNode], between: str, lists: str = _LOOSE) -> str:
    """Blocks with `between` between them, but for `lists` before a list."""
    shown = ""
    for node in nodes:
        text = _block(node)
        if text and shown:
            shown += lists if node.type in _LISTS else between
        shown += text
    return shown


def _block(node: SyntaxTreeNode) -> str:
    match node.type:
        case "paragraph":
            text = spans(node.children[0].children).strip()
        case "heading":
            text = marked(spans(node.children[0].children, inside="*"), "*")
        case "fence" | "code_block":
            text = _fenced(node.content)
        case "bullet_list" | "ordered_list":
            text = _list(node)
        case "blockquote":
            text = _indented(_blocks(node.children, _LOOSE), QUOTE, QUOTE)
        case "table":
            text = _table(node)
        case _:
            text = _RULE
    return text


def _fenced(code: str) -> str:
    """Code without its language, which WhatsApp would show."""
    inside = visible(code).replace("`" * 3, "'" * 3).removesuffix("\n")
    return f"{FENCE}\n{inside}\n{FENCE}" if inside.strip() else ""


def _list(node: SyntaxTreeNode) -> str:
    number = int(node.attrs.get("start", 1))
    items = []
    for index, item in enumerate(node.children, number):
        mark = "- " if node.type == "bullet_list" else f"{index}. "
        tight = all(child.type != "paragraph" or child.hidden for child in item.children)
        text = _blocks(item.children, "\n" if tight else _LOOSE, "\n")
        if found := _TASK.match(text):
            mark, text = ("☐ " if found[1] == " " else "☑ "), text[found.end() :]
        items.append(_indented(text, mark, _INDENT))
    return "\n".join(items)


def _indented(text: str, first: str, then: str) -> str:
    """Lines behind marks; code stays at the margin, where it begins."""
    lines: list[str] = []
    code = False
    for line in text.split("\n"):
        fence = line == FENCE
        if code or fence:
            if not lines and first != then:
                lines.append(first.rstrip())
            lines.append(line)
        elif line.startswith(QUOTE) and then == QUOTE:
            lines.append(line)  # there are no quotes within quotes
        else:
            lines.append(f"{then if lines else first}{line}" if line else "")
        code ^= fence
    return "\n".join(lines) if text else first.rstrip()


def _table(table: SyntaxTreeNode) -> str:
    """A row on a line: columns would not fit on a phone."""
    head, *rows = [row.children for part in table.children for row in part.children]
    names = [_cell(cell, ALL).rstrip(":") for cell in head]
    if not rows:
        return f"- {'; '.join(filter(None, names))}"
    lines = (_row(names, [_cell(cell, "") for cell in row]) for row in rows)
    return "\n".join(f"- {line}" for line in lines if line)


def _row(names: Sequence[str], cells: Sequence[str]) -> str:
    named = zip(names, cells, strict=False)
    return "; ".join(f"{name}: {cell}" if name else cell for name, cell in named if cell)


def _cell(node: SyntaxTreeNode, inside: str) -> str:
    return " ".join(
        spans(node.children[0].children if node.children else (), inside=inside).split()
    )
