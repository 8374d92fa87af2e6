"""A message that may have been sent is found, and no other is taken for it."""

import pytest

from adapters.slack.target import EVENT, Target, find

WHO = ("UBOT", "BBOT")
TARGET = Target(
    team="T1",
    channel="D1",
    thread_ts="1.0",
    user="U1",
    user_team="T1",
    direct=True,
    since="2.0",
)


def message(ts, *, user="UBOT", part=None):
    said = {"ts": ts, "user": user}
    if part is not None:
        said["metadata"] = {"event_type": EVENT, "event_payload": {"part": part}}
    return said


class Thread:
    """Slack's messages in a thread, so many pages of them."""

    def __init__(self, *pages) -> None:
        self.pages, self.asked = pages, []

    async def __call__(self, method, **arguments):
        self.asked.append((method, arguments))
        number = int(arguments["cursor"] or 0)
        more = str(number + 1) if number + 1 < len(self.pages) else ""
        return {"messages": self.pages[number], "response_metadata": {"next_cursor": more}}


async def found(*pages, known=()):
    return await find(Thread(*pages), TARGET, who=WHO, mark="7.0", known=frozenset(known))


@pytest.mark.parametrize(
    ("there", "ts"),
    [
        ([message("3.0", part="7.0")], "3.0"),
        ([message("3.0")], "3.0"),
        ([{"ts": "3.0", "bot_id": "BBOT"}], "3.0"),
        ([message("3.0", part="7.1")], None),
        ([message("3.0", part="6.0"), message("4.0", part="7.0")], "4.0"),
        ([message("3.0", user="U1")], None),
        ([{"ts": "3.0", "bot_id": "B9"}], None),
        ([message("1.0")], None),
        ([], None),
    ],
    ids=["mark", "stream", "bot", "next part", "turn before", "person", "other bot", "root", "-"],
)
async def test_only_the_message_itself_is_found(there, ts):
    """By its mark, or as the one that bears none."""
    assert await found(there) == ts


async def test_a_message_that_is_known_is_another():
    """It was noted as what it is."""
    assert await found([message("3.0"), message("4.0")], known={"3.0"}) == "4.0"


async def test_a_message_is_found_in_a_busy_thread():
    """Beyond the first page."""
    assert await found([message("3.0", user="U1")], [message("4.0", part="7.0")]) == "4.0"


async def test_what_was_said_before_the_question_is_not_looked_at():
    """An old answer, of which nothing is known any more, is not this one."""
    thread = Thread([])
    await find(thread, TARGET, who=WHO, mark="7.0", known=frozenset())
    [(method, arguments)] = thread.asked
    assert (method, arguments["oldest"]) == ("conversations.replies", "2.0")
