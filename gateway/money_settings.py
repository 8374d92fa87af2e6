"""What answers cost and may cost, and who answers when it has to cost less."""

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from pydantic import Field
from pydantic import field_validator as check
from pydantic_settings import BaseSettings

from core.budgets import Limits
from core.errors import Misconfigured
from gateway import price_file
from gateway.checks import is_plain

NANO = 1_000_000_000
MOST = 1_000_000  # dollars
BUDGETS = (
    "budget_person_day",
    "budget_person_month",
    "budget_platform_day",
    "budget_platform_month",
    "budget_day",
    "budget_month",
)


def _budget(whose: str, such: str) -> Any:
    return Field(None, description=f"set the dollars that {whose} may cost, such as {such}")


class MoneySettings(BaseSettings):
    """The part of `gateway.config.Settings` that is about money."""

    budget_person_day: Decimal | None = _budget("a person a day", "0.50")
    budget_person_month: Decimal | None = _budget("a person a month", "5")
    budget_platform_day: Decimal | None = _budget("each platform a day", "20")
    budget_platform_month: Decimal | None = _budget("each platform a month", "200")
    budget_day: Decimal | None = _budget("all together a day", "50")
    budget_month: Decimal | None = _budget("all together a month", "500")
    model_simple: str | None = Field(
        None,
        description="set the name of a cheap model, such as claude-haiku-5-5, or leave it out",
    )
    prices_file: Path | None = Field(
        None, description="set the path of a file that is written as gateway/prices.toml is"
    )

    @property
    def limits(self) -> Limits:
        """The budgets, in nano-dollars."""
        return Limits(
            person_day=_nano(self.budget_person_day),
            person_month=_nano(self.budget_person_month),
            platform_day=_nano(self.budget_platform_day),
            platform_month=_nano(self.budget_platform_month),
            all_day=_nano(self.budget_day),
            all_month=_nano(self.budget_month),
        )

    @check(*BUDGETS, mode="before")
    @classmethod
    def _dollars(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            return Decimal(value.strip().removeprefix("$").strip())
        except InvalidOperation:
            raise ValueError("is not a number of dollars") from None

    @check(*BUDGETS)
    @classmethod
    def _a_sum(cls, dollars: Decimal) -> Decimal:
        if not dollars.is_finite() or not 0 < dollars <= MOST:
            raise ValueError(f"is not a sum of more than nothing, and up to {MOST} dollars")
        if dollars * NANO % 1:
            raise ValueError("has more than nine digits behind the point")
        return dollars

    @check("model_simple")
    @classmethod
    def _a_model(cls, value: str) -> str:
        if not is_plain(value) or "," in value:
            raise ValueError("is not the name of a model")
        return value

    @check("prices_file")
    @classmethod
    def _a_price_list(cls, file: Path) -> Path:
        try:
            price_file.read(file)
        except Misconfigured as error:
            # The path itself stays untold: it may be a secret, in the wrong variable.
            faults = [line.partition(": ")[2] for line in str(error).splitlines()]
            raise ValueError(f"names a file at fault: {'; '.join(faults)}") from None
        return file


def _nano(dollars: Decimal | None) -> int | None:
    return None if dollars is None else int(dollars * NANO)
