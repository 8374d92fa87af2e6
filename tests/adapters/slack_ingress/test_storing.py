"""From Slack's request to the database's row."""

import pytest
from sqlalchemy import select

from adapters.slack.actions import Thumb, thumb
from core.changes import Changes
from core.tables import feedback, messages
from tests.adapters.slack_ingress.stage import door
from tests.core.stage import SQLITE, stage
from tests.fakes.scripted import says


@pytest.fixture
async def opened(database):
    """A door with a real engine behind it, whose model says "Hello"."""
    async with stage(database, *[says("Hello")] * 5) as engine:
        changes = Changes(
            database=database, handler=engine.handler, clock=engine.clock, replica="a"
        )
        async with door(handler=engine.handler, changes=changes, database=database) as house:
            house.engine = engine
            yield house
            await engine.done()


async def stored(house, role="user"):
    """All messages of a role, the oldest first."""
    query = select(messages).where(messages.c.role == role).order_by(messages.c.id)
    return await house.engine.database.read(lambda db: db.execute(query).all())


async def thumbs(house):
    """All that was thought of answers."""
    query = select(feedback.c.message_id, feedback.c.value)
    rows = await house.engine.database.read(lambda db: db.execute(query).all())
    return [tuple(row) for row in rows]


async def test_a_mention_its_twin_and_their_retries_are_one_row(opened):
    """However often it comes, and in whichever order, it is answered once."""
    about, mention = opened.in_channel("<@UBOT> Hi")
    for body in (mention, about, mention, about):
        assert (await opened.say(body)).status == 200
    await opened.engine.done()
    assert len(await stored(opened)) == 1
    assert len(await stored(opened, "assistant")) == 1


@SQLITE
async def test_two_workspaces_with_the_same_ids_are_two_sessions(opened):
    """Nothing of one is seen in the other."""
    body = opened.dm()
    other = opened.fake.workspace("T2", token="xoxb-2").envelope(body["event"])
    for each in (body, other):
        assert (await opened.say(each)).status == 200
    assert len({row.session_id for row in await stored(opened)}) == 2


@SQLITE
async def test_a_thread_goes_on_without_a_mention_once_the_bot_was_asked(opened):
    """A reply is taken into the same session; in another thread it is not."""
    _, mention = opened.in_channel("<@UBOT> Hi")
    await opened.say(mention)
    general = opened.acme.channel()
    for thread_ts in (mention["event"]["ts"], "1.2"):
        said = opened.acme.say(general, "U2", "and?", thread_ts=thread_ts)
        await opened.say(opened.acme.envelope(opened.acme.message_event(said)))
    rows = await stored(opened)
    assert len(rows) == 2
    assert rows[0].session_id == rows[1].session_id


@SQLITE
async def test_an_origin_is_stored_with_its_message(opened):
    """So that any replica can reply."""
    await opened.say(opened.acme.command("Hi"))
    (row,) = await stored(opened)
    (origin,) = [part["origin"] for part in row.content if part["type"] == "origin"]
    assert origin["kind"] == "command"


async def test_thumbs_are_remembered(opened):
    """Of an answer that was given in that workspace, the last one counts."""
    await opened.say(opened.dm())
    await opened.engine.done()
    (answer,) = await stored(opened, "assistant")
    shown = opened.acme.post(opened.acme.im("U1"), "UBOT", bot=True)
    for value in (1, -1):
        click = opened.acme.action(shown, value=f"{answer.id}:{value}")
        assert (await opened.say(click)).status == 200
        assert await thumbs(opened) == [(answer.id, value)]


@SQLITE
async def test_another_workspace_s_answer_is_not_rated(opened):
    """Acknowledged, and nothing happens."""
    await opened.say(opened.dm())
    await opened.engine.done()
    (answer,) = await stored(opened, "assistant")
    other = opened.fake.workspace("T2", token="xoxb-2")
    click = other.action(other.post(other.im("U1"), "UBOT", bot=True), value=f"{answer.id}:1")
    assert (await opened.say(click)).status == 200
    assert await thumbs(opened) == []


@SQLITE
@pytest.mark.parametrize("value", ["", "1", "x:1", "1:2", "1:0", "9" * 30 + ":1", "-1:1", "1:1\n"])
async def test_a_button_s_odd_value_rates_nothing(opened, value):
    """Acknowledged all the same."""
    shown = opened.acme.post(opened.acme.im("U1"), "UBOT", bot=True)
    assert (await opened.say(opened.acme.action(shown, value=value))).status == 200
    assert await thumbs(opened) == []


def test_an_organisation_s_click_is_its_user_s_workspace_s():
    """Then the payload has no team of its own."""
    action = {"action_id": "feedback", "value": "5:-1"}
    body = {"team": None, "user": {"id": "U1", "team_id": "T3"}, "actions": [action]}
    assert thumb(body) == Thumb(team="T3", message_id=5, value=-1)
