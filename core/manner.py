"""How conversations are held: who answers, what opens them, and what becomes of long ones."""

from dataclasses import dataclass, field, replace
from typing import Literal

from core import commands, context, personas
from core.attachments import Files
from core.context import Context
from core.live import TurnLog
from core.memory import Strategy
from core.past import Past
from core.personas import Persona, Personas
from core.pricing import Bill
from core.transcript import Spoken
from core.types import Turn

# Where a person answers within minutes; on messengers an hour goes by easily.
QUICK_PLATFORMS = frozenset({"web"})
IDLE = {"5m": 300.0, "1h": 3600.0}  # seconds until a provider forgets what it kept


@dataclass(kw_only=True, slots=True)
class Case:
    """A turn on its way to an answer.

    `opening` is what its person is told before that; `past` and `files` are what a model is shown.
    """

    turn: Turn
    log: TurnLog
    bill: Bill
    past: Past
    opening: str
    who: Persona | None
    strategy: Strategy
    files: Files = field(default_factory=dict)

    @property
    def own(self) -> list[Spoken]:
        """The messages that it answers."""
        return [said for said in self.past.spoken if said.turn_id == self.turn.id]

    @property
    def language(self) -> str | None:
        """The language that its person reads, if it is known."""
        return commands.language_in(self.past.spoken, self.turn.id)


@dataclass(frozen=True, kw_only=True, slots=True)
class Manner:
    """What the operator wants of answers.

    With `moment` the model is told when and where something was said, and by whom. `personas`
    answer where they are at home; with `check` their answers are checked, and on platforms that
    get answers `whole` a model is asked once more for what is not as it should be.
    """

    system_prompt: str
    strategy: Strategy = Strategy.SUMMARY
    moment: bool = True
    personas: Personas = field(default_factory=Personas)
    check: bool = True
    whole: frozenset[str] = frozenset()

    def who(self, found: Past, turn: Turn) -> Persona | None:
        """Who answers a turn."""
        return self.personas.get(found.persona) or self.personas.for_address(turn.address)

    def strategy_of(self, who: Persona | None) -> Strategy:
        """What becomes of long conversations with somebody."""
        return who.strategy if who is not None and who.strategy else self.strategy

    def context(self, case: Case) -> Context:
        """What a model is asked."""
        opens = personas.prompt(case.who, self.system_prompt)
        asked = context.build(
            case.past,
            turn_id=case.turn.id,
            system="\n\n".join(filter(None, (opens, case.turn.system))),
            cache=ttl(case.turn),
            files=case.files,
            cut=case.strategy is Strategy.WINDOW,
            moment=self.moment,
        )
        model = case.past.model or (case.who.model if case.who is not None else None)
        if model is None or asked.prompt.model is not None:
            return asked
        return replace(asked, prompt=replace(asked.prompt, model=model))


def ttl(turn: Turn) -> Literal["5m", "1h"]:
    """How long a provider should keep what it was shown."""
    return "5m" if turn.address.platform in QUICK_PLATFORMS else "1h"
