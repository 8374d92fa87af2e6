"""Words for people: what a message reads as, and what stands in for an answer that is none."""

from collections.abc import Iterable

from core.types import Notice, Part

NOTICES = {
    Notice.INTERRUPTED: "\n\n[The answer broke off here. Ask again to have the rest.]",
    Notice.TRUNCATED: "\n\n[The answer reached its longest. Say “continue” to have the rest.]",
    Notice.REFUSED: "I can't help with that one. Is there something else?",
}


def apology(turn_id: int) -> str:
    """What a person reads in place of an answer that could not be had."""
    return (
        "Sorry, I could not answer that just now. Your message is kept; please try again in a"
        f" moment. (Reference {turn_id})"
    )


def render(parts: Iterable[Part]) -> str:
    """A message as its readers see it, notices included."""
    return "".join(
        part["text"] if part["type"] == "text" else NOTICES[Notice(part["notice"])]
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
