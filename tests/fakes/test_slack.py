"""The fake of Slack is worth its tests only if it is as strict as Slack."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import SignatureVerifier
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from tests.fakes.slack import FakeSlack, Workspace, encoded, send, signed

BUTTON = {"text": {"type": "plain_text", "text": "Good"}, "value": "1"}
FEEDBACK = {
    "type": "context_actions",
    "elements": [
        {
            "type": "feedback_buttons",
            "action_id": "feedback",
            "positive_button": BUTTON,
            "negative_button": BUTTON,
        }
    ],
}


@pytest.fixture
async def fake() -> AsyncIterator[FakeSlack]:
    async with FakeSlack() as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def acme(fake: FakeSlack) -> Workspace:
    return fake.workspace()


@pytest.fixture
def sdk(fake: FakeSlack, http: aiohttp.ClientSession) -> AsyncWebClient:
    return AsyncWebClient("xoxb-1", base_url=fake.url, session=http, retry_handlers=[])


async def error(call: Awaitable[Any]) -> str:
    """What a call is refused with, "" if it isn't."""
    try:
        await call
    except SlackApiError as refused:
        return str(refused.response["error"])
    return ""


async def test_a_message_is_what_the_last_update_made_of_it(acme: Workspace, sdk: AsyncWebClient):
    """It has its place in the thread, its metadata, and a ts later than what came before."""
    dm = acme.im("U1")
    asked = acme.say(dm, "U1", "hello")
    about = {"event_type": "answer", "event_payload": {"turn": 7}}
    posted = await sdk.chat_postMessage(
        channel=dm, thread_ts=asked["ts"], markdown_text="**one**", metadata=about
    )
    blocks = [{"type": "markdown", "text": "two"}, FEEDBACK]
    await sdk.chat_update(channel=dm, ts=posted["ts"], text="short", blocks=blocks)
    (message,) = acme.bot_messages(dm, asked["ts"])
    assert message.ts == posted["ts"] > asked["ts"]
    assert (message.text, message.edited, message.metadata) == ("two", True, about)
    assert [each.text for each in acme.messages(dm)] == ["hello", "two"]


async def test_a_stream_grows_until_it_is_stopped(
    fake: FakeSlack, acme: Workspace, sdk: AsyncWebClient
):
    """Meanwhile it can't be edited; what is added has to come in the form that it began in."""
    dm = acme.im()
    where = {"channel": dm, "thread_ts": acme.say(dm, "U1", "hello")["ts"]}
    ts = (await sdk.chat_startStream(**where, chunks=[words("one ")]))["ts"]
    stream = {"channel": dm, "ts": ts}
    assert [each.ts for each in acme.streaming] == [ts]
    assert await error(sdk.chat_update(**stream, text="x")) == "streaming_state_conflict"
    assert (
        await error(sdk.chat_appendStream(**stream, markdown_text="x")) == "streaming_mode_mismatch"
    )
    await sdk.chat_appendStream(**stream, chunks=[words("two")])
    await sdk.chat_stopStream(**stream, chunks=[], blocks=[FEEDBACK])
    assert await error(sdk.chat_stopStream(**stream)) == "message_not_in_streaming_state"
    (message,) = acme.bot_messages(dm)
    assert (message.text, message.streaming, message.broken) == ("one two", False, False)
    assert message.blocks == [FEEDBACK]
    assert len(fake.called("chat.appendStream", "T1")) == 2


async def test_a_stream_that_expires_stays_broken_until_it_is_updated(
    fake: FakeSlack, acme: Workspace, sdk: AsyncWebClient
):
    """Five minutes after its start, however busy it was, neither append nor stop work."""
    dm = acme.im()
    root = acme.say(dm, "U1", "hello")["ts"]
    ts = (await sdk.chat_startStream(channel=dm, thread_ts=root, markdown_text="one"))["ts"]
    fake.clock.advance(299)
    await sdk.chat_appendStream(channel=dm, ts=ts, markdown_text=" two")
    fake.clock.advance(1)
    for call in (sdk.chat_appendStream, sdk.chat_stopStream):
        late = call(channel=dm, ts=ts, markdown_text="x")
        assert await error(late) == "message_not_in_streaming_state"
    (message,) = acme.bot_messages(dm)
    assert (message.text, message.broken, acme.streaming) == ("one two", True, [])
    assert acme.broken == [message]
    await sdk.chat_update(channel=dm, ts=ts, markdown_text="mended")
    assert (message.text, message.broken, acme.broken) == ("mended", False, [])


