"""What a person sent, and what became of ours."""

import pytest

from adapters.whatsapp.events import Button, Location, Malformed, Media, inbound, report
from tests.adapters.whatsapp_ingress.vectors import ACCOUNT, BUTTON, MEDIA, SID, STATUS, B

PHONE, USER = "whatsapp:+15551230000", "whatsapp:US.1349abC"


def said(**changes):
    return inbound({**B, **changes})


def test_a_text_is_told_as_it_is():
    """Its ids, its people and its words."""
    told = said()
    assert (told.sid, told.account) == (SID, ACCOUNT)
    assert (told.person, told.business) == (PHONE, "whatsapp:+14155238886")
    assert (told.name, told.body, told.kind) == ("Ana", "hello", "text")
    assert (told.media, told.location, told.button) == ((), None, None)
    assert (told.replied_to, told.forwarded, told.opt_out, told.aliases) == (None, False, None, ())


@pytest.mark.parametrize("field", ["MessageSid", "AccountSid", "From", "To"])
@pytest.mark.parametrize("value", ["", "\x00", "a b", "é", "x" * 300, "whatsapp:"])
def test_what_a_message_can_t_be_without_is_named(field, value):
    """Also when it is there and can't be one; the words never are in the error."""
    with pytest.raises(Malformed) as refused:
        said(**{field: value})
    assert refused.value.field == field
    assert str(refused.value) == f"{field} is missing, or is not what Twilio sends"
    with pytest.raises(Malformed):
        inbound({name: given for name, given in B.items() if name != field})


@pytest.mark.parametrize("field", ["From", "To"])
def test_an_sms_is_no_whatsapp_message(field):
    """A phone number alone belongs to another channel."""
    with pytest.raises(Malformed):
        said(**{field: "+15551230000"})


@pytest.mark.parametrize("person", [PHONE, USER, "whatsapp:US.ENT.1349", "whatsapp:new-form_1"])
def test_an_address_stays_as_it_is(person):
    """Phone numbers and user ids alike: it is only ever sent back."""
    assert said(From=person).person == person


def test_other_addresses_are_known_again():
    """As `From` would have them; a number that differs from the sender's is another one."""
    told = said(ExternalUserId="US.1a", ParentExternalUserId="US.ENT.2b", WaId="15551230009")
    assert told.aliases == ("whatsapp:US.1a", "whatsapp:US.ENT.2b", "whatsapp:+15551230009")


def test_the_sender_s_own_address_is_no_other_one():
    """Neither by number nor by id, and none is told twice."""
    assert said(From=USER, ExternalUserId="US.1349abC", WaId="").aliases == ()
    twice = said(ExternalUserId="US.1a", ParentExternalUserId="US.1a")
    assert twice.aliases == ("whatsapp:US.1a",)


@pytest.mark.parametrize(
    "user", ["", "us.1", "US.", "US.é", "US.1 2", "\x00", "{}", "US." + "1" * 200]
)
def test_a_broken_alias_fails_nothing(user):
    """It is left out."""
    assert said(ExternalUserId=user, ParentExternalUserId=user, WaId=user).aliases == ()


@pytest.mark.parametrize("kind", ["text", "image", "reaction", "brand_new", "order"])
def test_message_types_are_an_open_set(kind):
    """What is new to us is told as it is."""
    assert said(MessageType=kind).kind == kind


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({}, "text"),
        ({"MediaUrl0": "https://x", "MediaContentType0": "audio/ogg"}, "audio"),
        ({"MediaUrl0": "https://x", "MediaContentType0": "application/pdf"}, "document"),
        ({"MediaUrl0": "https://x"}, "document"),
        ({"Latitude": "1", "Longitude": "2"}, "location"),
        ({"ButtonText": "Yes"}, "button"),
    ],
)
@pytest.mark.parametrize("told", ["", "{}", "a b"])
def test_a_message_without_a_type_is_what_it_looks_like(fields, kind, told):
    """Absent or not a word: the rest tells."""
    assert said(MessageType=told, **fields).kind == kind


def test_a_picture_without_words_is_a_message():
    """`SmsStatus` and an empty body do not make it a status."""
    told = said(**MEDIA)
    assert (told.body, told.kind) == ("", "image")
    assert told.media == (Media(url=MEDIA["MediaUrl0"], type="image/jpeg"),)


@pytest.mark.parametrize("status", ["received", "delivered", "failed", "x", ""])
def test_sms_status_tells_nothing(status):
    """Neither of a message nor of what became of one."""
    assert said(SmsStatus=status) == said()
    assert report({**STATUS, "SmsStatus": status}).status == "delivered"


