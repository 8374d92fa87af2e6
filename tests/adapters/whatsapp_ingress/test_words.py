"""What a model reads of a message, and who wants to hear from us."""

import pytest

from adapters.whatsapp.events import inbound
from adapters.whatsapp.words import Will, WillWords, name_of, text_of, will_of
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
    ("media_type", "name"),
    [
        ("image/jpeg", "image"),
        ("audio/ogg", "audio"),
        ("video/mp4", "video"),
        ("application/pdf", "document"),
        ("text/vcard", "contact"),
        ("", "document"),
    ],
)
def test_a_file_is_no_word(media_type, name):
    """It goes its own way, with a name that says what it is; only words are words."""
    told = of_type(media_type)
    assert (text_of(told), name_of(told.media[0], told.kind)) == ("", name)
    assert text_of(of_type(media_type, Body="what is this?")) == "what is this?"


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("sticker", "[sticker]"),
        ("contacts", "[contact]"),
        ("voice", "[audio]"),
        ("brand_new", "[brand_new]"),
        ("image", "[image]"),
        ("text", "(a message without text)"),
    ],
)
def test_a_message_of_any_type_reads_as_something(kind, line):
    """Also of a type that is new to us, with nothing in it that we know."""
    assert text_of(said(Body=" ", MessageType=kind)) == line


def test_a_sticker_is_no_picture():
    """What Twilio calls it says more than its file."""
    told = said(**{**MEDIA, "MessageType": "sticker"})
    assert name_of(told.media[0], told.kind) == "sticker"


def test_an_unknown_type_with_words_is_answered():
    """Its words are words."""
    assert text_of(said(MessageType="brand_new")) == "hello"


def test_a_place_is_a_line():
    """With its names, which a model can talk about."""
    told = said(Body="", MessageType="location", Latitude="1.5", Longitude="-2", Label="Pier")
    assert text_of(told) == "[location: 1.5, -2.0; Pier]"


@pytest.mark.parametrize("body", ["Yes", "", " Yes "])
def test_a_button_reads_as_its_title(body):
    """Once, be it the body too; what it stands for is not for the model."""
    told = said(**{**BUTTON, "Body": body, "OriginalRepliedMessageSid": ""})
    assert text_of(told) == "Yes"


def test_a_choice_reads_as_its_title():
    """After other words, if there are any."""
    told = said(Body="", MessageType="interactive", ListTitle="Tea", ListId="t1")
    assert text_of(told) == "Tea"
    assert text_of(said(Body="I take", ListTitle="Tea")) == "I take\nTea"


def test_where_words_come_from_is_marked():
    """A reply to something earlier; what others wrote."""
    told = said(**BUTTON, Forwarded="true")
    assert text_of(told) == "(in reply to an earlier message)\n(forwarded)\nYes"
    assert text_of(said(**MEDIA, Forwarded="true")) == "(forwarded)"


@pytest.mark.parametrize(
    ("body", "will"),
    [
        *((word, Will.STOP) for word in ("stop", "STOP", " Stop\n", "stopall", "UNSUBSCRIBE")),
        *((word, Will.STOP) for word in ("optout", "\u017ftop")),
        *((word, Will.STOP) for word in ("Stop.", "STOP!", '"stop"', "“Stop”…", "¡stop!")),
        *((word, Will.STOP) for word in ("*stop*", "(stop)\u200f")),
        *((word, Will.START) for word in ("start", "Unstop ", "START!")),
        *((word, None) for word in ("cancel", "end", "quit", "yes", "help", "hello", "", " ")),
        *((word, None) for word in ("stop it", "please stop", "non-stop", "st op")),
        *((word, None) for word in ("!stop", " !stop!", '"!stop"', "!", "...", "stop. it")),
    ],
)
def test_a_word_alone_is_a_will(body, will):
    """But for marks around it; and chatbots hear `cancel` and `yes` for other reasons."""
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
