"""What may be said about an error: where it happened and what it was, never what it was about."""

import re
from collections.abc import Iterator
from traceback import walk_tb

from core.errors import GatewayError

LONGEST = 300  # signs of one message
FRAMES = 25  # of one error, the innermost
CHAIN = 6  # errors that led to one another

# A database's error quotes the statement's values, which are what people wrote.
QUOTED = re.compile(r"\[(?:SQL|parameters):.*", re.DOTALL)
SECRETS = re.compile(
    r"""sk-[\w-]{6,} | xox[a-z]-[\w-]+ | xapp-[\w-]+ | eyJ[\w-]+\.[\w.-]+
      | (?<=://)[^\s/@]*@
      | (?<=bearer\s)\S+
      | (?<=api[-_]key)["']?\s*[:=]\s*\S+""",
    re.VERBOSE | re.IGNORECASE,
)


def line(message: str) -> str:
    """The first line of `message`, not too long, without secrets and quoted statements."""
    first, *_ = QUOTED.sub("", message).strip().splitlines() or [""]
    safe = SECRETS.sub("***", first).encode(errors="replace").decode()
    return safe if len(safe) <= LONGEST else safe[: LONGEST - 1] + "…"


def name(error: BaseException) -> str:
    """The error's class, with its module unless that is Python's own."""
    kind = type(error)
    return f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")


def describe(error: BaseException) -> str:
    """The error and those that led to it: their types, and where they were raised.

    The message is told of our own errors only: anybody else's may quote what a person wrote.
    """
    return "\ncaused by ".join("\n".join(_told(link)) for link in _chain(error))


def _told(error: BaseException) -> Iterator[str]:
    message = line(str(error)) if isinstance(error, GatewayError) else ""
    yield f"{name(error)}: {message}" if message else name(error)
    frames = [
        f"  {'/'.join(frame.f_code.co_filename.split('/')[-2:])}:{number}:{frame.f_code.co_name}"
        for frame, number in walk_tb(error.__traceback__)
    ]
    yield from frames[-FRAMES:]


def _chain(error: BaseException) -> Iterator[BaseException]:
    todo, seen = [error], set[int]()
    while todo and len(seen) < CHAIN:
        link = todo.pop(0)
        if id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        if isinstance(link, BaseExceptionGroup):
            todo += link.exceptions
        cause = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
        if cause is not None:
            todo.append(cause)
