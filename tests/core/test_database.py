"""Both databases keep the promises of `core.database`: durable, all or nothing, and told so."""

import asyncio
import signal
import subprocess
import sys
import threading
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.util import await_only

from core.database import ATTEMPTS, Contended, DatabaseDown, open_database, parse_url
from core.errors import GatewayError, Misconfigured
from core.tables import addresses, replicas
from tests.core.house import until
from tests.core.stage import PATIENCE, POSTGRESQL, SQLITE, Pause, eventually, locked_out
from tests.databases import migrated, sqlite_url

HOLDER = """
import asyncio, sys
from sqlalchemy import insert
from core.database import open_database
from core.tables import replicas
from gateway import schema

async def main():
    database = open_database(sys.argv[1])
    await schema.migrate(database)
    for number in range(1000):
        row = insert(replicas).values(id=str(number), beat_at=0)
        await database.write(lambda db: db.execute(row))
        print(number, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def put(db, name):
    db.execute(insert(replicas).values(id=name, beat_at=0))


def names(db):
    return set(db.execute(select(replicas.c.id)).scalars())


def beat(db, name, at):
    db.execute(update(replicas).where(replicas.c.id == name).values(beat_at=at))


def hold_open(url):
    """Another process that has the database open, and prints what it was told is stored."""
    command = [sys.executable, "-c", HOLDER, url]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


class Hold:
    """A write of SQLite that holds the writer, so that the writes after it come as a group."""

    def __init__(self, database) -> None:
        self.statements = []
        self._begun, self._go = threading.Event(), threading.Event()
        self._task = asyncio.create_task(database.write(self._hold))

    def _hold(self, db):
        db.connection.dbapi_connection.set_trace_callback(self.statements.append)
        self._begun.set()
        self._go.wait()

    async def begun(self):
        """Wait until the writer is held."""
        await until(self._begun.is_set)
        return self

    async def release(self):
        """Let the writer go on."""
        self._go.set()
        await self._task


@asynccontextmanager
async def together(database, *jobs):
    """Tasks that write as one group of commits once this context is left."""
    hold = await Hold(database).begun()
    tasks = [asyncio.create_task(database.write(*job)) for job in jobs]
    await asyncio.sleep(0)
    yield tasks
    await hold.release()
    await asyncio.wait(tasks)


# --- both ---


async def test_what_is_written_is_read(database):
    """A read that begins after a write returned finds what was written."""
    await database.write(put, "a")
    assert await database.read(names) == {"a"}


async def test_a_write_returns_what_its_function_returns(database):
    """Arguments go in by place and by name, the result comes out."""
    assert await database.write(lambda _, a, *, b: (a, b), 1, b=2) == (1, 2)
    assert await database.read(lambda _, a, *, b: (a, b), 1, b=2) == (1, 2)


async def test_an_error_undoes_what_was_written_before_it(database):
    """A function that raises leaves nothing, and its error comes out as it was."""

    def fail(db):
        put(db, "a")
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        await database.write(fail)
    assert await database.read(names) == set()


async def test_a_broken_rule_of_the_schema_is_raised_as_it_is(database):
    """A unique key that exists already is the caller's mistake, not the database's absence."""
    await database.write(put, "a")
    with pytest.raises(IntegrityError):
        await database.write(put, "a")


async def test_an_error_is_not_its_own_cause(database):
    """Whoever follows an error's causes to the first one comes to an end."""
    await database.write(put, "a")
    with pytest.raises(IntegrityError) as raised:
        await database.write(put, "a")
    assert raised.value.__cause__ is not raised.value


async def test_a_write_that_met_another_one_runs_again(database):
    """`Contended` undoes what the function wrote, and it runs again."""
    runs = []

    def meet(db):
        put(db, f"run {len(runs)}")
        runs.append(1)
        if len(runs) < 3:
            raise Contended("again")

    await database.write(meet)
    assert await database.read(names) == {"run 2"}


async def test_a_write_that_never_wins_is_given_up(database):
    """After so many runs the caller is told; nothing is left of them."""
    runs = []

    def lose(db):
        runs.append(1)
        put(db, "a")
        raise Contended("always")

    with pytest.raises(Contended):
        await database.write(lose)
    assert (len(runs), await database.read(names)) == (ATTEMPTS, set())


async def test_a_write_fails_once_the_database_is_closed(database_url):
    """After `close`, a write is refused at once instead of waiting for ever."""
    async with migrated(database_url) as database:
        pass
    if database.single:  # a pool of PostgreSQL's opens again, which is as good
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(DatabaseDown):
                await database.write(names)


# --- SQLite: groups ---


