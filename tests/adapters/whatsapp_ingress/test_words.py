"""What a model reads of a message, and who wants to hear from us."""

import pytest

from adapters.whatsapp.events import inbound
from adapters.whatsapp.words import Will, WillWords, is_supported, text_of, will_of
from tests.adapters.whatsapp_ingress.vectors import BUTTON, MEDIA, B

FILE = {"NumMedia": "1", "MediaUrl0": "https://x"}


def said(**changes):
    return inbound({**B, **changes})


def of_type(media_type, **more):
    return said(**{"Body": "", "MessageType": "", "MediaContentType0": media_type, **FILE, **more})


def test_words_are_read_as_they_are():
    """Without the space around them."""
    assert text_of(said(Body=" Hi *there*\nyou \n")) == "Hi *there*\nyou"


@pytest.mark.parametrize(
    ("media_type", "line"),
    [
        ("image/jpeg", "[image]"),
        ("audio/ogg", "[audio]"),
        ("video/mp4", "[video]"),
        ("application/pdf", "[document]"),
        ("text/vcard", "[contact]"),
        ("", "[document]"),
    ],
)
def test_a_file_is_a_line(media_type, line):
    """And nothing that a model could answer, until somebody says something about it."""
    told = of_type(media_type)
    assert (text_of(told), is_supported(told)) == (line, False)
    told = of_type(media_type, Body="what is this?")
    assert (text_of(told), is_supported(told)) == (f"{line}\nwhat is this?", True)


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("sticker", "[sticker]"),
        ("contacts", "[contact]"),
        ("brand_new", "[brand_new]"),
        ("image", "[image]"),
        ("text", "(a message without text)"),
    ],
)
def test_a_message_of_any_type_reads_as_something(kind, line):
    """Also of a type that is new to us, with nothing in it that we know."""
    told = said(Body=" ", MessageType=kind)
    assert (text_of(told), is_supported(told)) == (line, False)


def test_a_sticker_is_no_picture():
    """What Twilio calls it says more than its file."""
    assert text_of(said(**{**MEDIA, "MessageType": "sticker"})) == "[sticker]"


def test_an_unknown_type_with_words_is_answered():
    """Its words are words."""
    told = said(MessageType="brand_new")
    assert (text_of(told), is_supported(told)) == ("hello", True)


def test_a_place_is_a_line():
    """With its names, which a model can talk about."""
    told = said(Body="", MessageType="location", Latitude="1.5", Longitude="-2", Label="Pier")
    assert (text_of(told), is_supported(told)) == ("[location: 1.5, -2.0; Pier]", True)


@pytest.mark.parametrize("body", ["Yes", "", " Yes "])
def test_a_button_reads_as_its_title(body):
    """Once, be it the body too; what it stands for is not for the model."""
    told = said(**{**BUTTON, "Body": body, "OriginalRepliedMessageSid": ""})
    assert (text_of(told), is_supported(told)) == ("Yes", True)


def test_a_choice_reads_as_its_title():
    """After other words, if there are any."""
    told = said(Body="", MessageType="interactive", ListTitle="Tea", ListId="t1")
    assert (text_of(told), is_supported(told)) == ("Tea", True)
    assert text_of(said(Body="I take", ListTitle="Tea")) == "I take\nTea"


def test_where_words_come_from_is_marked():
    """A reply to something earlier; what others wrote."""
    told = said(**BUTTON, Forwarded="true")
    assert text_of(told) == "(in reply to an earlier message)\n(forwarded)\nYes"


@pytest.mark.parametrize(
    ("body", "will"),
    [
        *((word, Will.STOP) for word in ("stop", "STOP", " Stop\n", "stopall", "UNSUBSCRIBE")),
        *((word, Will.STOP) for word in ("optout", "\u017ftop")),
        *((word, Will.START) for word in ("start", "Unstop ")),
        *((word, None) for word in ("cancel", "end", "quit", "yes", "help", "hello", "", " ")),
        *((word, None) for word in ("stop it", "please stop", "stop.", "non-stop", "st op")),
    ],
)
def test_a_word_alone_is_a_will(body, will):
    """Nothing else beside it; and chatbots hear `cancel` and `yes` for other reasons."""
    assert will_of(said(Body=body), WillWords()) == will


def test_the_words_can_be_chosen():
    """In any language and case; what is set to nothing means nothing."""
    words = WillWords(
        stop=frozenset({"BAJA", ""}), start=frozenset({" Alta"}), help=frozenset({"ayuda"})
    )
    wills = [will_of(said(Body=body), words) for body in ("baja", "alta", "Ayuda", "stop", "")]
    assert wills == [Will.STOP, Will.START, Will.HELP, None, None]


def test_stop_counts_first():
    """If a word is in two sets, the person is left alone."""
    both = frozenset({"x"})
    assert will_of(said(Body="x"), WillWords(stop=both, start=both, help=both)) == Will.STOP


@pytest.mark.parametrize(
    ("told", "will"), [("STOP", Will.STOP), ("START", Will.START), ("HELP", Will.HELP)]
)
def test_what_twilio_made_of_it_counts_more(told, will):
    """Whatever the words are."""
    assert will_of(said(Body="start", OptOutType=told), WillWords()) == will


def test_a_picture_is_no_will():
    """Its empty body is no word."""
    assert will_of(said(**MEDIA), WillWords(help=frozenset({""}))) is None
