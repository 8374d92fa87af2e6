"""How often one sender may write to one person."""

BURST, EVERY = 45, 6.0  # messages at once, then one in so many seconds


class Pairs:
    """A bucket for each sender and recipient. `burst` and `every` may be changed."""

    def __init__(self) -> None:
        self.burst, self.every = BURST, EVERY
        self._left: dict[tuple[str, str], tuple[float, float]] = {}

    def take(self, sender: str, to: str, now: float) -> bool:
        """Count a message; False if it is one too many, which then does not count."""
        left, since = self._left.get((sender, to), (float(self.burst), now))
        left = min(self.burst, left + (now - since) / self.every)
        enough = left >= 1
        self._left[sender, to] = (left - enough, now)
        return enough
