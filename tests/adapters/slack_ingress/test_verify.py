"""Who may come in."""

import pytest

from adapters.slack.ingress import verify
from tests.adapters.slack_ingress.stage import OLD, SECRET
from tests.fakes.slack import signed

# The example in Slack's documentation.
AT = 1531420618
BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow"
    b"&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner"
    b"&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands"
    b"%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
    b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
SIGNATURE = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"


def test_slack_s_own_example_is_signed():
    """The signature is made as Slack documents it."""
    assert verify(BODY, str(AT), SIGNATURE, (SECRET,), AT)


@pytest.mark.parametrize("secrets", [(OLD, SECRET), (SECRET, OLD)])
def test_either_secret_counts_while_one_takes_over(secrets):
    """A request is good when any of the secrets signed it."""
    assert verify(BODY, str(AT), SIGNATURE, secrets, AT)


@pytest.mark.parametrize(("now", "good"), [(300, True), (-300, True), (301, False), (-301, False)])
def test_a_signature_holds_for_five_minutes(now, good):
    """Five minutes either way, and no second more."""
    assert verify(BODY, str(AT), SIGNATURE, (SECRET,), AT + now) is good


@pytest.mark.parametrize(
    "timestamp",
    [
        "",
        "abc",
        "-1",
        "1e9",
        " 1531420618",
        "1531420618.0",
        "1531420618".replace("1", "\N{FULLWIDTH DIGIT ONE}"),
        "²",
        "9" * 5000,
    ],
)
def test_what_is_no_time_is_refused(timestamp):
    """A timestamp is a handful of plain digits; nothing else raises or passes."""
    assert not verify(BODY, timestamp, SIGNATURE, (SECRET,), AT)


@pytest.mark.parametrize(
    "signature",
    ["", "v0=", "v1" + SIGNATURE[2:], SIGNATURE[:-1], SIGNATURE.upper(), "v0=ä", "\udce4", "v0=日"],
)
def test_what_is_no_signature_is_refused(signature):
    """Only the very signature passes, and no text raises."""
    assert not verify(BODY, str(AT), signature, (SECRET,), AT)


def test_another_body_is_refused():
    """The signature is over every byte."""
    assert not verify(BODY + b" ", str(AT), SIGNATURE, (SECRET,), AT)


@pytest.mark.parametrize("secrets", [(), ("",)])
def test_no_secret_signs_nothing(secrets):
    """Without a secret nobody comes in, not even with an empty one."""
    proof = signed("", BODY, AT)
    assert not verify(BODY, str(AT), proof["X-Slack-Signature"], secrets, AT)
