"""What may go wrong on purpose, named by what the caller should do next."""


class GatewayError(Exception):
    """The root of every error that this project raises on purpose."""


class Transient(GatewayError):
    """Try again: the same thing may work later.

    `retry_after` is the wait in seconds that the other side asked for, if it did.
    """

    def __init__(self, message: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RateLimited(Transient):
    """Wait `retry_after` seconds: too much was asked in too short a time."""


class Overloaded(Transient):
    """Go easy on this model for a while: its provider has no room."""


class Barred(Transient):
    """Wait for the operator: it fails the same way until they have mended something."""


class Permanent(GatewayError):
    """Do not try again: the same thing will fail the same way."""


class TooLarge(Permanent):
    """Send less: it has more bytes than are taken."""


class Unavailable(Permanent):
    """Ask another model: this one is not to be had (no access, no money, no such model)."""


class Rejected(Permanent):
    """Ask nobody: what was asked is at fault, and every model would refuse it."""


class TooLong(Rejected):
    """Shorten what is asked, then ask once more."""


class Fenced(GatewayError):
    """Stop and write nothing: the turn belongs to somebody else now."""


class NotFound(GatewayError):
    """There is no such thing, or it belongs to somebody else."""


class Misconfigured(GatewayError):
    """Tell the operator: the message says what to mend, and how."""
