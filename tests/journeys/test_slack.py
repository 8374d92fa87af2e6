"""Slack, from a signed request to what people see in their threads."""

import asyncio
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio
from sqlalchemy import select

from core.admission import BURST, Load
from core.tables import feedback
from tests.fakes.anthropic import Answer, Hold
from tests.fakes.slack import signed
from tests.journeys.slacks import KEY, SECRET, SlackHouse, slack_house


@pytest_asyncio.fixture
async def acme(url: str) -> AsyncIterator[SlackHouse]:
    async with slack_house(url) as house:
        yield house


async def test_a_message_with_retries_is_one_call_and_one_answer(acme: SlackHouse) -> None:
    """Three retries while the model is slow: each is acknowledged at once, none is answered."""
    hold = Hold()
    acme.house.fake.script(Answer("one two three", hold=hold, hold_after=1))
    said = acme.acme.say(acme.acme.im("U1"), "U1", "Hello")
    body = acme.acme.message_event(said)
    for retry in range(4):
        told = await acme.tell(body, retry=retry)
        assert told.status == 200
    hold.release()
    assert await acme.answers(said) == ["one two three"]
    assert len(acme.house.fake.requests) == 1


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["message first", "mention first"])
async def test_a_mention_and_its_twin_are_one_message(acme: SlackHouse, order) -> None:
    """In a channel both arrive, under other event ids; the bot's name is not part of it."""
    channel = acme.acme.channel("general")
    said = acme.acme.say(channel, "U1", "<@UBOT> what is *this*?")
    twins = [acme.acme.message_event(said), acme.acme.app_mention_event(said)]
    for number in order:
        assert (await acme.tell(twins[number])).status == 200
    assert await acme.answers(said) == ["You said: what is **this**?"]
    assert len(acme.house.fake.requests) == 1


async def test_a_thread_that_the_bot_is_in_needs_no_mention(acme: SlackHouse) -> None:
    """A reply goes on with the conversation; another thread of the channel is not the bot's."""
    channel = acme.acme.channel("general")
    said = acme.acme.say(channel, "U1", "<@UBOT> I am Ada")
    await acme.tell(acme.acme.app_mention_event(said))
    await acme.answers(said)
    more = acme.acme.say(channel, "U2", "and I am Bob", thread_ts=said["ts"])
    await acme.tell(acme.acme.message_event(more))
    other = acme.acme.say(channel, "U2", "lunch?")
    await acme.tell(acme.acme.message_event(other))
    reply = acme.acme.say(channel, "U1", "yes", thread_ts=other["ts"])
    await acme.tell(acme.acme.message_event(reply))
    assert await acme.answers(more) == ["You said: I am Ada", "You said: and I am Bob"]
    assert acme.shown(other) == []
    assert len(acme.house.fake.requests[1].history) == 3


async def test_the_bot_does_not_hear_itself_or_other_bots(acme: SlackHouse) -> None:
    """Echoes, edits, deletes, joins and Slack's notices are acknowledged and not stored."""
    said = await acme.hear("Hello")
    [answer] = await acme.answers(said) and acme.thread(said)
    stored = await acme.stored()
    dm = acme.acme.im("U1")
    for event in (
        acme.acme.message_event(answer),
        {"type": "message", "subtype": "message_changed", "channel": dm, "message": {"text": "x"}},
        {"type": "message", "subtype": "message_deleted", "channel": dm, "deleted_ts": "1.2"},
        {"type": "message", "channel": dm, "channel_type": "im", "user": "USLACK", "text": "x"},
        {"type": "message", "channel": dm, "channel_type": "im", "bot_id": "B9", "text": "x"},
        {"type": "some_event_of_the_future"},
    ):
        assert (await acme.tell({"ts": "1800000001.000100", **event})).status == 200
    await acme.house.idle()
    assert await acme.stored() == stored


async def test_files_without_words_are_answered(acme: SlackHouse) -> None:
    """An image that is not to be had is told to its sender by its name."""
    cat = {"id": "F1", "name": "cat.png", "mimetype": "image/png", "size": 12_000}
    said = await acme.hear("", files=[cat], subtype="file_share")
    [answer] = await acme.answers(said)
    assert "cat.png" in answer


async def test_a_command_is_answered_to_its_sender_alone(acme: SlackHouse) -> None:
    """Acknowledged at once with a word, then replaced by the answer."""
    channel = acme.acme.channel("general")
    told = await acme.tell(acme.acme.command("What is this?", channel=channel))
    assert told.status == 200
    assert told.json["response_type"] == "ephemeral"
    await acme.house.idle()
    assert [each.text for each in acme.acme.ephemerals] == ["You said: What is this?"]
    assert not acme.acme.bot_messages(channel)


