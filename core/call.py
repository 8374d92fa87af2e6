"""One call of one model, from the request to its end."""

from collections.abc import AsyncGenerator

from core.breaker import Pass
from core.errors import TooLong, Transient
from core.ports import Model
from core.types import Began, Done, Piece, Prompt, Text, Usage
from core.watchdog import Watchdog

WORDLESS = frozenset({"refusal", "max_tokens"})
"""Reasons to stop that explain an answer without text."""


class Call:
    """One call of one model: its first words, how it ended, what it charged so far."""

    def __init__(self, api: Model, prompt: Prompt, model: str, watchdog: Watchdog) -> None:
        self.model = model
        self.leave: Pass | None = None  # the breaker's, once it is given
        self.words = ""
        self.done: Done | None = None
        self.usage: Usage | None = None  # once the call began
        self._api = api
        self._prompt = prompt
        self._watchdog = watchdog
        self._pieces: AsyncGenerator[Piece, None] | None = None

    async def begin(self) -> None:
        """Ask, and wait for the first visible words or for a reason to have none.

        Blank space alone is not visible: it is held back, so that nobody has seen anything
        of a call that breaks off after it. Raises what the model raises; `Transient` too for
        silence, a broken stream and an answer without words.
        """
        self._pieces = self._api.stream(self._prompt, self.model)
        held = ""
        while self.done is None:
            piece = await self.next()
            if isinstance(piece, Text):
                held += piece.text
                if not held.isspace():
                    self.words = held
                    return
        if self.done.stop_reason == "model_context_window_exceeded":
            raise TooLong("no room is left for an answer")
        if self.done.stop_reason not in WORDLESS:
            raise Transient(f"the answer is empty ({self.done.stop_reason})")

    async def next(self) -> Piece:
        """The next piece, waited for no longer than is allowed. Not to be called once done."""
        if self._pieces is None:
            raise RuntimeError("the call has not begun")
        try:
            with self._watchdog:
                piece = await anext(self._pieces)
        except StopAsyncIteration:
            raise Transient("the answer broke off") from None
        if not isinstance(piece, Text):
            self._note(piece)
        return piece

    async def close(self) -> None:
        """End the call, wherever it is. May be called twice."""
        if self._pieces is not None:
            await self._pieces.aclose()

    def _note(self, piece: Piece) -> None:
        if isinstance(piece, Began):
            self.usage = piece.usage
        elif isinstance(piece, Done):
            self.done = piece
            self.usage = piece.usage or self.usage or Usage()
