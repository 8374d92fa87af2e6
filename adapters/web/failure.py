"""A message that was stored, and whose answer could not be had."""

from adapters.web.errors import Refused
from core.text import apology
from core.types import Outcome, Status

DO_NOT_RETRY = {"x-should-retry": "false"}
"""For clients that send a request again by themselves: that would be a second run of it."""


def failure(outcome: Outcome) -> Refused:
    """What to tell the caller of a failed answer, as long as nothing of it was sent.

    502 and never 503, which says that nothing was stored and that it may be sent again.
    """
    return Refused(
        502,
        outcome.error or "failed",
        apology(outcome.turn_id, outcome.language),
        headers=DO_NOT_RETRY,
    )


def answered(outcome: Outcome) -> Outcome:
    """The outcome, unless there is no answer. Raises `Refused`."""
    if outcome.status == Status.FAILED:
        raise failure(outcome)
    return outcome
