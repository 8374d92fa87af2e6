"""What goes wrong because a test says so."""

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.hold import Hold

EVERY = "*"  # the method that is all methods


@dataclass(kw_only=True, slots=True, eq=False)
class Fault:
    """Happens to the calls of a method: after so many that go well, so many times (None: always).

    `processed`: the call has its effect, only its answer is wrong. Without a `status` the
    connection is closed, with a `hold` the answer has to wait. `error`: what the body says.
    """

    after: int = 0
    times: int | None = 1
    team: str | None = None
    processed: bool = False
    status: int | None = None
    error: str | None = None
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    hold: Hold | None = None


class Faults:
    """The faults to come, by method ("*": every one), each method's in the order they were set.

    All take `after`: so many calls go well first, `times`: so many calls (None: all from then
    on), and `team`: only calls for that workspace.
    """

    def __init__(self) -> None:
        self._queues: dict[str, deque[Fault]] = {}
        self._holds: list[Hold] = []

    def fail(
        self, method: str, error: str = "ratelimited", *, retry_after: int = 1, **when: Any
    ) -> None:
        """Refuse calls with an error, "ratelimited" with HTTP 429."""
        limited = error == "ratelimited"
        headers = {"Content-Type": "application/json"}
        headers |= {"Retry-After": str(retry_after)} if limited else {}
        body, status = json.dumps({"ok": False, "error": error}), 429 if limited else 200
        self.add(method, Fault(error=error, status=status, body=body, headers=headers, **when))

    def answer(
        self,
        method: str,
        *,
        status: int = 200,
        body: str = "",
        headers: Mapping[str, str] | None = None,
        processed: bool = False,
        **when: Any,
    ) -> None:
        """Answer calls so, `processed` or not; text/html unless the headers say otherwise."""
        given = {"Content-Type": "text/html"} | dict(headers or {})
        fault = Fault(status=status, body=body, headers=given, processed=processed, **when)
        self.add(method, fault)

    def drop(self, method: str, *, processed: bool = True, **when: Any) -> None:
        """Close the connection instead of answering, once the call was `processed` or at once."""
        self.add(method, Fault(processed=processed, **when))

    def hang(self, method: str, *, processed: bool = False, **when: Any) -> Hold:
        """Let calls wait until they are released; they are `processed` before that, or after.

        Who goes away while it waits to be processed has never called.
        """
        hold = Hold()
        self.add(method, Fault(processed=processed, hold=hold, **when))
        return hold

    def add(self, method: str, fault: Fault) -> None:
        self._queues.setdefault(method, deque()).append(fault)
        if fault.hold:
            self._holds.append(fault.hold)

    def clear(self) -> None:
        """Nothing goes wrong any more; what waits goes on."""
        for hold in self._holds:
            hold.release()
        self._queues.clear()

    def take(self, method: str, team: str | None) -> Fault | None:
        """The fault of the call that has just come, if it has one."""
        if not self._queues:
            return None
        return self._take(method, team) or self._take(EVERY, team)

    def _take(self, method: str, team: str | None) -> Fault | None:
        queue = self._queues.get(method) or deque()
        fault = next((each for each in queue if each.team in {None, team}), None)
        if fault is None:
            return None
        if fault.after > 0:
            fault.after -= 1
            return None
        if fault.times is not None:
            fault.times -= 1
            if fault.times <= 0:
                queue.remove(fault)
        return fault