async def test_pressing_stop_ends_the_streams_of_a_thread(acme: Workspace, sdk: AsyncWebClient):
    """The app hears which, and is told so when it goes on."""
    dm = acme.im()
    root = acme.say(dm, "U7", "hello")["ts"]
    ts = (await sdk.chat_startStream(channel=dm, thread_ts=root, markdown_text="one"))["ts"]
    event = acme.press_stop(acme.bot_messages(dm)[0])
    assert event["streaming_message_ts"] == [ts]
    assert (event["type"], event["thread_ts"], event["user"]) == (
        "agent_session_stopped",
        root,
        "U7",
    )
    more = sdk.chat_appendStream(channel=dm, ts=ts, markdown_text="x")
    assert await error(more) == "stopped_by_user"
    assert acme.streaming == acme.broken == []


Refusing = Callable[[AsyncWebClient, Workspace, str], Awaitable[Any]]


def words(text: str) -> dict[str, str]:
    return {"type": "markdown_text", "text": text}


def start(**fields: Any) -> Refusing:
    return lambda sdk, acme, ts: sdk.chat_startStream(
        **({"channel": acme.im(), "thread_ts": ts} | fields)
    )


def start_in_channel(**fields: Any) -> Refusing:
    def call(sdk: AsyncWebClient, acme: Workspace, _: str) -> Awaitable[Any]:
        channel = acme.channel()
        root = acme.say(channel, "U1", "hi")["ts"]
        return sdk.chat_startStream(channel=channel, thread_ts=root, **fields)

    return call


def post(**fields: Any) -> Refusing:
    return lambda sdk, acme, _: sdk.api_call(
        "chat.postMessage", json={"channel": acme.im(), **fields}
    )


def update(**fields: Any) -> Refusing:
    async def call(sdk: AsyncWebClient, acme: Workspace, _: str) -> None:
        ts = (await sdk.chat_postMessage(channel=acme.im(), text="x"))["ts"]
        await sdk.api_call("chat.update", json={"channel": acme.im(), "ts": ts, **fields})

    return call


def section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def markdown(text: str) -> dict[str, Any]:
    return {"type": "markdown", "text": text}


@pytest.mark.parametrize(
    ("refused", "with_"),
    [
        (post(), "no_text"),
        (post(text="x", markdown_text="y"), "markdown_text_conflict"),
        (post(markdown_text="x" * 12_001), "msg_too_long"),
        (post(blocks=[markdown("x" * 6_001)] * 2), "msg_too_long"),
        (post(blocks=[markdown("x" * 12_000), section("y" * 1_300)]), "msg_blocks_too_long"),
        (post(markdown_text="# head\ntext\n" * 26), "msg_blocks_too_many"),
        (post(blocks=[{"type": "divider"}] * 51), "invalid_blocks"),
        (post(blocks=[section("x" * 3_001)]), "invalid_blocks"),
        (post(blocks=[{"type": "sektion"}]), "invalid_blocks"),
        (post(blocks="["), "invalid_blocks_format"),
        (post(text="x", thread_ts="1.0"), "thread_not_found"),
        (post(text="x", channel="C404"), "channel_not_found"),
        (post(text="x", metadata={"event_type": "x"}), "invalid_metadata_schema"),
        (update(text="x" * 4_001), "msg_too_long"),
        (update(text="x", ts="1.0"), "message_not_found"),
        (start(markdown_text="x", chunks=[]), "cannot_provide_both_markdown_text_and_chunks"),
        (start(markdown_text="x" * 12_001), "msg_too_long"),
        (start(chunks=[{"type": "text"}]), "invalid_chunks"),
        (start(thread_ts=""), "invalid_thread_ts"),
        (start_in_channel(), "missing_recipient_user_id"),
        (start_in_channel(recipient_user_id="U1"), "missing_recipient_team_id"),
    ],
)
async def test_it_refuses_what_slack_refuses(
    acme: Workspace, sdk: AsyncWebClient, refused: Refusing, with_: str
):
    """With Slack's error, and without showing anything."""
    ts = acme.say(acme.im(), "U1", "hello")["ts"]
    assert await error(refused(sdk, acme, ts)) == with_
    assert [each.text for each in acme.bot_messages(acme.im())] in ([], ["x"])
    assert acme.streams == {}


