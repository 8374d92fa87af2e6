"""What Block Kit refuses, and what a reader sees of it."""

import re
from collections.abc import Iterator
from typing import Any

MARKDOWN_LIMIT = 12_000  # characters, of markdown_text or of all markdown blocks together
PAYLOAD_LIMIT = 13_200  # characters of everything in blocks
BLOCKS_LIMIT = 50
KNOWN = frozenset(
    {"section", "header", "divider", "context", "actions", "image", "input", "file", "rich_text"}
    | {"video", "markdown", "table", "context_actions", "task_card", "plan", "alert", "card"}
    | {"carousel"}
)
_HEAVY = re.compile(r" {0,3}(#{1,6}(\s|$)|([-*_])( *\3){2,}\s*$|!\[)| {0,3}\|?[ :]*-[ :-]*\|")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")


def words_of(blocks: list[dict[str, Any]]) -> str:
    """What a reader sees of blocks, one line or more for each."""
    return "\n".join(filter(None, (_words(block) for block in blocks)))


def _words(block: dict[str, Any]) -> str:
    words: list[str] = []
    between = "\n"
    match block.get("type"):
        case "markdown":
            words = [block["text"]]
        case "section":
            texts = [block.get("text"), *(block.get("fields") or ())]
            words = [text["text"] for text in texts if text]
        case "header":
            words = [block["text"]["text"]]
        case "image":
            words = [str(block.get("alt_text", ""))]
        case "context" | "rich_text" | "rich_text_section" | "rich_text_preformatted":
            words, between = [_element(each) for each in block.get("elements", ())], ""
        case "rich_text_list" | "rich_text_quote":
            words = [_element(each) for each in block.get("elements", ())]
        case "table":
            words = [" | ".join(map(_element, row)) for row in block.get("rows", ())]
    return between.join(words)


def _element(element: dict[str, Any]) -> str:
    return element["text"] if isinstance(element.get("text"), str) else _words(element)


def faults(blocks: Any) -> Iterator[str]:
    """Why Slack would answer invalid_blocks."""
    if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
        yield "must be an array of objects"
        return
    if len(blocks) > BLOCKS_LIMIT:
        yield f"no more than {BLOCKS_LIMIT} items allowed"
    ids = [block["block_id"] for block in blocks if block.get("block_id")]
    if len(set(ids)) < len(ids) or any(len(str(each)) > 255 for each in ids):
        yield "block_id must be unique and at most 255 characters"
    for at, block in enumerate(blocks):
        kind = block.get("type")
        if kind not in KNOWN:
            yield f"unsupported type: {kind} [json-pointer:/blocks/{at}/type]"
        elif fault := next(_CHECKS.get(str(kind), _nothing)(block), None):
            yield f"{fault} [json-pointer:/blocks/{at}]"


def _nothing(_: dict[str, Any]) -> Iterator[str]:
    yield from ()


def _text(text: Any, kinds: tuple[str, ...], limit: int) -> Iterator[str]:
    if not isinstance(text, dict) or text.get("type") not in kinds:
        yield f"text must be one of {', '.join(kinds)}"
    elif not isinstance(text.get("text"), str) or not 1 <= len(text["text"]) <= limit:
        yield f"must be more than 0 and less than {limit + 1} characters"


def _section(block: dict[str, Any]) -> Iterator[str]:
    fields = block.get("fields")
    if "text" in block:
        yield from _text(block["text"], ("mrkdwn", "plain_text"), 3_000)
    elif not isinstance(fields, list) or not 1 <= len(fields) <= 10:
        yield "text, or 1 to 10 fields are required"
    for each in fields or ():
        yield from _text(each, ("mrkdwn", "plain_text"), 2_000)


def _header(block: dict[str, Any]) -> Iterator[str]:
    yield from _text(block.get("text"), ("plain_text",), 150)


def _markdown(block: dict[str, Any]) -> Iterator[str]:
    if not isinstance(block.get("text"), str) or not block["text"]:
        yield "text must be a string of at least one character"


def _elements(block: dict[str, Any], limit: int) -> Iterator[str]:
    elements = block.get("elements")
    if not isinstance(elements, list) or not 1 <= len(elements) <= limit:
        yield f"elements must be 1 to {limit}"
    elif not all(isinstance(each, dict) and each.get("type") for each in elements):
        yield "every element must be an object with a type"


def _context(block: dict[str, Any]) -> Iterator[str]:
    yield from _elements(block, 10)
    for each in block["elements"]:
        if each["type"] != "image":
            yield from _text(each, ("mrkdwn", "plain_text"), 3_000)


def _actions(block: dict[str, Any]) -> Iterator[str]:
    yield from _elements(block, 25)


def _context_actions(block: dict[str, Any]) -> Iterator[str]:
    yield from _elements(block, 5)
    for each in block["elements"]:
        if each["type"] not in {"feedback_buttons", "icon_button"}:
            yield f"unsupported element: {each['type']}"
        if len(each.get("action_id", "")) > 255:
            yield "action_id must be at most 255 characters"
        if each["type"] == "feedback_buttons":
            yield from _button(each.get("positive_button"))
            yield from _button(each.get("negative_button"))


def _button(button: Any) -> Iterator[str]:
    if not isinstance(button, dict):
        yield "positive_button and negative_button are required"
        return
    yield from _text(button.get("text"), ("plain_text",), 75)
    if not isinstance(button.get("value"), str) or len(button["value"]) > 2_000:
        yield "value must be a string of at most 2000 characters"


def _table(block: dict[str, Any]) -> Iterator[str]:
    rows = block.get("rows")
    if not isinstance(rows, list) or not 1 <= len(rows) <= 100:
        yield "rows must be 1 to 100"
    elif any(not isinstance(row, list) or not 1 <= len(row) <= 20 for row in rows):
        yield "every row must have 1 to 20 cells"
    elif size(rows) > 10_000:
        yield "a table may have 10000 characters"


def _rich_text(block: dict[str, Any]) -> Iterator[str]:
    if not isinstance(block.get("elements"), list):
        yield "elements are required"


_CHECKS = {
    "section": _section,
    "header": _header,
    "markdown": _markdown,
    "context": _context,
    "actions": _actions,
    "context_actions": _context_actions,
    "table": _table,
    "rich_text": _rich_text,
}


def size(value: Any) -> int:
    """The characters of all strings in a value."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(map(size, value.values()))
    return sum(map(size, value)) if isinstance(value, list) else 0


def expanded(markdown: str) -> int:
    """How many blocks Slack makes of Markdown: headings, rules, tables, images and what is between.

    A fence is one with the text around it.
    """
    count, fence, between = 0, "", False
    for line in markdown.splitlines():
        mark = _FENCE.match(line)
        if mark and (not fence or mark[1].startswith(fence)):
            fence = "" if fence else mark[1]
        if not fence and not mark and _HEAVY.match(line):
            count, between = count + 1, False
        elif line.strip() and not between:
            count, between = count + 1, True
    return count
