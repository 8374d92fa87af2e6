from typing import Any


class Refused(Exception):
    """Slack answers ok: false, with this error and what else it tells."""

    def __init__(self, error: str, **more: Any) -> None:
        super().__init__(error)
        self.error = error
        self.more = more


class Limited(Exception):
    """Slack answers HTTP 429: again after so many seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after
