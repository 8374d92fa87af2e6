"""Where log events go: to standard error, each one JSON object or one readable line."""

import json
import logging
import re
import sys
import time
from functools import lru_cache
from typing import Any, Literal

import msgspec
import structlog
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web import RequestPayloadError
from structlog.contextvars import merge_contextvars
from structlog.typing import EventDict, Processor, WrappedLogger

from gateway.telemetry import scrub

BROKEN_REQUESTS = (HttpProcessingError, RequestPayloadError)
HANDLER = "gateway"  # our handler's name among those of the standard library's root logger
VALUES = re.compile(r"\s*[(<].*")  # asyncio's messages go on with the values that it held


class Lines:
    """Standard error, line by line, and never the reason that something else fails.

    A full disk or a closed pipe loses the log, not the answer that is on its way.
    """

    def msg(self, line: str) -> None:
        """Write one event at once."""
        stream = sys.stderr
        try:
            stream.write(line + "\n")
            stream.flush()
        except (OSError, ValueError):  # the latter: closed, or not in the stream's encoding
            pass

    debug = info = warning = error = critical = msg


class Foreign(logging.Handler):
    """What the libraries log by way of `logging`, as events like ours."""

    def __init__(self, level: int, chain: list[Processor], lines: Lines) -> None:
        super().__init__(level)
        self.name = HANDLER
        self._chain, self._lines = chain, lines

    def filter(self, record: logging.LogRecord) -> bool:
        """Leave out what a client's broken bytes make the web server say: no error of ours."""
        raised = record.exc_info and record.exc_info[0]
        if raised and issubclass(raised, BROKEN_REQUESTS):
            return False
        return bool(super().filter(record))

    def emit(self, record: logging.LogRecord) -> None:
        """Log the record's first line; what follows it in a library's message may quote data."""
        said = scrub.line(_message(record))
        if record.name == "asyncio":
            said = VALUES.sub("", said)
        rendered: Any = {
            "level": record.levelname.lower(),
            "event": said,
            "logger": record.name,
            "exc_info": record.exc_info,
        }
        for step in self._chain:
            rendered = step(None, "", rendered)
        self._lines.msg(str(rendered))


def configure_logging(
    level: Literal["debug", "info", "warning", "error"],
    format: Literal["auto", "console", "json"],  # noqa: A002 - named as LOG_FORMAT is
) -> None:
    """Send every event from `level` on to standard error, and the libraries' from warning on.

    `auto` is readable on a terminal and JSON elsewhere. May be called again: the last call holds.
    Of an exception only its type and where it was raised is told, and our own errors' message.
    """
    least = logging.getLevelNamesMapping()[level.upper()]
    terminal = sys.stderr.isatty()
    readable = format == "console" or (format == "auto" and terminal)
    lines = Lines()
    chain: list[Processor] = [
        _timestamp,
        _exception,
        structlog.dev.ConsoleRenderer(colors=terminal, sort_keys=False) if readable else _json,
    ]
    structlog.configure(
        processors=[merge_contextvars, structlog.processors.add_log_level, *chain],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=lambda *_: lines,
        cache_logger_on_first_use=False,  # a second call has to reach the loggers in use
    )
    _route(Foreign(max(least, logging.WARNING), chain, lines))


def _route(handler: logging.Handler) -> None:
    root = logging.getLogger()
    for old in [old for old in root.handlers if old.name == HANDLER]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(handler.level)


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):  # its arguments do not fit: a library's mistake
        return str(record.msg)


def _timestamp(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    now = time.time()
    event["timestamp"] = f"{_second(int(now))}.{int(now % 1 * 1000):03d}Z"
    return event


@lru_cache(maxsize=1)  # turns close many times a second, and this costs more than all the rest
def _second(since_1970: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(since_1970))


def _exception(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    told = event.pop("exc_info", None)
    if told is True:
        told = sys.exc_info()
    error = told[1] if isinstance(told, tuple) else told
    if isinstance(error, BaseException):
        event["exception"] = scrub.describe(error)
    return event


def _json(_: WrappedLogger, __: str, event: EventDict) -> str:
    pop = event.pop
    line = {"timestamp": pop("timestamp"), "level": pop("level"), "event": pop("event"), **event}
    try:
        return ENCODER.encode(line).decode()
    except (UnicodeEncodeError, OverflowError):  # half a surrogate pair, a number past 64 bits
        return json.dumps(line, default=_type_of)


def _type_of(value: object) -> str:
    # Nobody has decided that this may be read, so it is not shown.
    return f"<{type(value).__name__}>"


ENCODER = msgspec.json.Encoder(enc_hook=_type_of)
