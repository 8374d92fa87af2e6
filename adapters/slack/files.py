"""Files that come with a message: what Slack tells of them, and how they are got."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from yarl import URL

from adapters.slack.calls import WebApi
from adapters.slack.refusals import Refused, named, refusal, word_of
from core.errors import Barred, Permanent, TooLarge, Transient
from core.facts import PlatformCalled
from core.ports import Clock, Observer
from core.text import clean
from core.types import Attachment

MOST = 10  # files of one message; the others are counted
LONGEST = 100  # characters of a file's name
LONGEST_FIELD = 2_000  # characters of all else that is kept of it
LARGEST = 1 << 40  # bytes; Slack's own limit is far below, and a larger number is no size
WITHIN = 30.0  # seconds until a file has to be here
CHUNK = 64 * 1024  # bytes

SLACK = "slack.com"
HOME = URL("https://files.slack.com")
HTML = "text/html"
# No file of Slack's: it is elsewhere, was deleted, or is older than the workspace pays for.
SHUT = frozenset({"external", "hidden_by_limit", "tombstone"})
ASK = "check_file_info"  # Slack tells what it is only when asked: it is another workspace's

_TEXTS = ("id", "mimetype", "mode", "file_access", "url_private", "url_private_download")
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029]+")


def attached(
    event: Mapping[str, Any], *, team: str, enterprise: str | None
) -> tuple[Attachment, ...]:
    """The first ten files of a message; whatever stands in the event, nothing raises."""
    where = {"team": team} | ({"enterprise": enterprise} if enterprise else {})
    return tuple(
        Attachment(
            name=_name(file),
            type=_text(file.get("mimetype"))[:LONGEST],
            source=where | {"file": _kept(file)},
        )
        for file in _files(event)[:MOST]
    )


def sent(event: Mapping[str, Any]) -> int:
    """How many files came with a message."""
    return len(_files(event))


@dataclass(frozen=True, kw_only=True, slots=True)
class Whose:
    """The workspace whose token a file is asked for with."""

    team: str
    enterprise: str | None


class FileFetcher:
    """A `core.ports.Fetcher` of the files that `attached` tells of.

    `base_url` is the Web API's. A token goes to Slack's file host alone, or, where the API is not
    Slack's own, to the API's. `within` seconds a file has to be here.
    """

    def __init__(
        self,
        api: WebApi,
        *,
        base_url: str,
        clock: Clock,
        observe: Observer,
        within: float = WITHIN,
    ) -> None:
        self._api = api
        self._home = home_of(base_url)
        self._clock = clock
        self._observe = observe
        self._within = within

    async def fetch(self, source: Mapping[str, Any], *, most: int) -> bytes:
        """See `core.ports.Fetcher`."""
        whose = Whose(team=str(source.get("team") or ""), enterprise=source.get("enterprise"))
        file = _mapping(source.get("file"))
        if _is_shut(file):
            raise Permanent("Slack has no such file to give")
        if file.get("file_access") == ASK or not _url(file):
            file = await self._ask(whose, file)
        url = address(_url(file), self._home)
        if (_size(file) or 0) > most:
            raise TooLarge("by what Slack tells of it")
        return await self._get(whose, url, type_=_text(file.get("mimetype")), most=most)

    async def _ask(self, whose: Whose, file: Mapping[str, Any]) -> Mapping[str, Any]:
        """What Slack tells of a file when it is asked."""
        try:
            said = await self._api.call(
                whose.team,
                "files.info",
                enterprise=whose.enterprise,
                file=_text(file.get("id")),
            )
        except Barred as error:
            # The operator was told. Who sent the file should be too, and not wait for them.
            raise Permanent(str(error)) from None
        found = _mapping(said.get("file"))
        if _is_shut(found):
            raise Permanent("Slack has no such file to give")
        return found

    async def _get(self, whose: Whose, url: URL, *, type_: str, most: int) -> bytes:
        begun, outcome = self._clock.monotonic(), "ok"
        try:
            return await self._content(whose, url, type_=type_, most=most)
        except (Transient, Permanent) as error:
            outcome = word_of(error)
            raise
        finally:
            seconds = self._clock.monotonic() - begun
            self._observe(
                PlatformCalled(platform="slack", method="file", outcome=outcome, seconds=seconds)
            )

    async def _content(self, whose: Whose, url: URL, *, type_: str, most: int) -> bytes:
        try:
            got = await self._api.get(
                whose.team, url, enterprise=whose.enterprise, within=self._within
            )
            async with got as response:
                _check(response, type_)
                return await _streamed(response, most)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise named(error) from None  # the connection's own errors quote the address


def home_of(base_url: str) -> URL:
    """The origin that files come from, by the Web API's address."""
    api = URL(base_url)
    host = api.host or ""
    return HOME if host == SLACK or host.endswith(f".{SLACK}") else api.origin()


def address(url: str, home: URL) -> URL:
    """A file's address; raises `Permanent` for one that the token must not be sent to."""
    try:
        found = URL(url)  # what is looked at here is what is asked: no second reading of it
    except ValueError:
        found = URL()
    if _origin(found) == _origin(home) and found.user is None and found.password is None:
        return found
    raise Permanent("its address is not one of Slack's files")


def _origin(url: URL) -> tuple[str, str | None, int | None]:
    return (url.scheme, url.host, url.port)  # a default port is one too, whether it is written out


def _check(response: aiohttp.ClientResponse, type_: str) -> None:
    """Raise for an answer that is not the file."""
    if raised := refusal(response):
        raise raised
    if response.status != 200:
        raise Refused(str(response.status))
    # Where the token is no good, or lacks its scope, Slack shows a page to sign in.
    if response.content_type == HTML and "html" not in type_:
        raise Refused("html")


async def _streamed(response: aiohttp.ClientResponse, most: int) -> bytes:
    """All that comes, of which never more than `most` bytes are held."""
    if (response.content_length or 0) > most:
        raise TooLarge("by its own header")
    held = bytearray()
    async for chunk in response.content.iter_chunked(CHUNK):
        if len(held) + len(chunk) > most:
            raise TooLarge("it goes on and on")
        held += chunk
    return bytes(held)


def _kept(file: Mapping[str, Any]) -> dict[str, Any]:
    """What fetching needs of Slack's own words for a file."""
    texts = {name: _text(file.get(name)) for name in _TEXTS}
    kept: dict[str, Any] = {name: text for name, text in texts.items() if text}
    if (size := _size(file)) is not None:
        kept["size"] = size
    return kept | ({"is_external": True} if file.get("is_external") else {})


def _is_shut(file: Mapping[str, Any]) -> bool:
    return bool(file.get("is_external")) or _text(file.get("mode")) in SHUT


def _url(file: Mapping[str, Any]) -> str:
    return _text(file.get("url_private_download")) or _text(file.get("url_private"))


def _name(file: Mapping[str, Any]) -> str:
    """A file's name on one line; what it is called where it has none."""
    names = (_UNSAFE.sub(" ", _text(file.get(key))).strip() for key in ("name", "title"))
    name = next(filter(None, names), "")
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"


def _size(file: Mapping[str, Any]) -> int | None:
    size = file.get("size")
    sound = isinstance(size, int) and not isinstance(size, bool) and 0 <= size <= LARGEST
    return size if sound else None


def _text(value: object) -> str:
    """A field that is text, as it can be stored; what is too long to be true is none."""
    return clean(value) if isinstance(value, str) and len(value) <= LONGEST_FIELD else ""


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _files(event: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = event.get("files")
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []
