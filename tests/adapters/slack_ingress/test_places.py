"""Places and their names."""

import pytest

from adapters.slack.places import Place, address, conversation_of, place_of

NAMES = {
    "C1:1.2": Place(channel="C1", thread_ts="1.2"),
    "D1": Place(channel="D1"),
    "C1/U1": Place(channel="C1", user="U1"),
}


@pytest.mark.parametrize(("name", "place"), NAMES.items())
def test_a_place_has_one_name(name, place):
    """A name is made of a place, and a place of it again."""
    assert conversation_of(place) == name
    assert place_of(name) == place


def test_an_address_is_a_place_in_a_workspace():
    """Core knows the workspace as the account."""
    made = address("T1", Place(channel="C1", thread_ts="1.2"), direct=False)
    assert (made.platform, made.account, made.conversation, made.direct) == (
        "slack",
        "T1",
        "C1:1.2",
        False,
    )
