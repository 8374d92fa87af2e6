"""Who has signed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.whatsapp.signature import Keys, fits, fits_body, sign
from tests.adapters.whatsapp_ingress.vectors import (
    BODIES,
    OFFICIAL,
    TOKEN,
    TOKEN_OF_OURS,
    V16,
    WHATSAPP,
    B,
    P,
    U,
    W,
    pairs,
)

OFFICIAL_KEYS, KEYS = Keys(tokens=(TOKEN,)), Keys(tokens=(TOKEN_OF_OURS,))
V01 = WHATSAPP["v01"][2]
SHARED = Keys(tokens=("another",), shared={"webhooks_sharedkey_1": TOKEN_OF_OURS})
SETTINGS = "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256"


def passes(url, fields=(), signature=V01, *, keys=KEYS, settings=None):
    return fits([url], fields, signature=signature, settings=settings, keys=keys)


@pytest.mark.parametrize(("url", "fields", "signature"), OFFICIAL.values(), ids=OFFICIAL)
def test_what_twilio_s_libraries_take_is_taken(url, fields, signature):
    """Their own tests' requests, with ports, users and repeated fields."""
    assert passes(url, fields, signature, keys=OFFICIAL_KEYS)


@pytest.mark.parametrize(("url", "fields", "signature"), WHATSAPP.values(), ids=WHATSAPP)
def test_whatsapp_s_requests_are_signed_as_twilio_does(url, fields, signature):
    """The very signature comes out, and is taken."""
    assert sign(url, fields, TOKEN_OF_OURS) == signature
    assert passes(url, fields, signature)


@pytest.mark.parametrize(("url", "fields", "signature"), WHATSAPP.values(), ids=WHATSAPP)
def test_the_order_of_fields_does_not_matter(url, fields, signature):
    """They are signed in an order of their own."""
    assert passes(url, tuple(reversed(fields)), signature)


@pytest.mark.parametrize("number", WHATSAPP)
@pytest.mark.parametrize("other", WHATSAPP)
def test_a_signature_is_for_one_request_alone(number, other):
    """It fits no other, but the same with and without its port."""
    url, fields, _ = WHATSAPP[number]
    ported = {"v01", "v08", "v09"}
    same = number == other or ({number, other} <= ported and {number, other} != {"v08", "v09"})
    one_way = (number, other) == ("v01", "v08")  # nobody adds :8443 by himself
    assert passes(url, fields, WHATSAPP[other][2]) == (same and not one_way)


@pytest.mark.parametrize(
    "change",
    [
        {"Body": "hellp"},
        {"Body": "hello "},
        {"Body": ""},
        {"From": "whatsapp:+15551230001"},
        {"New": ""},
    ],
)
def test_one_byte_more_or_less_does_not_fit(change):
    """A changed body, a sender of one's own, a field that was added."""
    assert not passes(W, pairs(B, **change))


def test_a_trimmed_text_does_not_fit():
    """What was signed has its space and its line breaks."""
    assert not passes(W, pairs(B, Body="line1\r\nline2"), WHATSAPP["v05"][2])


@pytest.mark.parametrize(
    "signature",
    [None, "", " ", "=", V01[:-1], V01 + "=", f" {V01}", V01.lower(), "ä" * 28, "\udcff"],
)
def test_no_signature_is_no_signature(signature):
    """Absent, empty, cut, or of signs that no header should have: it does not fit."""
    assert not passes(W, pairs(B), signature)


@pytest.mark.parametrize("url", [f"{W}/", W.replace("https", "http"), W.upper(), f"{W}#x", ""])
def test_another_url_does_not_fit(url):
    """A slash, another scheme, letters of another case, a fragment."""
    assert not passes(url, pairs(B))


@pytest.mark.parametrize(
    "url",
    [
        *(
            "https://h:abc/",
            "https://h:99999/",
            "https://[::1",
            "https://",
            "//",
            "x",
            "https:///x",
        ),
        *("https://a:b:c/", "https://h:/x", "https://\udcff/", "\ud800", "https://h?x#y\n", "\x00"),
    ],
)
def test_urls_of_any_kind_are_no_errors(url):
    """They just don't fit."""
    assert not passes(url, pairs(B))


@pytest.mark.parametrize("host", ["[::1]", "user:pass@[::1]", "a:b@gw.example.com", "gw"])
@pytest.mark.parametrize("rest", ["/w?", "/a@b:80/c", "?x=//y:1/", ""])
def test_a_port_is_told_from_all_that_looks_like_one(host, rest):
    """In IPv6 addresses, passwords and queries colons mean something else."""
    bare, ported = f"https://{host}{rest}", f"https://{host}:443{rest}"
    for told, signed in [(bare, ported), (ported, bare), (bare, bare), (ported, ported)]:
        assert passes(told, (), sign(signed, (), TOKEN_OF_OURS))
    assert not passes(bare, (), sign(f"https://{host}:80{rest}", (), TOKEN_OF_OURS))


