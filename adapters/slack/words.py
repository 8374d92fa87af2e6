"""A person's message as the model reads it."""

from collections.abc import Sequence

from adapters.slack.directory import Directory
from adapters.slack.format.inbound import markdown_of, mentioned
from core.text import clean

LONGEST = 100_000  # characters of one message
NO_WORDS = "(a message without text)"


async def text_of(  # noqa: PLR0913 - who said what, and where
    raw: str,
    files: Sequence[str],
    *,
    directory: Directory,
    team: str,
    enterprise: str | None,
    bot_user: str | None,
) -> str:
    """Mrkdwn as Markdown with people's names in it, then the files, a line each; never empty.

    Whoever has no name to be had is nobody in particular.
    """
    raw = raw[:LONGEST]
    others = [user for user in mentioned(raw) if user != bot_user]
    names = await directory.names(team, others, enterprise=enterprise) if others else {}
    return whole(markdown_of(raw, names=names, bot_user=bot_user), files)


def whole(words: str, files: Sequence[str]) -> str:
    """The words, then the files after a blank line, as it may be stored."""
    parts = (words.strip(), "\n".join(files))
    return clean("\n\n".join(part for part in parts if part))[:LONGEST] or NO_WORDS
