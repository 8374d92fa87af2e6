"""What the tests of `core.models` share."""

import asyncio
from contextlib import aclosing

from core.errors import Overloaded, Transient
from core.models import Limits, Models
from core.pricing import Bill
from core.types import Prompt, PromptMessage
from tests.fakes.clock import VirtualClock
from tests.fakes.scripted import ScriptedModel

A, B = "claude-sonnet-5-5", "claude-haiku-5-5"
PROMPT = Prompt(system="", messages=(PromptMessage(role="user", text="Hi"),), max_tokens=100)
CUT = Transient("cut")
FULL = Overloaded("no room")


class House:
    """Models over scripts, with everything that they were given."""

    def __init__(self, scripts, *, chance=1.0, **limits) -> None:
        self.api = ScriptedModel(scripts)
        self.clock = VirtualClock()
        self.facts = []
        self.bill = Bill()
        self.models = Models(
            self.api,
            list(scripts),
            observe=self.facts.append,
            clock=self.clock,
            chance=lambda: chance,
            limits=Limits(**limits),
        )

    def stream(self):
        """One answer, as it comes."""
        return self.models.stream(PROMPT, self.bill)

    async def ask(self):
        """Everything that one answer yields."""
        async with aclosing(self.stream()) as pieces:
            return [piece async for piece in pieces]

    def told(self, kind):
        """The facts of one kind."""
        return [fact for fact in self.facts if isinstance(fact, kind)]


def text(pieces):
    """The words of a whole answer."""
    return "".join(piece.text for piece in pieces[:-1])


async def until(holds):
    """Let other tasks run until it holds."""
    while not holds():  # noqa: ASYNC110 - nothing is there to tell
        await asyncio.sleep(0)
