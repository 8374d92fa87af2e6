"""Which WhatsApp sender the gateway is told to answer for."""

import pytest

from core.errors import Misconfigured
from gateway.config import Settings, load
from gateway.slack_settings import SlackSettings
from gateway.web_settings import WebSettings
from gateway.whatsapp_settings import WhatsAppSettings

ACCOUNT = "AC" + "0" * 32
SERVICE = "MG" + "0" * 32
TOKEN = "hush4711" * 4
NUMBER = "+14155238886"
URL = "https://chat.example"
ONE = {
    "TWILIO_ACCOUNT_SID": ACCOUNT,
    "TWILIO_AUTH_TOKEN": TOKEN,
    "TWILIO_WHATSAPP_NUMBER": NUMBER,
    "PUBLIC_URL": URL,
}


def read(**environ):
    return load(environ, None)


def faults(**environ):
    """What is said of each variable at fault."""
    with pytest.raises(Misconfigured) as refused:
        read(**environ)
    told = str(refused.value)
    assert "4711" not in told
    lines = [line.partition(": ") for line in told.splitlines()]
    assert all(". To mend it, " in words for _, _, words in lines)
    return {variable: words for variable, _, words in lines}


def without(*names, **environ):
    return {variable: value for variable, value in environ.items() if variable not in names}


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"PUBLIC_URL": URL},
        {"TWILIO_API_URL": "https://twilio.example"},
        {"WHATSAPP_TYPING": "off"},
        {"TWILIO_ACCOUNT_SID": " ", "TWILIO_AUTH_TOKEN": ""},
    ],
)
def test_what_names_no_account_leaves_whatsapp_off(environ):
    """An address or a taste is not an account."""
    assert not read(**environ).whatsapp_on


@pytest.mark.parametrize(
    "sender",
    [
        {"TWILIO_WHATSAPP_NUMBER": NUMBER},
        {"TWILIO_MESSAGING_SERVICE_SID": SERVICE},
        {"TWILIO_WHATSAPP_NUMBER": NUMBER, "TWILIO_MESSAGING_SERVICE_SID": SERVICE},
    ],
)
def test_an_account_needs_a_sender(sender):
    """A number, a Messaging Service, or both."""
    settings = read(**without("TWILIO_WHATSAPP_NUMBER", **ONE), **sender)
    assert settings.whatsapp_on
    assert settings.twilio_whatsapp_number == sender.get("TWILIO_WHATSAPP_NUMBER")
    assert settings.twilio_messaging_service_sid == sender.get("TWILIO_MESSAGING_SERVICE_SID")


@pytest.mark.parametrize(
    ("missing", "told_of"),
    [
        ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"),
        ("TWILIO_AUTH_TOKEN", "TWILIO_AUTH_TOKEN"),
        ("TWILIO_WHATSAPP_NUMBER", "TWILIO_MESSAGING_SERVICE_SID"),
        ("PUBLIC_URL", "PUBLIC_URL"),
    ],
)
def test_nothing_that_a_sender_needs_may_be_missing(missing, told_of):
    """Whichever of its variables is left out, a fault says of which."""
    told = faults(**without(missing, **ONE))
    assert next(iter(told)) == told_of
    assert missing in f"{told_of} {told[told_of]}"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TWILIO_WHATSAPP_NUMBER", NUMBER),
        ("TWILIO_MESSAGING_SERVICE_SID", "MG" + "0" * 32),
        ("TWILIO_TEMPLATE_SID", "HX" + "0" * 32),
    ],
)
def test_what_needs_an_account_is_not_silently_off(variable, value):
    """Half of it is a fault."""
    assert "TWILIO_ACCOUNT_SID" in faults(**{variable: value})[variable]


def test_all_that_is_missing_is_told_at_once():
    """Each by its own name."""
    told = faults(TWILIO_ACCOUNT_SID=ACCOUNT)
    assert set(told) == {"TWILIO_AUTH_TOKEN", "TWILIO_MESSAGING_SERVICE_SID", "PUBLIC_URL"}
    assert all("is missing" in words for words in told.values())


