"""SQLite: one writer thread that commits in groups, and readers that never wait for it."""

import asyncio
import fcntl
import os
import queue
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO, Any, Concatenate, NamedTuple, ParamSpec, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from core.database import ATTEMPTS, Contended, DatabaseDown
from core.errors import Misconfigured
from core.sqlite_connections import Reader, engine

P = ParamSpec("P")
T = TypeVar("T")

GROUP = 64  # writes that share one commit, and so one fsync
READERS = 2


class Job(NamedTuple):
    """One write: what to run, and who waits for it."""

    run: Callable[[Connection], Any]
    future: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop


class SqliteDatabase:
    """A SQLite file that this process alone uses, kept so by a lock on `<file>.lock`.

    Raises `Misconfigured` when another process holds the lock.
    """

    single = True

    def __init__(self, path: str) -> None:
        file = Path(path)
        self._lock = _lock(file)
        self._writer = engine(file, connect_args={"check_same_thread": False})
        self._readers = [Reader(file) for _ in range(READERS)]
        self._turn = 0
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        # A daemon: whoever dies without closing loses only what nobody was told is stored.
        self._closed = ""
        self._thread = threading.Thread(target=self._work, name="sqlite-writer", daemon=True)
        self._thread.start()

    async def read(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """See `core.database.Database.read`."""
        self._turn = (self._turn + 1) % READERS
        try:
            return await self._readers[self._turn].run(partial(fn, **kwargs), *args)
        except (DBAPIError, sqlite3.Error) as error:
            if (known := _translate(error)) is error:
                raise
            raise known from error

    async def write(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """See `core.database.Database.write`."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._jobs.put(Job(lambda connection: fn(connection, *args, **kwargs), future, loop))
        if self._closed:
            self._refuse()
        return await future

    async def close(self) -> None:
        """See `core.database.Database.close`."""
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)
        for reader in self._readers:
            await reader.shut()
        self._writer.dispose()
        self._lock.close()

    def _work(self) -> None:
        try:
            with self._writer.connect() as connection:
                self._serve(connection)
            self._closed = "the database is closed"
        except (DBAPIError, sqlite3.Error) as error:
            self._closed = str(_translate(error))
        self._refuse()

    def _serve(self, connection: Connection) -> None:
        while (job := self._jobs.get()) is not None:
            group, more = self._group(job)
            _commit(connection, group)
            if not more:
                return

    def _refuse(self) -> None:
        """End the waits of whoever came too late. Called by both sides, so that none is missed."""
        while True:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return
            if job is not None:
                _tell([job], [(None, DatabaseDown(self._closed))])

    def _group(self, first: Job) -> tuple[list[Job], bool]:
        """Take what has come meanwhile; False when the last job was the sign to stop."""
        group = [first]
        while len(group) < GROUP:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if job is None:
                return group, False
            group.append(job)
        return group, True


def _commit(connection: Connection, group: list[Job]) -> None:
    """Run the jobs in one transaction and tell their callers only once it is durable."""
    raw = connection.connection.dbapi_connection
    assert raw is not None  # noqa: S101 - a connected engine has one
    try:
        raw.execute("BEGIN IMMEDIATE")
        outcomes = [_run(connection, raw, job, alone=len(group) == 1) for job in group]
        if raw.in_transaction:
            raw.execute("COMMIT")
    except sqlite3.Error as error:
        if raw.in_transaction:
            raw.execute("ROLLBACK")
        down = DatabaseDown(str(error))
        outcomes = [(None, down)] * len(group)
    _tell(group, outcomes)


def _run(connection: Connection, raw: Any, job: Job, *, alone: bool) -> tuple[Any, Any]:
    """Run one job; its error undoes its own writes and no other's."""
    outcome: tuple[Any, Exception | None] = (None, None)
    for _ in range(ATTEMPTS):
        if not alone:
            raw.execute("SAVEPOINT job")
        try:
            result = job.run(connection)
        except Exception as error:  # noqa: BLE001 - whatever it is belongs to the caller
            outcome = (None, _translate(error))
            raw.execute("ROLLBACK" if alone else "ROLLBACK TO job")
            if alone and isinstance(error, Contended):
                raw.execute("BEGIN IMMEDIATE")
        else:
            outcome = (result, None)
        if not alone:
            raw.execute("RELEASE job")
        if not isinstance(outcome[1], Contended):
            break
    return outcome


def _translate(error: Exception) -> Exception:
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, sqlite3.OperationalError) or type(cause) is sqlite3.DatabaseError:
        return DatabaseDown(f"SQLite: {cause}")
    if isinstance(error, StopIteration):
        return RuntimeError("a write raised StopIteration")  # no future can carry it
    return error


def _tell(group: list[Job], outcomes: list[tuple[Any, Any]]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, deque[tuple[asyncio.Future[Any], Any, Any]]] = {}
    for job, (result, error) in zip(group, outcomes, strict=True):
        by_loop.setdefault(job.loop, deque()).append((job.future, result, error))
    for loop, told in by_loop.items():
        # A caller whose loop is gone has nobody left to tell; the write stands all the same.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(_resolve, loop, told)


def _resolve(
    loop: asyncio.AbstractEventLoop, told: deque[tuple[asyncio.Future[Any], Any, Any]]
) -> None:
    """Wake one caller, and the next one when the loop comes round again.

    All at once, they would go on side by side, and each would be done only when all are.
    """
    future, result, error = told.popleft()
    if told:
        loop.call_soon(_resolve, loop, told)
    if future.cancelled():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)


def _lock(file: Path) -> IO[str]:
    """Hold the file's lock for as long as the process lives, however it ends."""
    path = Path(f"{file}.lock")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = path.open("a+")
    except OSError as error:
        raise Misconfigured(f"DATABASE_URL: cannot write {path}: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.seek(0)
        holder = lock.read().strip() or "unknown"
        lock.close()
        raise Misconfigured(
            f"DATABASE_URL: {file} is in use by another gateway process (pid {holder})."
            " Stop that one first; for several processes use PostgreSQL."
        ) from error
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock
