"""What people send besides words, on its way from their platform to a model."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from core import files
from core.database import Database
from core.errors import Permanent, TooLarge, Transient
from core.facts import FileFetched
from core.files import Fault, Kept
from core.kinds import LARGEST, READABLE
from core.ports import Clock, Fetcher, Observer
from core.transcript import Spoken
from core.types import File

WAITS = (1, 3, 9)  # seconds between tries: a platform may tell of a file before it has it
AT_ONCE = 4  # files on their way, each of which is in memory whole
# What a prompt holds at most; the provider takes 32 MB, in which a file is a third larger.
SHOWN_BYTES = 18 * 1024 * 1024
SHOWN_FILES = 20

_WHY = {
    Fault.KIND: f"I can't open it: I read {READABLE}.",
    Fault.SIZE: "It is too large for me: send a smaller one.",
    Fault.GONE: "I could not get it: please send it again.",
    Fault.REFUSED: "It could not be read: it may be damaged, protected or too long.",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Unshown:
    """A file that no model is shown; `fault` is None for one that had to make room for others."""

    name: str
    fault: Fault | None


Files = Mapping[str, File | Unshown]
"""What the models are shown of each file, by its key."""


class Attachments:
    """Gets files from where they are, once, and keeps them."""

    def __init__(
        self,
        *,
        database: Database,
        fetchers: Mapping[str, Fetcher],
        observe: Observer,
        clock: Clock,
    ) -> None:
        self._database = database
        self._fetchers = fetchers
        self._observe = observe
        self._clock = clock
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def gather(self, spoken: Iterable[Spoken]) -> Files:
        """All files of what was said; those that were not fetched yet are fetched first.

        Bears repetition: what is there is not fetched again.
        """
        keys = _keys(spoken)
        if not keys:
            return {}
        kept = await self._database.read(files.find, keys)
        if absent := [each for each in kept.values() if not each.is_there and each.fault is None]:
            await asyncio.gather(*map(self._get, absent))
            kept = await self._database.read(files.find, keys)
        shown = _fitting([kept[key] for key in keys if key in kept])
        contents = await self._database.read(files.contents, shown)
        return {key: _seen(kept.get(key), contents.get(key)) for key in keys}

    async def give_up(self, keys: Iterable[str]) -> None:
        """The models' provider would not have these: they are shown to none any more."""
        for key in keys:
            await self._database.write(files.fail, key, Fault.REFUSED)

    async def _get(self, kept: Kept) -> None:
        begun = self._clock.monotonic()
        async with self._slots:
            found = await self._fetch(kept)
            fault = found if isinstance(found, Fault) else await self._keep(kept.key, found)
            if fault is not None:
                await self._database.write(files.fail, kept.key, fault)
        self._observe(
            FileFetched(
                platform=kept.platform,
                outcome="ok" if fault is None else fault.value,
                size=len(found) if isinstance(found, bytes) else 0,
                seconds=self._clock.monotonic() - begun,
            )
        )

    async def _keep(self, key: str, content: bytes) -> Fault | None:
        kind = files.kind(content)
        if isinstance(kind, Fault):
            return kind
        await self._database.write(files.fill, key, kind, content)
        return None

    async def _fetch(self, kept: Kept) -> bytes | Fault:
        """The content, or why there is none."""
        fetcher = self._fetchers.get(kept.platform)
        if fetcher is None or kept.source is None:
            return Fault.GONE
        for wait in (*WAITS, None):
            try:
                return await fetcher.fetch(kept.source, most=LARGEST)
            except TooLarge:
                return Fault.SIZE
            except Permanent:
                break
            except Transient as error:
                if wait is not None:
                    await self._clock.sleep(min(error.retry_after or wait, WAITS[-1]))
        return Fault.GONE


def shown(spoken: Iterable[Spoken], known: Files) -> list[str]:
    """The files among those that came with it that a model can be shown, by their keys."""
    return [key for key in _keys(spoken) if isinstance(known[key], File)]


def told(spoken: Iterable[Spoken], known: Files) -> str:
    """What people are told of files that can't be read, in Markdown; '' if there are none."""
    by_why: dict[str, list[str]] = {}
    for each in (known[key] for key in _keys(spoken)):
        if isinstance(each, Unshown) and each.fault is not None:
            by_why.setdefault(_WHY[each.fault], []).append(each.name)
    return "\n\n".join(_sentence(names, why) for why, names in by_why.items())


def _keys(spoken: Iterable[Spoken]) -> list[str]:
    return [key for message in spoken for key in files.keys_in(message.parts)]


def _sentence(names: Sequence[str], why: str) -> str:
    named = ", ".join(f"“{name}”" for name in names if name)
    return f"{named}: {why}" if named else f"About the file that you sent: {why}"


def _fitting(kept: Sequence[Kept]) -> list[str]:
    """The newest files, as many as a prompt has room for.

    Room is made in big steps, never for one file alone: what a model was shown stays the same from
    one turn to the next, but for those.
    """
    shown: list[Kept] = []
    for each in kept:
        if not each.is_there:
            continue
        shown.append(each)
        if not _fits(shown, 1):
            while len(shown) > 1 and not _fits(shown, 2):
                shown.pop(0)
    return [each.key for each in shown]


def _fits(shown: Sequence[Kept], share: int) -> bool:
    """Whether files fit into one of so many shares of the room."""
    size = sum(each.size for each in shown)
    return size * share <= SHOWN_BYTES and len(shown) * share <= SHOWN_FILES


def _seen(kept: Kept | None, content: bytes | None) -> File | Unshown:
    if kept is None:
        return Unshown(name="", fault=Fault.GONE)
    if kept.fault is not None or content is None:
        return Unshown(name=kept.name, fault=kept.fault)
    return File(name=kept.name, type=kept.type, content=content)
