"""Bound the waits for a model, and nothing but those waits."""

import asyncio
from types import TracebackType

from core.errors import Transient


class Stalled(Transient):
    """Give up on this call: the model was waited for as long as is allowed."""


class Watchdog:
    """Ends a `with watchdog:` block that waits too long, by raising `Stalled` from it.

    One wait may last `no_progress` seconds, all waits together `total`. What happens between
    two waits does not count. `close` it when no more waits will come.
    """

    # asyncio.timeout would do for one wait, but 40 of them an answer cost a timer each, where
    # one timer that looks at the clock when it fires costs none. And it must not stay open
    # across a generator's yield: it belongs to the task that opened it and cancels whatever
    # that task does when time is up, which after a yield is the consumer's own business; and
    # the next pull may come from another task.

    def __init__(self, *, no_progress: float, total: float) -> None:
        self.left = total
        self._no_progress = no_progress
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[object] | None = None
        self._cancelling = 0
        self._since = 0.0
        self._bit = False

    def __enter__(self) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a watchdog needs a task to wake")
        self._task = task
        self._cancelling = task.cancelling()
        self._since = self._loop.time()
        if self._timer is None:
            self._arm()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.left -= self._loop.time() - self._since
        task, self._task = self._task, None
        if self._bit and task is not None:
            self._bit = False
            # As asyncio.timeout does: somebody else's cancel goes on, ours ends here.
            mine = task.uncancel() <= self._cancelling
            if mine and kind is asyncio.CancelledError:
                raise Stalled("the model kept us waiting too long") from error

    def close(self) -> None:
        """Forget the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        due = self._since + min(self._no_progress, self.left)
        self._timer = self._loop.call_at(due, self._look)

    def _look(self) -> None:
        """Bite if the wait is too long, else come back when it would be.

        What is too long for a later wait comes later too, so the timer is never late.
        """
        self._timer = None
        if self._task is None:  # the next wait sets it
            return
        waited = self._loop.time() - self._since
        if waited < min(self._no_progress, self.left):
            self._arm()
            return
        self._bit = True
        self._task.cancel()
