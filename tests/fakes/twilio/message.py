"""A message as Twilio keeps it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

LOST = frozenset({"failed", "undelivered", "canceled"})


@dataclass(kw_only=True, slots=True, eq=False)
class Message:
    """To or from a person. `sent_at` is None while it is in the queue.

    `fate` is the code that it is going to fail with, known to nobody before its callbacks tell;
    `error` is the code that it failed with.
    """

    sid: str
    account: str
    to: str
    sender: str
    body: str
    direction: str
    created_at: float
    status: str
    service: str | None = None
    content: str | None = None
    callback: str | None = None
    media: tuple[str, ...] = ()
    sent_at: float | None = None
    fate: int | None = None
    error: int | None = None

    @property
    def is_outbound(self) -> bool:
        return self.direction.startswith("outbound")

    @property
    def is_lost(self) -> bool:
        """Whether its recipient never sees it."""
        return self.fate is not None or self.status in LOST

    @property
    def json(self) -> dict[str, Any]:
        """The resource."""
        uri = f"/2010-04-01/Accounts/{self.account}/Messages/{self.sid}"
        # A service chooses its sender when it is the message's turn.
        unchosen = self.service is not None and self.status == "accepted"
        return {
            "account_sid": self.account,
            "api_version": "2010-04-01",
            "body": self.body,
            "date_created": _rfc2822(self.created_at),
            "date_sent": None if self.sent_at is None else _rfc2822(self.sent_at),
            "date_updated": _rfc2822(self.sent_at or self.created_at),
            "direction": self.direction,
            "error_code": self.error,
            "error_message": None,
            "from": None if unchosen else self.sender,
            "messaging_service_sid": self.service,
            "num_media": str(len(self.media)),
            "num_segments": "1",
            "price": None,
            "price_unit": None,
            "sid": self.sid,
            "status": self.status,
            "subresource_uris": {"media": f"{uri}/Media.json"},
            "to": self.to,
            "uri": f"{uri}.json",
        }


def _rfc2822(at: float) -> str:
    return format_datetime(datetime.fromtimestamp(int(at), UTC))
