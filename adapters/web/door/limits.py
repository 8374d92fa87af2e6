"""How much one caller may ask of the edge, before the engine hears of it."""

from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address
from math import ceil

from limits import (
    RateLimitItem,
    RateLimitItemPerHour,
    RateLimitItemPerMinute,
    RateLimitItemPerSecond,
    parse_many,
)
from limits.strategies import MovingWindowRateLimiter

from adapters.web.door.principal import Kind, Principal
from adapters.web.door.windows import Windows
from adapters.web.errors import Refused
from core.ports import Clock

Rules = Sequence[RateLimitItem]

# Generous: a whole office may share an address.
REQUESTS: Rules = (RateLimitItemPerSecond(200, 10),)
FAILURES: Rules = (RateLimitItemPerMinute(30),)
NEWCOMERS: Rules = (RateLimitItemPerMinute(20), RateLimitItemPerHour(200))

CROWD = 10  # visitors of one address may say as much as that many people
LARGEST = 10_000  # messages in one window: each is remembered
LONGEST = 31 * 86_400  # seconds of one window


def rules(text: str) -> Rules:
    """A limit as `20/minute`, several with commas between; `none` is none.

    Raises `ValueError`, which does not repeat the text.
    """
    if text.strip().lower() == "none":
        return ()
    try:
        found = parse_many(text)
    except ValueError:
        raise ValueError("is not a number of messages per time, such as 20/minute") from None
    for rule in found:
        if not 1 <= rule.amount <= LARGEST or not 1 <= rule.get_expiry() <= LONGEST:
            raise ValueError(f"is not between 1 and {LARGEST} messages in up to 31 days")
    return found


class Limits:
    """Counts in this process; each method counts once or raises `Refused` (429).

    `messages` are the rules for what one person does besides sending messages, `public` those for
    an address whose people do not sign in. Without `edge` requests and tries are not counted: it
    serves its own machine alone.
    """

    def __init__(self, *, messages: Rules, public: Rules, edge: bool, clock: Clock) -> None:
        self._messages = messages
        self._crowd = [type(each)(each.amount * CROWD, each.multiples) for each in messages]
        self._public = public
        self._edge = edge
        self._clock = clock
        self._windows = MovingWindowRateLimiter(Windows(clock))

    def message(self, principal: Principal, ip: str) -> None:
        """Somebody sends a message; what one person may send is counted where it is stored.

        Programs may send any number.
        """
        match principal.kind:
            case Kind.PUBLIC:
                self._count((self._public, "message", network(ip), "Too many messages"))
            case Kind.VISITOR:
                # Anybody can become many visitors; an office behind one address is a few people.
                too_many = "Too many messages from this address"
                self._count((self._crowd, "crowd", network(ip), too_many))

    def act(self, principal: Principal, ip: str) -> None:
        """Somebody does what costs as much as a message, such as to send a file."""
        self.message(principal, ip)
        if principal.kind in {Kind.USER, Kind.VISITOR}:
            self._count((self._messages, "act", principal.account, "Too many requests"))

    def request(self, ip: str) -> None:
        """A request comes from an address."""
        if self._edge:
            self._count((REQUESTS, "request", network(ip), "Too many requests from this address"))

    def failure(self, ip: str) -> None:
        """Credentials from an address were no good."""
        if self._edge:
            self._count((FAILURES, "failure", network(ip), "Too many invalid tokens"))

    def visitor(self, ip: str) -> None:
        """A new visitor comes from an address."""
        self._count((NEWCOMERS, "visitor", network(ip), "Too many new visitors from this address"))

    def _count(self, *counts: tuple[Rules, str, str, str]) -> None:
        # All are looked at first: what one refuses must not use up another.
        for rules, what, who, too_many in counts:
            self._check(rules, what, who, too_many)
        for rules, what, who, _ in counts:
            for rule in rules:
                self._windows.hit(rule, what, who)

    def _check(self, rules: Rules, what: str, who: str, too_many: str) -> None:
        full = [rule for rule in rules if not self._windows.test(rule, what, who)]
        if full:
            resets = [self._windows.get_window_stats(rule, what, who).reset_time for rule in full]
            wait = ceil(max(resets) - self._clock.monotonic()) or 1
            raise Refused(
                429,
                "rate_limited",
                f"{too_many}: no more than {_words(full)}. Try again in {wait} s.",
                retry_after=wait,
            )


def _words(full: Rules) -> str:
    return " and ".join(str(rule).replace(" per 1 ", " per ") for rule in full)


def network(ip: str) -> str:
    """What counts as one address: of IPv6, the 64 bits that one customer is given at least."""
    if ":" not in ip:
        return ip
    try:
        address = ip_address(ip.partition("%")[0])
    except ValueError:
        return ip
    if not isinstance(address, IPv6Address):
        return ip
    return str(address.ipv4_mapped or f"{int(address) >> 64:x}")
