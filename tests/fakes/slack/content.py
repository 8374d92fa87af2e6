"""What Slack refuses of what a message says."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.fakes.slack.blocks import (
    BLOCKS_LIMIT,
    MARKDOWN_LIMIT,
    PAYLOAD_LIMIT,
    expanded,
    faults,
    size,
)
from tests.fakes.slack.refused import Refused

TEXT_LIMIT = 40_000  # of a posted text: what is longer is cut off
UPDATE_LIMIT = 4_000  # of an updated text: what is longer is refused


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """What a message is to show: `text` is Markdown if it came as markdown_text."""

    text: str
    blocks: list[dict[str, Any]] | None
    metadata: dict[str, Any] | None


def content(args: Mapping[str, Any], *, feedback: bool, update: bool = False) -> Content:
    """A message's content, or `Refused`. `feedback`: whether context_actions are known here."""
    markdown, text, blocks = args.get("markdown_text"), args.get("text"), args.get("blocks")
    if markdown is not None and (text is not None or blocks is not None):
        raise Refused("markdown_text_conflict")
    if blocks is not None:
        check_blocks(blocks, feedback=feedback)
    if not (markdown or text or blocks or args.get("attachments")):
        raise Refused("no_text")
    check_markdown(markdown or "")
    if update and len(text or "") > UPDATE_LIMIT:
        raise Refused("msg_too_long")
    shown = str(markdown or text or "")[:TEXT_LIMIT]
    return Content(text=shown, blocks=blocks or None, metadata=metadata(args))


def check_markdown(markdown: str) -> None:
    if len(markdown) > MARKDOWN_LIMIT:
        raise Refused("msg_too_long")
    if expanded(markdown) > BLOCKS_LIMIT:
        raise Refused("msg_blocks_too_many")


def check_blocks(blocks: Any, *, feedback: bool) -> None:
    found = list(faults(blocks))
    if not feedback and any(block.get("type") == "context_actions" for block in blocks):
        found.append("unsupported type: context_actions")
    if found:
        messages = [f"[ERROR] {fault}" for fault in found]
        raise Refused("invalid_blocks", errors=found, response_metadata={"messages": messages})
    markdown = [block["text"] for block in blocks if block["type"] == "markdown"]
    if sum(map(len, markdown)) > MARKDOWN_LIMIT:
        raise Refused("msg_too_long")
    if size(blocks) > PAYLOAD_LIMIT:
        raise Refused("msg_blocks_too_long")
    if sum(map(expanded, markdown)) + len(blocks) - len(markdown) > BLOCKS_LIMIT:
        raise Refused("msg_blocks_too_many")


def metadata(args: Mapping[str, Any]) -> dict[str, Any] | None:
    given = args.get("metadata")
    if given is None:
        return None
    if not isinstance(given, dict):
        raise Refused("invalid_metadata_format")
    if not given.get("event_type") or not isinstance(given.get("event_payload"), dict):
        raise Refused("invalid_metadata_schema")
    return given
