"""What a bearer token proves, and what its sender is told."""

import pytest
from limits import RateLimitItemPerMinute

from adapters.web.door.limits import FAILURES, REQUESTS
from adapters.web.door.principal import PUBLIC, Kind, Scope
from adapters.web.door.programs import ADMIN as ADMINISTRATOR
from adapters.web.door.programs import SERVICE, Programs
from adapters.web.door.sign_in import bearer
from adapters.web.errors import Refused
from tests.adapters.web_auth.stage import (
    ADMIN,
    KEY,
    SITE,
    limits,
    passes,
    sign_in,
    signed,
    users,
)

IP = "192.0.2.1"


def verified(signing, token, *, path="/api/chat", origin=None, ip=IP):
    return signing.verify(token, path=path, origin=origin, ip=ip)


async def refused(waiting, status=401):
    with pytest.raises(Refused) as told:
        await waiting
    assert told.value.status == status
    return told.value


async def test_each_kind_of_token_is_known(clock, register):
    """Keys, users' tokens and visitors' passes, on every path."""
    ours = passes(clock, register)
    signing = sign_in(clock, passes=ours)
    user = signed({"sub": "ann", "exp": clock.now() + 60})
    assert await verified(signing, KEY) == SERVICE
    assert await verified(signing, ADMIN) == ADMINISTRATOR
    assert (await verified(signing, user)).kind is Kind.USER
    assert (await verified(signing, ours.mint(SITE).token, origin=SITE)).kind is Kind.VISITOR


async def test_the_administrator_alone_sees_what_is_others(clock):
    """An API key does not."""
    signing = sign_in(clock)
    assert Scope.ADMIN in (await verified(signing, ADMIN)).scopes
    assert Scope.ADMIN not in (await verified(signing, KEY)).scopes


async def test_all_keys_are_one_program(clock):
    """What was asked with the old key is still there with the new one."""
    signing = sign_in(clock, programs=Programs(keys=["new", "old"], admin=None))
    assert await verified(signing, "new") == await verified(signing, "old") == SERVICE
    await refused(verified(signing, ADMIN))


async def test_a_key_may_look_like_a_token(clock):
    """Keys are compared first, whatever they look like."""
    assert await verified(sign_in(clock, programs=Programs(keys=["a.b.c"], admin=None)), "a.b.c")


@pytest.mark.parametrize(
    "token", ["gw_ke", "gw_keyy", "GW_KEY", "x", "é", "\ud83d", "a.b.c", "undefined", "x" * 10_000]
)
async def test_a_bad_token_is_never_nobody(clock, token):
    """401, where everybody may come in too, and without a word on why."""
    for anybody in (True, False):
        refusal = await refused(verified(sign_in(clock, anybody=anybody), token))
        assert (refusal.code, refusal.message) == ("unauthorized", "Invalid token")
        assert refusal.headers == {"WWW-Authenticate": "Bearer"}


async def test_no_token_is_said_to_be_missing(clock):
    """In the words that clients wait for."""
    refusal = await refused(verified(sign_in(clock), ""))
    assert refusal.message == "No token provided"


@pytest.mark.parametrize("key", [KEY, ADMIN])
async def test_a_key_in_a_page_is_refused(clock, key):
    """Whoever opens the page could read it: 403, and it says what to do."""
    refusal = await refused(verified(sign_in(clock), key, origin="http://localhost:3000"), 403)
    assert "make a new key" in refusal.message
    assert key not in refusal.message


@pytest.mark.parametrize(
    ("path", "token", "served"),
    [
        ("/v1/chat/completions", "sk-none", True),
        ("/v1", "anything", True),
        ("/v1/models", "a.b.c", False),
        ("/v1/models", "", False),
        ("/v1x", "sk-none", False),
        ("/api/v1/sessions", "sk-none", False),
        ("/api/chat", "sk-none", False),
    ],
)
async def test_a_placeholder_is_nobody_in_particular(clock, path, token, served):
    """OpenAI's SDKs cannot leave the key out; where none is needed, any word will do."""
    signing = sign_in(clock, anybody=True, placeholders=True)
    if served:
        assert await verified(signing, token, path=path) == PUBLIC
    else:
        await refused(verified(signing, token, path=path))


@pytest.mark.parametrize("changes", [{"anybody": False}, {"placeholders": False}])
async def test_where_keys_are_set_a_placeholder_is_refused(clock, changes):
    """Nor does one do where everybody has to sign in."""
    signing = sign_in(clock, **{"anybody": True, "placeholders": True} | changes)
    await refused(verified(signing, "sk-none", path="/v1/models"))


async def test_ways_that_are_off_are_refused(clock, register):
    """A good token of a kind that this server does not take is a bad one."""
    ours = passes(clock, register)
    signing = sign_in(clock, users=None, passes=None)
    await refused(verified(signing, signed({"sub": "ann", "exp": clock.now() + 60})))
    await refused(verified(signing, ours.mint(SITE).token, origin=SITE))
    with pytest.raises(Refused):
        await users(clock).verify(ours.mint(SITE).token)


async def test_who_guesses_is_told_to_wait(clock):
    """After too many bad tokens of one address: 429. Good ones from there are let in all along."""
    signing = sign_in(clock)
    for _ in range(FAILURES[0].amount):
        await refused(verified(signing, "guess"))
    refusal = await refused(verified(signing, "guess"), 429)
    assert refusal.retry_after == 60
    assert await verified(signing, KEY) == SERVICE
    await verified(signing, signed({"sub": "ann", "exp": clock.now() + 60}))
    await refused(verified(signing, "guess", ip="192.0.2.2"))
    clock.advance(61)
    await refused(verified(signing, "guess"))


async def test_people_are_counted_and_programs_are_not(clock):
    """One address may have many people behind it, but not all of the world."""
    signing = sign_in(clock)
    user = signed({"sub": "ann", "exp": clock.now() + 600})
    for _ in range(REQUESTS[0].amount):
        await verified(signing, user)
    refusal = await refused(verified(signing, user), 429)
    assert refusal.retry_after == 10
    for _ in range(10):
        await verified(signing, KEY)
    clock.advance(11)
    await verified(signing, user)


async def test_on_this_machine_nobody_is_counted(clock):
    """Whoever tries things out is not told to wait."""
    signing = sign_in(clock, anybody=True, limits=limits(clock, edge=False))
    for _ in range(FAILURES[0].amount + 1):
        await refused(verified(signing, "guess"))
    assert RateLimitItemPerMinute(30) in FAILURES


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer abc", "abc"),
        ("bearer abc", "abc"),
        ("BEARER  abc ", "abc"),
        ("Bearer", ""),
        ("Bearer ", ""),
        ("", ""),
    ],
)
def test_the_scheme_is_bearer_in_any_letters(header, token):
    """As HTTP has it."""
    assert bearer(header) == token


@pytest.mark.parametrize("header", ["Basic YTpi", "abc", "Bearerabc", "Digest x"])
def test_another_scheme_is_refused(header):
    """A token without its scheme, or another kind of credentials, is a bad one."""
    with pytest.raises(Refused, match="Invalid token"):
        bearer(header)
