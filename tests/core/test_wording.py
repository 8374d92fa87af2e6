"""What core says to people, in five languages."""

import string
from dataclasses import fields

import pytest

from core import commands
from core.languages.words import Words
from core.text import apology, notice, render
from core.types import Notice
from core.wording import LANGUAGES, language_of, words_in

ENGLISH = LANGUAGES["en"]


def places(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_text(language):
    """With the same placeholders, and help for every command; no text stands for two languages."""
    words = LANGUAGES[language]
    assert list(words.help) == [entry.name for entry in commands.ENTRIES]
    for field in fields(Words):
        text, english = getattr(words, field.name), getattr(ENGLISH, field.name)
        if isinstance(text, str):
            assert text.strip()
            assert places(text) == places(english), field.name
            assert language == "en" or text != english, field.name


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("de", "de"),
        ("de-AT", "de"),
        ("PT_br", "pt"),
        ("zh-Hant-TW", "zh"),
        (None, None),
        ("", None),
        ("*", None),
        ("../etc", None),
        ("de" * 500, None),
    ],
)
def test_a_language_is_how_its_tag_begins(tag, language):
    """What is no tag is no language."""
    assert language_of(tag) == language


def test_a_language_that_there_is_not_is_english():
    """Rather than nothing."""
    assert [words_in(tag) for tag in ("ja", None, "??")] == [ENGLISH] * 3
    assert words_in("de-CH") is LANGUAGES["de"]


def test_a_notice_stays_in_the_language_that_it_was_made_in():
    """Whoever reads it."""
    parts = [{"type": "notice", "notice": Notice.REFUSED, "language": "fr"}]
    assert render(parts) == render(parts, "de") == notice(Notice.REFUSED, "fr")
    assert render([{"type": "notice", "notice": Notice.REFUSED}], "de") == LANGUAGES["de"].refused
    assert "(Nummer 7)" in apology(7, "de-DE")
