"""Messages as Slack's blocks, plainer and plainer for those who take no better."""

from collections.abc import Iterator
from typing import Any

from adapters.slack.format.mrkdwn import mrkdwn, plain

NOTIFIED = 150  # characters of a message in a notification
FEEDBACK = "feedback"  # the thumbs' action
TEXT_LIMIT = 4000  # characters of `text` that chat.update takes
# What Slack says of a message that it cannot show like this.
BLOCK_FAULTS = frozenset(
    {
        "block_mismatch",
        "invalid_blocks",
        "invalid_blocks_format",
        "markdown_text_conflict",
        "msg_blocks_too_long",
        "msg_blocks_too_many",
        "msg_too_long",
        "no_text",
    }
)


def thumbs(message_id: int) -> list[dict[str, Any]]:
    """Buttons with which a reader says what they think of the stored answer `message_id`."""
    return [
        {
            "type": "context_actions",
            "elements": [
                {
                    "type": "feedback_buttons",
                    "action_id": FEEDBACK,
                    "positive_button": _thumb("Good answer", f"{message_id}:1"),
                    "negative_button": _thumb("Bad answer", f"{message_id}:-1"),
                }
            ],
        }
    ]


def _thumb(text: str, value: str) -> dict[str, Any]:
    return {
        "text": {"type": "plain_text", "text": text},
        "accessibility_label": text,
        "value": value,
    }


def contents(markdown: str, rated: int | None) -> Iterator[dict[str, Any]]:
    """Arguments that show the same message, the best first. `markdown` is defused already.

    `rated` is the stored answer that its thumbs are for; None has none.
    """
    notification = plain(markdown, NOTIFIED)
    block = {"type": "markdown", "text": markdown}
    if rated is not None:
        yield {"blocks": [block, *thumbs(rated)], "text": notification}
    yield {"blocks": [block], "text": notification}
    yield {"markdown_text": markdown}
    if len(text := mrkdwn(markdown)) <= TEXT_LIMIT:
        yield {"text": text}