async def test_a_stream_is_too_long_when_all_of_it_is(acme: Workspace, sdk: AsyncWebClient):
    """12,000 characters are a message's, not a call's; what was refused isn't shown."""
    dm = acme.im()
    root = acme.say(dm, "U1", "hello")["ts"]
    long = "x" * 7_000
    ts = (await sdk.chat_startStream(channel=dm, thread_ts=root, markdown_text=long))["ts"]
    more = sdk.chat_appendStream(channel=dm, ts=ts, markdown_text=long)
    assert await error(more) == "msg_too_long"
    assert acme.bot_messages(dm)[0].text == long


async def test_switches_make_it_another_slack(
    fake: FakeSlack, acme: Workspace, sdk: AsyncWebClient
):
    """Without streams, without them in channels, without feedback buttons, without the bot."""
    dm, general = acme.im(), acme.channel("general")
    root, there = acme.say(dm, "U1", "hi")["ts"], acme.say(general, "U1", "hi")["ts"]
    to = {"recipient_user_id": "U1", "recipient_team_id": "T1"}
    fake.native_channels = fake.feedback_blocks = False
    channel = sdk.chat_startStream(channel=general, thread_ts=there, **to)
    assert await error(channel) == "channel_type_not_supported"
    assert await error(sdk.chat_startStream(channel=dm, thread_ts=root)) == ""
    buttons = sdk.chat_postMessage(channel=dm, text="x", blocks=[FEEDBACK])
    assert await error(buttons) == "invalid_blocks"
    fake.native = False
    start = sdk.chat_startStream(channel=dm, thread_ts=root)
    assert await error(start) == "unknown_method"
    acme.channels[general].archived = True
    assert await error(sdk.chat_postMessage(channel=general, text="x")) == "is_archived"
    acme.channels[general].member = False
    assert await error(sdk.chat_postMessage(channel=general, text="x")) == "not_in_channel"


async def test_it_limits_what_is_asked_in_a_minute(
    fake: FakeSlack, acme: Workspace, sdk: AsyncWebClient
):
    """Per method, a minute long; posts also per channel; and not at all if so wished."""
    dm = acme.im()
    root = acme.say(dm, "U1", "hello")["ts"]
    for _ in range(20):
        await sdk.chat_startStream(channel=dm, thread_ts=root)
    fake.clock.advance(50.5)
    with pytest.raises(SlackApiError) as refused:
        await sdk.chat_startStream(channel=dm, thread_ts=root)
    assert refused.value.response.status_code == 429
    assert refused.value.response["error"] == "ratelimited"
    assert refused.value.response.headers["Retry-After"] == "10"
    fake.clock.advance(9.5)
    assert await error(sdk.chat_startStream(channel=dm, thread_ts=root)) == ""
    posts = [await error(sdk.chat_postMessage(channel=dm, text="x")) for _ in range(4)]
    fake.clock.advance(1)
    posts.append(await error(sdk.chat_postMessage(channel=dm, text="x")))
    assert posts == ["", "", "", "ratelimited", ""]
    fake.limits_on = False
    assert await error(sdk.chat_postMessage(channel=dm, text="x")) == ""


async def test_faults_come_when_and_as_often_as_they_are_set(
    fake: FakeSlack, acme: Workspace, sdk: AsyncWebClient
):
    """One after another, and a dropped answer may have had its effect."""
    fake.limits_on = False
    dm = acme.im()
    fake.fail("chat.postMessage", "internal_error", after=1, times=2)
    fake.fail("chat.postMessage", retry_after=3)
    fake.answer("chat.postMessage", status=503, body="<html>")
    fake.drop("chat.postMessage", processed=True)
    fake.drop("chat.postMessage", processed=False)
    met = []
    for number in range(7):
        try:
            await sdk.chat_postMessage(channel=dm, text=str(number))
            met.append("ok")
        except SlackApiError as refused:
            met.append(refused.response.get("error") or str(refused.response.status_code))
        except aiohttp.ServerDisconnectedError:
            met.append("dropped")
    assert met == ["ok", *["internal_error"] * 2, "ratelimited", "503", "dropped", "dropped"]
    assert [each.text for each in acme.messages(dm)] == ["0", "5"]
    assert [bool(call.answer and call.answer["ok"]) for call in fake.calls] == [
        *(True, False, False, False, False, True, False)
    ]


