"""Telling requests apart."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.slack.shape import Kind, kind_of

COMMAND = {
    "command": "/ai",
    "team_id": "T1",
    "channel_id": "C1",
    "user_id": "U1",
    "trigger_id": "1.2.x",
}


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"type": "event_callback", "event": {"type": "message"}}, Kind.EVENT),
        ({"type": "event_callback", "event": {"type": "message", "text": None}}, Kind.EVENT),
        ({"type": "event_callback", "event": {"type": "x"}, "authorizations": []}, Kind.EVENT),
        ({"type": "event_callback", "event": {"type": "x", "user": {"id": "U1"}}}, Kind.EVENT),
        (COMMAND, Kind.COMMAND),
        (COMMAND | {"text": "why?", "enterprise_id": "E1"}, Kind.COMMAND),
        ({"type": "block_actions", "actions": [{"action_id": "x"}]}, Kind.ACTION),
        ({"type": "url_verification", "challenge": "x"}, Kind.CHALLENGE),
        ({"ssl_check": "1", "token": "x"}, Kind.NOTHING),
        ({"type": "app_rate_limited"}, Kind.NOTHING),
        ({"type": "view_submission"}, Kind.NOTHING),
        (COMMAND | {"type": "view_submission"}, Kind.NOTHING),
        (COMMAND | {"type": "block_actions", "actions": [{"action_id": "x"}]}, None),
        (COMMAND | {"user_id": None}, None),
        ({"ssl_check": "0"}, None),
        ({}, None),
        (["type"], None),
        (None, None),
    ],
)
def test_a_body_is_known_by_its_shape(body, kind):
    """What is half of one thing is nothing."""
    assert kind_of(body) is kind


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from(["type", "event", "actions", "command", "challenge"]), JSON))
@settings(max_examples=50)
def test_all_json_has_a_shape(body):
    """Nothing raises."""
    assert kind_of(body) in {None, *Kind}
