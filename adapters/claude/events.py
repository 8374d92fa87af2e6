"""The API's event stream, from bytes to pieces."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Literal

import msgspec
from msgspec import Struct

from adapters.claude.faults import Fault
from core.types import Began, Done, Piece, Progress, Text, Usage

BUFFER_LIMIT = 1024 * 1024


class _Split(Struct, gc=False):
    ephemeral_5m_input_tokens: int | None = None
    ephemeral_1h_input_tokens: int | None = None


class _Tokens(Struct, gc=False):
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_creation: _Split | None = None

    def updated(self, newer: "_Tokens | None") -> "_Tokens":
        """These counts, overwritten by those that `newer` gives: they are cumulative."""
        given = msgspec.structs.asdict(newer) if newer else {}
        known = {name: count for name, count in given.items() if count is not None}
        return msgspec.structs.replace(self, **known)

    def usage(self, ttl: Literal["5m", "1h"]) -> Usage:
        """These counts as core has them; what was written for an unknown time counts as `ttl`."""
        split = self.cache_creation or _Split()
        short, long = split.ephemeral_5m_input_tokens or 0, split.ephemeral_1h_input_tokens or 0
        rest = max(0, (self.cache_creation_input_tokens or 0) - short - long)
        return Usage(
            input=self.input_tokens or 0,
            output=self.output_tokens or 0,
            cache_read=self.cache_read_input_tokens or 0,
            cache_write_5m=short + (rest if ttl == "5m" else 0),
            cache_write_1h=long + (rest if ttl == "1h" else 0),
        )


class _Block(Struct, gc=False):
    """A content block's beginning, or what is added to it, or to the message."""

    type: str | None = None
    text: str | None = None
    stop_reason: str | None = None


class _Message(Struct, gc=False):
    usage: _Tokens | None = None


class _Error(Struct, gc=False):
    type: str | None = None
    message: str | None = None
    details: dict[str, Any] | None = None


class _Event(Struct, gc=False):
    type: str | None = None
    delta: _Block | None = None
    content_block: _Block | None = None
    message: _Message | None = None
    usage: _Tokens | None = None
    error: _Error | str | None = None


class _Kind(Struct, gc=False):
    type: Any = None


_decode = msgspec.json.Decoder(_Event).decode
_decode_lines = msgspec.json.Decoder(_Event).decode_lines
_decode_kind = msgspec.json.Decoder(_Kind).decode
_DATA = re.compile(rb"^data:(.*)$", re.MULTILINE)
_TEXT = frozenset({"text", "text_delta"})
_CONTENT = frozenset({"content_block_start", "content_block_delta"})
_READ = _CONTENT | {"message_start", "message_delta", "message_stop", "error", None}


class Parser:
    """Bytes of one answer in, its pieces out, however the bytes are cut.

    All words of one `feed` come as one `Text`. `ended` is None until the answer is complete
    (`Done`, its last piece too) or broken (`Fault`, which the caller raises after the pieces);
    after that nothing more comes. `cache` is the time to keep the prompt that was asked for.

    `lenient` is for servers that are not Anthropic's: they may leave out the last event, and
    what they count may be nothing, which then means unknown.
    """

    def __init__(self, *, cache: Literal["5m", "1h"], lenient: bool) -> None:
        self.ended: Done | Fault | None = None
        self._cache = cache
        self._lenient = lenient
        self._rest = b""
        self._tokens: _Tokens | None = None
        self._stop_reason: str | None = None
        self._spoke = False
        self._stopped = False

    def feed(self, data: bytes) -> list[Piece]:
        """The pieces that `data` completes."""
        if self.ended:
            return []
        pieces: list[Piece] = []
        words: list[str] = []
        works = False
        for event in self._events(data):
            if event.type in _CONTENT:
                block = event.delta or event.content_block
                if block and block.type not in _TEXT:
                    works = True
                elif block and block.text:
                    words.append(block.text)
            elif self._take(event, pieces):
                break
        if words:
            self._spoke = True
            pieces.append(Text("".join(words)))
        elif works:
            pieces.append(Progress())
        return pieces + self._finish() if self._stopped else pieces

    def end(self) -> list[Piece]:
        """The pieces that are left when no more bytes will come. `ended` is set afterwards."""
        if self.ended is None and self._lenient and self._stop_reason:
            return self._finish()
        self.ended = self.ended or Fault(message="the stream was truncated: no message_stop")
        return []

    def _events(self, data: bytes) -> Iterable[_Event]:
        """The events that `data` completes."""
        data = self._rest + data
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n")  # a lone \r at the end waits for its \n
        complete, _, self._rest = data.rpartition(b"\n\n")
        if len(self._rest) > BUFFER_LIMIT:
            self._rest = b""
            self.ended = Fault(message=f"an event is longer than {BUFFER_LIMIT} bytes")
        try:
            # Nearly always each line of data is one event; then this is half the work.
            return _decode_lines(b"\n".join(_DATA.findall(complete)))
        except (msgspec.DecodeError, UnicodeDecodeError):
            return self._one_by_one(complete)

    def _one_by_one(self, events: bytes) -> Iterator[_Event]:
        """The events, up to the first that is not as documented; sets `ended` there."""
        for event in events.split(b"\n\n"):
            payload = b"\n".join(_DATA.findall(event))
            try:
                if payload.strip():
                    yield _decode(payload)
            except (msgspec.DecodeError, UnicodeDecodeError):
                if not _needless(payload):
                    self.ended = Fault(message="an event is not what the API documents")
                    return

    def _take(self, event: _Event, pieces: list[Piece]) -> bool:
        """Note what an event without words tells. True if none may follow it."""
        if event.type == "message_start":
            self._count(event.message.usage if event.message else None)
            pieces.append(Began(usage=(self._tokens or _Tokens()).usage(self._cache)))
        elif event.type == "message_delta":
            self._count(event.usage)
            if event.delta and event.delta.stop_reason:
                self._stop_reason = event.delta.stop_reason
        elif event.type == "message_stop":
            self._stopped = True
        elif event.error is not None:
            self.ended = _fault(event.error)
        return self._stopped or self.ended is not None

    def _count(self, tokens: _Tokens | None) -> None:
        if tokens:
            self._tokens = (self._tokens or _Tokens()).updated(tokens)

    def _finish(self) -> list[Piece]:
        reason = self._stop_reason or "end_turn"
        if reason == "model_context_window_exceeded" and not self._spoke:
            self.ended = Fault(kind="request_too_large", message=reason)
            return []
        self.ended = Done(stop_reason=reason, usage=self._usage())
        return [self.ended]

    def _usage(self) -> Usage | None:
        usage = self._tokens.usage(self._cache) if self._tokens else None
        if usage and self._lenient and (not usage.prompt or (self._spoke and not usage.output)):
            return None
        return usage


def _needless(payload: bytes) -> bool:
    """Whether what cannot be read need not be: an event of another type, or OpenAI's last line."""
    try:
        return _decode_kind(payload).type not in _READ
    except (msgspec.DecodeError, UnicodeDecodeError, TypeError):
        return payload.strip() == b"[DONE]"


def _fault(error: _Error | str) -> Fault:
    if isinstance(error, str):
        return Fault(message=error)
    code = (error.details or {}).get("error_code")
    return Fault(
        kind=error.type or "",
        code=code if isinstance(code, str) else "",
        message=error.message or "",
    )
