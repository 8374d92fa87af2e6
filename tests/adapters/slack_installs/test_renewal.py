"""Tokens that end are renewed in time, by one process, and never lost on the way."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from adapters.slack import renewal as module
from adapters.slack.sealing import read_keys
from core import installations as stored
from core.database import DatabaseDown
from tests.adapters.slack_installs.stage import (
    NEW,
    OLD,
    installed_in,
    renewal,
    rows,
    save,
    token,
)
from tests.core.stage import IN_DOUBT, Troubled

HOUR = 3600
HALF_A_DAY = 12 * HOUR


@pytest.fixture
def troubled(database):
    return Troubled(database)


@pytest.fixture
def work(troubled, keys, installed, client, clock):
    return renewal(troubled, keys, installed, client, clock)


@pytest.fixture
def other(database, keys, client, clock):
    """The same in another process."""
    return renewal(Troubled(database), keys, installed_in(database, keys, clock), client, clock)


@pytest.fixture
def acme(fake, installed, clock):
    """A workspace whose token ends in half a day; it is installed when awaited."""

    async def make(team="T1"):
        workspace = fake.workspace(team, token="")
        said = fake.grants.exchange(fake.code(workspace, rotates=True), None)
        await save(
            installed,
            team=team,
            token=said["access_token"],
            refresh=said["refresh_token"],
            expires_at=int((clock.now() + said["expires_in"]) * 1000),
        )
        return said["access_token"]

    return make


def refreshed(fake):
    return len(fake.called("oauth.v2.access"))


async def test_a_token_is_renewed_two_hours_before_its_end(work, acme, fake, installed):
    """Not earlier; the new one serves at once, and is renewed in its turn."""
    first = await acme()
    fake.clock.advance(10 * HOUR - 1)
    await work.tick()
    assert (await token(installed), refreshed(fake)) == (first, 0)
    fake.clock.advance(1)
    await work.tick()
    await work.tick()
    second = await token(installed)
    assert second != first
    assert refreshed(fake) == 1
    fake.clock.advance(10 * HOUR)
    await work.tick()
    assert await token(installed) not in {first, second}
    assert fake.grants.find(await token(installed)).workspace.team == "T1"


async def test_a_token_that_never_ends_is_left_alone(work, installed, fake):
    """As those of an app without token rotation."""
    await save(installed)
    fake.clock.advance(1000 * HALF_A_DAY)
    await work.tick()
    assert (await token(installed), fake.calls) == ("xoxb-first", [])


async def test_one_process_renews_a_token(work, other, acme, fake, installed):
    """A refresh token is good once; whoever comes second lets it be."""
    await acme()
    await acme("T2")
    fake.clock.advance(10 * HOUR)
    await asyncio.gather(work.tick(), other.tick())
    assert refreshed(fake) == 2
    for team in ("T1", "T2"):
        assert fake.grants.find(await token(installed, team=team)).workspace.team == team


async def test_what_is_being_renewed_is_waited_for(work, other, acme, fake):
    """Two minutes long; then its process counts as dead, and the next one tries."""
    await acme()
    fake.clock.advance(10 * HOUR)
    hold = fake.hang("oauth.v2.access")
    first = asyncio.create_task(work.tick())
    await hold.reached.wait()
    await other.tick()
    fake.clock.advance(119)
    await other.tick()
    assert refreshed(fake) == 1
    fake.clock.advance(1)
    await other.tick()
    assert refreshed(fake) == 2
    hold.release()
    await first


async def test_a_renewal_does_not_undo_an_install(work, acme, fake, installed):
    """Somebody installs the app anew while the old token is renewed."""
    await acme()
    fake.clock.advance(10 * HOUR)
    hold = fake.hang("oauth.v2.access")
    ticking = asyncio.create_task(work.tick())
    await hold.reached.wait()
    await save(installed, token="xoxb-by-hand")
    hold.release()
    await ticking
    assert await token(installed) == "xoxb-by-hand"


@pytest.mark.parametrize("fault", ["dropped", "nonsense", "limited"])
async def test_slack_that_is_away_is_asked_again_in_a_minute(work, acme, fake, installed, fault):
    """Or later, if it says so; the old token serves meanwhile."""
    first = await acme()
    fake.clock.advance(10 * HOUR)
    if fault == "dropped":
        fake.drop("oauth.v2.access", processed=False)
    elif fault == "nonsense":
        fake.answer("oauth.v2.access", status=502, body="<html>")
    else:
        fake.fail("oauth.v2.access", retry_after=300)
    wait = 300 if fault == "limited" else 60
    await work.tick()
    fake.clock.advance(wait - 1)
    await work.tick()
    assert (await token(installed), refreshed(fake)) == (first, 1)
    fake.clock.advance(1)
    await work.tick()
    assert await token(installed) != first


async def test_who_is_refused_is_asked_again_in_an_hour(work, acme, fake, installed):
    """Somebody has to install the app again: the log names the workspace. Others go on."""
    await acme()
    await acme("T2")
    fake.grants.refreshes.pop(next(iter(fake.grants.refreshes)))
    fake.clock.advance(10 * HOUR)
    with capture_logs() as logs:
        for _ in range(3):
            await work.tick()
    [told] = [each for each in logs if each["event"] == "slack.token_not_renewed"]
    assert (told["team"], told["error"]) == ("T1", "invalid_refresh_token")
    assert "xox" not in repr(logs)
    assert fake.grants.find(await token(installed, team="T2")).workspace.team == "T2"
    assert refreshed(fake) == 2
    fake.clock.advance(HOUR)
    await work.tick()
    assert refreshed(fake) == 3


async def test_a_new_token_is_kept_until_it_is_stored(work, acme, fake, installed, troubled):
    """The database is away when Slack's answer comes: Slack is not asked twice."""
    first = await acme()
    fake.clock.advance(10 * HOUR)
    troubled.meet(stored.renewed, DatabaseDown("gone"), DatabaseDown("gone"))
    await work.tick()
    await work.tick()
    assert await token(installed) == first
    await work.tick()
    assert await token(installed) != first
    assert refreshed(fake) == 1