async def test_a_call_can_be_kept_waiting(fake: FakeSlack, acme: Workspace, sdk: AsyncWebClient):
    """Until it is released it has had no effect."""
    hold = fake.hang("chat.postMessage")
    call = asyncio.create_task(error(sdk.chat_postMessage(channel=acme.im(), text="x")))
    await hold.reached.wait()
    assert acme.messages(acme.im()) == []
    hold.release()
    assert await call == ""
    assert len(acme.messages(acme.im())) == 1


async def test_threads_and_histories_are_read_in_pages(acme: Workspace, sdk: AsyncWebClient):
    """Replies in order after their root, histories newest first, metadata only when asked for."""
    channel = acme.channel()
    root = acme.say(channel, "U1", "root")["ts"]
    replies = [acme.say(channel, "U2", str(n), thread_ts=root)["ts"] for n in range(3)]
    about = {"event_type": "answer", "event_payload": {}}
    await sdk.chat_postMessage(channel=channel, text="new", metadata=about)
    first = await sdk.conversations_replies(channel=channel, ts=root, limit=2)
    cursor = first["response_metadata"]["next_cursor"]
    second = await sdk.conversations_replies(channel=channel, ts=root, limit=2, cursor=cursor)
    read = [each["ts"] for page in (first, second) for each in page["messages"]]
    assert read == [root, *replies]
    assert (first["has_more"], second["has_more"]) == (True, False)
    late = await sdk.conversations_replies(channel=channel, ts=root, oldest=replies[1])
    assert [each["ts"] for each in late["messages"]] == [root, replies[2]]
    plain = await sdk.conversations_history(channel=channel)
    assert [each["text"] for each in plain["messages"]] == ["new", "root"]
    assert "metadata" not in plain["messages"][0]
    full = await sdk.conversations_history(channel=channel, limit=1, include_all_metadata=True)
    assert full["messages"][0]["metadata"] == about
    strange = sdk.conversations_replies(channel=channel, ts=replies[0])
    assert await error(strange) == "thread_not_found"


async def test_tokens_are_good_for_their_workspace_and_time(
    fake: FakeSlack, http: aiohttp.ClientSession, sdk: AsyncWebClient
):
    """A refresh token works once; what is revoked, expired or short of a scope is refused so."""
    fake.workspace("T2", token="", name="Umbrella", scopes=("chat:write",))
    client = {"client_id": fake.client_id, "client_secret": fake.client_secret}

    async def access(**form: str) -> Any:
        async with http.post(f"{fake.url}oauth.v2.access", data={**client, **form}) as response:
            return await response.json()

    code = fake.code(fake.workspace("T2"), rotates=True)
    got = await access(code=code)
    assert (got["team"], got["expires_in"]) == ({"id": "T2", "name": "Umbrella"}, 43_200)
    assert (await access(code=code))["error"] == "code_already_used"
    again = await access(grant_type="refresh_token", refresh_token=got["refresh_token"])
    twice = await access(grant_type="refresh_token", refresh_token=got["refresh_token"])
    assert twice["error"] == "invalid_refresh_token"
    theirs = AsyncWebClient(
        again["access_token"], base_url=fake.url, session=http, retry_handlers=[]
    )
    who = await theirs.auth_test()
    assert (who["team_id"], who.headers["x-oauth-scopes"]) == ("T2", "chat:write")
    assert await error(theirs.users_info(user="U1")) == "missing_scope"
    fake.clock.advance(43_200)
    assert await error(theirs.auth_test()) == "token_expired"
    assert await error(sdk.auth_test(token="xoxb-9")) == "invalid_auth"
    await sdk.auth_revoke()
    assert await error(sdk.auth_test()) == "token_revoked"


async def test_an_org_wide_token_serves_every_workspace_of_its_enterprise(
    fake: FakeSlack, http: aiohttp.ClientSession
):
    """The channel, or team_id, tells which."""
    one = fake.workspace("T8", token="", enterprise="E1")
    two = fake.workspace("T9", token="", enterprise="E1")
    got = fake.grants.exchange(fake.code(one, org_wide=True), None)
    assert (got["team"], got["enterprise"]["id"]) == (None, "E1")
    sdk = AsyncWebClient(got["access_token"], base_url=fake.url, session=http, retry_handlers=[])
    await sdk.chat_postMessage(channel=two.im(), text="here")
    await sdk.conversations_open(users="U5", team_id="T9")
    assert [each.text for each in two.messages(two.im())] == ["here"]
    assert {channel.user for channel in two.channels.values()} == {"U1", "U5"}


