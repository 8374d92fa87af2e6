"""WhatsApp's notation, taken off again."""

import pytest

from adapters.whatsapp.format.marks import plain


@pytest.mark.parametrize(
    ("marked", "words"),
    [
        ("*bold* _italic_ ~gone~ `code`", "bold italic gone code"),
        ("_a *b* c_", "a b c"),
        ("> said *so*\n> twice", "said so\ntwice"),
        ("```\nx = *a*\n```\nafter", "x = *a*\nafter"),
        ("5*3*2, snake_case, a ~ b", "5*3*2, snake_case, a ~ b"),
        ("see https://x.example/_a_/*b* now", "see https://x.example/_a_/*b* now"),
        ("- *one*\n- two\n(1/2)", "- one\n- two\n(1/2)"),
    ],
)
def test_marks_are_taken_off_and_nothing_else(marked, words):
    """Words, addresses and what is in code stay as they are."""
    assert plain(marked) == words
