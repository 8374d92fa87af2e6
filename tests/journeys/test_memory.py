"""A long conversation stays cheap, remembers, and is sent in the same bytes again and again."""

import asyncio
from dataclasses import replace
from itertools import pairwise

import pytest

from tests.core.stage import POSTGRESQL, SQLITE
from tests.databases import sqlite_url
from tests.fakes.costs import RATES, Asked, blocks, gaps, marks, read_share, resent, spent
from tests.fakes.talk import MAIN, SYSTEM, Talk, question, talking

TURNS = 100
WITHOUT_LONG_ONES = (0.65, 0.35, 0.0)
DEARER = RATES | {MAIN: replace(RATES[MAIN], read=0.1)}  # as older models are
SAMPLING = {"temperature", "top_p", "top_k"}


async def _talked(url: str, pauses: list[float]) -> Talk:
    async with talking(url) as talk:
        await talk.go_on(pauses)
        return talk


@pytest.fixture(scope="module")
def talked(tmp_path_factory) -> Talk:
    """A hundred turns, as people pause."""
    return asyncio.run(_talked(sqlite_url(tmp_path_factory.mktemp("talked")), gaps(TURNS)))


@pytest.fixture(scope="module")
def talked_on(tmp_path_factory) -> Talk:
    """The same, but nobody pauses for longer than the provider's cache keeps what it was shown."""
    pauses = gaps(TURNS, WITHOUT_LONG_ONES)
    return asyncio.run(_talked(sqlite_url(tmp_path_factory.mktemp("talked_on")), pauses))


def texts(asked: Asked) -> list[str]:
    """What each message of a request says."""
    said = [each["content"] for each in asked.sent["messages"]]
    return [each if isinstance(each, str) else each[-1]["text"] for each in said]


# --- what it costs ---


@pytest.mark.parametrize("rates", [RATES, DEARER], ids=["as now", "as older models"])
def test_a_long_conversation_costs_an_eighth(talked, rates):
    """At most 0.12 of what sending all of it again and again would, summaries included."""
    cost = spent(talked.provider.asked, MAIN, rates)
    assert len(talked.asked) == TURNS
    assert cost / resent(SYSTEM, talked.said) <= 0.12


@pytest.mark.parametrize("rates", [RATES, DEARER], ids=["as now", "as older models"])
def test_without_long_pauses_it_costs_a_tenth(talked_on, rates):
    """At most 0.10, and nine tenths of what went in came from the cache."""
    cost = spent(talked_on.provider.asked, MAIN, rates)
    assert cost / resent(SYSTEM, talked_on.said) <= 0.10
    assert read_share(talked_on.asked) >= 0.9


def test_resending_all_is_what_it_is_compared_with():
    """Of two turns the first question goes out twice, and with it the system prompt."""
    assert resent("s" * 40, ["q" * 4, "a" * 8, "q" * 4]) == (10 + 1) + (10 + 1 + 2 + 1)


# --- what is kept ---


def test_the_ten_newest_messages_are_always_sent_word_for_word(talked):
    """Whatever is summed up, each request ends with them and the new question."""
    for turn, asked in enumerate(talked.asked):
        said = talked.said[: 2 * turn + 1][-11:]
        sent = texts(asked)
        assert len(sent) >= len(said)
        assert all(one.endswith(other) for one, other in zip(sent[::-1], said[::-1], strict=False))


def test_a_fact_of_the_third_turn_is_known_in_the_hundredth(talked):
    """It was summed up again and again, and each summary was made of the one before."""
    first, *_ = texts(talked.asked[-1])
    assert "the code of the safe is 4711" in first
    assert sum("4711" in text for text in talked.said) == 1


def test_every_request_is_one_that_the_provider_takes(talked):
    """It begins and ends with the person, roles alternate, and few blocks are marked."""
    for asked in talked.asked:
        roles = [message["role"] for message in asked.sent["messages"]]
        assert roles == ["user", "assistant"] * (len(roles) // 2) + ["user"]
        assert len(marks(asked.sent)) <= 4
        assert not SAMPLING & set(asked.sent)


# --- the cache's health ---


def summary(asked: Asked) -> str:
    """What a request tells of what it does not show."""
    head, _, _ = texts(asked)[0].partition("</conversation_summary>")
    return head if head.startswith("<conversation_summary>") else ""


def drifts(asked: list[Asked]) -> list[int]:
    """The turns whose request does not begin as the one before did, up to its last mark.

    Where the summary is another one the conversation was condensed: then it may not.
    """
    found = []
    for turn, (before, after) in enumerate(pairwise(asked), 2):
        known = blocks(before.sent)[: marks(before.sent)[-1] + 1]
        same = [each.what for each in blocks(after.sent)[: len(known)]]
        if summary(before) == summary(after) and same != [each.what for each in known]:
            found.append(turn)
    return found


def condensed(asked: list[Asked]) -> int:
    """How often a conversation was condensed."""
    return sum(summary(before) != summary(after) for before, after in pairwise(asked))


def test_what_was_sent_is_sent_again_as_it_was(talked_on):
    """Between two summaries each request is the one before, and more."""
    assert drifts(talked_on.asked) == []
    assert 3 <= condensed(talked_on.asked) <= 7


def test_a_drift_is_found(talked_on):
    """Also if it is one letter of the system prompt, or of an old message."""
    good = talked_on.asked[:4]
    sent = dict(good[2].sent, messages=[*good[2].sent["messages"]])
    sent["messages"][0] = {"role": "user", "content": "another"}
    assert drifts([*good[:2], replace(good[2], sent=sent)]) == [3]
    [system] = good[2].sent["system"]
    sent = dict(good[2].sent, system=[system | {"text": system["text"] + "!"}])
    assert drifts([*good[:2], replace(good[2], sent=sent)]) == [3]


@SQLITE
async def test_a_restart_changes_nothing(database_url):
    """The next process sends what the one before has sent, to the byte."""
    async with talking(database_url) as talk:
        await talk.go_on([60] * 5)
        clock, provider = talk.clock, talk.provider
    for _ in range(3):
        async with talking(database_url, clock=clock, provider=provider) as talk:
            await talk.go_on([60] * 5)
    assert len(talk.asked) == 20
    assert drifts(talk.asked) == []


@POSTGRESQL
async def test_replicas_send_the_same(database_url):
    """Whichever of two answers, turn by turn."""
    async with talking(database_url) as one:
        clock, provider = one.clock, one.provider
        async with talking(database_url, clock=clock, provider=provider) as other:
            for number in range(24):
                clock.advance(60)
                await (one, other)[number % 2].say(question(number))
    assert drifts(one.asked) == []
    assert condensed(one.asked) == 1


@SQLITE
async def test_all_platforms_share_a_system_prompt(database_url):
    """A busy gateway's is kept once for everybody: the platform is told beside the question."""
    async with talking(database_url) as talk:
        asked = [await talk.say("Hi", platform=name) for name in ("web", "slack", "whatsapp")]
    assert len({blocks(each.sent)[0].what for each in asked}) == 1
    assert len({text for each in asked for text in texts(each)}) == 3
    assert [each.usage.cache_read > 1000 for each in asked] == [False, True, True]
