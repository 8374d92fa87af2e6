"""What an answer may cost: decided before a model is asked, and accounted for afterwards."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

from core import budgets, routing, spending, usage
from core.budgets import Limits, Party, Span, Whose
from core.database import Database
from core.estimate import estimate
from core.facts import BudgetNear, BudgetSpent, Routed
from core.ports import Clock, Observer
from core.pricing import Bill, Prices
from core.spending import Leave, Verdict
from core.types import Prompt, Turn, Usage
from core.wording import words_in


@dataclass(frozen=True, kw_only=True, slots=True)
class Money:
    """Prices, budgets, and the models by what they cost.

    `model` answers if nobody says otherwise. `simple` is a cheap one for small talk and for
    budgets that are nearly spent; without it there is none. `others` are asked if a prompt wishes
    for them.
    """

    prices: Prices
    limits: Limits = field(default_factory=Limits)
    model: str = ""
    simple: str | None = None
    others: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Asking:
    """What may be asked (None: nothing), and what the person is told first; '' is nothing."""

    prompt: Prompt | None
    told: str = ""


class Purse:
    """Holds the budgets' money."""

    def __init__(
        self, money: Money, *, database: Database, observe: Observer, clock: Clock
    ) -> None:
        self._money = money
        self._database = database
        self._observe = observe
        self._clock = clock

    @property
    def limited(self) -> bool:
        """Whether there are budgets: what is set aside for an answer has to be settled."""
        return self._money.limits.any

    @property
    def routes(self) -> bool:
        """Whether there is a cheap model for small talk."""
        return self._money.simple is not None

    def bill(self) -> Bill:
        """A bill at today's prices."""
        return Bill(self._money.prices, on=self._today())

    def route(self, turn: Turn, prompt: Prompt, *, text: str, before: Collection[str]) -> Prompt:
        """Have small talk answered by the cheap model, unless the prompt wishes for another.

        `text` is what was said, without what the prompt tells besides. `before` are the models that
        answered in the conversation. One that has left the cheap model never comes back.
        """
        simple = self._money.simple
        if simple is None or prompt.model is not None:
            return prompt
        found = routing.route(
            text,
            files=any(message.files for message in prompt.messages),
            live_messages=len(prompt.messages),
            on_simple=all(each.startswith(simple) for each in before) if before else None,
        )
        self._observe(Routed(turn_id=turn.id, simple=found.simple, reason=found.reason))
        return replace(prompt, model=simple) if found.simple else prompt

    async def reserve(self, turn: Turn, prompt: Prompt, language: str | None) -> Asking:
        """Set aside what an answer may cost. Raises `Fenced`."""
        if not self.limited:
            return Asking(prompt=prompt)
        simple = self._money.simple
        leave = await self._database.write(
            spending.reserve,
            turn,
            _party(turn),
            self._money.limits,
            amount=self._estimate(prompt, self._asked(prompt)),
            cheaper=None if simple is None else self._estimate(prompt, simple),
            now=int(self._clock.now() * 1000),
        )
        self._tell(turn, leave)
        match leave.verdict:
            case Verdict.REFUSED:
                return Asking(prompt=None, told=_refusal(leave, language))
            case Verdict.CHEAPER:
                prompt = replace(prompt, model=simple, only=True)  # what is dearer is too dear
        return Asking(prompt=prompt, told=_warning(leave.warnings, language))

    async def charge(self, turn: Turn, cost: int | None) -> None:
        """Something was spent beside a turn's own answer."""
        if self.limited and cost:
            now = int(self._clock.now() * 1000)
            await self._database.write(
                spending.charge, _party(turn), self._money.limits, cost=cost, now=now
            )

    async def tidy(self) -> None:
        """Settle what dead processes have set aside, and forget budgets of long ago."""
        if self.limited:
            while await self._database.write(spending.sweep):
                pass
            await self._database.write(spending.tidy, now=int(self._clock.now() * 1000))

    def saved(self, model: str, usage: Usage | None, cost: int | None) -> int:
        """Nano-dollars that an answer would have cost more, if the usual model had given it."""
        simple = self._money.simple
        if simple is None or not model.startswith(simple) or usage is None or cost is None:
            return 0
        usual = self._money.prices.cost(self._money.model, usage, self._today())
        return 0 if usual is None else max(0, usual - cost)

    async def text(self, person_id: int, language: str | None) -> str:
        """What a person has used today and this month (UTC), and what is left of their budgets."""
        now = datetime.fromtimestamp(self._clock.now(), UTC)
        day = now.replace(hour=0, minute=0, second=0, microsecond=0)
        today, month = [
            await self._database.read(usage.mine, person_id, since=int(since.timestamp() * 1000))
            for since in (day, day.replace(day=1))
        ]
        standing = await self._database.read(
            spending.standing,
            Party(person_id=person_id, platform=""),
            self._money.limits,
            now=int(now.timestamp() * 1000),
        )
        said = words_in(language)
        lines = [
            said.usage_day.format(**_figures(today)),
            said.usage_month.format(**_figures(month)),
        ]
        for budget in standing:
            if budget.whose is Whose.PERSON:
                left = _dollars(max(0, budget.limit - budget.used))
                line = said.left_day if budget.span is Span.DAY else said.left_month
                lines.append(line.format(left=left))
        return "\n".join(f"- {line}" for line in lines)

    async def affords(self, turn: Turn) -> bool:
        """Whether there is money left for what nobody asked for."""
        if not self.limited:
            return True
        now = int(self._clock.now() * 1000)
        standing = await self._database.read(
            spending.standing, _party(turn), self._money.limits, now=now
        )
        return all(budget.used < budget.limit for budget in standing)

    def _asked(self, prompt: Prompt) -> str:
        """The model that is asked first; a wish for one that is not there is none."""
        wished, money = prompt.model, self._money
        if wished in money.others or (wished is not None and wished == money.simple):
            return str(wished)
        return money.model

    def _estimate(self, prompt: Prompt, model: str) -> int:
        """What an answer may cost; of an unknown price, as much as the usual model's."""
        prices, today = self._money.prices, self._today()
        known = prices.price(model, today) or prices.price(self._money.model, today)
        return estimate(prompt, known)

    def _today(self) -> date:
        return datetime.fromtimestamp(self._clock.now(), UTC).date()

    def _tell(self, turn: Turn, leave: Leave) -> None:
        for budget in leave.warnings:
            self._observe(BudgetNear(whose=budget.whose, span=budget.span))
        if leave.short:
            budget = leave.short[0]
            self._observe(
                BudgetSpent(
                    turn_id=turn.id,
                    whose=budget.whose,
                    span=budget.span,
                    refused=leave.verdict is Verdict.REFUSED,
                )
            )


def _figures(row: usage.Row) -> dict[str, str]:
    tokens = row.input + row.output + row.cache_read + row.cache_write
    return {"answers": str(row.turns), "tokens": str(tokens), "cost": _dollars(row.cost)}


def _dollars(nanos: int) -> str:
    return f"{nanos / 1e9:.4f}"


def _party(turn: Turn) -> Party:
    return Party(person_id=turn.person_id, platform=turn.address.platform)


def _refusal(leave: Leave, language: str | None) -> str:
    said, budget = words_in(language), leave.short[0]
    if budget.whose is Whose.PERSON:
        return said.spent_day if budget.span is Span.DAY else said.spent_month
    return said.full_day if budget.span is Span.DAY else said.full_month


def _warning(near: Iterable[budgets.Budget], language: str | None) -> str:
    """A person's own budgets; the others are for the operator to know of."""
    for budget in near:
        if budget.whose is Whose.PERSON:
            return words_in(language).near.format(percent=spending.WARNED)
    return ""
