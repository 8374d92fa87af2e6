"""What people send besides words, on its way from their platform to a model."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from core import files, kinds
from core.database import Database
from core.errors import Permanent, TooLarge, Transient
from core.facts import FileFetched
from core.files import Fault, Kept
from core.kinds import LARGEST
from core.ports import Clock, Fetcher, Observer
from core.room import Room
from core.transcript import Spoken
from core.types import File
from core.wording import ENGLISH, words_in

WAITS = (1, 3, 9)  # seconds between tries: a platform may tell of a file before it has it
AT_ONCE = 8  # files on their way, each of which is in memory whole; a share for each platform
OF_ONE = 2  # of these for one turn, so that nobody's many files keep others' waiting
# What a prompt holds at most; the provider takes 32 MB, in which a file is a third larger.
SHOWN_BYTES = 18 * 1024 * 1024
SHOWN_FILES = 20
HELD_BYTES = 96 * 1024 * 1024  # of the files that all running turns show


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
        self._room = Room(HELD_BYTES)
        self._shares: dict[str, asyncio.Semaphore] = {}

    @asynccontextmanager
    async def shown_to(self, spoken: Iterable[Spoken]) -> AsyncIterator[Files]:
        """All files of what was said, until the block ends, which is when their turn is answered.

        Those that were not fetched yet are fetched first. Their contents are memory that all turns
        share: for the room that they need, turns wait in order. Bears repetition: what is there is
        not fetched again.
        """
        keys = _keys(spoken)
        if not keys:
            yield {}
            return
        kept = await self._fetched(keys)
        shown = _fitting([kept[key] for key in keys if key in kept])
        async with self._room.hold(sum(kept[key].size for key in shown)):
            contents = await self._database.read(files.contents, shown)
            yield {key: _seen(kept.get(key), contents.get(key)) for key in keys}

    async def give_up(self, keys: Iterable[str]) -> None:
        """The models' provider would not have these: they are shown to none any more."""
        for key in keys:
            await self._database.write(files.fail, key, Fault.REFUSED)

    async def _fetched(self, keys: Collection[str]) -> dict[str, Kept]:
        """What is known of files once all are fetched that can be."""
        kept = await self._database.read(files.find, keys)
        absent = [each for each in kept.values() if not each.is_there and each.fault is None]
        if not absent:
            return kept
        few = asyncio.Semaphore(OF_ONE)
        await asyncio.gather(*(self._get(each, few) for each in absent))
        return await self._database.read(files.find, keys)

    async def _get(self, kept: Kept, few: asyncio.Semaphore) -> None:
        """Fetch a file and keep it, or why there is none; `few` is what one turn may do at once."""
        begun = self._clock.monotonic()
        size, fault = await self._insist(kept, few)
        if fault is not None:
            await self._database.write(files.fail, kept.key, fault)
        self._observe(
            FileFetched(
                platform=kept.platform,
                outcome="ok" if fault is None else fault.value,
                size=size,
                seconds=self._clock.monotonic() - begun,
            )
        )

    async def _insist(self, kept: Kept, few: asyncio.Semaphore) -> tuple[int, Fault | None]:
        """How many bytes came, and why they are not shown, if so. Nobody waits for its pauses."""
        fetcher = self._fetchers.get(kept.platform)
        if fetcher is None or kept.source is None:
            return 0, Fault.GONE
        for wait in (*WAITS, None):
            async with few, self._share(kept.platform):
                found = await _try(fetcher, kept.source)
                if isinstance(found, bytes):  # it is in memory until it is stored
                    return len(found), await self._keep(kept.key, found)
            if isinstance(found, Fault):
                return 0, found
            if wait is not None:
                await self._clock.sleep(min(found.retry_after or wait, WAITS[-1]))
        return 0, Fault.GONE

    def _share(self, platform: str) -> asyncio.Semaphore:
        """A platform's own part of what may be on its way: a slow one is in no other's."""
        share = max(1, AT_ONCE // len(self._fetchers))
        return self._shares.setdefault(platform, asyncio.Semaphore(share))

    async def _keep(self, key: str, content: bytes) -> Fault | None:
        kind = files.kind(content)
        if isinstance(kind, Fault):
            return kind
        await self._database.write(files.fill, key, kind, kinds.normal(kind, content))
        return None


async def _try(fetcher: Fetcher, source: Mapping[str, Any]) -> bytes | Fault | Transient:
    """The content, or why there is none, or what says to come back for it."""
    try:
        return await fetcher.fetch(source, most=LARGEST)
    except TooLarge:
        return Fault.SIZE
    except Permanent:
        return Fault.GONE
    except Transient as error:
        return error


def without(known: Files, keys: Collection[str]) -> Files:
    """The same, but that the models' provider refuses some."""
    return {
        key: Unshown(name=each.name, fault=Fault.REFUSED) if key in keys else each
        for key, each in known.items()
    }


def shown(spoken: Iterable[Spoken], known: Files) -> list[str]:
    """The files among those that came with it that a model can be shown, by their keys."""
    return [key for key in _keys(spoken) if isinstance(known[key], File)]


def told(spoken: Iterable[Spoken], known: Files, language: str | None = ENGLISH) -> str:
    """What people are told of files that can't be read, in Markdown; '' if there are none."""
    by_fault: dict[Fault, list[str]] = {}
    for each in (known[key] for key in _keys(spoken)):
        if isinstance(each, Unshown) and each.fault is not None:
            by_fault.setdefault(each.fault, []).append(each.name)
    return "\n\n".join(_sentence(names, why, language) for why, names in by_fault.items())


def _keys(spoken: Iterable[Spoken]) -> list[str]:
    return [key for message in spoken for key in files.keys_in(message.parts)]


def _sentence(names: Sequence[str], fault: Fault, language: str | None) -> str:
    said = words_in(language)
    why = {
        Fault.EMPTY: said.file_empty,
        Fault.KIND: said.file_kind,
        Fault.SIZE: said.file_size,
        Fault.GONE: said.file_gone,
        Fault.REFUSED: said.file_refused,
    }[fault]
    named = ", ".join(f"“{name}”" for name in names if name)
    return f"{named}: {why}" if named else said.file_unnamed.format(why=why)


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
