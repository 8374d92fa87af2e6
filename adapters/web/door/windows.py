"""How often something happened lately, remembered in this process: each replica counts its own."""

from bisect import bisect_left
from collections import OrderedDict

from limits.storage import MovingWindowSupport, Storage

from core.ports import Clock

MOST = 10_000  # keys remembered; beyond that, those that were idle longest are forgotten


class Windows(Storage, MovingWindowSupport):
    """A storage for moving windows.

    The one that comes with `limits` starts a thread for about every hit, looks through all keys
    in it, and remembers as many as there are addresses in the world.
    """

    STORAGE_SCHEME = None

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self._times: OrderedDict[str, list[float]] = OrderedDict()  # when, the oldest first

    @property
    def base_exceptions(self) -> type[Exception]:
        """Nothing goes wrong in memory."""
        return MemoryError

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count it, unless that makes more than `limit` in the last `expiry` seconds."""
        times = self._lately(key, expiry)
        if len(times) + amount > limit:
            return False
        times.extend([self._clock.monotonic()] * amount)
        self._times[key] = times
        self._times.move_to_end(key)
        while len(self._times) > MOST:
            self._times.popitem(last=False)
        return True

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:  # noqa: ARG002
        """When the oldest that still counts happened, and how many count."""
        times = self._lately(key, expiry)
        return (times[0] if times else self._clock.monotonic()), len(times)

    def _lately(self, key: str, expiry: int) -> list[float]:
        times = self._times.get(key, [])
        del times[: bisect_left(times, self._clock.monotonic() - expiry)]
        return times

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count it in any case; how many count now."""
        self.acquire_entry(key, len(self._lately(key, expiry)) + amount, expiry, amount)
        return self.get(key)

    def get(self, key: str) -> int:
        """How many were counted when the key was last touched."""
        return len(self._times.get(key, ()))

    def get_expiry(self, key: str) -> float:
        """When the key was last counted."""
        times = self._times.get(key)
        return times[-1] if times else self._clock.monotonic()

    def check(self) -> bool:
        """It works."""
        return True

    def reset(self) -> int:
        """Forget everything; how many keys that were."""
        known = len(self._times)
        self._times.clear()
        return known

    def clear(self, key: str) -> None:
        """Forget one key."""
        self._times.pop(key, None)