@pytest.mark.parametrize("text", ["", "help", "  HELP "])
async def test_a_command_without_a_question_shows_help(acme: SlackHouse, text: str) -> None:
    """No model is asked, and nothing is stored."""
    told = await acme.tell(acme.acme.command(text, channel=acme.acme.channel()))
    assert "/ai new" in told.json["text"]
    assert await acme.stored() == 0


async def test_help_in_a_message_is_answered_without_a_model(acme: SlackHouse) -> None:
    """`!help` is a turn like any other, and costs nothing."""
    said = await acme.hear("!help")
    [answer] = await acme.answers(said)
    assert "`!new`" in answer
    assert not acme.house.fake.requests


async def test_new_lets_a_thread_start_afresh(acme: SlackHouse) -> None:
    """What was said before is not shown to the model any more."""
    said = await acme.hear("My name is Ada")
    await acme.answers(said)
    for text in ("!new", "Who am I?"):
        await acme.hear(text, thread_ts=said["ts"])
        await acme.house.idle()
    assert acme.house.fake.requests[-1].history == [("user", "Who am I?")]


async def test_the_stop_button_ends_the_answer(acme: SlackHouse) -> None:
    """The model is not listened to any longer; what was said stays."""
    hold = Hold()
    acme.house.fake.script(Answer("one two three", chunk=4, hold=hold, hold_after=1))
    said = await acme.hear("Count")
    await acme.until(lambda: acme.shown(said))
    assert (await acme.tell(acme.acme.press_stop(acme.thread(said)[0]))).status == 200
    assert await acme.answers(said) == ["one "]
    hold.release()


async def test_thumbs_are_feedback_on_that_answer(acme: SlackHouse) -> None:
    """The last one counts."""
    said = await acme.hear("Hello")
    await acme.answers(said)
    [message] = acme.thread(said)
    [thumbs] = [block for block in message.blocks if block["type"] == "context_actions"]
    buttons = thumbs["elements"][0]
    for button in ("positive_button", "negative_button"):
        value = buttons[button]["value"]
        click = acme.acme.action(message, value=value, action_id=buttons["action_id"], user="U1")
        assert (await acme.tell(click)).status == 200
    rows = await acme.house.gateway.database.read(
        lambda db: db.execute(select(feedback.c.message_id, feedback.c.value)).all()
    )
    assert [tuple(row) for row in rows] == [(int(value.partition(":")[0]), -1)]


async def test_who_opens_the_app_is_shown_what_to_ask(acme: SlackHouse) -> None:
    """Suggestions in the Messages tab, and none in the Home tab."""
    dm = acme.acme.im("U1")
    for tab in ("home", "messages"):
        await acme.tell({"type": "app_home_opened", "user": "U1", "channel": dm, "tab": tab})
    await acme.until(lambda: acme.acme.prompts.get(dm))
    assert len(acme.slack.called("assistant.threads.setSuggestedPrompts")) == 1


async def test_people_are_called_by_their_names(acme: SlackHouse) -> None:
    """A mention reaches the model as a name."""
    acme.acme.users["U7"] = "Grace"
    said = await acme.hear("Who is <@U7>?")
    assert await acme.answers(said) == ["You said: Who is @Grace?"]


async def test_slack_reaches_its_route_through_a_proxy_and_nothing_else(acme: SlackHouse) -> None:
    """Without sign-in only signed requests come in from elsewhere."""
    proxied = {"Host": "chat.example.org", "X-Forwarded-For": "203.0.113.9"}
    body = json.dumps({"type": "url_verification", "challenge": "abc"}).encode()
    headers = {**proxied, **signed(SECRET, body, acme.slack.clock.now())}
    headers["Content-Type"] = "application/json"
    async with acme.house.http.post("/slack/events", data=body, headers=headers) as answer:
        assert (answer.status, await answer.json()) == (200, {"challenge": "abc"})
    async with acme.house.http.post("/slack/events", data=body, headers=proxied) as answer:
        assert answer.status == 401
    async with acme.house.http.get("/health", headers=proxied) as answer:
        assert answer.status == 403


async def test_a_signature_that_is_wrong_stores_nothing(acme: SlackHouse) -> None:
    """Another secret, an old time, and words where a time belongs."""
    said = acme.acme.say(acme.acme.im("U1"), "U1", "Hello")
    body = json.dumps(acme.acme.envelope(acme.acme.message_event(said))).encode()
    now = acme.slack.clock.now()
    good = signed(SECRET, body, now)
    for headers in (
        signed("another", body, now),
        signed(SECRET, body, now - 301),
        {**good, "X-Slack-Request-Timestamp": "abc"},
        {**good, "X-Slack-Signature": "v0=ü"},
        {},
    ):
        async with acme.house.http.post(
            "/slack/events", data=body, headers={"Content-Type": "application/json", **headers}
        ) as answer:
            assert answer.status == 401
    assert await acme.stored() == 0


