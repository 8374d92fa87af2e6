"""The keys that an identity provider publishes."""

import asyncio

import pytest

from adapters.web.door.jwks import KeySet, fetch
from adapters.web.errors import Refused
from core.errors import Transient
from tests.adapters.web_auth.stage import jwk, private, provider, signed, users

DAY = 86_400


def key_set(url, clock, told=None):
    return KeySet(url, clock=clock, complain=(told if told is not None else []).append)


def token(clock, kid="a", number=0):
    """Of the provider's user, good for an hour from now."""
    claims = {"sub": "ann", "exp": clock.now() + 3600}
    return signed(claims, private("ES256", number), "ES256", **({"kid": kid} if kid else {}))


async def refused(verifier, given, status=401):
    with pytest.raises(Refused) as told:
        await verifier.verify(given)
    assert told.value.status == status
    return told.value


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
async def test_a_published_key_verifies(clock, algorithm):
    """A token is verified by the key that it names, or by one of all if it names none."""
    claims = {"sub": "ann", "exp": clock.now() + 3600}
    async with provider(jwk(algorithm, "other", 1), jwk(algorithm, "mine")) as there:
        verifier = users(clock, key_set=key_set(there.url, clock))
        for header in ({"kid": "mine"}, {}):
            given = signed(claims, private(algorithm), algorithm, **header)
            assert (await verifier.verify(given)).name == "ann"
        await refused(verifier, signed(claims, private(algorithm), algorithm, kid="other"))
    assert there.asked == 1


async def test_a_set_is_asked_for_every_ten_minutes(clock):
    """Not for each token."""
    async with provider(jwk("ES256", "a")) as there:
        verifier = users(clock, key_set=key_set(there.url, clock))
        for after, asked in ((0, 1), (1, 1), (598, 1), (2, 2), (599, 2)):
            clock.advance(after)
            await verifier.verify(token(clock))
            assert there.asked == asked


async def test_a_new_key_is_known_at_once(clock):
    """A token of a key that the set lacks makes it be asked for again."""
    async with provider(jwk("ES256", "a")) as there:
        verifier = users(clock, key_set=key_set(there.url, clock))
        await verifier.verify(token(clock))
        there.keys = [jwk("ES256", "b", 1)]
        await verifier.verify(token(clock, "b", 1))
        await refused(verifier, token(clock))  # the old one has been withdrawn
    assert there.asked == 2


async def test_made_up_names_ask_once_a_minute(clock):
    """However many names of keys somebody makes up, the provider hears of one a minute."""
    async with provider(jwk("ES256", "a")) as there:
        verifier = users(clock, key_set=key_set(there.url, clock))
        await verifier.verify(token(clock))
        for number in range(10):
            await refused(verifier, token(clock, f"made-up-{number}"))
        assert there.asked == 2
        clock.advance(61)
        await refused(verifier, token(clock, "made-up"))
        assert there.asked == 3


async def test_a_provider_that_is_down_leaves_its_keys_in_force_for_a_day(clock):
    """They serve on, and it is asked again now and then; what is wrong is told."""
    told = []
    async with provider(jwk("ES256", "a")) as there:
        verifier = users(clock, key_set=key_set(there.url, clock, told))
        await verifier.verify(token(clock))
        there.broken = {"status": 500}
        clock.advance(601)
        for _ in range(3):
            await verifier.verify(token(clock))
        assert there.asked == 2
        assert told == ["HTTP 500"]
        clock.advance(DAY - 700)
        await verifier.verify(token(clock))
        clock.advance(200)
        refusal = await refused(verifier, token(clock), 503)
        assert refusal.retry_after
        there.broken = None
        clock.advance(11)
        await verifier.verify(token(clock))