def test_one_of_several_urls_is_enough():
    """A gateway may have more than one address."""
    told = {"signature": V01, "settings": None, "keys": KEYS}
    assert fits(["https://old.example.com/", W], pairs(B), **told)
    assert not fits([], pairs(B), **told)


def test_two_tokens_count_while_one_takes_over():
    """The new one and the old one."""
    both = Keys(tokens=("the new one", TOKEN_OF_OURS))
    assert passes(W, pairs(B), keys=both)
    assert passes(W, pairs(B), sign(W, pairs(B), "the new one"), keys=both)
    assert not passes(W, pairs(B), sign(W, pairs(B), "one more"), keys=both)


@pytest.mark.parametrize("settings", [None, "key=k"])
def test_an_empty_secret_signs_nothing(settings):
    """Else everybody could who knows that it is empty."""
    keys = Keys(tokens=("",), shared={"k": ""})
    assert not passes(W, pairs(B), sign(W, pairs(B), ""), settings=settings, keys=keys)


def test_a_shared_key_signs_with_sha256():
    """The header tells the key and the algorithm."""
    assert sign(W, pairs(B), TOKEN_OF_OURS, algorithm="sha256") == V16
    assert passes(W, pairs(B), V16, settings=SETTINGS, keys=SHARED)


@pytest.mark.parametrize(
    "settings",
    [
        None,
        "",
        "key=webhooks_sharedkey_2,algorithm=HMAC_SHA256",
        "key=,algorithm=HMAC_SHA256",
        "algorithm=HMAC_SHA256",
        "key=webhooks_sharedkey_1",
        "key=webhooks_sharedkey_1,algorithm=HMAC_SHA1",
        "key=webhooks_sharedkey_1,algorithm=HMAC_SHA512",
        "key=webhooks_sharedkey_1,algorithm=none",
        "key=ä\udcff,algorithm",
        ",,=,=",
    ],
)
def test_a_shared_key_counts_for_what_the_header_says(settings):
    """Another key, none, or another algorithm: it does not fit."""
    assert not passes(W, pairs(B), V16, settings=settings, keys=SHARED)


@pytest.mark.parametrize("settings", ["key=", "key=unknown", "key=unknown,algorithm=HMAC_SHA1"])
def test_a_token_does_not_stand_in_for_a_shared_key(settings):
    """What names a key is signed with that key."""
    assert not passes(W, pairs(B), settings=settings)


@pytest.mark.parametrize("settings", ["", "algorithm=HMAC_SHA1", "algorithm=", "x"])
def test_without_a_shared_key_it_is_the_token(settings):
    """With SHA-1, as ever."""
    assert passes(W, pairs(B), settings=settings)


def test_a_token_may_sign_with_sha256():
    """If the header says so and names no key."""
    assert passes(W, pairs(B), V16, settings=" algorithm = hmac_sha256 ")


@pytest.mark.parametrize(("url", "raw", "token", "signature"), BODIES.values(), ids=BODIES)
def test_a_body_that_is_no_form_is_signed_by_its_hash(url, raw, token, signature):
    """The URL tells the hash; both must fit."""
    told = {"signature": signature, "settings": None, "keys": Keys(tokens=(token,))}
    assert fits_body([url], raw, **told)
    assert not fits_body([url], raw + b" ", **told)
    assert not fits_body([f"{url}0"], raw, **told)
    assert not fits_body([url.replace("bodySHA256=", "bodySHA256=ä")], raw, **told)


def test_a_body_without_its_hash_is_not_signed():
    """Else a signature over the URL alone would do for any body."""
    told = {"signature": sign(W, (), TOKEN_OF_OURS), "settings": None, "keys": KEYS}
    assert fits([W], (), **told)
    assert not fits_body([W], b"{}", **told)


@given(fields=st.lists(st.tuples(st.text(), st.text())), url=st.text(), signature=st.text())
def test_nothing_breaks_it(fields, url, signature):
    """Whatever is asked, the answer is no."""
    assert not passes(url, fields, signature, settings=signature)


def test_a_half_surrogate_does_not_fit():
    """Twilio signs text."""
    assert not passes(W, (("Body", "\ud800"),), sign(W, (), TOKEN_OF_OURS))


def test_keys_are_not_shown():
    """A log that shows the object shows no secret."""
    assert TOKEN_OF_OURS not in repr(SHARED)
    assert TOKEN_OF_OURS not in repr(KEYS)


def test_a_signed_port_of_http_is_80():
    """Each scheme has a port of its own."""
    told = U.replace("https", "http")
    assert not passes(told, pairs(P), OFFICIAL["4"][2], keys=OFFICIAL_KEYS)
