"""A model whose answers are written down beforehand."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

from core.types import Began, Done, Piece, Progress, Prompt, Text, Usage

Step = Piece | Exception | Callable[[], Awaitable[object]]
"""A piece is yielded, an error is raised, and anything else is called and awaited."""

ASKED = Usage(input=100)
CHARGED = Usage(input=100, output=10)


def says(*texts: str, stop_reason: str = "end_turn") -> list[Step]:
    """A call that goes well."""
    words = [Text(text) for text in texts]
    return [Began(usage=ASKED), Progress(), *words, Done(stop_reason=stop_reason, usage=CHARGED)]


async def forever() -> None:
    """Wait for what will not come."""
    await asyncio.Event().wait()


class ScriptedModel:
    """A `core.ports.Model`: the n-th call of a model plays the n-th of its scripts.

    `calls` and `prompts` are what was asked, in order; `running` the models not closed yet.
    """

    def __init__(self, scripts: Mapping[str, list[list[Step]]]) -> None:
        self.calls: list[str] = []
        self.prompts: list[Prompt] = []
        self.running: list[str] = []
        self.peak = 0
        self._scripts = {model: iter(scripts) for model, scripts in scripts.items()}

    async def stream(self, prompt: Prompt, model: str) -> AsyncIterator[Piece]:
        """Play the model's next script."""
        self.calls.append(model)
        self.prompts.append(prompt)
        self.running.append(model)
        self.peak = max(self.peak, len(self.running))
        try:
            for step in next(self._scripts[model]):
                if isinstance(step, Exception):
                    raise step
                if callable(step):
                    await step()
                else:
                    yield step
        finally:
            self.running.remove(model)
