"""Words for people: what a message reads as, and what stands in for an answer that is none."""

from collections.abc import Iterable

from core.types import Notice, Part
from core.wording import ENGLISH, words_in


def notice(kind: Notice, language: str | None = ENGLISH) -> str:
    """What a reader is told about an answer, to stand right behind it."""
    said = words_in(language)
    match kind:
        case Notice.INTERRUPTED:
            return f"\n\n{said.interrupted}"
        case Notice.TRUNCATED:
            return f"\n\n{said.truncated}"
        case Notice.REFUSED:
            return said.refused


NOTICES = {kind: notice(kind) for kind in Notice}


def apology(turn_id: int, language: str | None = ENGLISH) -> str:
    """What a person reads in place of an answer that could not be had."""
    return words_in(language).apology.format(reference=turn_id)


def render(parts: Iterable[Part], language: str | None = ENGLISH) -> str:
    """A message as its readers see it, notices included.

    `language` is for notices that were stored without one.
    """
    return "".join(
        part["text"]
        if part["type"] == "text"
        else notice(Notice(part["notice"]), part.get("language", language))
        for part in parts
        if part["type"] in {"text", "notice"}
    )


def words(parts: Iterable[Part]) -> str:
    """A message as a model sees it: its own words alone."""
    return "".join(part["text"] for part in parts if part["type"] == "text")


def clean(text: str) -> str:
    """Take out what no database stores and no protocol carries: NULs and half surrogates."""
    if text.isascii():
        return text.replace("\x00", "")
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
