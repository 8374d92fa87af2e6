"""Which token serves a workspace, how often the database is asked, and what is stored of it."""

import asyncio
import gc
from dataclasses import replace

import pytest

from adapters.slack import installations
from adapters.slack.installations import Installed, OneWorkspace, Tokens
from adapters.slack.sealing import CannotOpen, read_keys
from adapters.slack.store import Store, from_slack, to_slack
from adapters.slack.uninstalled import uninstalled
from core import installations as stored
from core.database import DatabaseDown
from core.installations import Place
from tests.adapters.slack_installs.stage import (
    HERE,
    NEW,
    OLD,
    install,
    installed_in,
    rows,
    save,
    token,
)
from tests.core.stage import Pause

ORG = {"enterprise": "E1", "team": None, "org_wide": True}


def asked(installed):
    """How often the database was asked for an install."""
    return installed._database.calls.count(stored.find)


async def test_one_workspace_needs_no_database():
    """Its token is a setting, and serves whoever may send events."""
    only = OneWorkspace("xoxb-setting")
    found = await only.find(enterprise="E1", team="T1", org_wide=False)
    assert (found.token, found.team, found.bot_user) == ("xoxb-setting", "T1", None)
    assert (await only.find(**ORG)).team is None


async def test_an_install_is_found_as_it_was_saved(installed):
    """With its bot and its scopes; another workspace has none."""
    made = await save(
        installed, enterprise="E1", bot_user="U1", bot_id="B1", scopes=("a", "b"), name="Acme"
    )
    assert await installed.find(**HERE | {"enterprise": "E1"}) == made
    assert await installed.find(**HERE | {"team": "T2"}) is None


async def test_no_token_is_stored_or_shown_in_the_clear(installed, database):
    """Whoever gets at the database, or at a log, has no token."""
    made = await save(installed, refresh="xoxe-refresh", expires_at=5)
    assert "xoxb-first" not in repr(made)
    assert "xox" not in repr(Tokens(access="xoxb-first", refresh="xoxe-refresh"))
    [row] = await rows(database)
    stored_text = repr(row._mapping).encode() + row.secret
    assert b"xoxb-first" not in stored_text
    assert b"xoxe-refresh" not in stored_text


async def test_an_org_wide_install_serves_its_workspaces(installed):
    """And a workspace's own one comes before it."""
    await save(installed, team=None, enterprise="E1", token="xoxb-whole")
    await save(installed, enterprise="E1", token="xoxb-own")
    assert await token(installed, **ORG) == "xoxb-whole"
    assert await token(installed, enterprise="E1", team="T2") == "xoxb-whole"
    assert await token(installed, enterprise="E1") == "xoxb-own"


async def test_a_token_is_remembered_for_a_minute(installed, clock):
    """Then the database is asked again, as another process may have changed it."""
    await save(installed)
    for after, times in ((0, 1), (59, 1), (1, 2)):
        clock.advance(after)
        await token(installed)
        assert asked(installed) == times


async def test_who_has_not_installed_it_is_looked_for_each_time(installed, database, keys, clock):
    """An install that another process stores is known at once."""
    assert await token(installed) is None
    await save(installed_in(database, keys, clock))
    assert await token(installed) == "xoxb-first"


async def test_what_is_saved_or_revoked_here_is_known_at_once(installed):
    """No event is answered with the token of before."""
    await save(installed)
    assert await token(installed) == "xoxb-first"
    await save(installed, token="xoxb-second")
    assert await token(installed) == "xoxb-second"
    assert await installed.revoke(**HERE) is True
    assert await token(installed) is None
    assert await installed.revoke(**HERE) is False


async def test_an_org_wide_change_is_known_to_all_its_workspaces(installed):
    """They were served by it under their own names."""
    await save(installed, team=None, enterprise="E1", token="xoxb-first")
    assert await token(installed, enterprise="E1") == "xoxb-first"
    await save(installed, team=None, enterprise="E1", token="xoxb-second")
    assert await token(installed, enterprise="E1") == "xoxb-second"


