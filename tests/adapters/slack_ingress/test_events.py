"""Who said what, and where."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.slack.events import address_of, enterprise_of, heard, key_of, team_of
from tests.fakes.slack import FakeSlack

ACME = FakeSlack().workspace()
DM, GENERAL = ACME.im("U1"), ACME.channel()
GROUP, MANY = ACME.channel("board", kind="group"), ACME.channel("four", kind="mpim")


def envelope(place=DM, text="Hi", **more):
    return ACME.envelope(ACME.message_event(ACME.say(place, "U1", text)) | more)


def mentioned(place=GENERAL, text="<@UBOT> Hi", **more):
    return ACME.envelope(ACME.app_mention_event(ACME.say(place, "U1", text)) | more)


def authorized(body, **more):
    return body | {"authorizations": [body["authorizations"][0] | more]}


def test_a_direct_message_is_for_the_bot():
    """Its sender, place and words are told."""
    said = heard(envelope(text="Hi &amp; bye"))
    assert said is not None
    assert (said.team, said.channel, said.user, said.raw) == ("T1", DM, "U1", "Hi &amp; bye")
    assert (said.direct, said.mention, said.thread_ts) == (True, False, None)


@pytest.mark.parametrize("channel", [GENERAL, GROUP, MANY])
def test_a_mention_is_for_the_bot(channel):
    """In all kinds of channels, as `app_mention` and as the `message` that comes along."""
    for body in (mentioned(channel), envelope(channel, "well, <@UBOT|bot>, hi")):
        said = heard(body)
        assert said is not None
        assert (said.direct, said.mention) == (False, True)


@pytest.mark.parametrize("channel", [GENERAL, GROUP, MANY])
def test_other_talk_in_channels_is_told_as_such(channel):
    """It is neither direct nor a mention, also when it names somebody else."""
    said = heard(envelope(channel, "<@U2> <@UBOTTOM> hi UBOT"))
    assert said is not None
    assert (said.direct, said.mention) == (False, False)


@pytest.mark.parametrize("subtype", ["file_share", "thread_broadcast", "me_message", None])
def test_people_s_messages_have_several_subtypes(subtype):
    """With a file, also sent to the channel, or `/me`: a person speaks."""
    assert heard(envelope(subtype=subtype)) is not None


@pytest.mark.parametrize(
    "more",
    [
        {"subtype": "message_changed"},
        {"subtype": "message_deleted"},
        {"subtype": "message_replied"},
        {"subtype": "channel_join"},
        {"subtype": "assistant_app_thread"},
        {"subtype": "bot_message"},
        {"subtype": "tombstone"},
        {"subtype": "brand_new"},
        {"bot_id": "B1"},
        {"bot_profile": {"id": "B1"}},
        {"app_id": "A9", "client_msg_id": None},
        {"user": "UBOT"},
        {"user": "USLACK"},
        {"user": "USLACKBOT"},
        {"user": None},
        {"user": ""},
        {"user": "U1:1/x"},
        {"hidden": True},
        {"ts": None},
        {"ts": "now"},
        {"channel": "C1:2"},
        {"channel": None},
        {"type": "reaction_added"},
    ],
)
def test_the_rest_says_nothing(more):
    """Edits, joins, other bots, Slack itself and the bot's own words are not answered."""
    assert heard(envelope(**more)) is None


def test_the_bot_is_known_by_its_install_too():
    """Its own words are not answered when the body does not tell who it is."""
    body = envelope(user="UOWN") | {"authorizations": []}
    assert heard(body, bot_user="UOWN") is None


def test_a_person_who_authorized_the_app_is_heard():
    """An authorization that is no bot's is a person's."""
    said = heard(authorized(envelope(user="U1"), user_id="U1", is_bot=False))
    assert said is not None
    assert said.bot_user is None


def test_a_null_text_is_no_words():
    """An image alone is a message."""
    said = heard(envelope(text="", files=[{"name": "cat.png", "mimetype": "image/png"}]))
    assert said is not None
    assert said.raw == ""
    assert [(file.name, file.type) for file in said.files] == [("cat.png", "image/png")]
    assert heard(ACME.envelope(ACME.message_event(ACME.say(DM, "U1", "x")) | {"text": None}))


def test_a_mention_and_its_twin_are_one_message():
    """Whatever brings it, the key is the same; so is a mention's that an edit added."""
    said = ACME.say(GENERAL, "U1", "<@UBOT> Hi")
    bodies = [
        ACME.envelope(ACME.message_event(said)),
        ACME.envelope(ACME.app_mention_event(said)),
        ACME.envelope(ACME.app_mention_event(said | {"edited": {"user": "U1", "ts": "9.9"}})),
    ]
    found = [heard(body) for body in bodies]
    assert {key_of(each) for each in found} == {f"slack:T1:{GENERAL}:{said['ts']}"}
    assert len({address_of(each, classic=False) for each in found}) == 1


@pytest.mark.parametrize("classic", [False, True])
def test_a_thread_of_a_channel_is_a_conversation(classic):
    """The first message begins it, and replies go on with it."""
    root = mentioned()
    ts = root["event"]["ts"]
    reply = ACME.envelope(ACME.message_event(ACME.say(GENERAL, "U2", "and?", thread_ts=ts)))
    for body in (root, reply):
        made = address_of(heard(body), classic=classic)
        assert (made.account, made.conversation, made.direct) == ("T1", f"{GENERAL}:{ts}", False)


def test_a_direct_message_begins_a_conversation():
    """Each one outside of threads is its own thread."""
    body = envelope()
    made = address_of(heard(body), classic=False)
    assert (made.conversation, made.direct) == (f"{DM}:{body['event']['ts']}", True)


def test_classic_direct_messages_are_one_conversation():
    """All but those in threads, which are their own."""
    assert address_of(heard(envelope()), classic=True).conversation == DM
    threaded = address_of(heard(envelope(thread_ts="1.2")), classic=True)
    assert threaded.conversation == f"{DM}:1.2"


def test_the_workspace_is_ours_in_a_shared_channel():
    """What somebody of another workspace says belongs to the one that has the app."""
    body = mentioned(user_team="T9", team="T9") | {"team_id": "T9", "context_team_id": "T9"}
    said = heard(body)
    assert said is not None
    assert (said.team, said.user_team) == ("T1", "T9")


def test_an_organisation_s_install_keeps_workspaces_apart():
    """With no workspace in the authorization it is the one where it happened."""
    body = authorized(envelope(), team_id=None, enterprise_id="E1", is_enterprise_install=True)
    assert team_of(body | {"team_id": "T7", "context_team_id": "T7"}) == "T7"
    assert team_of(body | {"team_id": "T7", "context_team_id": "E1"}) == "T7"
    assert enterprise_of(body) == "E1"


def test_an_organisation_is_no_sender_s_workspace():
    """Where an enterprise's id stands, nobody knows the workspace."""
    said = heard(mentioned(user_team="E1", team=None))
    assert said is not None
    assert said.user_team is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
KEYS = ("channel", "user", "ts", "text", "subtype", "files", "attachments", "team", "hidden")


@given(
    st.dictionaries(st.sampled_from([*KEYS, "bot_id", "user_team", "thread_ts"]), JSON),
    st.dictionaries(st.sampled_from(["authorizations", "team_id", "context_team_id"]), JSON),
)
@settings(max_examples=60)
def test_any_event_may_be_heard(event, body):
    """Nothing raises, whatever stands where."""
    base = envelope()
    found = heard(base | body | {"event": base["event"] | event})
    assert found is None or isinstance(found.raw, str)
