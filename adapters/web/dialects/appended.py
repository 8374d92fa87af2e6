"""For readers from whom nothing can be taken back."""

from core.live import Update


class Appended:
    """The words of a turn's updates, to be added to those before.

    What replaces the words so far begins a paragraph after them.
    """

    def __init__(self) -> None:
        self._begun = False
        self._void = False  # what was said counts no more, and nothing stands in its place yet

    def words(self, update: Update) -> str:
        """What to add; empty when there is nothing new to read."""
        self._void |= update.reset and self._begun
        if not update.text:
            return ""
        anew, self._void = self._void, False
        self._begun = True
        return f"\n\n{update.text}" if anew else update.text
