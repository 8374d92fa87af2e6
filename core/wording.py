"""The words of core that people read, in their language."""

import re
from collections.abc import Mapping

from core.languages import de, en, es, fr, pt
from core.languages.words import Words

ENGLISH = "en"
LANGUAGES: Mapping[str, Words] = {
    "en": en.WORDS,
    "de": de.WORDS,
    "es": es.WORDS,
    "fr": fr.WORDS,
    "pt": pt.WORDS,
}
_TAG = re.compile(r"([A-Za-z]{2,3})(?:[-_][A-Za-z0-9_-]*)?")


def language_of(tag: str | None) -> str | None:
    """The language that a BCP 47 tag begins with, such as `de` of `de-AT`; None if it is none."""
    match = _TAG.fullmatch(tag[:64].strip()) if tag else None
    return match[1].lower() if match else None


def words_in(language: str | None) -> Words:
    """All texts in a language or a BCP 47 tag; in English if there are none in that one."""
    return LANGUAGES.get(language_of(language) or ENGLISH, en.WORDS)
