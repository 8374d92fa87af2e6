"""How long to wait before a model is asked again."""

from typing import Final

from core.errors import Transient

FIRST: Final = 0.5  # seconds, doubled for every retry …
LONGEST: Final = 8.0  # … up to this; the wait is anything between that and nothing …
LEAST: Final = 0.2  # … but at least this


def wait(error: Transient, *, tries: int, chance: float, room: float) -> float | None:
    """Seconds before the retry that follows `tries` others; None if that is beyond `room`.

    As long as the provider asked for, or else by `chance` (0..1), so that those who failed
    together do not come back together.
    """
    asked = error.retry_after or 0.0
    jitter = chance * min(LONGEST, FIRST * 2 ** min(tries, 8))
    seconds = asked if asked > 0 else max(LEAST, jitter)
    return seconds if seconds <= room else None
