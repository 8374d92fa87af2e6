"""The tokens that this gateway signs for visitors."""

import jwt
import pytest

from adapters.web.door.keys import derived, from_secret
from adapters.web.door.passes import LABEL, is_pass, keys, sign
from adapters.web.door.principal import Kind
from adapters.web.errors import Refused
from tests.adapters.web_auth.stage import OLD, OTHER, SECRET, SITE, passes, signed, users

DAY = 86_400


async def refused(waiting):
    with pytest.raises(Refused) as told:
        await waiting
    assert (told.value.status, told.value.message) == (401, "Invalid token")


async def test_a_pass_names_somebody_new(clock, register):
    """Nobody else has its name; it is good for a day, on its own site."""
    ours = passes(clock, register)
    minted = [ours.mint(SITE) for _ in range(3)]
    found = [await ours.verify(each.token, origin=SITE) for each in minted]
    assert len({each.name for each in found}) == 3
    assert all(each.kind is Kind.VISITOR and each.name.startswith("v_") for each in found)
    assert all(each.expires_at == int(clock.now()) + DAY for each in found)
    assert minted[0].token not in repr(minted[0])
    assert is_pass(minted[0].token)


@pytest.mark.parametrize("origin", [OTHER, "null", "", "https://shop.example.evil", f"{SITE}/"])
async def test_no_other_site_gets_a_pass(clock, register, origin):
    """403, and it says what to mend."""
    with pytest.raises(Refused, match="WEB_ORIGINS") as told:
        passes(clock, register).mint(origin)
    assert told.value.status == 403


async def test_a_pass_is_for_its_site_alone(clock, register):
    """With another page's origin it does not count; a program that sends none may use it."""
    ours = passes(clock, register, origins=(SITE, OTHER))
    token = ours.mint(SITE).token
    await ours.verify(token, origin=None)
    await refused(ours.verify(token, origin=OTHER))
    await refused(ours.renew(token, origin=OTHER))


async def test_a_site_that_is_taken_off_the_list_has_no_visitors(clock, register):
    """Its passes are dead."""
    token = passes(clock, register, origins=(SITE, OTHER)).mint(OTHER).token
    await refused(passes(clock, register).verify(token, origin=None))


async def test_no_kind_of_token_passes_as_another(clock, register):
    """One secret signs both kinds, by keys that know nothing of each other."""
    ours = passes(clock, register)
    token = ours.mint(SITE).token
    await refused(users(clock).verify(token))
    await refused(users(clock, derived(SECRET, LABEL + "0")).verify(token))
    claims = jwt.decode(token, options={"verify_signature": False})
    await refused(ours.verify(signed(claims), origin=SITE))
    await refused(ours.verify(signed(claims, typ="visitor+jwt"), origin=SITE))


@pytest.mark.parametrize(
    "change",
    [
        *({"iss": "x"}, {"aud": OTHER}, {"aud": [SITE]}, {"aud": None}, {"sub": 7}),
        *({"exp": None}, {"exp": 0}, {"epoch": "0"}, {"epoch": None}),
    ],
)
async def test_a_pass_says_all_that_it_has_to(clock, register, change):
    """Whatever is missing or else makes it none, also with the right signature."""
    ours = passes(clock, register)
    claims = jwt.decode(ours.mint(SITE).token, options={"verify_signature": False})
    key = keys([SECRET])[0].key
    good, bad = (jwt.encode(each, key, algorithm="HS256") for each in (claims, claims | change))
    await ours.verify(good, origin=SITE)
    await refused(ours.verify(bad, origin=SITE))


async def test_a_pass_ends_after_a_day(clock, register):
    """A minute's grace for clocks that differ."""
    ours = passes(clock, register)
    token = ours.mint(SITE).token
    clock.advance(DAY)
    await ours.verify(token, origin=SITE)
    clock.advance(61)
    await refused(ours.verify(token, origin=SITE))