async def test_without_any_keys_it_is_said_that_it_is_not_the_callers_fault(clock):
    """503, at once and without asking each time, until the provider is back."""
    async with provider(jwk("ES256", "a")) as there:
        there.broken = {"status": 404}
        verifier = users(clock, key_set=key_set(there.url, clock))
        for _ in range(3):
            await refused(verifier, token(clock), 503)
        assert there.asked == 1
        there.broken = None
        clock.advance(11)
        await verifier.verify(token(clock))


async def test_many_at_once_ask_once(clock):
    """Those who come while it is asked for wait for that answer."""
    async with provider(jwk("ES256", "a")) as there:
        verifier = users(clock, key_set=key_set(there.url, clock))
        await asyncio.gather(*(verifier.verify(token(clock)) for _ in range(20)))
    assert there.asked == 1


async def test_one_who_leaves_does_not_take_the_others_along(clock):
    """A caller that hangs up while it fetches for all leaves that to the next."""
    async with provider(jwk("ES256", "a")) as there:
        verifier = users(clock, key_set=key_set(there.url, clock))
        first = asyncio.create_task(verifier.verify(token(clock)))
        second = asyncio.create_task(verifier.verify(token(clock)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        first.cancel()
        assert (await second).name == "ann"


async def test_only_keys_for_signatures_count(clock):
    """What a set holds besides is passed over."""
    good = jwk("ES256", "a")
    others = [
        *(None, 7, "key", [], {}, {"kty": "EC"}, {"kty": ["EC"]}, {"kty": "RSA", "n": 5, "e": 6}),
        {"kty": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0", "kid": "a"},
        {"kty": "oct", "k": "c2VjcmV0", "alg": "HS256"},
        jwk("ES256", "a", 1, use="enc"),
        jwk("ES256", "a", 1, key_ops=["sign"]),
        jwk("ES256", "a", 1, alg="ES512"),
        jwk("RS256", "a", 1, alg="PS256"),
        jwk("RS256", "a", 1, alg="none"),
        jwk("RS256", "a", 1, alg="HS256"),
        jwk("EdDSA", "a", 1, d="c2VjcmV0"),
    ]
    async with provider(*others, good) as there:
        [key] = await fetch(there.url)
        assert (key.id, key.algorithm) == ("a", "ES256")
        await users(clock, key_set=key_set(there.url, clock)).verify(token(clock))


@pytest.mark.parametrize(
    "broken",
    [
        {"status": 302, "headers": {"Location": "/keys"}},
        {"body": b"<html>"},
        {"body": b"[" * 5000},
        {"body": b"[]"},
        {"body": b'{"keys": {}}'},
        {"body": b'{"keys": []}'},
        {"body": b'{"keys": "' + b"x" * 300_000 + b'"}'},
        {"body": b"x", "headers": {"Content-Encoding": "gzip"}},
    ],
)
async def test_what_is_no_key_set_is_refused(broken):
    """Another page, a redirect, or more than it could be."""
    async with provider() as there:
        there.broken = broken
        with pytest.raises(Transient):
            await fetch(there.url)


async def test_nobody_there_is_told_in_few_words():
    """The doctor shows why."""
    with pytest.raises(Transient, match="ClientConnectorError"):
        await fetch("http://127.0.0.1:1/keys")


async def test_a_stranger_who_hangs_up_does_not_stop_the_fetch(clock):
    """Somebody else's made-up key began it; the new key is known all the same."""
    async with provider(jwk("ES256", "a")) as there:
        verifier = users(clock, key_set=key_set(there.url, clock))
        await verifier.verify(token(clock))
        there.keys = [jwk("ES256", "b", 1)]
        stranger = asyncio.create_task(verifier.verify(token(clock, "made-up")))
        await asyncio.sleep(0)
        stranger.cancel()
        with pytest.raises(asyncio.CancelledError):
            await stranger
        async with asyncio.timeout(5):
            while not await known(verifier, token(clock, "b", 1)):  # noqa: ASYNC110 - who would tell
                await asyncio.sleep(0.01)


async def known(verifier, given):
    try:
        return await verifier.verify(given)
    except Refused:
        return None
