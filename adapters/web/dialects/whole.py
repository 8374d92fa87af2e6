"""An answer in one piece, for responses that are no streams."""

from collections.abc import Mapping

from adapters.web.failure import failure
from core.types import Outcome, Status


def whole(outcome: Outcome, headers: Mapping[str, str]) -> str:
    """The text of an answer, or what there is of one that was stopped.

    Raises `Refused` (502, with `headers` besides its own) for one that could not be had.
    """
    if outcome.status == Status.FAILED:
        refused = failure(outcome)
        refused.headers.update(headers)
        raise refused
    return outcome.text
