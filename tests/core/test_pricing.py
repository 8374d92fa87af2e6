import json
from dataclasses import asdict
from datetime import date

import pytest

from core.pricing import STANDARD, Bill, Listed, Price, listed
from core.types import Usage

MILLION = 1_000_000
SONNET = "claude-sonnet-5-5"
HAIKU = "claude-haiku-5-5"
KNOWN = ("claude-opus-5-5", "claude-fable-5-1", "claude-haiku-4-5", SONNET, HAIKU)
cost, price = STANDARD.cost, STANDARD.price


def of(rate, model="m", since=date.min, **more):
    """A price of so many dollars a million tokens of any kind."""
    kinds = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")
    every = Price(**dict.fromkeys(kinds, int(rate * MILLION)), **more)
    return Listed(model=model, since=since, price=every)


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
    every = price(HAIKU)
    assert cost(HAIKU, Usage(input=100_000)) * 1000 == 100_000 * every.input
    assert cost(HAIKU, long) * 1000 == 5 * sum(
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
    assert price(name) == price("claude-haiku-4-5") is not None


@pytest.mark.parametrize(
    "name", ["", "llama3.2", "claude-sonnet-5", "claude-sonnet-5-5-mini", "x-claude-sonnet-5-5"]
)
def test_an_unknown_model_has_no_price(name):
    """A model that merely looks like a known one costs None, not a guess."""
    assert cost(name, Usage(input=1)) is None


def test_output_costs_five_times_the_input():
    """Every row of the table keeps Anthropic's ratios, so that a slip of a digit is seen."""
    for known in map(price, KNOWN):
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


def test_the_price_in_force_on_a_day_counts():
    """From its own day on, until the next one's; before the first there is none."""
    spring, summer = date(2026, 3, 1), date(2026, 6, 1)
    prices = listed([of(2, since=summer), of(1, since=spring)])
    days = (date(2026, 2, 28), spring, date(2026, 5, 31), summer, date(2027, 1, 1))
    found = [prices.cost("m", Usage(input=1), on) for on in days]
    assert found == [None, 1000, 1000, 2000, 2000]


def test_what_a_provider_asks_is_its_own_price():
    """A name with a provider in front counts for that one; the others cost what the model does."""
    prices = listed([of(1, "llama3.2"), of(3, "router/llama3.2")])
    names = ("llama3.2", "ollama/llama3-2", "router/llama3.2")
    assert [prices.cost(name, Usage(output=1)) for name in names] == [1000, 1000, 3000]


def test_a_part_of_a_nano_dollar_is_a_whole_one():
    """Cheap models' prices have more digits than a bill, and no call is free by rounding."""
    assert listed([of(0.0375)]).cost("m", Usage(input=1)) == 38
    assert listed([of(0.0375)]).cost("m", Usage(input=1000)) == 37_500


def test_a_bill_tells_the_prices_that_it_was_made_at():
    """In dollars a million tokens, of the models that charged; null for one that is not known."""
    bill = Bill(
        listed([of(1, since=date(2026, 1, 1)), of(2, since=date(2026, 6, 1))]), date(2026, 2, 1)
    )
    assert bill.prices is None
    bill.add("m", Usage(input=1))
    bill.add("silent", Usage())
    bill.add("x", Usage(input=1))
    assert json.loads(bill.prices) == {"m": [1, 1, 1, 1, 1], "x": None}
