"""The model that is there before any key is: it answers offline, and says that it is a demo."""

import asyncio
import re
from collections.abc import AsyncGenerator

from core.types import Began, Done, Piece, Prompt, PromptMessage, Text, Usage

NAME = "demo"
PACE = 0.03  # seconds a word: as fast as a real model feels
QUOTED = 200  # characters of a message that are repeated


class Demo:
    """A `core.ports.Model` that repeats what it was told, so that memory can be seen."""

    def __init__(self, *, pace: float = PACE) -> None:
        self._pace = pace

    async def stream(self, prompt: Prompt, model: str) -> AsyncGenerator[Piece, None]:  # noqa: ARG002
        """Answer word by word."""
        asked = [_said(message) for message in prompt.messages if message.role == "user"]
        answer = _answer(asked)
        spent = sum(len(message.text) for message in prompt.messages) // 4
        yield Began(usage=Usage(input=spent))
        for word in re.findall(r"\S+\s*", answer):
            yield Text(word)
            await asyncio.sleep(self._pace)
        yield Done(stop_reason="end_turn", usage=Usage(input=spent, output=len(answer) // 4))


def _said(message: PromptMessage) -> str:
    files = ", ".join(file.name or file.type for file in message.files)
    return f"{message.text} ({files})" if files else message.text


def _answer(asked: list[str]) -> str:
    lines = [
        "I am the **demo model**: I run offline and can only repeat.",
        f"You wrote: “{_quote(asked[-1])}”.",
    ]
    if len(asked) > 1:
        lines.append(
            f"That was message {len(asked)} of this conversation; the one before was"
            f" “{_quote(asked[-2])}”."
        )
    lines.append("Set `ANTHROPIC_API_KEY` and restart the gateway to talk to Claude.")
    return "\n\n".join(lines)


def _quote(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= QUOTED else f"{line[:QUOTED]}…"