async def test_a_pass_is_renewed_for_the_same_visitor(clock, register):
    """The old one counts for a minute more, then it is dead for good."""
    ours = passes(clock, register)
    old = ours.mint(SITE).token
    visitor = await ours.verify(old, origin=SITE)
    clock.advance(3600)
    new = await ours.renew(old, origin=SITE)
    assert (await ours.verify(new.token, origin=SITE)).account == visitor.account
    assert new.expires_at == int(clock.now()) + DAY
    clock.advance(59)
    await ours.verify(old, origin=SITE)
    clock.advance(2)
    await refused(ours.verify(old, origin=SITE))
    await refused(ours.renew(old, origin=SITE))
    await ours.verify(new.token, origin=SITE)


async def test_two_tabs_that_renew_at_once_both_go_on(clock, register):
    """The second one is given the epoch that the first one began."""
    ours = passes(clock, register)
    old = ours.mint(SITE).token
    both = [await ours.renew(old, origin=SITE) for _ in range(2)]
    clock.advance(120)
    for each in both:
        await ours.verify(each.token, origin=SITE)


async def test_of_two_epochs_back_nothing_counts(clock, register):
    """The minute's grace is the last one's alone."""
    ours = passes(clock, register)
    first = ours.mint(SITE).token
    second = (await ours.renew(first, origin=SITE)).token
    await ours.renew(second, origin=SITE)
    await ours.verify(second, origin=SITE)
    await refused(ours.verify(first, origin=SITE))


@pytest.mark.parametrize(("days", "good"), [(2, True), (30, True), (30.1, False)])
async def test_a_pass_that_expired_can_be_renewed_for_a_month(clock, register, days, good):
    """A visitor who comes back within 30 days finds the conversation."""
    ours = passes(clock, register)
    token = ours.mint(SITE).token
    clock.advance(days * DAY)
    await refused(ours.verify(token, origin=SITE))
    if good:
        await ours.verify((await ours.renew(token, origin=SITE)).token, origin=SITE)
    else:
        await refused(ours.renew(token, origin=SITE))


async def test_who_was_identified_is_no_visitor_any_more(clock, register):
    """Their passes are dead at once, and cannot be renewed."""
    ours = passes(clock, register)
    token = ours.mint(SITE).token
    register.retire((await ours.verify(token, origin=SITE)).name)
    await refused(ours.verify(token, origin=SITE))
    await refused(ours.renew(token, origin=SITE))


async def test_who_is_identified_while_renewing_gets_nothing(clock, register):
    """Between the look and the renewal somebody else may come."""
    ours = passes(clock, register)
    token = ours.mint(SITE).token
    visitor = (await ours.verify(token, origin=SITE)).name
    seen = register.standing

    async def then_retired(name):
        found = await seen(name)
        register.retire(visitor)
        return found

    register.standing = then_retired
    await refused(ours.renew(token, origin=SITE))


async def test_passes_survive_a_change_of_the_secret(clock, register):
    """With `new,old` those of both count, and new ones are signed with the new."""
    old = passes(clock, register, OLD).mint(SITE).token
    both = passes(clock, register, SECRET, OLD)
    await both.verify(old, origin=SITE)
    new = await both.renew(old, origin=SITE)
    await passes(clock, register, SECRET).verify(new.token, origin=SITE)
    await refused(passes(clock, register, SECRET).verify(old, origin=SITE))


async def test_a_pass_after_a_restored_backup_counts(clock, register):
    """One of an epoch that the database has forgotten is still signed by us."""
    pass_ = sign(keys([SECRET])[0], SITE, "v_1", epoch=3, now=clock.now())
    await passes(clock, register).verify(pass_.token, origin=SITE)
    assert from_secret(SECRET).key != keys([SECRET])[0].key


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "\ud83d.a.b", "é.é.é", "..", "x" * 9000])
async def test_what_is_no_token_renews_nothing(clock, register, token):
    """Whatever it is made of, it breaks nothing."""
    await refused(passes(clock, register).renew(token, origin=SITE))
