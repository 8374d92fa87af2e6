"""Words to look for in a text, whatever its case, marks and spacing. Pure.

A phrase is words: `no longer`. `*` at a word's end stands for any ending (`deprecat*`), and `...`
between two words for up to five others (`we will ... refund`). There are no regular expressions in
it, so that no phrase takes longer than the text is long; what looks like one is refused, for it
would be found in nothing.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

GAPS = 2  # in a phrase: each multiplies what may have to be tried
GAP = "..."
_BETWEEN = r"(?:[^ ]++ ){0,5}"
_WORD = re.compile(r"[^\W_]+")
# A line that ends within a paragraph is a space; list items, headings and the like stand alone.
_BLOCK = r"[ \t]*+(?:[-*+•][ \t]|#|>|\||[0-9]{1,3}[.)][ \t])"
_SENTENCE_ENDS = re.compile(rf"[.!?](?=\s)|。|\n(?=[^\S\n]*+\n|{_BLOCK})")
_EXPRESSION = re.compile(r"[()\[\]{}|\\^$+]")
_STRAY_STAR = re.compile(r"\*(?!\Z)|(?:\A|[\W_])\*\Z")
# Thai, Chinese, Japanese and others have no space between words, or write endings to them.
_UNSPACED = re.compile("[\u0e00-\u1dff\u2e80-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Phrase:
    """What to look for; no text without the word `first` can hold it."""

    first: str | None
    pattern: re.Pattern[str]


Phrases = tuple[Phrase, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """A text, ready to be looked through.

    `folded` is the text in small letters; `spaced` is its words alone, one space around each;
    `words` is each of them once; `count` is how many there are.
    """

    folded: str
    spaced: str
    words: frozenset[str]
    count: int


def said(text: str) -> Said:
    """A text as `holds` wants it."""
    return _said(_fold(text))


def sentences(text: Said) -> Iterator[Said]:
    """Its sentences; each item of a list, and each heading, begins one."""
    return map(_said, _SENTENCE_ENDS.split(text.folded))


def holds(text: Said, phrases: Phrases) -> bool:
    """Whether one of the phrases is in the text."""
    return any(
        (phrase.first is None or phrase.first in text.words) and phrase.pattern.search(text.spaced)
        for phrase in phrases
    )


def phrase(written: str) -> Phrase:
    """Understand one phrase.

    Raises `ValueError`: it has no words, begins or ends in a gap, has too many, or looks like a
    regular expression.
    """
    chunks = _fold(written).split()
    _refuse_signs(chunks)
    if not any(map(_WORD.search, chunks)):
        raise ValueError("holds no word")
    if GAP in (chunks[0], chunks[-1]):
        raise ValueError("has ... at an end, where there is nothing to be between")
    if chunks.count(GAP) > GAPS:
        raise ValueError(f"has ... more than {GAPS} times")
    if len(chunks) == 1 and _UNSPACED.match(words := " ".join(_WORD.findall(chunks[0]))):
        return Phrase(None, re.compile(words))
    tokens = [token for chunk in chunks for token in _tokens(chunk)]
    first = tokens[0].removesuffix(" ")
    pattern = re.compile("".join((" ", *tokens)))
    return Phrase(None if "[" in first else first, pattern)


def _refuse_signs(chunks: Sequence[str]) -> None:
    """Raises `ValueError` for what would be looked for as if it were not there."""
    for chunk in chunks:
        if (sign := _EXPRESSION.search(chunk)) is not None:
            raise ValueError(f"holds {sign[0]}, but only letters and digits are looked for")
        if _STRAY_STAR.search(chunk):
            raise ValueError("has * elsewhere than at the end of a word")
        if GAP in chunk and chunk != GAP:
            raise ValueError("has ... without a space on each side")


def all_phrases(written: Iterable[str]) -> Phrases:
    """Understand several. Raises `ValueError`."""
    return tuple(map(phrase, written))


def _said(folded: str) -> Said:
    found = _WORD.findall(folded)
    return Said(
        folded=folded, spaced=f" {' '.join(found)} ", words=frozenset(found), count=len(found)
    )


def _tokens(chunk: str) -> Iterator[str]:
    """What a chunk between spaces is as a pattern: words are letters and digits alone."""
    if chunk == GAP:
        yield _BETWEEN
        return
    *others, last = _WORD.findall(chunk) or [""]
    yield from (f"{word} " for word in others)
    if last:
        yield f"{last}[^ ]*+ " if chunk.endswith("*") else f"{last} "


def _fold(text: str) -> str:
    # Wide letters, ligatures and the like are the letters that they look like.
    return (text if text.isascii() else unicodedata.normalize("NFKC", text)).casefold()