@SQLITE
async def test_writes_that_meet_share_one_commit(database):
    """However many wait, one fsync makes them durable."""
    hold = await Hold(database).begun()
    waiting = [asyncio.create_task(database.write(put, str(number))) for number in range(10)]
    await asyncio.sleep(0)
    await hold.release()
    await asyncio.gather(*waiting)
    begun = hold.statements.index("BEGIN IMMEDIATE")  # those before are the holder's
    assert hold.statements[begun:].count("COMMIT") == 1
    assert len(await database.read(names)) == 10


@SQLITE
async def test_an_error_undoes_its_own_writes_and_no_neighbours(database):
    """Of a group, exactly the jobs that went well are stored, and each caller hears its own."""

    def fail(db):
        put(db, "bad")
        raise LookupError("mine")

    async with together(database, (put, "before"), (fail,), (put, "after")) as tasks:
        pass
    errors = [type(task.exception()) for task in tasks]
    assert errors == [type(None), LookupError, type(None)]
    assert await database.read(names) == {"before", "after"}


@SQLITE
async def test_a_broken_rule_spoils_no_neighbour(database):
    """A statement that SQLite itself refuses is undone alone."""
    async with together(database, (put, "a"), (put, "a"), (put, "b")) as tasks:
        pass
    assert isinstance(tasks[1].exception(), IntegrityError)
    assert await database.read(names) == {"a", "b"}


@SQLITE
async def test_a_contended_job_runs_again_within_its_group(database):
    """`Contended` is met inside the group's transaction, and spoils no neighbour."""
    runs = []

    def meet(db):
        put(db, f"run {len(runs)}")
        runs.append(1)
        if len(runs) < 3:
            raise Contended("again")

    async with together(database, (put, "before"), (meet,), (put, "after")):
        pass
    assert await database.read(names) == {"before", "run 2", "after"}


@SQLITE
async def test_nobody_is_told_before_the_commit(database):
    """While COMMIT runs, every caller of the group still waits."""
    committing, go = threading.Event(), threading.Event()

    def dawdle(statement):
        if statement == "COMMIT":
            committing.set()
            go.wait()

    def trace(db):
        db.connection.dbapi_connection.set_trace_callback(dawdle)

    hold = await Hold(database).begun()
    tasks = [asyncio.create_task(database.write(*job)) for job in ((trace,), (put, "a"))]
    await asyncio.sleep(0)
    await hold.release()
    await until(committing.is_set)
    for _ in range(20):
        await asyncio.sleep(0)
    told = [task.done() for task in tasks]
    go.set()
    await asyncio.wait(tasks)
    assert told == [False, False]


@SQLITE
async def test_a_commit_that_fails_is_told_to_everybody(database):
    """If the group's COMMIT fails, nobody believes to be stored, and nothing is."""

    def spoil(db):
        db.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        place = {"platform": "p", "account": "x", "conversation": "c", "direct": True}
        db.execute(insert(addresses).values(session_id=404, **place))

    async with together(database, (put, "a"), (spoil,), (put, "b")) as tasks:
        pass
    assert [type(task.exception()) for task in tasks] == [DatabaseDown] * 3
    assert await database.read(names) == set()


@SQLITE
async def test_a_job_that_nobody_waits_for_is_stored_with_its_group(database):
    """A cancelled wait spoils neither its own write nor its neighbours."""
    async with together(database, (put, "a"), (put, "b")) as tasks:
        tasks[0].cancel()
    assert tasks[0].cancelled()
    assert await database.read(names) == {"a", "b"}


@SQLITE
async def test_an_odd_error_leaves_no_neighbour_waiting(database):
    """Also an error that no future can carry (StopIteration) ends every wait of its group."""

    def odd(_):
        next(iter(()))

    hold = await Hold(database).begun()
    odd_one = asyncio.create_task(database.write(odd))
    neighbour = asyncio.create_task(database.write(put, "a"))
    await asyncio.sleep(0)
    await hold.release()
    done, waiting = await asyncio.wait({odd_one, neighbour}, timeout=2)
    for task in waiting:
        task.cancel()
    assert neighbour in done
    assert odd_one in done
    assert odd_one.exception() is not None


@SQLITE
async def test_reads_do_not_wait_for_the_writer(database):
    """While a write is at work, what was committed before it can be read."""
    await database.write(put, "a")
    hold = await Hold(database).begun()
    assert await database.read(names) == {"a"}
    await hold.release()


# --- SQLite: one process, one durable file ---


@SQLITE
async def test_the_writer_is_as_durable_as_sqlite_can_be(database):
    """WAL, and an fsync for every commit: what is told as stored survives a power cut."""

    def pragmas(db):
        return [
            db.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]

    full = 2
    assert await database.write(pragmas) == ["wal", full, 1]


