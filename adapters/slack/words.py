"""A person's message as the model reads it."""

from adapters.slack.directory import Directory
from adapters.slack.files import MOST
from adapters.slack.format.inbound import markdown_of, mentioned
from core.text import clean

LONGEST = 100_000  # characters of one message
NO_WORDS = "(a message without text)"


async def text_of(  # noqa: PLR0913 - who said what, and where
    raw: str,
    *,
    files: int,
    directory: Directory,
    team: str,
    enterprise: str | None,
    bot_user: str | None,
) -> str:
    """Mrkdwn as Markdown with people's names in it; empty only if `files` came with it.

    Whoever has no name to be had is nobody in particular.
    """
    raw = raw[:LONGEST]
    others = [user for user in mentioned(raw) if user != bot_user]
    names = await directory.names(team, others, enterprise=enterprise) if others else {}
    return whole(markdown_of(raw, names=names, bot_user=bot_user), files)


def whole(words: str, files: int) -> str:
    """The words of a message with so many files, as it may be stored.

    Whoever sends more files than are looked at should be told so: a line says it.
    """
    more = f"[Not opened beside the first {MOST} files: {files - MOST} more]"
    said = "\n\n".join(filter(None, (words.strip(), more if files > MOST else "")))
    return clean(said)[:LONGEST] or ("" if files else NO_WORDS)
