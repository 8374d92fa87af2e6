"""Bodies of all shapes, signed."""

import json
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import NotFound
from tests.adapters.slack_ingress.stage import FORM, JSON, Door, door

EVENT = {"type": "event_callback", "team_id": "T1", "event": {"type": "message"}}


def payload(**parts):
    return urlencode({"payload": json.dumps(parts)}).encode()


def event(**changes):
    said = {"type": "message", "channel": "C1", "user": "U1", "ts": "1.1", "text": "Hi"}
    return json.dumps({**EVENT, "event": said | changes}).encode()


GARBAGE = {
    "empty": b"",
    "not UTF-8": b'{"type": "\xff"}',
    "not JSON": b"{",
    "an array": b"[]",
    "a string": b'"hello"',
    "null": b"null",
    "nothing in it": b"{}",
    "deep": b'{"a":' + b"[" * 200_000,
    "deep in Bolt's own way": b'{"authorizations":[' * 5000 + b"{}" + b"]}" * 5000,
    "a huge number": b'{"type": ' + b"9" * 5000 + b"}",
    "type no text": b'{"type": 7}',
    "no event": json.dumps({"type": "event_callback"}).encode(),
    "event null": json.dumps({**EVENT, "event": None}).encode(),
    "event no object": json.dumps({**EVENT, "event": "message"}).encode(),
    "event an array": json.dumps({**EVENT, "event": ["type"]}).encode(),
    "event's type no text": event(type=["message"]),
    "event without type": json.dumps({**EVENT, "event": {}}).encode(),
    "team no text": json.dumps({**EVENT, "team_id": {"id": "T1"}}).encode(),
    "enterprise no text": json.dumps({**EVENT, "enterprise_id": 1}).encode(),
    "enterprise a number": json.dumps({**EVENT, "enterprise": 1}).encode(),
    "authorizations no list": json.dumps({**EVENT, "authorizations": "x"}).encode(),
    "authorization no object": json.dumps({**EVENT, "authorizations": [1]}).encode(),
    "authorization's team": json.dumps({**EVENT, "authorizations": [{"team_id": 1}]}).encode(),
    "channel no text": event(channel={"id": "C1"}),
    "user no text": event(user=7),
    "ts no text": event(ts=1.1),
    "thread_ts no text": event(thread_ts=1),
    "text no text": event(text=["Hi"]),
    "subtype no text": event(subtype={}),
    "no challenge": b'{"type": "url_verification"}',
    "challenge no text": b'{"type": "url_verification", "challenge": {}}',
    "no actions": json.dumps({"type": "block_actions"}).encode(),
    "empty actions": json.dumps({"type": "block_actions", "actions": []}).encode(),
    "action no object": json.dumps({"type": "block_actions", "actions": [1]}).encode(),
    "action's id": json.dumps({"type": "block_actions", "actions": [{"action_id": 1}]}).encode(),
    "command no text": json.dumps({"command": 1}).encode(),
    "half a command": json.dumps({"command": "/ai", "text": "Hi"}).encode(),
}


@pytest.mark.parametrize("body", GARBAGE.values(), ids=GARBAGE)
async def test_signed_garbage_is_refused_for_good(body):
    """400 with words that quote nothing, and Slack is not to send it again."""
    async with door() as house:
        answered = await house.post(body)
        assert answered.status == 400
        assert answered.headers["X-Slack-No-Retry"] == "1"
        assert list(answered.json) == ["error"]
        assert house.taken.events == []


@pytest.mark.parametrize("body", [b"payload=[", b"payload=%22x%22", b"payload=", b"payload"])
async def test_a_form_s_garbage_is_refused(body):
    """What a form brings as its payload is looked at as any JSON is."""
    async with door() as house:
        assert (await house.post(body, {"Content-Type": FORM})).status == 400


