"""What is kept of a model's answer."""

from core.context import Context
from core.live import TurnLog
from core.models import Answered
from core.pricing import Bill
from core.text import notice as words_of
from core.types import STOPPED, Answer, Failure, Notice, Part, Status


def failed(failure: Failure, bill: Bill, opening: str = "") -> Answer:
    """What is stored for a turn that could not be answered, but for what the person was told."""
    return Answer(
        status=Status.FAILED,
        parts=text_parts(opening),
        error=failure,
        usage=bill.usage,
        cost=bill.cost,
    )


def kept(  # noqa: PLR0913 - what was said, and to whom
    answered: Answered | None,
    log: TurnLog,
    bill: Bill,
    asked: Context | None,
    opening: str = "",
    *,
    language: str | None = None,
) -> Answer:
    """What is stored of an answer whose words are in the log; None is one that was stopped.

    `asked` is None if that was before anything was asked. The log, which begins with the
    `opening`, is made to say what is stored, in the `language` of whoever asked.
    """
    shown = 0 if asked is None else len(asked.prompt.messages)
    window_from = None if asked is None else asked.window_from
    if answered is None:
        return Answer(
            status=Status.CANCELLED,
            parts=text_parts(log.text),
            stop_reason=STOPPED,
            usage=bill.usage,
            cost=bill.cost,
            window_from=window_from,
            shown=shown,
        )
    notice = notice_of(answered)
    if notice is Notice.REFUSED:
        # Half an answer that the model itself took back is neither shown nor remembered.
        log.reset()
        log.append(opening)
    parts = text_parts(log.text)
    if notice is not None:
        told = {"language": language} if language else {}
        parts = (*parts, {"type": "notice", "notice": notice, **told})
        log.append(words_of(notice, language))
    return Answer(
        status=Status.DONE,
        parts=parts,
        model=answered.model,
        stop_reason=answered.stop_reason,
        usage=answered.usage,
        cost=answered.cost,
        window_from=window_from,
        shown=shown,
    )


def text_parts(text: str) -> tuple[Part, ...]:
    """A text as it is stored; nothing if there is none."""
    return ({"type": "text", "text": text},) if text else ()


def notice_of(answered: Answered) -> Notice | None:
    """What has to be said about an answer that did not end by itself."""
    if answered.interrupted:
        return Notice.INTERRUPTED
    return {
        "max_tokens": Notice.TRUNCATED,
        "model_context_window_exceeded": Notice.TRUNCATED,
        "refusal": Notice.REFUSED,
    }.get(answered.stop_reason)
