from typing import Protocol


class Clock(Protocol):
    """Where the fake reads the time."""

    def now(self) -> float:
        """Seconds since 1970, UTC."""
        ...


class ManualClock:
    """Time that passes only when it is told to."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self._now = now

    def now(self) -> float:
        """Seconds since 1970, UTC."""
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += seconds


def micros(ts: str) -> int:
    """A message's ts as microseconds, so that they compare. Raises ValueError if it is none."""
    seconds, _, fraction = ts.partition(".")
    return int(seconds) * 1_000_000 + int(fraction.ljust(6, "0")[:6])


def stamp(at: int) -> str:
    """Microseconds as a message's ts."""
    seconds, fraction = divmod(at, 1_000_000)
    return f"{seconds}.{fraction:06}"