NOT_FOR_US = {
    "app_rate_limited": (JSON, json.dumps({"type": "app_rate_limited", "team_id": "T1"}).encode()),
    "a new kind": (JSON, b'{"type": "brand_new"}'),
    "a new event": (JSON, event(type="brand_new", user={"id": 1}, channel=[])),
    "no type at all of an event": (JSON, event(type="")),
    "shortcut": (FORM, payload(type="shortcut", callback_id="x", team={"id": "T1"})),
    "message shortcut": (FORM, payload(type="message_action", callback_id="x")),
    "view": (FORM, payload(type="view_submission", view={"callback_id": "x"})),
    "a view without a type": (FORM, payload(type="view_submission", view="callback_id")),
    "view closed": (FORM, payload(type="view_closed", view={})),
    "options": (FORM, payload(type="block_suggestion", action_id="x", value="y")),
    "dialog": (FORM, payload(type="dialog_submission", callback_id="x")),
    "workflow": (FORM, payload(type="workflow_step_edit", callback_id="x")),
    "another button": (FORM, payload(type="block_actions", actions=[{"action_id": "other"}])),
}


@pytest.mark.parametrize(("kind", "body"), NOT_FOR_US.values(), ids=NOT_FOR_US)
async def test_what_nobody_listens_to_is_acknowledged(kind, body):
    """200, so that Slack does not count it as a failure."""
    async with door() as house:
        answered = await house.post(body, {"Content-Type": kind})
        assert (answered.status, answered.body, house.taken.events) == (200, b"", [])


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=3,
)
ODD = st.sampled_from(["T1", "C1", "1.1", "im", "message", "feedback", "1:1"]) | JSON_VALUES
ENVELOPE = (
    "type team_id enterprise enterprise_id team user view command text channel_id user_id"
    " trigger_id callback_id message response_url response_urls is_ext_shared_channel thread_ts"
    " authorizations event actions context_team_id is_enterprise_install"
)
INNER = (
    "type channel user ts text thread_ts subtype bot_id bot_profile app_id files hidden tab"
    " attachments blocks team user_team channel_type action_id value tokens team_id user_id is_bot"
    " is_enterprise_install"
)


def changes(keys):
    """Some oddities under these keys."""
    return st.dictionaries(st.sampled_from(keys.split()), ODD, max_size=2)


def sound_bodies():
    """One of each kind that is taken."""
    house = Door()
    dm = house.acme.im("U1")
    shown = house.acme.post(dm, "UBOT", bot=True)
    opened = {"type": "app_home_opened", "tab": "messages", "channel": dm}
    return [
        house.dm(),
        *house.in_channel("<@UBOT> Hi <@U2>"),
        house.acme.command("Hi"),
        house.acme.action(shown, value="1:1"),
        house.acme.envelope(house.acme.press_stop(shown)),
        house.acme.envelope(opened),
        house.acme.envelope({"type": "tokens_revoked", "tokens": {"bot": ["UBOT"]}}),
    ]


@st.composite
def odd_bodies(draw):
    """What Slack sends, with a few things in it that it never would."""
    body = draw(st.sampled_from(sound_bodies()))
    for name in ("event", "authorizations", "actions"):
        if isinstance(body.get(name), list):
            body[name][0] |= draw(changes(INNER))
        elif isinstance(body.get(name), dict):
            body[name] |= draw(changes(INNER))
    return body | draw(changes(ENVELOPE))


async def test_no_body_breaks_it():
    """Whatever JSON is signed, the answer is 200 or 400."""
    bodies = []

    @given(odd_bodies())
    @settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
    def collect(body):
        bodies.append(body)

    collect()
    async with door(database=Nothing()) as house:
        answers = [(body, (await house.post(json.dumps(body).encode())).status) for body in bodies]
        assert [each for each in answers if each[1] not in {200, 400}] == []
        assert {status for _, status in answers} == {200, 400}
        assert len(house.taken.events) > 10


class Nothing:
    """A database with nothing in it."""

    async def read(self, *_):
        return None

    async def write(self, *_, **__):
        raise NotFound
