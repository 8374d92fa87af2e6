from dataclasses import asdict

import pytest

from core.pricing import PRICES, Bill, cost, price
from core.types import Usage

MILLION = 1_000_000
SONNET = "claude-sonnet-5-5"
HAIKU = "claude-haiku-5-5"


@pytest.mark.parametrize(
    ("usage", "dollars"),
    [
        (Usage(input=MILLION), 2),
        (Usage(output=MILLION), 10),
        (Usage(cache_read=MILLION), 0.1),
        (Usage(cache_write_5m=MILLION), 2.5),
        (Usage(cache_write_1h=MILLION), 4),
    ],
)
def test_every_kind_of_token_has_its_own_price(usage, dollars):
    """A million Sonnet tokens of each kind cost what Anthropic's list says, in nano-dollars."""
    assert cost(SONNET, usage) == dollars * 1_000_000_000


def test_the_kinds_add_up():
    """A call costs the sum of its kinds of tokens, to the nano-dollar."""
    usage = Usage(input=1, output=1, cache_read=1, cache_write_5m=1, cache_write_1h=1)
    assert cost(SONNET, usage) == 2_000 + 10_000 + 100 + 2_500 + 4_000


@pytest.mark.parametrize("usage", [{"input": 60_000}, {"input": 1, "cache_read": 100_000}])
def test_a_long_prompt_makes_haiku_five_times_as_dear(usage):
    """Beyond 100,000 prompt tokens, cached or not, each token of the call costs fivefold."""
    short = Usage(**usage, output=7)
    long = short + Usage(cache_write_5m=50_000)
    every = PRICES[HAIKU]
    assert cost(HAIKU, Usage(input=100_000)) == 100_000 * every.input
    assert cost(HAIKU, long) == 5 * sum(
        getattr(every, kind) * tokens for kind, tokens in asdict(long).items()
    )


@pytest.mark.parametrize(
    "name",
    [
        "claude-haiku-4-5",
        "claude-haiku-4-5-20251001",
        "claude-haiku-4-5@20251001",
        "anthropic/claude-haiku-4-5",
        "anthropic/claude-haiku-4.5",
        "openrouter/anthropic/claude-haiku-4-5-20251001",
    ],
)
def test_a_model_is_known_by_all_its_ids(name):
    """A date at the end or a provider in front changes nothing about the price."""
    assert price(name) is PRICES["claude-haiku-4-5"]


@pytest.mark.parametrize(
    "name", ["", "llama3.2", "claude-sonnet-5", "claude-sonnet-5-5-mini", "x-claude-sonnet-5-5"]
)
def test_an_unknown_model_has_no_price(name):
    """A model that merely looks like a known one costs None, not a guess."""
    assert cost(name, Usage(input=1)) is None


def test_output_costs_five_times_the_input():
    """Every row of the table keeps Anthropic's ratios, so that a slip of a digit is seen."""
    for known in PRICES.values():
        assert known.output == 5 * known.input
        assert known.cache_write_5m * 4 == 5 * known.input
        assert known.cache_write_1h == 2 * known.input
        assert known.cache_read * 10 <= known.input


def test_a_bill_adds_up_calls_of_several_models():
    """Each call is priced by its own model."""
    bill = Bill()
    bill.add(SONNET, Usage(input=10))
    bill.add(HAIKU, Usage(output=10))
    assert (bill.usage, bill.cost) == (Usage(input=10, output=10), 20_000 + 5_000)


def test_a_bill_prices_each_call_by_itself():
    """Two prompts that are long only together are both short."""
    bill = Bill()
    bill.add(HAIKU, Usage(input=60_000))
    bill.add(HAIKU, Usage(input=60_000))
    assert bill.cost == 120_000 * 100


def test_an_empty_bill_knows_nothing():
    """Where no call told anything, neither tokens nor money are known: that is not zero."""
    bill = Bill()
    bill.add(SONNET, Usage())
    assert (bill.usage, bill.cost) == (None, None)


@pytest.mark.parametrize(("name", "usage"), [(SONNET, Usage()), ("llama3.2", Usage(input=1))])
def test_a_bill_with_an_unknown_call_has_no_cost(name, usage):
    """One call of unknown cost makes the sum unknown, while the tokens still count."""
    bill = Bill()
    bill.add(SONNET, Usage(input=10))
    bill.add(name, usage)
    assert (bill.usage, bill.cost) == (Usage(input=10) + usage, None)