async def test_many_at_once_ask_once(installed):
    """A burst of events after a minute's silence is one query."""
    await save(installed)
    found = await asyncio.gather(*[token(installed) for _ in range(50)])
    assert set(found) == {"xoxb-first"}
    assert asked(installed) == 1


async def test_one_who_goes_away_leaves_it_to_the_others(installed):
    """Slack may hang up on one delivery while the next waits for the same."""
    await save(installed)
    first, second = [asyncio.create_task(token(installed)) for _ in range(2)]
    await asyncio.sleep(0)
    first.cancel()
    assert await second == "xoxb-first"
    assert asked(installed) == 1


class Slow:
    """A database whose first answer takes its time."""

    def __init__(self, database):
        self.pause = Pause()
        self._database = database
        self._first = True
        self.write = database.write

    async def read(self, fn, *args, **kwargs):
        first, self._first = self._first, False
        answer = await self._database.read(fn, *args, **kwargs)
        if first:
            await self.pause()
        return answer


async def test_an_answer_that_was_overtaken_is_not_remembered(database, keys, clock):
    """What was read before a change and comes after it serves nobody who asks then."""
    slow = Slow(database)
    installed = Installed(database=slow, keys=keys, clock=clock)
    await save(installed)
    asking = asyncio.create_task(token(installed))
    await slow.pause.reached.wait()
    await save(installed, token="xoxb-second")
    assert await token(installed) == "xoxb-second"
    slow.pause.go()
    assert await asking == "xoxb-first"
    assert await token(installed) == "xoxb-second"


async def test_without_the_database_nobody_knows(installed):
    """All who wait are told, the next one is asked for anew, and nothing stays behind."""
    await save(installed)
    installed._database.meet(stored.find, DatabaseDown("gone"))
    failed = await asyncio.gather(*[token(installed) for _ in range(3)], return_exceptions=True)
    assert [type(each) for each in failed] == [DatabaseDown] * 3
    assert await token(installed) == "xoxb-first"


async def test_a_failure_that_nobody_waits_for_is_no_news(installed):
    """Whoever asked has gone away."""
    told = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    installed._database.meet(stored.find, DatabaseDown("gone"))
    task = asyncio.create_task(token(installed))
    await asyncio.sleep(0)
    task.cancel()
    while installed._flights:  # noqa: ASYNC110 - nobody is told
        await asyncio.sleep(0)
    await asyncio.gather(task, return_exceptions=True)
    gc.collect()
    assert told == []


async def test_a_token_that_no_key_opens_is_no_install(database, installed, clock):
    """It is not "not installed": with the key put back it serves again."""
    await save(installed)
    with pytest.raises(CannotOpen):
        await token(installed_in(database, read_keys(OLD), clock))
    assert await token(installed_in(database, read_keys(f"{OLD},{NEW}"), clock)) == "xoxb-first"


async def test_memory_is_bounded(installed, monkeypatch):
    """Of more workspaces than it holds, those go that came first."""
    monkeypatch.setattr(installations, "MOST", 2)
    for team in ("T1", "T2", "T3"):
        await save(installed, team=team)
        await token(installed, team=team)
    assert [key.team for key in installed._known] == ["T2", "T3"]


# --- Bolt's store ---


@pytest.mark.parametrize("team", ["T1", None])
def test_an_install_survives_the_sdks_form(team):
    """There and back nothing is lost; a token's end is whole seconds there."""
    made = install(
        team, enterprise="E1", bot_user="U1", bot_id="B1", scopes=("a", "b"), name="Acme"
    )
    tokens = Tokens(access="xoxb-first", refresh="xoxe-1", expires_at=7000)
    assert from_slack(to_slack(made, tokens)) == (made, tokens)
    endless = Tokens(access="xoxb-first")
    assert from_slack(to_slack(made, endless)) == (made, endless)