def test_a_wrong_value_is_not_one_that_is_missing():
    """Of what was given wrongly, it is told once."""
    told = faults(**(ONE | {"TWILIO_ACCOUNT_SID": "hush4711", "TWILIO_WHATSAPP_NUMBER": "4711"}))
    assert set(told) == {"TWILIO_ACCOUNT_SID", "TWILIO_WHATSAPP_NUMBER"}


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("TWILIO_ACCOUNT_SID", "AC4711", "no Account SID"),
        ("TWILIO_ACCOUNT_SID", "SK" + "4711" * 8, "no Account SID"),
        ("TWILIO_ACCOUNT_SID", ACCOUNT + "4711", "no Account SID"),
        ("TWILIO_ACCOUNT_SID", "AC" + "4711" * 7 + "471g", "no Account SID"),
        ("TWILIO_ACCOUNT_SID", "ac" + "4711" * 8, "no Account SID"),
        ("TWILIO_AUTH_TOKEN", "hush 4711", "no token has"),
        ("TWILIO_AUTH_TOKEN", "hüsh4711", "no token has"),
        ("TWILIO_AUTH_TOKEN", f"{TOKEN},hush 4711", "no token has"),
        ("TWILIO_AUTH_TOKEN", f"{TOKEN}1,{TOKEN}2,{TOKEN}3", "more than two"),
        ("TWILIO_WHATSAPP_NUMBER", "4155234711", "begins with +"),
        ("TWILIO_WHATSAPP_NUMBER", "+0155234711", "begins with +"),
        ("TWILIO_WHATSAPP_NUMBER", "+4711", "begins with +"),
        ("TWILIO_WHATSAPP_NUMBER", "+471147114711471147", "begins with +"),
        ("TWILIO_WHATSAPP_NUMBER", "+1 (415) 523-4711", "begins with +"),
        ("TWILIO_WHATSAPP_NUMBER", "sms:+14155234711", "begins with +"),
        ("TWILIO_WHATSAPP_NUMBER", "+٤٧١١٤٧١١٤٧١١ 4711", "begins with +"),
        ("TWILIO_MESSAGING_SERVICE_SID", "MG4711", "no Messaging Service"),
        ("TWILIO_MESSAGING_SERVICE_SID", "AC" + "4711" * 8, "no Messaging Service"),
        ("TWILIO_API_URL", "http://hush4711.example", "not an https:// address"),
        ("TWILIO_API_URL", "https://me:hush4711@twilio.example", "not an https:// address"),
        ("TWILIO_API_URL", "https://twilio.example/?hush=4711", "not an https:// address"),
        ("TWILIO_API_URL", "hush4711", "not an https:// address"),
        ("PUBLIC_URL", "http://hush4711.example", "not the https:// address"),
        ("PUBLIC_URL", "https://chat.example/?hush=4711", "not the https:// address"),
        ("WHATSAPP_TYPING", "hush4711", "not a known value"),
        ("WHATSAPP_STOP_WORDS", ",", "has to hold words"),
        ("WHATSAPP_STOP_WORDS", "stop,hush 4711", "has to hold words"),
        ("WHATSAPP_STOP_WORDS", "hush4711" * 6, "has to hold words"),
        ("WHATSAPP_START_WORDS", "start!4711", "has to hold words"),
        ("WHATSAPP_HELP_WORDS", "hush 4711", "has to hold words"),
        ("WHATSAPP_HELP_TEXT", "hush4711", "without WHATSAPP_HELP_WORDS"),
        ("TWILIO_SHARED_KEYS", "hush4711", "a key's id and its secret"),
        ("TWILIO_SHARED_KEYS", ":hush4711", "a key's id and its secret"),
        ("TWILIO_SHARED_KEYS", "key:hush 4711", "a key's id and its secret"),
        ("TWILIO_SHARED_KEYS", "k=1:hush4711", "a key's id and its secret"),
        ("TWILIO_SHARED_KEYS", "key:hush4711,key:4711hush", "two secrets for one id"),
    ],
)
def test_a_value_of_another_kind_is_refused(variable, value, words):
    """By its variable alone, and never repeated."""
    told = faults(**(ONE | {variable: value}))
    assert list(told) == [variable]
    assert words in told[variable]


@pytest.mark.parametrize(
    "value",
    ["+14155238886", " whatsapp:+14155238886 ", "+1 415 523 8886", "whatsapp: +14155238886"],
)
def test_a_number_has_one_form(value):
    """With or without what Twilio puts before it, and the spaces that people put in."""
    assert read(**(ONE | {"TWILIO_WHATSAPP_NUMBER": value})).twilio_whatsapp_number == NUMBER