async def test_what_may_have_been_stored_is_stored_once(work, acme, fake, installed, troubled):
    """The connection broke at the commit."""
    first = await acme()
    fake.clock.advance(10 * HOUR)
    troubled.meet(stored.renewed, IN_DOUBT)
    await work.tick()
    await work.tick()
    fake.clock.advance(60)
    assert await token(installed) != first
    assert [row.version for row in await rows(troubled)] == [2]
    assert refreshed(fake) == 1


@pytest.mark.parametrize(
    "step", [stored.due, stored.claim, stored.postponed, stored.sealed_with_other_keys]
)
async def test_a_database_that_is_away_is_survived(work, acme, fake, troubled, step):
    """Wherever it happens; the next look works."""
    await acme()
    fake.clock.advance(10 * HOUR)
    if step is stored.postponed:
        fake.fail("oauth.v2.access", "internal_error")
    troubled.meet(step, DatabaseDown("gone"))
    with capture_logs() as logs:
        await work.tick()
    assert [each["event"] for each in logs][-1] == "slack.tokens_not_looked_at"
    fake.clock.advance(121)
    await work.tick()
    assert [row.version for row in await rows(troubled)] == [2]


# --- keys ---


async def test_what_an_old_key_sealed_is_sealed_anew(database, work, keys, clock):
    """All of it, page by page; then the old key can go."""
    old = installed_in(database, read_keys(OLD), clock)
    both = read_keys(f"{NEW},{OLD}")
    work._keys = both
    for number in range(module.BATCH + 2):
        await save(old, team=f"T{number}", token=f"xoxb-{number}")
    await work.tick()
    assert {row.key_id for row in await rows(database)} == {both.id}
    new = installed_in(database, keys, clock)
    assert await token(new, team="T101") == "xoxb-101"


async def test_what_no_key_opens_stays_and_is_told_once(database, work, clock):
    """The operator may find the key; what comes after it is sealed anew all the same."""
    await save(installed_in(database, read_keys(OLD), clock))
    with capture_logs() as logs:
        for _ in range(3):
            await work.tick()
    [told] = logs
    assert (told["event"], told["team"]) == ("slack.token_not_opened", "T1")
    assert [row.key_id for row in await rows(database)] == [read_keys(OLD).id]


async def test_a_token_that_no_key_opens_is_not_renewed(database, work, acme, fake):
    """Nor is it in the way of others."""
    await acme("T2")
    old = installed_in(database, read_keys(OLD), fake.clock)
    await save(old, refresh="xoxe-refresh", expires_at=int(fake.clock.now() * 1000))
    fake.clock.advance(10 * HOUR)
    await work.tick()
    assert refreshed(fake) == 1


# --- its own life ---


@asynccontextmanager
async def running(work):
    work.start()
    try:
        async with asyncio.timeout(10):
            yield
    finally:
        await work.stop()


async def test_it_looks_by_itself(work, acme, fake, installed):
    """At once, and every half a minute."""
    first = await acme()
    fake.clock.advance(10 * HOUR)
    async with running(work):
        while not fake.clock.slept:  # noqa: ASYNC110 - its sleep tells that it has looked
            await asyncio.sleep(0)
    assert fake.clock.slept == [module.PACE]
    assert await token(installed) != first


async def test_a_stop_waits_for_the_token_on_its_way(work, acme, fake, installed):
    """Or Slack would have spent the refresh token for nothing."""
    first = await acme()
    fake.clock.advance(10 * HOUR)
    hold = fake.hang("oauth.v2.access", processed=True)
    work.start()
    await hold.reached.wait()
    stopping = asyncio.create_task(work.stop())
    await asyncio.sleep(0)
    hold.release()
    await stopping
    assert await token(installed) != first


async def test_a_stop_tries_once_more_to_store(work, acme, clock, installed, troubled):
    """What then is not stored is told: somebody has to install the app again."""
    first = await acme()
    clock.advance(10 * HOUR)
    troubled.meet(stored.renewed, DatabaseDown("gone"), DatabaseDown("gone"), DatabaseDown("gone"))
    await work.tick()
    with capture_logs() as logs:
        await work.stop()
        assert logs == []  # it had not begun
        work.start()
        await work.stop()
    assert [each["event"] for each in logs][-1] == "slack.token_lost"
    assert await token(installed) == first


async def test_an_error_that_nobody_thought_of_does_not_end_it(work, clock, troubled):
    """There is a next look, and the log names the error."""
    troubled.meet(stored.due, ZeroDivisionError("secret"))
    with capture_logs() as logs:
        async with running(work):
            while not clock.slept:  # noqa: ASYNC110 - its sleep tells that it has looked
                await asyncio.sleep(0)
    assert [each["error"] for each in logs] == ["ZeroDivisionError"]


async def test_many_tokens_are_renewed_look_by_look(work, acme, fake, monkeypatch):
    """The first to end come first, and one look is bounded."""
    monkeypatch.setattr(module, "BATCH", 2)
    for team in ("T1", "T2", "T3"):
        await acme(team)
        fake.clock.advance(1)
    fake.clock.advance(11 * HOUR)
    await work.tick()
    assert refreshed(fake) == 2
    await work.tick()
    assert refreshed(fake) == 3
