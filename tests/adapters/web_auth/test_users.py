"""A site's own users, by the tokens that its server signs."""

import hashlib
import hmac
import json

import pytest

from adapters.web.door.jwks import KeySet
from adapters.web.door.keys import from_pem, from_secret
from adapters.web.door.principal import Kind, Scope
from adapters.web.errors import Refused
from tests.adapters.web_auth.stage import (
    OLD,
    SECRET,
    forged,
    jwk,
    pem,
    private,
    provider,
    signed,
    users,
)

HOUR, DAY = 3600, 86_400


async def refused(verifier, token):
    """It is turned away in the words that say nothing of why."""
    with pytest.raises(Refused) as told:
        await verifier.verify(token)
    assert (told.value.status, told.value.message) == (401, "Invalid token")
    assert told.value.headers == {"WWW-Authenticate": "Bearer"}


def proved(payload: bytes, secret: str = SECRET) -> str:
    """A token over any bytes, signed as it should be, by hand: no library makes such ones."""
    unsigned = forged({"alg": "HS256", "typ": "JWT"}, payload).rpartition(".")[0]
    digest = hmac.digest(secret.encode(), unsigned.encode(), hashlib.sha256)
    return forged({"alg": "HS256", "typ": "JWT"}, payload, digest)


async def test_a_token_names_its_user(clock):
    """Its account is its own, and it ends when it says."""
    end = int(clock.now()) + HOUR
    found = await users(clock).verify(signed({"sub": "ann", "exp": end}))
    assert (found.kind, found.account, found.expires_at) == (Kind.USER, "user:ann", end)
    assert found.scopes == {Scope.CHAT, Scope.HISTORY}


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"sub": "ann"}, "ann"),
        ({"sub": 7}, "7"),
        ({"userId": 7}, "7"),
        ({"userId": "u-7"}, "u-7"),
        ({"sub": "ann", "userId": 7}, "ann"),
        ({"sub": None, "userId": 7}, "7"),
        ({"sub": "Zoë O'Neil"}, "Zoë O'Neil"),
        ({"sub": "x" * 255}, "x" * 255),
    ],
)
async def test_users_are_named_as_sites_name_them(clock, claims, name):
    """By `sub` or `userId`, in words or numbers."""
    found = await users(clock).verify(signed(claims | {"exp": clock.now() + HOUR}))
    assert found.name == name


@pytest.mark.parametrize(
    "claims",
    [
        *({}, {"sub": ""}, {"sub": " "}, {"sub": True}, {"sub": 1.5}, {"sub": ["ann"]}),
        *({"sub": "x" * 256}, {"sub": "a\nb"}, {"sub": "a\x00"}, {"sub": "\u202eann"}),
        *({"sub": {}, "userId": "7"}, {"sub": False, "userId": "7"}, {"user": "ann"}),
    ],
)
async def test_what_is_no_name_is_refused(clock, claims):
    """Neither nothing, nor what is too long, nor what could pass for another on a screen."""
    await refused(users(clock), signed(claims | {"exp": clock.now() + HOUR}))


async def test_half_a_character_is_no_name(clock):
    """A lone surrogate, which no database stores, is refused and breaks nothing."""
    end = clock.now() + HOUR
    await refused(users(clock), proved(b'{"sub": "a\\ud83d", "exp": %d}' % end))
    assert (await users(clock).verify(proved(b'{"sub": "a", "exp": %d}' % end))).name == "a"


@pytest.mark.parametrize(
    ("times", "good"),
    [
        ({"exp": HOUR}, True),
        ({"exp": DAY}, True),
        ({"exp": -59}, True),  # clocks differ
        ({"exp": -61}, False),
        ({"exp": DAY + 61}, False),
        ({}, False),
        ({"exp": None}, False),
        ({"exp": HOUR, "nbf": 30}, True),
        ({"exp": HOUR, "nbf": 61}, False),
        ({"exp": HOUR, "iat": 61}, False),
        ({"exp": HOUR, "iat": None}, False),
    ],
)
async def test_a_token_has_its_time(clock, times, good):
    """It has to end, within a day; a minute is granted for clocks that differ."""
    claims = {name: None if after is None else clock.now() + after for name, after in times.items()}
    token = signed({"sub": "ann"} | claims)
    if good:
        await users(clock).verify(token)
    else:
        await refused(users(clock), token)


@pytest.mark.parametrize("end", ["soon", True, [], {}, "1800003600"])
async def test_an_end_that_is_no_time_is_refused(clock, end):
    """Only a number is a time."""
    await refused(users(clock), signed({"sub": "ann", "exp": end}))


@pytest.mark.parametrize("end", [b"1e999", b"NaN", b"Infinity", b"9" * 400])
async def test_an_end_beyond_numbers_is_refused(clock, end):
    """What JSON or floats cannot hold breaks nothing."""
    await refused(users(clock), proved(b'{"sub": "ann", "exp": ' + end + b"}"))