async def test_a_killed_process_loses_nothing_it_acknowledged_and_frees_the_file(tmp_path):
    """A second process is refused with the holder's pid; SIGKILL frees the file, acks stand."""
    url = sqlite_url(tmp_path)
    with hold_open(url) as holder:
        try:
            acked = [holder.stdout.readline().strip() for _ in range(50)]
            with pytest.raises(Misconfigured, match=rf"DATABASE_URL.*\(pid {holder.pid}\)"):
                open_database(url)
        finally:
            holder.send_signal(signal.SIGKILL)
    database = open_database(url)
    try:
        assert set(acked) == {str(number) for number in range(50)}
        assert set(acked) <= await database.read(names)
    finally:
        await database.close()


async def test_a_closed_database_may_be_opened_again(tmp_path):
    """`close` finishes what was begun, and frees the file."""
    async with migrated(sqlite_url(tmp_path)) as database:
        writing = asyncio.create_task(database.write(put, "a"))
        await asyncio.sleep(0)
    await writing
    again = open_database(sqlite_url(tmp_path))
    try:
        assert await again.read(names) == {"a"}
    finally:
        await again.close()


async def test_a_write_that_comes_while_the_database_closes_is_refused(tmp_path):
    """Whoever writes after `close` began is told so, and does not wait for ever."""
    database = open_database(sqlite_url(tmp_path))
    hold = await Hold(database).begun()
    closing = asyncio.create_task(database.close())
    await asyncio.sleep(0)
    late = asyncio.create_task(database.write(lambda _: None))
    await asyncio.sleep(0)
    await hold.release()
    await closing
    await asyncio.wait({late}, timeout=2)
    late.cancel()
    assert late.done()
    with pytest.raises(DatabaseDown):
        await late


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_a_file_that_is_no_database_is_told(tmp_path):
    """Reads and writes on a file of another kind are refused, again and again; none hangs."""
    (tmp_path / "gateway.db").write_text("Dear diary, " * 1000)
    database = open_database(sqlite_url(tmp_path))
    try:
        for verb in [database.write] * 2 + [database.read] * 4:
            async with asyncio.timeout(2):
                with pytest.raises(DatabaseDown):
                    await verb(names)
    finally:
        await database.close()


async def test_a_place_where_no_file_can_be_is_told(tmp_path):
    """A folder that cannot be made is a wrong DATABASE_URL, and the message says so."""
    (tmp_path / "file").touch()
    with pytest.raises(Misconfigured, match="DATABASE_URL"):
        open_database(sqlite_url(tmp_path / "file"))


async def test_a_reader_survives_that_its_first_read_is_cancelled(tmp_path):
    """Somebody who leaves during the very first reads breaks nobody's later ones."""
    database = open_database(sqlite_url(tmp_path))
    try:
        early = [asyncio.create_task(database.read(lambda _: 1)) for _ in range(4)]
        await asyncio.sleep(0)
        for task in early:
            task.cancel()
        await asyncio.wait(early)
        assert [await database.read(lambda _: 1) for _ in range(4)] == [1] * 4
    finally:
        await database.close()


# --- a wait that ends early ---


@SQLITE
async def test_on_sqlite_a_cancelled_wait_undoes_nothing(database):
    """The write happens all the same."""
    async with together(database, (put, "a")) as tasks:
        tasks[0].cancel()
    assert await database.write(names) == {"a"}  # a write, for it comes after that one


@POSTGRESQL
async def test_on_postgresql_a_cancelled_wait_undoes_nothing(database):
    """The write happens all the same."""
    await database.write(put, "a")
    lock = Pause()

    def hold(db):
        beat(db, "a", 1)
        await_only(lock())

    holding = asyncio.create_task(database.write(hold))
    await lock.reached.wait()
    waiting = asyncio.create_task(database.write(lambda db: (beat(db, "a", 2), put(db, "b"))))
    await eventually(lambda: database.read(locked_out))
    waiting.cancel()
    await asyncio.wait({waiting})
    after = asyncio.create_task(database.write(beat, "a", 3))
    lock.go()
    await asyncio.gather(holding, after)

    async def both():
        return await database.read(names) == {"a", "b"}

    await asyncio.wait_for(eventually(both), 5)


# --- PostgreSQL ---


@POSTGRESQL
async def test_a_deadlock_is_solved_by_running_again(database):
    """Two writes that lock two rows in opposite orders both succeed; the callers never know."""
    for name in "ab":
        await database.write(put, name)
    runs, locked, both = [], set(), asyncio.Event()

    def cross(db, first, second):
        runs.append(first)
        db.execute(text("SET LOCAL deadlock_timeout = '10ms'"))
        beat(db, first, 1)
        locked.add(first)
        if len(locked) == 2:
            both.set()
        await_only(both.wait())
        beat(db, second, 1)

    await asyncio.gather(
        database.write(cross, "a", "b"),
        database.write(cross, "b", "a"),
    )
    assert len(runs) > 2


