"""Installs: which one serves an account, how they end, and who renews their secrets."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import select

from core import installations
from core.installations import Place, Sealed
from core.tables import installations as table

PLACE = Place(platform="chat", app="A", enterprise="", account="T")
WHOLE = Place(platform="chat", app="A", enterprise="E", account="")
HOUR = 3_600_000


def sealed(text="secret", key="k1"):
    return Sealed(secret=text.encode(), key_id=key)


async def save(database, place=PLACE, *, text="secret", key="k1", now=10, **changes):
    """Store an install."""
    told = {"name": "Acme", "details": {"bot": "B"}, "expires_at": None} | changes
    await database.write(installations.save, place, sealed=sealed(text, key), now=now, **told)


async def find(database, account="T", *, enterprise="", app=""):
    return await database.read(
        installations.find, "chat", enterprise=enterprise, account=account, app=app
    )


async def text_of(database, account="T", **options):
    """The secret of the install that serves an account, if there is one."""
    found = await find(database, account, **options)
    return None if found is None else found.sealed.secret.decode()


async def revoke(database, account="T", *, enterprise="", before=99, now=100, app=""):
    return await database.write(
        installations.revoke,
        "chat",
        enterprise=enterprise,
        account=account,
        before=before,
        now=now,
        app=app,
    )


async def due(database, *, now=0, within=HOUR, limit=9):
    return await database.read(installations.due, "chat", now=now, within=within, limit=limit)


async def claim(database, installation_id, *, now=0, until=50):
    return await database.write(
        installations.claim, installation_id, now=now, within=HOUR, until=until
    )


async def renewed(database, claimed, text="newer", *, key="k1", expires_at=2 * HOUR):
    return await database.write(
        installations.renewed,
        claimed.id,
        claimed.version,
        sealed=sealed(text, key),
        expires_at=expires_at,
        now=60,
    )


async def claimed(database, **options):
    """The one install that is due, claimed."""
    [installation_id] = await due(database, **options)
    found = await claim(database, installation_id)
    assert found is not None
    return found


async def others(database, *, key="k2", after=0, limit=9):
    return await database.read(
        installations.sealed_with_other_keys, "chat", key, after=after, limit=limit
    )


async def rows(database):
    return await database.read(lambda db: db.execute(select(table).order_by(table.c.id)).all())


async def test_what_was_saved_is_found(database):
    """With all that was told of it."""
    await save(database, expires_at=HOUR, details={"bot": "B", "scopes": ["chat:write"]})
    found = await find(database)
    assert (found.place, found.name, found.sealed) == (PLACE, "Acme", sealed())
    assert (found.details, found.version) == ({"bot": "B", "scopes": ["chat:write"]}, 1)
    assert found.expires_at == HOUR


def test_a_secret_is_not_shown():
    """Not even its ciphertext stands in a log."""
    assert "secret" not in repr(sealed()).replace("secret=", "")


async def test_installing_again_replaces_what_was_there(database):
    """One install a place, as if it had never ended."""
    await save(database, text="first", expires_at=HOUR)
    await revoke(database)
    assert await find(database) is None
    await save(database, text="second", now=200, name="Acme Ltd", expires_at=None)
    found = await find(database)
    assert (found.sealed.secret, found.name, found.expires_at) == (b"second", "Acme Ltd", None)
    [row] = await rows(database)
    assert (row.revoked_at, row.created_at, row.updated_at) == (None, 200, 200)


async def test_ten_installs_at_once_leave_one(database):
    """Somebody pressed the button more than once."""
    await asyncio.gather(*[save(database, text=f"secret {number}") for number in range(10)])
    [row] = await rows(database)
    assert row.version == 10


@pytest.mark.parametrize(
    ("account", "enterprise", "expected"),
    [
        ("T", "", "own"),
        ("T", "E", "own"),  # it has joined an enterprise since
        ("U", "E", "of E"),  # its own one comes first
        ("V", "E", "whole"),
        ("", "E", "whole"),
        ("V", "F", None),
        ("V", "", None),
        ("", "", None),
    ],
)
async def test_an_accounts_own_install_comes_before_its_enterprises(
    database, account, enterprise, expected
):
    """And nobody is served by the install of another account or enterprise."""
    await save(database, text="own")
    await save(database, WHOLE, text="whole")
    await save(database, replace(WHOLE, account="U"), text="of E", now=1)
    await save(database, replace(PLACE, account="U"), text="before it joined", now=2)
    await save(database, replace(PLACE, platform="other", account="V"), text="elsewhere")
    assert await text_of(database, account, enterprise=enterprise) == expected


async def test_the_newest_app_serves_unless_one_is_asked_for(database):
    """Whoever moved to another app of theirs is served by that."""
    await save(database, text="new", now=20)
    await save(database, replace(PLACE, app="B"), text="old", now=10)
    assert await text_of(database) == "new"
    assert await text_of(database, app="B") == "old"
    assert await text_of(database, app="C") is None


async def test_a_revoked_install_leaves_no_secret(database):
    """It serves nobody, is not renewed or listed, and ends once."""
    await save(database, expires_at=HOUR)
    assert [await revoke(database), await revoke(database)] == [1, 0]
    [row] = await rows(database)
    assert (row.secret, row.expires_at, row.revoked_at) == (b"", None, 100)
    assert await find(database) is None
    assert await due(database) == []
    assert await others(database) == []
    assert await database.read(installations.live, "chat") == []


async def test_news_of_an_older_install_do_not_end_a_newer_one(database):
    """A platform may tell late that an app was removed, when it is back already."""
    await save(database, now=50)
    assert await revoke(database, before=49) == 0
    assert await find(database) is not None
    assert await revoke(database, before=50) == 1


async def test_only_what_is_named_is_revoked(database):
    """An account's leaves its enterprise's alone and the other way round; so with apps."""
    await save(database)
    await save(database, WHOLE, text="whole")
    assert await revoke(database, "T", enterprise="E", app="B") == 0
    assert await revoke(database, "", enterprise="") == 0
    assert await revoke(database, "U", enterprise="E") == 0
    assert await revoke(database, "T", enterprise="E") == 1
    assert await text_of(database, "T", enterprise="E") == "whole"
    assert await revoke(database, "", enterprise="E") == 1


async def test_only_what_ends_soon_is_due(database):
    """The first to end comes first; what never ends is never due."""
    for account, expires_at in (("T", HOUR), ("U", HOUR - 1), ("V", HOUR + 1), ("W", None)):
        await save(database, replace(PLACE, account=account), expires_at=expires_at)
    await save(database, replace(PLACE, platform="other"), expires_at=1)
    by_id = {row.id: row.account for row in await rows(database)}
    assert [by_id[each] for each in await due(database)] == ["U", "T"]
    assert [by_id[each] for each in await due(database, limit=1)] == ["U"]


async def test_one_replica_renews_a_secret(database):
    """Of ten that try, one may; when its time is over, the next."""
    await save(database, expires_at=HOUR)
    [installation_id] = await due(database)
    found = await asyncio.gather(*[claim(database, installation_id) for _ in range(10)])
    assert [each.sealed for each in found if each is not None] == [sealed()]
    assert await due(database, now=49) == []
    assert await claim(database, installation_id, now=49) is None
    assert await due(database, now=50) == [installation_id]
    assert await claim(database, installation_id, now=50, until=90) is not None


async def test_a_renewed_secret_takes_the_place_of_the_old(database):
    """The claim is over, and it is due again before its own end."""
    await save(database, expires_at=HOUR)
    assert await renewed(database, await claimed(database)) is True
    found = await find(database)
    assert (found.sealed, found.expires_at, found.version) == (sealed("newer"), 2 * HOUR, 2)
    assert await due(database) == []
    assert await due(database, now=HOUR) == [found.id]


async def test_what_was_renewed_meanwhile_is_not_claimed(database):
    """Somebody listed it before, and comes late."""
    await save(database, expires_at=HOUR)
    taken = await claimed(database)
    await renewed(database, taken)
    assert await claim(database, taken.id) is None


async def test_a_renewal_never_overwrites_a_newer_install(database):
    """Nor one that ended; the newer secret stays."""
    await save(database, text="first", expires_at=HOUR)
    taken = await claimed(database)
    await save(database, text="second", now=55, expires_at=3 * HOUR)
    assert await renewed(database, taken) is False
    assert await text_of(database) == "second"
    await revoke(database)
    assert await renewed(database, replace(taken, version=3)) is False
    assert [row.secret for row in await rows(database)] == [b""]


async def test_a_renewal_is_stored_once(database):
    """Who is in doubt may say it again."""
    await save(database, expires_at=HOUR)
    taken = await claimed(database)
    assert [await renewed(database, taken), await renewed(database, taken, "newest")] == [
        True,
        False,
    ]
    assert await text_of(database) == "newer"


async def test_what_cannot_be_renewed_rests(database):
    """Until then nobody tries; a new install does not wait."""
    await save(database, expires_at=HOUR)
    taken = await claimed(database)
    postponing = {"until": 80, "now": 20}
    await database.write(installations.postponed, taken.id, taken.version, **postponing)
    assert await due(database, now=79) == []
    assert await due(database, now=80) == [taken.id]
    await save(database, text="again", expires_at=HOUR)
    assert await due(database, now=21) == [taken.id]
    await database.write(installations.postponed, taken.id, taken.version, **postponing)
    assert await due(database, now=21) == [taken.id]  # that was about the one before


async def test_what_other_keys_seal_is_listed_by_and_by(database):
    """And sealed anew it is not listed any more."""
    for account, key in (("T", "k1"), ("U", "k2"), ("V", "k0")):
        await save(database, replace(PLACE, account=account), key=key)
    [first] = await others(database, limit=1)
    [second] = await others(database, after=first.id)
    assert [first.place.account, second.place.account] == ["T", "V"]
    anew = {"sealed": sealed("resealed", "k2"), "now": 70}
    assert await database.write(installations.resealed, first.id, first.version, **anew)
    assert await others(database) == [second]
    assert await text_of(database) == "resealed"


async def test_sealing_anew_never_overwrites_a_renewal(database):
    """Nor does it stop one that is on its way."""
    await save(database, expires_at=HOUR)
    taken = await claimed(database)
    anew = {"sealed": sealed("secret", "k2"), "now": 70}
    assert await database.write(installations.resealed, taken.id, taken.version, **anew)
    assert await renewed(database, taken) is True
    assert not await database.write(installations.resealed, taken.id, taken.version, **anew)
    assert await text_of(database) == "newer"


async def test_all_installs_can_be_listed(database):
    """The oldest first, of one platform."""
    await save(database)
    await save(database, WHOLE)
    await save(database, replace(PLACE, platform="other"))
    found = await database.read(installations.live, "chat")
    assert [each.place for each in found] == [PLACE, WHOLE]