async def test_a_number_that_never_ends_is_no_name(clock):
    """A name that takes longer to write than to sign breaks nothing."""
    payload = b'{"exp": %d, "sub": ' % (clock.now() + HOUR) + b"9" * 5000 + b"}"
    await refused(users(clock), proved(payload))


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
async def test_a_public_key_verifies_its_own_algorithm(clock, algorithm):
    """RSA, EC P-256 and Ed25519, each from a PEM text, also with its line breaks written out."""
    key = private(algorithm)
    token = signed({"sub": "ann", "exp": clock.now() + HOUR}, key, algorithm)
    for text in (pem(key), pem(key).replace("\n", "\\n"), pem(private("ES256", 9)) + pem(key)):
        assert (await users(clock, *from_pem(text)).verify(token)).name == "ann"
    await refused(users(clock, *from_pem(pem(private(algorithm, 1)))), token)


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "", "HS256", "HS384", "hs256", None, 7])
async def test_a_token_does_not_choose_its_algorithm(clock, alg):
    """Unsigned ones are refused, whatever they call that."""
    claims = {"sub": "ann", "exp": clock.now() + HOUR}
    for key in (from_secret(SECRET), *from_pem(pem(private("RS256")))):
        await refused(users(clock, key), forged({"alg": alg, "typ": "JWT"}, claims))
        await refused(users(clock, key), forged({"alg": alg, "typ": "JWT"}, claims, b"x" * 32))


async def test_a_public_key_is_never_a_secret(clock):
    """A token that is signed with the text of the public key, as if that were secret, is none."""
    key = private("RS256")
    claims = {"sub": "ann", "exp": clock.now() + HOUR}
    for text in (pem(key), pem(key).strip(), pem(key).replace("\n", "\\n")):
        token = proved(json.dumps(claims).encode(), text)
        await refused(users(clock, *from_pem(pem(key))), token)
        both = (from_secret(SECRET), *from_pem(pem(key)))
        await refused(users(clock, *both), token)


async def test_an_old_secret_counts_while_it_is_changed(clock):
    """With `new,old` tokens of both are good; after that only the new one's."""
    claims = {"sub": "ann", "exp": clock.now() + HOUR}
    both = users(clock, from_secret(SECRET), from_secret(OLD))
    for secret in (SECRET, OLD):
        assert (await both.verify(signed(claims, secret))).name == "ann"
    await refused(users(clock), signed(claims, OLD))


async def test_a_short_secret_works(clock):
    """On this machine it may be short, and the library's warning about it is no failure."""
    token = signed({"sub": "ann", "exp": clock.now() + HOUR}, "short")
    assert (await users(clock, from_secret("short")).verify(token)).name == "ann"


@pytest.mark.parametrize(
    ("aud", "iss", "good"),
    [
        ("chat", "https://id.example", True),
        (["shop", "chat"], "https://id.example", True),
        ("shop", "https://id.example", False),
        ("chats", "https://id.example", False),
        (["shop"], "https://id.example", False),
        (None, "https://id.example", False),
        ({"chat": 1}, "https://id.example", False),
        ("chat", "https://evil.example", False),
        ("chat", ["https://id.example"], False),
    ],
)
async def test_a_token_is_for_us_and_from_whom_we_know(clock, aud, iss, good):
    """Where an audience and an issuer are set, they have to be these."""
    verifier = users(clock, audience="chat", issuer="https://id.example")
    claims = {"sub": "ann", "exp": clock.now() + HOUR, "aud": aud, "iss": iss}
    token = proved(json.dumps(claims).encode())
    if good:
        await verifier.verify(token)
    else:
        await refused(verifier, token)


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [
        ("chat", {Scope.CHAT}),
        ("history", {Scope.HISTORY}),
        ("openid chat  history", {Scope.CHAT, Scope.HISTORY}),
        ("openid profile email", {Scope.CHAT, Scope.HISTORY}),
        ("openid admin", set()),
        ("admin", set()),
        ("chat admin", {Scope.CHAT}),
        ("", set()),
    ],
)
async def test_a_token_may_allow_less(clock, scope, allowed):
    """Of what it lists, that which people may do; never an administrator's work."""
    claims = {"sub": "ann", "exp": clock.now() + HOUR, "scope": scope}
    assert (await users(clock).verify(signed(claims))).scopes == allowed


@pytest.mark.parametrize("scope", [["chat"], 7, True, {}])
async def test_a_scope_that_cannot_be_read_is_refused(clock, scope):
    """In doubt a token allows nothing at all."""
    await refused(users(clock), signed({"sub": "a", "exp": clock.now() + HOUR, "scope": scope}))


@pytest.mark.parametrize(
    "token",
    [
        *("..", "a.b.c", "...", "eyJ.eyJ.x", "é.é.é", "\ud83d.a.b", "a" * 9000 + ".b.c"),
        forged({"alg": "HS256", "kid": 7}, {}),
        forged({"alg": "HS256", "crit": ["x"], "x": 1}, {}),
        forged({"alg": "HS256", "b64": False, "crit": ["b64"]}, b""),
        forged({"alg": "HS256"}, b"[" * 5000),
    ],
)
async def test_what_is_no_token_is_refused(clock, token):
    """Whatever it is made of, it breaks nothing."""
    await refused(users(clock), token)


@pytest.mark.parametrize("payload", [b"[]", b"7", b"null", b"{", b"\xff", b"[" * 5000])
async def test_what_is_signed_and_says_nothing_is_refused(clock, payload):
    """A good signature under what is no claims is not enough."""
    await refused(users(clock), proved(payload))


async def test_a_secret_and_a_key_set_serve_side_by_side(clock):
    """A token of either is good, and one that claims the secret never asks the provider."""
    claims = {"sub": "ann", "exp": clock.now() + HOUR}
    async with provider(jwk("ES256", "k")) as there:
        verifier = users(clock, key_set=KeySet(there.url, clock=clock, complain=print))
        await verifier.verify(signed(claims))
        await refused(verifier, signed(claims, OLD))
        assert there.asked == 0
        token = signed(claims, private("ES256"), "ES256", kid="k")
        assert (await verifier.verify(token)).name == "ann"
