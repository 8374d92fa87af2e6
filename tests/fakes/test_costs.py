"""The cost checker counts as the provider does."""

import pytest

from tests.fakes.costs import LEAST, Cache

WORD = "word" * LEAST  # as many tokens


def asked(*texts, ttl="5m", system=None):
    """A request whose last block, and system prompt, are marked."""
    mark = {"cache_control": {"type": "ephemeral", "ttl": ttl}}
    messages = [{"role": "user", "content": text} for text in texts]
    messages[-1]["content"] = [{"type": "text", "text": texts[-1]} | mark]
    told = [] if system is None else [{"type": "text", "text": system} | mark]
    return {"system": told, "messages": messages}


def test_what_was_written_is_read_and_the_rest_is_written():
    """The second request shares its first block with the first one."""
    cache = Cache()
    assert cache.ask(asked(WORD), 0).cache_write_5m == LEAST
    usage = cache.ask(asked(WORD, "more"), 1)
    assert (usage.cache_read, usage.cache_write_5m, usage.input) == (LEAST, 1, 0)


def test_one_letter_makes_it_another_prefix():
    """All after it is new, too."""
    cache = Cache()
    cache.ask(asked(WORD), 0)
    assert cache.ask(asked(WORD + "!", "more"), 1).cache_read == 0


@pytest.mark.parametrize(("ttl", "seconds"), [("5m", 300), ("1h", 3600)])
def test_each_use_prolongs_it(ttl, seconds):
    """It is gone when nobody used it for as long as it was kept for."""
    cache = Cache()
    cache.ask(asked(WORD, ttl=ttl), 0)
    assert cache.ask(asked(WORD, ttl=ttl), seconds - 1).cache_read == LEAST
    assert cache.ask(asked(WORD, ttl=ttl), 2 * seconds - 2).cache_read == LEAST
    assert cache.ask(asked(WORD, ttl=ttl), 3 * seconds - 2).cache_read == 0


@pytest.mark.parametrize(("between", "found"), [(18, True), (19, True), (20, False)])
def test_only_twenty_blocks_are_looked_back(between, found):
    """A mark finds what was kept at most so far before itself, itself included."""
    cache = Cache()
    cache.ask(asked(WORD), 0)
    usage = cache.ask(asked(WORD, *["x"] * between), 1)
    assert (usage.cache_read == LEAST) == found


def test_what_is_short_is_not_kept():
    """It is charged as any other input, and nobody says so."""
    cache = Cache()
    assert cache.ask(asked("short", ttl="1h"), 0).input == 2
    assert cache.ask(asked("short", ttl="1h"), 1).input == 2


def test_a_system_prompt_is_shared():
    """By whoever sends the same."""
    cache = Cache()
    cache.ask(asked("I", system=WORD), 0)
    assert cache.ask(asked("You", system=WORD), 1).cache_read == LEAST