def test_all_files_are_told_in_order():
    """Ten at most; `NumMedia` need not be right, and a type's parameters mean nothing."""
    urls = {f"MediaUrl{number}": f"https://x/{number}" for number in range(12)}
    told = said(NumMedia="oops", **urls, MediaContentType1="Audio/OGG; codecs=opus")
    assert [each.url for each in told.media] == [f"https://x/{number}" for number in range(10)]
    assert [each.type for each in told.media][:3] == ["", "audio/ogg", ""]


def test_a_place_is_told_in_degrees():
    """With the names that it has."""
    told = said(
        Body="", Latitude="37.787890", Longitude="-122.391664", Label="Pier", Address="1 St"
    )
    assert told.location == Location(
        latitude=37.78789, longitude=-122.391664, label="Pier", address="1 St"
    )


@pytest.mark.parametrize("north", ["", "nan", "inf", "1e3", "1000", "\u0661", "1.", "\x00", "x"])
def test_a_place_that_is_none_fails_nothing(north):
    """It is left out."""
    assert said(Latitude=north, Longitude="1").location is None


def test_a_button_is_told_with_what_it_stands_for():
    """And the message that it was on."""
    told = said(**BUTTON)
    assert told.button == Button(title="Yes", payload="confirm:42")
    assert told.replied_to == BUTTON["OriginalRepliedMessageSid"]


def test_a_choice_from_a_list_is_told_as_a_button():
    """If Twilio tells it; else it is the body."""
    assert said(ListTitle="Tea", ListId="t1").button == Button(title="Tea", payload="t1")


@pytest.mark.parametrize("field", ["Forwarded", "FrequentlyForwarded"])
def test_forwarding_is_told(field):
    """Once or often."""
    assert said(**{field: "true"}).forwarded
    assert not said(**{field: "false"}).forwarded


@pytest.mark.parametrize(
    ("told", "opt_out"), [("STOP", "STOP"), ("START", "START"), ("HELP", "HELP"), ("NEW", None)]
)
def test_what_twilio_answered_by_itself_is_told(told, opt_out):
    """One of three; anything else is nothing."""
    assert said(OptOutType=told).opt_out == opt_out


@pytest.mark.parametrize("field", ["Body", "ProfileName", "ButtonText", "MediaUrl0", "Label"])
def test_no_text_has_a_nul(field):
    """PostgreSQL takes none."""
    told = said(Latitude="1", Longitude="1", **{field: "a\x00b"})
    assert "\x00" not in repr(told)
    assert "\\x00" not in repr(told)
    assert "'ab'" in repr(told)


@pytest.mark.parametrize("status", ["delivered", "failed", "read", "SENT", "brand_new"])
def test_a_status_is_no_message(status):
    """A callback at the wrong address would make us talk to ourselves."""
    with pytest.raises(Malformed) as refused:
        inbound({**STATUS, "MessageStatus": status})
    assert refused.value.field == "MessageStatus"


def test_a_received_message_may_say_so():
    """A new field on people's messages must not lose them."""
    assert said(MessageStatus="received").body == "hello"


def test_a_report_tells_what_became_of_ours():
    """Who it went to, and who sent it."""
    told = report(STATUS)
    assert (told.sid, told.status, told.rank, told.error_code) == (SID, "delivered", 5, None)
    assert (told.person, told.business) == (PHONE, "whatsapp:+14155238886")


def test_ranks_grow_with_time():
    """Each status follows on those before it; failing is the end, as being read is not."""
    steps = ["accepted", "scheduled", "queued", "sending", "sent", "delivered", "read", "failed"]
    ranks = [report({**STATUS, "MessageStatus": step}).rank for step in steps]
    assert ranks == [0, 1, 2, 3, 4, 5, 6, 7]
    ends = [report({**STATUS, "MessageStatus": end}).rank for end in ("undelivered", "canceled")]
    assert ends == [7, 7]


def test_a_new_status_moves_nothing():
    """It is told, below all others."""
    told = report({**STATUS, "MessageStatus": "brand_new"})
    assert (told.status, told.rank) == ("brand_new", -1)


@pytest.mark.parametrize(("given", "code"), [("63016", "63016"), ("", None), ("oops", None)])
def test_an_error_has_its_code(given, code):
    """If it has one."""
    assert report({**STATUS, "MessageStatus": "failed", "ErrorCode": given}).error_code == code


@pytest.mark.parametrize("field", ["MessageSid", "MessageStatus"])
@pytest.mark.parametrize("value", ["", "a b", "\x00", "x" * 100 + "1"])
def test_a_report_without_its_sid_or_status_is_none(field, value):
    """`SmsSid` and `SmsStatus` stand in for nothing."""
    with pytest.raises(Malformed) as refused:
        report({**STATUS, field: value})
    assert refused.value.field == field


@pytest.mark.parametrize("value", ["", "MG" + "0" * 32])
def test_a_report_needs_no_sender(value):
    """A pool may not have chosen one yet."""
    assert report({**STATUS, "From": value}).business == ""