async def test_a_response_url_is_used_five_times_in_half_an_hour(
    fake: FakeSlack, acme: Workspace, http: aiohttp.ClientSession
):
    """The answer to the command comes first and counts as its own; each may be replaced."""
    url = acme.command("hi")["response_url"]
    fake.responses.acknowledge(url, b'{"text": "Working"}')

    async def respond(**body: Any) -> tuple[int, str]:
        async with http.post(url, json=body) as response:
            return response.status, await response.text()

    assert await respond(text="done", replace_original=True) == (200, "ok")
    assert [(each.text, each.was) for each in acme.ephemerals] == [("done", ["Working"])]
    assert await respond(markdown_text="x") == (400, "no_text")
    assert await respond(text="more") == (200, "ok")
    assert await respond(delete_original=True) == (200, "ok")
    assert [each.text for each in acme.ephemerals] == ["done"]
    assert await respond(text="here", response_type="in_channel") == (200, "ok")
    assert await respond(text="x") == (404, "used_url")
    assert [each.text for each in acme.messages(acme.channel())] == ["here"]
    url = acme.command("hi")["response_url"]
    fake.clock.advance(1_800)
    assert await respond(text="x") == (404, "expired_url")


def test_a_signature_is_slacks():
    """As its SDK makes it."""
    headers = signed("secret", b"x=1", 1_800_000_000.9)
    assert headers["X-Slack-Request-Timestamp"] == "1800000000"
    theirs = SignatureVerifier("secret").generate_signature(timestamp="1800000000", body=b"x=1")
    assert headers["X-Slack-Signature"] == theirs


async def test_it_sends_what_slack_sends(acme: Workspace, http: aiohttp.ClientSession):
    """Events as JSON, commands and clicks as forms, whose answer the user sees."""
    got: list[tuple[str, Any]] = []

    async def app(request: web.BaseRequest) -> web.Response:
        form = request.content_type == "application/x-www-form-urlencoded"
        got.append((request.path, dict(await request.post()) if form else await request.json()))
        return web.json_response({"text": "Working on it"})

    runner = web.ServerRunner(web.Server(app, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    channel = acme.channel()
    asked = acme.say(channel, "U1", "<@UBOT> hi")
    message, mention = acme.message_event(asked), acme.app_mention_event(asked)
    for event in (message, mention):
        await send(http, url, acme.envelope(event), "secret", workspace=acme)
    await send(http, url, acme.command("hi"), "secret", workspace=acme)
    posted = acme.post(channel, "UBOT", bot=True)
    click = acme.action(posted, value="1", action_id="feedback", user="U1")
    answered = await send(http, url, click, "secret", workspace=acme)
    await runner.cleanup()
    paths, (first, second, command, action) = zip(*got, strict=True)
    assert set(paths) == {"/slack/events"}
    assert first["event_id"] != second["event_id"]
    assert first["event"]["client_msg_id"] == second["event"]["client_msg_id"]
    assert (first["event"]["channel_type"], "channel_type" in second["event"]) == ("channel", False)
    assert (command["command"], command["text"]) == ("/ai", "hi")
    assert json.loads(action["payload"])["actions"][0]["value"] == "1"
    assert [each.text for each in acme.ephemerals] == ["Working on it"]
    assert answered.json == {"text": "Working on it"}
    assert encoded(click)[0].startswith(b"payload=")


async def test_socket_mode_delivers_and_hears_the_acknowledgement(fake: FakeSlack, acme: Workspace):
    """On a connection of Slack's own client, which comes back when it was broken off."""
    client = SocketModeClient("xapp-1", ping_interval=0.05)
    client.web_client.base_url = fake.url

    async def answer(socket: SocketModeClient, request: Any) -> None:
        response = SocketModeResponse(request.envelope_id, payload={"text": "Working"})
        await socket.send_socket_mode_response(response)

    client.socket_mode_request_listeners.append(answer)
    await client.connect()
    envelope = await fake.socket_send(acme, "slash_commands", acme.command("hi"))
    assert await fake.sockets.acked(envelope) == {"text": "Working"}
    assert [each.text for each in acme.ephemerals] == ["Working"]
    await fake.sockets.disconnect()
    await fake.sockets.came(2)
    fake.sockets.drop()
    await fake.sockets.came(3)
    await client.close()
    refused = AsyncWebClient(base_url=fake.url, retry_handlers=[])
    assert await error(refused.apps_connections_open(app_token="xapp-9")) == "invalid_auth"
