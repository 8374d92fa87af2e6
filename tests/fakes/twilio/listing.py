"""Messages.json: what was sent and received, the newest first, by pages."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tests.fakes.twilio.message import Message
from tests.fakes.twilio.refused import Refused

if TYPE_CHECKING:
    from tests.fakes.twilio.server import FakeTwilio

DAY = 24 * 3600.0
FILTERS = ("To", "From", "DateSent", "DateSent>", "DateSent<")


def page(fake: "FakeTwilio", query: Mapping[str, str]) -> dict[str, Any]:
    """One page. Raises `Refused`."""
    size, number = min(_number(query, "PageSize", 50), 1000), _number(query, "Page", 0)
    found = [each for each in reversed(fake.messages.values()) if _fits(each, query)]
    start = _start(found, query.get("PageToken"))
    here, rest = found[start : start + size], found[start + size :]
    path = f"/2010-04-01/Accounts/{fake.account}/Messages.json"
    kept = {name: query[name] for name in FILTERS if name in query} | {"PageSize": str(size)}

    def uri(page: int, **more: str) -> str:
        return f"{path}?{urlencode(kept | {'Page': str(page)} | more)}"

    return {
        "end": start + len(here) - 1,
        "first_page_uri": uri(0),
        "messages": [each.json for each in here],
        "next_page_uri": uri(number + 1, PageToken=f"PA{here[-1].sid}") if rest else None,
        "page": number,
        "page_size": size,
        "previous_page_uri": None,
        "start": start,
        "uri": uri(number),
    }


def _start(found: list[Message], token: str | None) -> int:
    if token is None:
        return 0
    sids = [f"PA{each.sid}" for each in found]
    if token not in sids:
        raise Refused(20006, says="The page token is not valid.")
    return sids.index(token) + 1


def _fits(message: Message, query: Mapping[str, str]) -> bool:
    """Whether a message passes all filters; what was not sent yet was sent at no time."""
    if query.get("To", message.to) != message.to:
        return False
    if query.get("From", message.sender) != message.sender:
        return False
    checks: dict[str, Callable[[float, float, float], bool]] = {
        "DateSent": lambda sent, begin, end: begin <= sent < end,
        "DateSent>": lambda sent, begin, _: sent >= begin,
        "DateSent<": lambda sent, _, end: sent < end,
    }
    return all(
        message.sent_at is not None and check(message.sent_at, *_span(query[name]))
        for name, check in checks.items()
        if name in query
    )


def _span(given: str) -> tuple[float, float]:
    """The day, or the second, that a filter names."""
    try:
        begin = datetime.fromisoformat(given.removesuffix("Z")).replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise Refused(20001, says="DateSent is not a date.") from None
    return begin, begin + (1 if "T" in given else DAY)


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    given = query.get(name, str(default))
    if not given.isdigit():
        raise Refused(20001, says=f"{name} is not a number.")
    return int(given)
