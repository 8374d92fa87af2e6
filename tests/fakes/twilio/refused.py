from typing import Any


class Refused(Exception):
    """What Twilio says no to: its code, and the HTTP status that it comes with."""

    def __init__(
        self, code: int, *, status: int = 400, retry_after: float | None = None, says: str = ""
    ) -> None:
        super().__init__(says or f"error {code}")
        self.code = code
        self.status = status
        self.retry_after = retry_after

    @property
    def body(self) -> dict[str, Any]:
        """The answer's JSON."""
        return {
            "code": self.code,
            "message": str(self),
            "more_info": f"https://www.twilio.com/docs/errors/{self.code}",
            "status": self.status,
        }

    @property
    def headers(self) -> dict[str, str]:
        return {} if self.retry_after is None else {"Retry-After": f"{self.retry_after:g}"}