def test_tokens_may_be_changed_without_a_gap():
    """The new one is first, the old one behind a comma."""
    settings = read(**(ONE | {"TWILIO_AUTH_TOKEN": f"{TOKEN}2, {TOKEN}"}))
    found = [each.get_secret_value() for each in settings.twilio_auth_token]
    assert found == [f"{TOKEN}2", TOKEN]


def test_addresses_have_one_form():
    """Without a slash at the end; on this machine http:// will do."""
    settings = read(**ONE | {"TWILIO_API_URL": "http://127.0.0.1:9//", "PUBLIC_URL": f"{URL}/bot/"})
    assert settings.twilio_api_url == "http://127.0.0.1:9"
    assert settings.public_url == f"{URL}/bot"
    assert read(**ONE).twilio_api_url is None


def test_people_see_us_type_unless_told_otherwise():
    """In any case of letters."""
    assert read().whatsapp_typing == "on"
    assert read(WHATSAPP_TYPING=" Off ").whatsapp_typing == "off"


def test_words_for_stop_and_start_may_be_of_any_language():
    """Whatever its script, each once; they take the place of the usual ones, not of each other."""
    usual = read()
    assert "stop" in usual.whatsapp_stop_words
    assert "start" in usual.whatsapp_start_words
    told = read(WHATSAPP_STOP_WORDS="stop, Alto,alto,בטל,बंद,หยุด,stop")
    assert told.whatsapp_stop_words == ("stop", "Alto", "alto", "בטל", "बंद", "หยุด")
    assert told.whatsapp_start_words == usual.whatsapp_start_words


def test_settings_that_are_shown_show_no_secret():
    """Neither by repr, nor one by one."""
    settings = read(**ONE)
    assert TOKEN not in repr(settings)
    assert TOKEN not in str(settings.twilio_auth_token)


def test_no_part_of_the_settings_hides_a_check_of_another():
    """Of two validators with one name only one would be asked, and nobody would notice."""
    checks = [
        set(part.__pydantic_decorators__.field_validators) & set(vars(part))
        for part in (Settings, WebSettings, SlackSettings, WhatsAppSettings)
    ]
    assert all(checks)
    assert len(set.union(*checks)) == sum(map(len, checks))


def test_no_word_both_stops_and_starts():
    """In any case."""
    told = faults(WHATSAPP_STOP_WORDS="stop,halt", WHATSAPP_START_WORDS="Halt,start")
    assert "WHATSAPP_STOP_WORDS" in told["WHATSAPP_START_WORDS"]


def test_shared_keys_are_known_by_their_ids():
    """Several with commas between; a secret may hold what parts it from its id."""
    settings = read(**ONE | {"TWILIO_SHARED_KEYS": "one:a:b, two:c"})
    assert settings.twilio_shared == {"one": "a:b", "two": "c"}
    assert "a:b" not in repr(settings)
    assert read(**ONE).twilio_shared == {}
    assert "TWILIO_ACCOUNT_SID" in faults(TWILIO_SHARED_KEYS="one:a")["TWILIO_SHARED_KEYS"]


def test_words_for_help_need_an_answer():
    """There is none but what the operator writes, with its line breaks."""
    assert read().whatsapp_help_words == ()
    settings = read(WHATSAPP_HELP_WORDS="help,ayuda", WHATSAPP_HELP_TEXT="Call us:\\n+1 555")
    assert settings.whatsapp_help_words == ("help", "ayuda")
    assert settings.whatsapp_help_text == "Call us:\n+1 555"
    assert "is missing" in faults(WHATSAPP_HELP_WORDS="help")["WHATSAPP_HELP_TEXT"]
    for text, words in (("x" * 1601, "1600"), ("a\x07", "no message has")):
        told = faults(WHATSAPP_HELP_WORDS="help", WHATSAPP_HELP_TEXT=text)
        assert words in told["WHATSAPP_HELP_TEXT"]


@pytest.mark.parametrize(
    ("word", "other"), [("Unsubscribe", "WHATSAPP_STOP_WORDS"), ("START", "WHATSAPP_START_WORDS")]
)
def test_no_word_for_help_also_stops_or_starts(word, other):
    """Also none of the usual ones."""
    told = faults(WHATSAPP_HELP_WORDS=f"help,{word}", WHATSAPP_HELP_TEXT="Call us.")
    assert other in told["WHATSAPP_HELP_WORDS"]
