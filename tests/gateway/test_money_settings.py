"""Budgets are written in dollars, and what is wrong is told by the variable's name."""

import pytest
from pydantic import ValidationError
from pydantic_settings import SettingsConfigDict

from core.budgets import Limits
from gateway import money_settings


class MoneySettings(money_settings.MoneySettings):
    """The part alone; as a part of all settings, its defaults are not looked at either."""

    model_config = SettingsConfigDict(validate_default=False)


def test_budgets_are_dollars():
    """To the nano-dollar; what is not set is no limit."""
    told = MoneySettings(budget_person_day="0.01", budget_month=" $5 ", budget_platform_day="1.5")
    assert told.limits == Limits(
        person_day=10_000_000, all_month=5_000_000_000, platform_day=1_500_000_000
    )
    assert not MoneySettings().limits.any


@pytest.mark.parametrize("value", ["0", "-1", "nan", "1e9", "0,50", "five", "0.0000000001"])
def test_what_is_no_sum_of_dollars_is_refused(value):
    """By the variable's name, and without the value."""
    with pytest.raises(ValidationError) as refused:
        MoneySettings(budget_person_day=value)
    [fault] = refused.value.errors()
    assert fault["loc"] == ("budget_person_day",)
    assert value not in fault["msg"].split()


def test_a_price_file_is_looked_at_when_the_settings_are(tmp_path):
    """All of its faults are told, and not where it is: that may be a secret's place."""
    file = tmp_path / "own.toml"
    file.write_text('[[price]]\nmodel = "m"\noutput = "5"\n')
    with pytest.raises(ValidationError) as refused:
        MoneySettings(prices_file=str(file), model_simple="two words")
    found = {fault["loc"][0]: fault["msg"] for fault in refused.value.errors()}
    assert set(found) == {"prices_file", "model_simple"}
    assert "price 1 (m): `input` is missing" in found["prices_file"]
    assert "price 1 (m): `output` is not a price" in found["prices_file"]
    assert str(tmp_path) not in found["prices_file"]