@POSTGRESQL
async def test_a_serialisation_failure_is_solved_by_running_again(database):
    """A write whose snapshot is out of date runs again on a new one."""
    await database.write(put, "a")
    runs = []

    def late(db):
        db.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        names(db)
        runs.append(1)
        if len(runs) == 1:
            await_only(database.write(beat, "a", 1))
        beat(db, "a", 2)

    await database.write(late)
    assert len(runs) == 2


@POSTGRESQL
async def test_a_lost_connection_is_down_once_and_then_replaced(database):
    """When the server ends the connections the caller is told; the next write has a new one."""
    end = text("SELECT pg_terminate_backend(pg_backend_pid())")
    with pytest.raises(DatabaseDown):
        await database.write(lambda db: db.execute(end))
    await database.write(put, "a")
    assert await database.read(names) == {"a"}


@POSTGRESQL
async def test_reads_see_the_newest_commits_statement_by_statement(database):
    """A read is no transaction: its second statement sees what was committed since its first."""

    def twice(db):
        first = names(db)
        await_only(database.write(put, "a"))
        return first, names(db)

    assert await database.read(twice) == (set(), {"a"})


@pytest.mark.parametrize("verb", ["read", "write"])
async def test_a_server_that_is_away_is_down(verb):
    """Nobody listens at the port: `DatabaseDown`, and no value of the URL in its message."""
    database = open_database("postgres://me:secret@127.0.0.1:1/name")
    try:
        with pytest.raises(DatabaseDown) as down:
            await getattr(database, verb)(names)
        assert "secret" not in str(down.value)
    finally:
        await database.close()


@POSTGRESQL
async def test_a_database_that_does_not_exist_is_told_in_our_words(database_url):
    """The caller gets one of our own errors, which says what to do next."""
    database = open_database(f"{database_url}_that_is_not_there")
    try:
        with pytest.raises(GatewayError):
            await database.read(names)
    finally:
        await database.close()


@POSTGRESQL
@pytest.mark.parametrize(
    "options",
    [
        "sslmode=disable",
        "sslmode=prefer&channel_binding=prefer",
        "application_name=gateway",
        "connect_timeout=10",
        "options=-c%20statement_timeout%3D1000",
    ],
)
async def test_urls_with_libpqs_options_are_understood(database, database_url, options):
    """What hosting platforms append to their URLs is understood, or does no harm."""
    other = open_database(f"{database_url}?{options}")
    try:
        assert await other.read(lambda _: "connected") == "connected"
    finally:
        await other.close()


@POSTGRESQL
@pytest.mark.parametrize("options", ["pgbouncer=true", "sslrootcert=x.pem", "connect_timeout=soon"])
async def test_options_that_mean_nothing_here_are_told_by_name(database_url, options):
    """Rather than a traceback of the driver's, the operator reads which option it is."""
    with pytest.raises(Misconfigured, match=rf"DATABASE_URL.*{options.partition('=')[0]}"):
        open_database(f"{database_url}?{options}")


# --- URLs ---


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("sqlite:///data/gateway.db", "sqlite:///data/gateway.db"),
        ("sqlite:////var/lib/gateway.db", "sqlite:////var/lib/gateway.db"),
        ("sqlite+aiosqlite:///a.db", "sqlite:///a.db"),
        ("postgres://u:p@h:5/n", "postgresql+asyncpg://u:p@h:5/n"),
        ("postgresql://u@h/n", "postgresql+asyncpg://u@h/n"),
        ("postgresql+psycopg://u@h/n", "postgresql+asyncpg://u@h/n"),
        ("postgres://u:p%40ss@h/n", "postgresql+asyncpg://u:p%40ss@h/n"),
        ("postgres://u@h/n?sslmode=require", "postgresql+asyncpg://u@h/n?ssl=require"),
    ],
)
def test_urls_are_understood_as_they_are_written(given, meant):
    """Every way in which hosting platforms write them names one of the two drivers."""
    assert parse_url(given).render_as_string(hide_password=False) == meant


@pytest.mark.parametrize(
    "given",
    ["", "gateway.db", "mysql://h/n", "sqlite://", "sqlite:///", "sqlite:///:memory:", "://"],
)
def test_other_urls_are_refused_with_what_to_write(given):
    """A URL of anything else, or of nothing that survives a restart, is refused by its name."""
    with pytest.raises(Misconfigured, match=r"DATABASE_URL.*sqlite:///"):
        parse_url(given)


def test_a_refused_url_does_not_show_its_password():
    """The message can be logged."""
    with pytest.raises(Misconfigured) as refused:
        parse_url("mysql://me:secret@host/name")
    assert "secret" not in str(refused.value)
