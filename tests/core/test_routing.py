"""Small talk at the beginning of a conversation is for the simple model, and nothing else is."""

import pytest

from core.routing import Reason, route, simple

NEW = {"files": False, "live_messages": 1, "on_simple": None}


@pytest.mark.parametrize(
    "text",
    [
        "Hi",
        "Hello there!",
        "Thank you so much.",
        "ok, thanks 👍",
        "Guten Morgen!",
        "Danke, nein.",
        "¡Hola! Buenos días",
        "Sí, gracias",
        "Bonjour, merci",
        "S\u2019il te plaît",
        "Bom dia, tudo bem",
        "👋",
    ],
)
def test_small_talk_is_simple(text):
    """Greetings, thanks, yes and no, in five languages."""
    assert route(text, **NEW).reason is Reason.SMALL_TALK
    assert simple(text, **NEW)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", Reason.EMPTY),
        ("?", Reason.OTHER),
        ("Hello, I need my invoice", Reason.OTHER),
        ("hi " * 70, Reason.LENGTH),
        ("hi\nthere", Reason.LAYOUT),
        ("ok `rm -rf`", Reason.LAYOUT),
        ("thanks www.example.org", Reason.LAYOUT),
        ("2 + 2", Reason.SUM),
        ("Why?", Reason.WORD),
        ("Erkläre das bitte", Reason.WORD),
        ("Merci, mais comment?", Reason.WORD),
    ],
)
def test_all_else_is_not(text, reason):
    """The reason is one of few, for a metric."""
    assert route(text, **NEW).reason is reason
    assert not simple(text, **NEW)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"on_simple": False}, Reason.LEFT),
        ({"files": True}, Reason.FILES),
        ({"live_messages": 7, "on_simple": True}, Reason.LATER),
    ],
)
def test_a_conversation_that_left_the_simple_model_never_returns(changed, reason):
    """Nor does one with files, or one that is long already, whatever is said in it."""
    assert route("Thanks!", **NEW | changed).reason is reason
    assert simple("Thanks!", **NEW | {"on_simple": True})


def test_what_is_short_may_be_enough():
    """If the operator wants it so, a short question without a telling word is simple too."""
    assert route("Where are you from", wide=True, **NEW).reason is Reason.SHORT
    assert route("Explain that", wide=True, **NEW).reason is Reason.WORD
