"""Plain text: the answer's words and nothing else."""

from adapters.web.dialects.appended import Appended
from core.live import Update
from core.text import apology
from core.types import Status


class Raw:
    """Encodes the updates of one turn, whole characters at a time.

    A failure can only be told in words among the others, on a line of its own.
    """

    def __init__(self) -> None:
        self._said = Appended()

    def encode(self, update: Update) -> bytes:
        """The update's words; empty when there are none."""
        words = self._said.words(update)
        if update.outcome is not None and update.outcome.status == Status.FAILED:
            words += f"\nError: {apology(update.turn_id, update.outcome.language)}"
        return words.encode()
