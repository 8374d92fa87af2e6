"""The bus of a single process."""

from collections import defaultdict
from collections.abc import Callable


class LocalBus:
    """A `core.ports.Bus` whose only replica is this one."""

    def __init__(self) -> None:
        self._listeners: dict[str, list[Callable[[bytes], None]]] = defaultdict(list)

    async def send(self, channel: str, message: bytes) -> None:
        """Call each listener, in the order in which they came."""
        for listener in self._listeners[channel]:
            listener(message)

    def on(self, channel: str, listener: Callable[[bytes], None]) -> None:
        """Call `listener` for each message of the channel from now on."""
        self._listeners[channel].append(listener)
