"""What a message event of Slack's has to say. Slack sends odd things: nothing here ever raises."""

import re
from collections.abc import Mapping
from typing import Any

from adapters.slack.format.mrkdwn import escaped

DEPTH = 8  # of what is nested in a cell

_ID = re.compile(r"[A-Z0-9]{1,32}")


def words_of(event: Mapping[str, Any]) -> str:
    """The mrkdwn of a message; empty if it has no words.

    A message without a text of its own says what its attachments say. Tables that were pasted into
    it follow, as Markdown.
    """
    attachments = _mappings(event.get("attachments"))
    words = [_string(event.get("text"))]
    if not words[0]:
        words = [_said(attachment) for attachment in attachments]
    tables = [_table(table) for attachment in attachments for table in _tables(attachment)]
    return "\n\n".join(filter(None, [*words, *tables]))


def _said(attachment: Mapping[str, Any]) -> str:
    """What an attachment says; its fallback if that isn't but a word for the table in it."""
    text = _string(attachment.get("text"))
    return text or ("" if _tables(attachment) else _string(attachment.get("fallback")))


def _tables(attachment: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [block for block in _mappings(attachment.get("blocks")) if block.get("type") == "table"]


def _table(table: Mapping[str, Any]) -> str:
    rows = [
        [" ".join(_cell(cell, DEPTH).split()) for cell in row]
        for row in _list(table.get("rows"))
        if isinstance(row, list) and row
    ]
    if not rows:
        return ""
    width = max(map(len, rows))
    lines = [[*row, *[""] * (width - len(row))] for row in rows]
    lines.insert(1, ["---"] * width)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: Any, depth: int) -> str:
    """The mrkdwn of a cell, or of something in it."""
    if not isinstance(value, Mapping) or not depth:
        return ""
    parts = (_cell(each, depth - 1) for each in _list(value.get("elements")))
    between = "" if value.get("type") == "rich_text_section" else " "
    return _element(value) or between.join(parts)


def _element(value: Mapping[str, Any]) -> str:
    text = escaped(_raw(value.get("text")))
    kind = _string(value.get("type"))
    if kind == "link" and (url := escaped(_raw(value.get("url")))):
        label = f"|{text.replace('|', '¦')}" if text else ""
        return f"<{url.replace('|', '%7C')}{label}>"
    if kind in {"user", "channel"} and _ID.fullmatch(_string(value.get(f"{kind}_id"))):
        return f"<{'@' if kind == 'user' else '#'}{_string(value.get(f'{kind}_id'))}>"
    if kind == "emoji" and (name := escaped(_string(value.get("name")))):
        return f":{name}:"
    return text.replace("|", "\\|")


def _raw(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _string(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [each for each in _list(value) if isinstance(each, Mapping)]
