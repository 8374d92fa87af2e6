"""What people in a workspace are called, and the language that they read."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from core.errors import GatewayError
from core.ports import Clock
from core.text import clean

KEPT = 3600.0  # seconds
UNKNOWN_KEPT = 60.0  # seconds that a name which was not to be had is not asked for again
MOST = 10_000  # names remembered
PATIENCE = 0.5  # seconds that a message waits for names
MOST_AT_ONCE = 20  # names asked for one message
UNASKED = 2  # at a time, of what nobody waits for: in a burst, others come first
LONGEST_NAME = 80

Who = tuple[str, str]  # workspace, user


class Calls(Protocol):
    """Slack's Web API."""

    async def call(
        self, team: str, method: str, *, enterprise: str | None = None, **arguments: Any
    ) -> dict[str, Any]:
        """Call a method as a workspace's bot. Raises `GatewayError`s alone."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class _Known:
    """What Slack said of somebody, and until when it counts, by the clock that never runs back."""

    until: float
    name: str | None = None
    locale: str | None = None


_NOBODY = _Known(until=float("-inf"))


class Directory:
    """People's names and locales, remembered for an hour."""

    def __init__(self, web: Calls, clock: Clock, *, patience: float = PATIENCE) -> None:
        self._web = web
        self._clock = clock
        self._patience = patience
        self._known: OrderedDict[Who, _Known] = OrderedDict()
        self._asking: dict[Who, asyncio.Task[None]] = {}

    async def names(
        self, team: str, users: Iterable[str], *, enterprise: str | None = None
    ) -> dict[str, str]:
        """Users' names by id. A name that can't be had, or not in time, is left out.

        What came too late is there the next time.
        """
        wanted = [(team, user) for user in dict.fromkeys(users)]
        asking = [
            self._ask(who, enterprise) for who in wanted[:MOST_AT_ONCE] if not self._knows(who)
        ]
        if asking:
            await asyncio.wait(asking, timeout=self._patience)
        found = {user: self._known.get((team, user), _NOBODY).name for _, user in wanted}
        return {user: name for user, name in found.items() if name is not None}

    def locale(self, team: str, user: str, *, enterprise: str | None = None) -> str | None:
        """A user's locale, such as de-DE, if it is known; else it is there the next time.

        Nobody waits for it.
        """
        who = (team, user)
        if not self._knows(who) and len(self._asking) < UNASKED:
            self._ask(who, enterprise)
        return self._known.get(who, _NOBODY).locale

    async def stop(self) -> None:
        """Ask for nothing any more."""
        tasks = list(self._asking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _knows(self, who: Who) -> bool:
        return self._clock.monotonic() < self._known.get(who, _NOBODY).until

    def _ask(self, who: Who, enterprise: str | None) -> asyncio.Task[None]:
        task = self._asking.get(who)
        if task is None:
            task = self._asking[who] = asyncio.create_task(self._look_up(who, enterprise))
            task.add_done_callback(lambda _: self._asking.pop(who, None))
        return task

    async def _look_up(self, who: Who, enterprise: str | None) -> None:
        team, user = who
        try:
            said = await self._web.call(
                team, "users.info", enterprise=enterprise, user=user, include_locale=True
            )
        except GatewayError:
            said = {}  # a message is answered without the names in it, too
        about = said.get("user")
        name = name_in(about)
        kept = UNKNOWN_KEPT if name is None else KEPT
        locale = about.get("locale") if isinstance(about, Mapping) else None
        self._known[who] = _Known(
            until=self._clock.monotonic() + kept,
            name=name,
            locale=locale if isinstance(locale, str) else None,
        )
        self._known.move_to_end(who)
        while len(self._known) > MOST:
            self._known.popitem(last=False)


def name_in(user: object) -> str | None:
    """What a user is called, out of what Slack says of them; one short line."""
    if not isinstance(user, Mapping):
        return None
    profile = user.get("profile")
    about = profile if isinstance(profile, Mapping) else {}
    choice = (about.get("display_name"), user.get("real_name"), user.get("name"))
    for name in choice:
        shown = " ".join(clean(name).split())[:LONGEST_NAME] if isinstance(name, str) else ""
        if shown:
            return shown
    return None
