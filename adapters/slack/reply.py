"""An answer in a thread of Slack's: as many messages as it takes, each shown once and whole.

A message streams, or is edited, or is posted whole, whatever Slack has room for; and whatever
becomes of a stream, the message it was ends up showing its share of the answer.
"""

from collections.abc import Awaitable, Callable

from adapters.slack.governor import Governor
from adapters.slack.slots import Share, Slot, State, decode, encode, lay_out, ts_of
from adapters.slack.target import Call, find
from adapters.slack.writer import Appended, Frozen, Writer
from core.ports import Clock, Delivery

FLUSH = 0.8  # seconds between two appends to a stream, at least
EDIT = 1.5  # seconds between two edits of a message, at least
# Slack ends a stream after about 300 seconds. From the first age on, it ends with the next line;
# at the second, where it is.
AGEING, OLD = 240.0, 265.0
ALL = 2**31  # beyond every part
SETTLING = 2.0  # seconds after which a call whose fate is unknown has been worked on


class Reply:
    """Writes one delivery's parts from `first` to before `until`, for the answer from `start` on.

    What the delivery remembers is taken up again: call `resume` first of all.
    """

    def __init__(  # noqa: PLR0913 - what it works with
        self,
        delivery: Delivery,
        writer: Writer,
        *,
        call: Call,
        who: Callable[[], Awaitable[tuple[str, str]]],
        governor: Governor,
        clock: Clock,
        first: int = 0,
        until: int = ALL,
        start: int = 0,
    ) -> None:
        self._delivery = delivery
        self._writer = writer
        self._call = call
        self._who = who
        self._governor = governor
        self._clock = clock
        self._first = first
        self._until = until
        self._start = start
        self._slots: list[Slot] = []
        self._intended = False
        self.posted = False  # whether a message was sent, and not only edited
        self.streamed = False  # whether the last message ended as a stream

    @property
    def begun(self) -> bool:
        """Whether any message is there."""
        return bool(self._slots)

    @property
    def ts(self) -> str:
        """The time stamp of the first message."""
        return self._slots[0].ts

    async def resume(self) -> None:
        """Find out what is there already, and end every stream that another process left open."""
        for number in sorted(self._delivery.parts):
            if not self._first <= number < self._until:
                continue
            slot = decode(number, self._delivery.parts[number])
            if slot.state is State.INTENT:
                await self._look_for(slot)
            if slot.state is State.STREAM:
                await self._writer.close(slot.ts)
            if slot.state is not State.DONE:
                slot.state = State.OPEN
            self._slots.append(slot)
        if self._slots and not self._slots[-1].ts:
            self._slots.pop()  # it is noted anew: nobody knows whether that note was stored

    async def intend(self) -> None:
        """Note that the next message may be on its way from now on."""
        if not self._intended:
            await self._note(Slot(number=self._first + len(self._slots)))
            self._intended = True

    async def show(self, text: str, *, final: bool, rated: int | None = None) -> bool:
        """Let the messages show `text`, as far as there is room; all of it once it is final.

        False if some of it has to wait.
        """
        self._end_old_stream(text)
        shares = lay_out(text, self._slots, start=self._start, final=final)
        for index, share in enumerate(shares):
            thumbs = rated if final and index == len(shares) - 1 else None
            if index == len(self._slots):
                if not await self._begin(share, thumbs):
                    return False
            else:
                await self._refresh(self._slots[index], share, thumbs)
        if final:
            await self._drop(len(shares))
        last = self._slots[len(shares) - 1] if shares else None
        return last is None or last.shown == shares[-1].piece.text

    def start_over(self) -> None:
        """The answer was taken back: no message has its share any more."""
        for slot in self._slots:
            slot.cut = slot.digest = None

    def beat(self) -> float:
        """Seconds to wait before showing more."""
        if not self._slots or self._slots[-1].state is State.STREAM:
            return max(FLUSH, self._governor.beat(self._writer.target.team))
        return EDIT

    def patience(self) -> float | None:
        """Seconds until an open stream has to be ended, whether there are words or not."""
        if not self._slots or self._slots[-1].state is not State.STREAM:
            return None
        return max(0.0, self._slots[-1].begun + OLD - self._clock.monotonic())

    def leave(self) -> None:
        """Nothing more is written here; streams that are open are no longer ours."""
        for slot in self._slots:
            self._stream_over(slot)

    # --- one message ---

    async def _begin(self, share: Share, thumbs: int | None) -> bool:
        """Bring the next message about; False if it has to wait for the answer's end."""
        await self.intend()
        slot = Slot(number=self._first + len(self._slots))
        text, mark = share.piece.text, f"{self._delivery.turn_id}.{slot.number}"
        if share.closed:
            slot.ts, slot.state = await self._writer.post(text, mark, rated=thumbs), State.DONE
        elif (ts := await self._writer.start(text)) is not None:
            slot.ts, slot.state = ts, State.STREAM
        elif self._writer.may_edit():
            slot.ts, slot.state = await self._writer.post(text, mark), State.OPEN
        else:
            return False
        self._slots.append(slot)
        self._intended, self.posted = False, True
        slot.rated = share.closed and thumbs is not None
        self._saw(slot, share)
        slot.begun = slot.edited
        await self._note(slot)
        return True

    async def _refresh(self, slot: Slot, share: Share, thumbs: int | None) -> None:
        if share.closed:
            await self._complete(slot, share, thumbs)
        elif slot.shown != share.piece.text:
            await self._grow(slot, share)

    async def _grow(self, slot: Slot, share: Share) -> None:
        """Show more of an answer that goes on, if there is room for it."""
        if slot.state is State.DONE:
            slot.state = State.OPEN  # another answer takes the place of the one it showed
        if slot.state is State.STREAM:
            added = _added(slot, share)
            if added is None:
                await self._writer.close(slot.ts)
                self._stream_over(slot)
            else:
                await self._append(slot, share, added)
            return
        if slot.ts and await self._writer.touch(slot.ts, share.piece.text):
            self._saw(slot, share)

    async def _append(self, slot: Slot, share: Share, added: str) -> None:
        became = await self._writer.append(slot.ts, added)
        if became is Appended.DONE:
            self._saw(slot, share)
        elif became is Appended.STOPPED:
            self._delivery.stop()
            self._stream_over(slot)
        elif became is not Appended.LATER:
            if became is Appended.DOUBT:
                await self._writer.close(slot.ts)
            self._stream_over(slot)
            await self._edit(slot, share, None)

    async def _complete(self, slot: Slot, share: Share, thumbs: int | None) -> None:
        """Let a message show its share, all of it, and remember that it does."""
        text = share.piece.text
        same = slot.digest == share.digest or slot.shown == text
        if slot.state is State.DONE and same and (thumbs is None or slot.rated):
            return
        ended = False
        if slot.state is State.STREAM:
            added = _added(slot, share)
            ended = await self._writer.stop(slot.ts, added or "", rated=thumbs)
            if self._writer.stopped:
                self._delivery.stop()
            ended = ended and added is not None
            self.streamed = ended
            self._stream_over(slot)
        if not ended:
            await self._edit(slot, share, thumbs)
        self._saw(slot, share)
        slot.state, slot.rated = State.DONE, thumbs is not None
        await self._note(slot)

    async def _edit(self, slot: Slot, share: Share, thumbs: int | None) -> None:
        """Let a message show its share; where nothing can be edited, another takes its place."""
        try:
            if slot.ts:
                await self._writer.update(slot.ts, share.piece.text, rated=thumbs)
        except Frozen:
            await self._note(Slot(number=slot.number))  # or an heir would edit what is gone
            await self._writer.delete(slot.ts)
            slot.ts = ""
        if not slot.ts:
            await self._post_again(slot, share, thumbs)
        self._saw(slot, share)

    async def _post_again(self, slot: Slot, share: Share, thumbs: int | None) -> None:
        await self._note(Slot(number=slot.number))
        mark = f"{self._delivery.turn_id}.{slot.number}"
        slot.ts, self.posted = await self._writer.post(share.piece.text, mark, rated=thumbs), True
        await self._note(slot)

    async def _drop(self, left: int) -> None:
        """Take away the messages of an answer that was longer."""
        for slot in self._slots[left:]:
            if slot.state is State.STREAM:
                await self._writer.close(slot.ts)
            self._stream_over(slot)
            if slot.ts:
                await self._writer.delete(slot.ts)
            slot.ts, slot.state, slot.shown = "", State.DONE, ""
            slot.cut = slot.digest = None
            await self._note(slot)

    # --- what is known ---

    async def _look_for(self, slot: Slot) -> None:
        """A message that was about to be sent: it is there, or it was not sent."""
        await self._clock.sleep(SETTLING)
        known = frozenset(map(ts_of, await self._delivery.known()))
        mark = f"{self._delivery.turn_id}.{slot.number}"
        found = await find(
            self._call, self._writer.target, who=await self._who(), mark=mark, known=known
        )
        slot.state = State.OPEN
        if found is not None:
            slot.ts = found
            await self._writer.close(found)
            await self._note(slot)

    def _end_old_stream(self, text: str) -> None:
        """Let a stream that Slack would end soon end with a line, or where it is."""
        slot = self._slots[-1] if self._slots else None
        if slot is None or slot.state is not State.STREAM or slot.cut is not None:
            return
        age = self._clock.monotonic() - slot.begun
        line = text.find("\n", slot.reach)
        if age >= AGEING and line >= 0:
            slot.cut = line + 1
        elif age >= OLD:
            slot.cut = slot.reach

    def _saw(self, slot: Slot, share: Share) -> None:
        slot.shown, slot.reach = share.piece.text, share.piece.end
        slot.edited = self._clock.monotonic()
        if share.closed:
            slot.cut, slot.digest = share.piece.end, share.digest

    async def _note(self, slot: Slot) -> None:
        done = slot.state is State.DONE
        await self._delivery.checkpoint(slot.number, encode(slot), sent=done)

    def _stream_over(self, slot: Slot) -> None:
        if slot.state is State.STREAM:
            slot.state = State.OPEN
            self._governor.closed(self._writer.target.team)


def _added(slot: Slot, share: Share) -> str | None:
    """What has to be appended to what is shown; None if it does not begin the same."""
    shown, text = slot.shown, share.piece.text
    if shown is None or not text.startswith(shown):
        return None
    return text[len(shown) :]