async def test_direct_messages_can_be_one_conversation(url: str) -> None:
    """With the classic setting answers stand beside the questions, and remember them."""
    async with slack_house(url, slack_dm="classic") as classic:
        dm = classic.acme.im("U1")
        for text in ("I am Ada", "Who am I?"):
            await classic.hear(text)
            await classic.house.idle()
        shown = [each.text for each in classic.acme.bot_messages(dm)]
        assert shown == ["You said: I am Ada", "You said: Who am I?"]
        assert all(each.thread_ts is None for each in classic.acme.bot_messages(dm))
        assert len(classic.house.fake.requests[-1].history) == 3


async def test_events_come_over_a_socket_too(url: str) -> None:
    """Socket Mode needs no address and no signing secret; what is stored is acknowledged."""
    changes = {"slack_app_token": "xapp-1", "slack_signing_secret": None}
    async with slack_house(url, **changes) as socket:
        await socket.slack.sockets.connected(1)
        await socket.until(socket.house.gateway.sides["slack"].hears)
        async with socket.house.http.get("/health") as health:
            assert (await health.json())["checks"]["slack"] == "healthy"
        said = socket.acme.say(socket.acme.im("U1"), "U1", "Hello")
        body = socket.acme.envelope(socket.acme.message_event(said))
        envelope = await socket.slack.socket_send(socket.acme, "events_api", body)
        await socket.slack.sockets.acked(envelope)
        assert await socket.answers(said) == ["You said: Hello"]


# --- many workspaces ---


@pytest_asyncio.fixture
async def many(url: str) -> AsyncIterator[SlackHouse]:
    changes = {
        "slack_bot_token": None,
        "slack_client_id": "1.2",
        "slack_client_secret": "shh",
        "encryption_key": (KEY,),
        "public_url": "https://chat.example.org",
    }
    async with slack_house(url, **changes) as house:
        yield house


async def install(many: SlackHouse, team: str) -> None:
    """Install the app as an admin with a browser does."""
    workspace = many.slack.workspace(team)
    jar = aiohttp.DummyCookieJar()
    base = f"http://127.0.0.1:{many.house.port}"
    async with aiohttp.ClientSession(base, cookie_jar=jar) as browser:
        async with browser.get("/slack/install") as page:
            assert page.status == 200
            cookie = page.headers["Set-Cookie"].partition(";")[0]
        state = cookie.partition("=")[2]
        code = many.slack.code(workspace)
        async with browser.get(
            "/slack/oauth_redirect",
            params={"code": code, "state": state},
            headers={"Cookie": cookie},
        ) as page:
            assert page.status == 200, await page.text()


async def test_two_workspaces_never_see_each_other(many: SlackHouse) -> None:
    """The same user and channel ids in both: each has its own conversation, token and answer."""
    for team in ("T1", "T2"):
        await install(many, team)
    teams = [many.slack.workspaces[team] for team in ("T1", "T2")]
    said = [await many.hear(f"I am in {team.team}", workspace=team) for team in teams]
    assert said[0]["ts"] != said[1]["ts"]
    for team, message in zip(teams, said, strict=True):
        assert await many.answers(message, team) == [f"You said: I am in {team.team}"]
    assert all(len(request.history) == 1 for request in many.house.fake.requests)
    assert {call.team for call in many.slack.called("chat.startStream")} <= {"T1", "T2"}


async def test_a_workspace_that_removed_the_app_is_not_answered(many: SlackHouse) -> None:
    """Its token is gone from the database, and what it still sends is not stored."""
    await install(many, "T1")
    await many.hear("Hello")
    await many.house.idle()
    stored = await many.stored()
    assert (await many.tell({"type": "app_uninstalled"})).status == 200
    await many.hear("Are you there?")
    await many.house.idle()
    assert await many.stored() == stored


async def test_a_token_that_slack_refuses_is_known_before_anybody_writes(url: str) -> None:
    """`/health` says so."""
    async with slack_house(url, slack_bot_token="xoxb-of-another-app") as broken:
        await broken.until(lambda: not broken.house.gateway.sides["slack"].hears())
        async with broken.house.http.get("/health") as health:
            assert health.status == 503
            assert (await health.json())["checks"]["slack"] == "unhealthy"


async def test_turns_that_wait_are_counted_apart(
    acme: SlackHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A burst: some run, the others stand in line."""

    async def busy(_: Load) -> bool:
        await asyncio.Event().wait()
        return False

    monkeypatch.setattr(Load, "room", busy)
    monkeypatch.setattr("core.admission.REFILL", 60)  # however slow this machine is
    hold = Hold()
    acme.house.fake.script(*(Answer("one two", hold=hold, hold_after=1) for _ in range(BURST)))
    for number in range(BURST + 2):
        await acme.hear(f"Hi {number}")
    await acme.house.fake.came(BURST)
    async with acme.house.http.get("/metrics") as answer:
        figures = await answer.text()
    assert f"gateway_turns_running {BURST:.1f}" in figures
    assert "gateway_turns_waiting 2.0" in figures
    hold.release()
