"""What goes wrong because a test says so."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.hold import Hold
from tests.fakes.twilio.refused import Refused


@dataclass(kw_only=True, slots=True, eq=False)
class Fault:
    """Happens to the calls of a method: after so many that go well, so many times (None: always).

    `accepted`: the call has its effect, only its answer is wrong. Without a `status` the
    connection is closed, with a `hold` the answer has to wait. `to`: only what is for them.
    """

    after: int = 0
    times: int | None = 1
    to: str | None = None
    accepted: bool = False
    status: int | None = None
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    hold: Hold | None = None


class Faults:
    """The faults to come, in the order they were set.

    All take the `method`, and `after`: so many calls go well first, `times`: so many calls (None:
    all from then on), and `to`: only calls for that person.
    """

    def __init__(self) -> None:
        self._coming: list[tuple[str, Fault]] = []
        self._holds: list[Hold] = []

    def fail(
        self,
        method: str,
        code: int,
        *,
        status: int = 400,
        retry_after: float | None = None,
        **when: Any,
    ) -> None:
        """Refuse calls with a code of Twilio's."""
        refused = Refused(code, status=status, retry_after=retry_after)
        body, headers = json.dumps(refused.body), refused.headers
        self.answer(method, status=status, body=body, headers=headers, **when)

    def answer(
        self,
        method: str,
        *,
        status: int = 200,
        body: str = "",
        headers: Mapping[str, str] | None = None,
        accepted: bool = False,
        **when: Any,
    ) -> None:
        """Answer calls so, `accepted` or not."""
        given = {"Content-Type": "application/json"} | dict(headers or {})
        fault = Fault(status=status, body=body, headers=given, accepted=accepted, **when)
        self.add(method, fault)

    def drop(self, method: str, *, accepted: bool, **when: Any) -> None:
        """Close the connection instead of answering, once the call was `accepted` or at once."""
        self.add(method, Fault(accepted=accepted, **when))

    def hang(self, method: str, *, accepted: bool = False, **when: Any) -> Hold:
        """Let calls wait until they are released; they are `accepted` before that, or after.

        Who goes away while it waits to be accepted has never called.
        """
        hold = Hold()
        self.add(method, Fault(accepted=accepted, hold=hold, **when))
        return hold

    def add(self, method: str, fault: Fault) -> None:
        self._coming.append((method, fault))
        if fault.hold:
            self._holds.append(fault.hold)

    def clear(self) -> None:
        """Nothing goes wrong any more; what waits goes on."""
        for hold in self._holds:
            hold.release()
        self._coming.clear()

    def take(self, method: str, to: str | None) -> Fault | None:
        """The fault of the call that has just come, if it has one."""
        for entry in self._coming:
            name, fault = entry
            if name != method or fault.to not in {None, to}:
                continue
            if fault.after > 0:
                fault.after -= 1
                return None
            if fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    self._coming.remove(entry)
            return fault
        return None
