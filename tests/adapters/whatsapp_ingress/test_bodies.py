"""Bodies of all shapes, signed over the very bytes that they are."""

import hmac
import json
from base64 import b64encode
from urllib.parse import quote_from_bytes, unquote_to_bytes, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.whatsapp.events import inbound, report
from adapters.whatsapp.words import WillWords, name_of, text_of, will_of
from core.text import clean
from tests.adapters.whatsapp_ingress.stage import door
from tests.adapters.whatsapp_ingress.vectors import (
    ACCOUNT,
    BUTTON,
    MEDIA,
    PATH,
    PUBLIC,
    STATUS,
    TOKEN_OF_OURS,
    B,
    pairs,
)

ACCOUNT_PAIR = b"AccountSid=" + ACCOUNT.encode()


def signed(body, path=PATH):
    """The signature over a body's decoded bytes, whether they are text or not."""
    parts = [each.replace(b"+", b" ").partition(b"=") for each in body.split(b"&") if each]
    fields = sorted({(unquote_to_bytes(name), unquote_to_bytes(value)) for name, _, value in parts})
    text = (PUBLIC + path).encode() + b"".join(name + value for name, value in fields)
    return b64encode(hmac.digest(TOKEN_OF_OURS.encode(), text, "sha1")).decode()


GARBAGE = {
    "not UTF-8": b"Body=%FF",
    "not UTF-8, unquoted": b"Body=\xff",
    "half a letter": b"Body=%C3",
    "half a surrogate": b"Body=%ED%A0%80",
    "both halves": b"Body=%ED%A0%BD%ED%B8%80",
    "overlong": b"Body=%C0%80",
    "a name that is none": b"%FF=1",
}


@pytest.mark.parametrize("body", GARBAGE.values(), ids=GARBAGE)
async def test_signed_garbage_is_refused_for_good(body):
    """400 with words that quote nothing; nothing is taken."""
    async with door() as house:
        whole = ACCOUNT_PAIR + b"&" + body
        answered = await house.post(whole, signed(whole))
        assert (answered.status, house.inbound) == (400, [])
        assert list(json.loads(answered.body)) == ["error"]


@pytest.mark.parametrize("body", GARBAGE.values(), ids=GARBAGE)
async def test_unsigned_garbage_is_not_looked_at(body):
    """The signature comes before all that could break: 403."""
    async with door() as house:
        assert (await house.post(ACCOUNT_PAIR + b"&" + body, "x")).status == 403


async def test_a_form_has_at_most_200_fields():
    """400 for more: it would take long to sort them."""
    async with door() as house:
        many = ACCOUNT_PAIR + b"&a=1" * 199
        assert (await house.post(many, signed(many))).status == 200
        more = many + b"&a=1"
        assert (await house.post(more, signed(more))).status == 400


ODD = {
    "nothing between": b"&&" + ACCOUNT_PAIR + b"&",
    "no value": ACCOUNT_PAIR + b"&Body&=&=x",
    "broken escapes": ACCOUNT_PAIR + b"&Body=%&x=%zz&y=%1",
    "raw letters": ACCOUNT_PAIR + "&Body=é".encode(),
    "a letter half escaped": ACCOUNT_PAIR + b"&Body=%c3\xa9",
    "a NUL": ACCOUNT_PAIR + b"&Body=a%00b",
    "semicolons": ACCOUNT_PAIR + b"&Body=a;b=c",
}


@pytest.mark.parametrize("body", ODD.values(), ids=ODD)
async def test_a_form_that_is_written_oddly_is_still_one(body):
    """What is signed and is text comes in, byte for byte."""
    async with door() as house:
        assert (await house.post(body, signed(body))).status == 200
        assert house.inbound[0]["AccountSid"] == ACCOUNT


async def test_a_letter_is_the_same_however_it_is_escaped():
    """Half escaped or not at all, it is one letter."""
    async with door() as house:
        for body in (ODD["raw letters"], ODD["a letter half escaped"]):
            await house.post(body, signed(body))
        assert [said["Body"] for said in house.inbound] == ["é", "é"]


async def test_an_empty_body_is_nobody_s():
    """403: it is about no account."""
    async with door() as house:
        assert (await house.post(b"", signed(b""))).status == 403


NAMES = sorted(
    {*B, *MEDIA, *BUTTON, *STATUS, "ErrorCode", "Latitude", "Longitude", "OptOutType", "Label"}
    | {"ExternalUserId", "ParentExternalUserId", "ListId", "ListTitle", "Forwarded", "MediaUrl1"}
)
NUMBERS = ["0", "-1", "99999999999", "nan", "1e999", "12.5", "\u0661\u0662", "½"]
WORDS = ["", "\x00", "STOP", "stop", "read", "true", "image", "İ", "x" * 5000, ACCOUNT, "{}"]
PEOPLE = ["whatsapp:", "whatsapp:US.1a", "US.1a"]
VALUES = st.text(max_size=8) | st.sampled_from([*NUMBERS, *WORDS, *PEOPLE])
BYTES = st.binary(max_size=6)


@st.composite
def bodies(draw):
    """What Twilio sends, with a few things in it that it never would."""
    base = draw(st.sampled_from([B, {**B, **MEDIA}, {**B, **BUTTON}, STATUS]))
    changes = draw(st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=3))
    dropped = draw(st.sets(st.sampled_from(NAMES), max_size=1))
    fields = {**base, **changes}
    body = urlencode([pair for pair in fields.items() if pair[0] not in dropped]).encode()
    if draw(st.integers(0, 3)) == 0:
        at, junk = draw(st.integers(0, len(body))), draw(BYTES)
        body = (
            body[:at] + draw(st.sampled_from([junk, quote_from_bytes(junk).encode()])) + body[at:]
        )
    return body


def read(fields):
    """All that is made of a message before it is stored; texts must be fit for a database."""
    said = inbound(fields)
    text = text_of(said)
    assert text == clean(text)
    assert text or said.media
    for media in said.media:
        name, url = name_of(media, said.kind), media.url
        assert name == clean(name) != ""
        assert url == clean(url) != ""
    assert said.body == clean(said.body)
    will_of(said, WillWords(help=frozenset({"help"})))


async def test_no_body_breaks_it():
    """Whatever form is signed, the answer is one that Twilio understands; 500 is none."""
    made = []

    @given(bodies())
    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    def collect(body):
        made.append(body)

    collect()
    for path, reads, good in ((PATH, read, 200), (f"{PATH}/status", report, 204)):
        async with door() as house:
            house.reads = reads
            answers = {
                body: (await house.post(body, signed(body, path), path)).status for body in made
            }
            odd = {
                body: status for body, status in answers.items() if status not in {good, 400, 403}
            }
            assert odd == {}
            assert {good, 400} <= set(answers.values())


async def test_nothing_unsigned_is_told_on(caplog):
    """Neither the log nor a fact nor the answer has a stranger's words."""
    async with door() as house:
        body = urlencode(pairs(B, Body="a stranger's words")).encode()
        answered = await house.post(body, "x", PATH)
        told = caplog.text + repr(house.facts) + answered.body.decode()
        assert "stranger" not in told
        assert len(house.facts) == 1