async def test_bolt_finds_and_ends_what_it_saved(installed):
    """A person who takes their own consent back ends nothing."""
    store = Store(installed)
    made = install(bot_user="U1", bot_id="B1", scopes=("a",))
    await store.async_save(to_slack(made, Tokens(access=made.token)))
    here = {"enterprise_id": None, "team_id": "T1"}
    bot = await store.async_find_bot(**here)
    assert (bot.bot_token, bot.bot_user_id, bot.bot_id) == ("xoxb-first", "U1", "B1")
    await store.async_delete_installation(**here, user_id="U9")
    assert await store.async_find_installation(**here) is not None
    await store.async_delete_all(**here)
    assert await store.async_find_bot(**here) is None


# --- Slack says that it is over ---


def told(event, *, team="T1", at=1_800_000_000, **more):
    body = {"type": "event_callback", "team_id": team, "api_app_id": "A1", "event_time": at}
    return body | {"event": event} | more


GONE = {"type": "app_uninstalled"}


async def test_an_app_that_was_removed_is_forgotten(installed, database):
    """With its tokens; told once more, nothing is there."""
    await save(installed)
    assert await uninstalled(installed, told(GONE)) is True
    assert await uninstalled(installed, told(GONE)) is False
    assert await token(installed) is None
    assert [row.secret for row in await rows(database)] == [b""]


@pytest.mark.parametrize(
    ("tokens", "ends"), [({"bot": ["U1"], "oauth": []}, True), ({"bot": []}, False), ({}, False)]
)
async def test_only_a_bots_token_ends_the_install(installed, tokens, ends):
    """People's own tokens are not ours."""
    await save(installed)
    assert await uninstalled(installed, told({"type": "tokens_revoked", "tokens": tokens})) is ends


async def test_a_late_event_does_not_end_a_newer_install(installed, clock):
    """Slack sends again for hours what it could not deliver."""
    now = int(clock.now())
    clock.advance(60)
    await save(installed)
    assert await uninstalled(installed, told(GONE, at=now)) is False
    assert await uninstalled(installed, told(GONE, at=now + 60)) is True


async def test_an_org_wide_install_ends_as_a_whole(installed):
    """Its workspaces' own ones stay; and one workspace's end leaves the org-wide one alone."""
    await save(installed, team=None, enterprise="E1", token="xoxb-whole")
    await save(installed, enterprise="E1")
    whole = {"enterprise_id": "E1", "team_id": None, "is_enterprise_install": True}
    assert await uninstalled(installed, told(GONE, team="T2", enterprise_id="E1")) is False
    assert await uninstalled(installed, told(GONE, authorizations=[whole])) is True
    assert await token(installed, enterprise="E1") == "xoxb-first"
    assert await token(installed, **ORG) is None


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"event": None},
        {"event": []},
        {"event": {"type": "message"}},
        {"event": {"type": "tokens_revoked", "tokens": [1]}},
        {"event": GONE, "team_id": 7, "authorizations": [None]},
        {"event": GONE, "team_id": "T2", "authorizations": "x", "event_time": "y"},
        {"event": GONE, "team_id": "T1", "api_app_id": "A9", "event_time": True},
        {"event": GONE, "team_id": "T2", "authorizations": [{"is_enterprise_install": []}]},
    ],
)
async def test_what_is_none_of_these_ends_nothing(installed, body):
    """Whatever its shape."""
    await save(installed)
    assert await uninstalled(installed, body) is False
    assert await token(installed) == "xoxb-first"


async def test_an_end_that_cannot_be_stored_is_told_again(installed):
    """So Slack has to be refused."""
    await save(installed)
    installed._database.meet(stored.revoke, DatabaseDown("gone"))
    with pytest.raises(DatabaseDown):
        await uninstalled(installed, told(GONE))


def test_an_install_names_its_place():
    """'' is what the database has for none."""
    place = installations.place_of(replace(install(), enterprise=None))
    assert place == Place(platform="slack", app="A1", enterprise="", account="T1")
