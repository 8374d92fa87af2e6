"""Prices are read from a file that people edit, and whatever is wrong with it is told at once."""

from datetime import date

import pytest

from core.errors import Misconfigured
from core.pricing import STANDARD
from core.types import Usage
from gateway.price_file import prices

MILLION = 1_000_000
ONE = Usage(input=MILLION, output=MILLION)


@pytest.fixture
def write(tmp_path):
    """Put a text into a file; returns its path."""

    def put(text):
        file = tmp_path / "own.toml"
        file.write_text(text)
        return file

    return put


def faults(file):
    with pytest.raises(Misconfigured) as refused:
        prices(file)
    return str(refused.value).splitlines()


def test_the_shipped_prices_are_those_that_the_program_knows():
    """The file beside the program and the list in it say the same today."""
    shipped = prices()
    assert set(shipped.models) == set(STANDARD.models)
    for model in STANDARD.models:
        assert shipped.price(model) == STANDARD.price(model)


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path):
    """As some editors write it."""
    (tmp_path / "own.toml").write_bytes(
        b'\xef\xbb\xbf[[price]]\nmodel = "m"\ninput = 1\noutput = 1\n'
    )
    assert prices(tmp_path / "own.toml").price("m") is not None


@pytest.mark.parametrize("text", ["a = " + "[" * 5000, "a = " + "1" * 5000])
def test_what_no_file_needs_is_refused_in_words(write, text):
    """Nests without end, and numbers that nobody counts."""
    assert "beyond all measure" in faults(write(text))[0]


def test_the_shipped_prices_know_their_history():
    """What is cached of Sonnet has cost half since the seventh of October."""
    cached = Usage(cache_read=MILLION)
    found = [prices().cost("claude-sonnet-5-5", cached, date(2026, 10, day)) for day in (6, 7)]
    assert found == [200_000_000, 100_000_000]


def test_the_operators_prices_go_before_the_shipped_ones(write):
    """Models that are in both cost what the operator's file says on any day; the others stay."""
    own = write(
        '[[price]]\nmodel = "claude-sonnet-5-5"\nfrom = 2020-01-01\ninput = 1\noutput = 0.0375\n'
        '[[price]]\nmodel = "llama3.2"\ninput = 0\noutput = 0\n'
    )
    found = prices(own)
    assert found.cost("claude-sonnet-5-5", ONE) == 1_037_500_000
    # What is cached costs as much as what is not, unless the file says otherwise.
    assert found.cost("claude-sonnet-5-5", Usage(cache_read=MILLION)) == 1_000_000_000
    assert found.cost("ollama/llama3.2", ONE) == 0
    assert found.price("claude-opus-5-5") == STANDARD.price("claude-opus-5-5")


def test_all_faults_of_a_file_are_told_at_once(write):
    """Each names its entry, and says what to write instead."""
    own = write(
        'currency = "EUR"\n'
        "[[price]]\ninput = -1\noutput = true\n"
        '[[price]]\nmodel = "a"\nfrom = "2026-01-01"\ninput = 0.0000001\noutput = 1\n'
        '[[price]]\nmodel = "b"\ninput = 1\noutput = 5\nlong_prompt = 0\nouptut = 5\n'
        '[[price]]\nmodel = "c"\ninput = 1\noutput = 5\n'
        '[[price]]\nmodel = "c"\ninput = nan\noutput = 5\n'
        '[[price]]\nmodel = "c"\ninput = 2\noutput = 5\n'
    )
    told = faults(own)
    begins = [
        "own.toml: `currency` means nothing here",
        "own.toml: price 1 (no model): `model` is missing",
        "own.toml: price 1 (no model): `input` is not a price",
        "own.toml: price 1 (no model): `output` is not a price",
        "own.toml: price 2 (a): `from` is not a day",
        "own.toml: price 2 (a): `input` is not a price",
        "own.toml: price 3 (b): `ouptut` means nothing here",
        "own.toml: price 3 (b): `long_prompt` and `long_factor` go together",
        "own.toml: price 3 (b): `long_prompt` is not a whole number",
        "own.toml: price 5 (c): `input` is not a price",
        "own.toml: price 6 (c): price 4 is of the same model and day",
    ]
    assert len(told) == len(begins)
    for line, begin in zip(told, begins, strict=True):
        assert line.startswith(begin)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[price]", "is not TOML"),
        ("", "has no prices"),
        ("price = 5", "has no prices"),
        (None, "cannot be read"),
    ],
)
def test_what_is_no_price_list_is_told_so(write, tmp_path, text, says):
    """A file that is not there, is not TOML or has nothing in it."""
    [told] = faults(tmp_path / "none.toml" if text is None else write(text))
    assert says in told
