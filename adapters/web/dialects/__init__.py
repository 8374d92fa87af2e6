"""One encoder a dialect: what its clients read of a turn's updates, as bytes."""

from typing import Protocol

from core.live import Update


class Dialect(Protocol):
    """Turns the updates of one turn into what its client reads. Pure, but for what it has said."""

    def encode(self, update: Update) -> bytes:
        """The update as bytes for the wire; empty when there is nothing to tell."""
        ...
