"""What is noted of a part before Twilio is known to have it, as text in place of its id: pure."""

import re
from dataclasses import dataclass

PLAIN = "~"

_NOTE = re.compile(r"(?P<plain>~)?(?:!(?P<crowded>[0-9]{1,9}))?(?:\?(?P<begun>[0-9]+\.[0-9]+))?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Trying:
    """How far a part has come that may not be there.

    `begun_at` is when a call was made that Twilio may have taken, in seconds since 1970; `crowded`
    is how often in a row the person had been sent too many. A `plain` part goes without marks.
    """

    begun_at: float | None = None
    crowded: int = 0
    plain: bool = False


def read(note: str) -> Trying:
    """What a note says; one of nothing, or of something else, says that nothing was begun."""
    found = _NOTE.fullmatch(note)
    if found is None:
        return Trying()
    begun, crowded = found["begun"], found["crowded"]
    return Trying(
        begun_at=float(begun) if begun else None,
        crowded=int(crowded or 0),
        plain=found["plain"] is not None,
    )


def write(trying: Trying) -> str:
    """As a note; it is like no id of Twilio's, and empty if there is nothing to say."""
    plain = PLAIN if trying.plain else ""
    crowded = f"!{trying.crowded}" if trying.crowded else ""
    begun = "" if trying.begun_at is None else f"?{trying.begun_at:.3f}"
    return plain + crowded + begun
