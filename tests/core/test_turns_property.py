"""Random interleavings of accept, again, crash, recover, answer and deliver, against a model."""

import asyncio
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import delete, insert, select

from core import arrivals, deliveries, leases, outcomes, transcript, turns
from core.again import Busy, again
from core.errors import Fenced
from core.tables import addresses, messages, replicas
from core.tables import turns as turns_table
from core.types import Address, Answer, InboundEvent, Status
from tests.databases import empty, migrated, sqlite_url

REPLICAS = ("a", "b", "c")
LONG = 10**9  # no replica dies of silence here: it dies when its sign of life is taken away


class Engine(RuleBasedStateMachine):
    """Three replicas, one of them perhaps dead but still writing, and three sessions."""

    loop: asyncio.AbstractEventLoop
    database = None

    @initialize()
    def begin(self):
        self.held = {name: {} for name in REPLICAS}  # what each replica believes to hold
        self.accepted = {}  # key -> session
        self.sent = {}  # turn -> texts that reached the platform
        self.clock = 0
        self.do(empty, self.database)
        self.do(self.database.write, _furnish)

    def do(self, fn, *args, **kwargs):
        return self.loop.run_until_complete(fn(*args, **kwargs))

    def now(self):
        self.clock += 1
        return self.clock

    @rule(
        session=st.integers(0, 2),
        place=st.integers(0, 1),
        key=st.integers(0, 40),
        replica=st.sampled_from(REPLICAS),
    )
    def accept(self, session, place, key, replica):
        """A message comes, perhaps for the second time, and at any replica."""
        name = f"s{session}-{place}"
        key = f"{name}:{key}"
        event = InboundEvent(
            address=Address(platform="p", account="x", conversation=name),
            text=key,
            message_key=key,
        )
        receipt = self.do(
            self.database.write,
            arrivals.accept,
            event,
            owner=replica,
            now=self.now(),
            stale_before=-1,
        )
        assert receipt.duplicate == (key in self.accepted)
        self.accepted[key] = name
        if receipt.turn:
            self.held[replica][receipt.turn.id] = receipt.turn

    @rule(
        which=st.integers(0, 30),
        key=st.none() | st.integers(0, 20),
        replica=st.sampled_from(REPLICAS),
    )
    def again(self, which, key, replica):
        """A turn is to be answered anew, or another message in its place, at any replica."""
        known = self.do(self.database.read, _turns)
        if not known:
            return
        session_id, turn_id = known[which % len(known)]
        said = None if key is None else self._edit(session_id, key)
        try:
            receipt = self.do(
                self.database.write,
                again,
                session_id,
                turn_id,
                event=said,
                owner=replica,
                now=self.now(),
            )
        except Busy:
            return
        if said is not None:
            assert receipt.duplicate == (said.message_key in self.accepted)
            self.accepted[said.message_key] = said.address.conversation
        if receipt.turn:
            assert receipt.turn_id > turn_id
            self.held[replica][receipt.turn.id] = receipt.turn

    def _edit(self, session_id, key):
        key = f"edit {session_id}:{key}"
        address = Address(platform="p", account="x", conversation="any")
        return InboundEvent(address=address, text=key, message_key=key)

    @rule(replica=st.sampled_from(REPLICAS), direct=st.booleans(), which=st.integers(0, 5))
    def work(self, replica, direct, which):
        """A replica does the next step of a turn that it believes to hold."""
        if not self.held[replica]:
            return
        turn_id = sorted(self.held[replica])[which % len(self.held[replica])]
        turn = self.held[replica].pop(turn_id)
        owner = self._owns(replica, turn)
        try:
            following = self._step(replica, turn, direct=direct)
        except Fenced:
            assert not owner
            return
        assert owner
        if following:
            self.held[replica][following.turn.id] = following.turn

    def _step(self, replica, turn, *, direct):
        if turn.status == Status.ANSWERED:
            return self._deliver(turn)
        spoken = self.do(
            self.database.read, transcript.spoken, turn.session_id, turn_id=turn.id, limit=999
        )
        asked = [m.parts[0]["text"] for m in spoken if m.turn_id == turn.id and m.role == "user"]
        answer = Answer(status=Status.DONE, parts=({"type": "text", "text": ",".join(asked)},))
        if direct:
            return self.do(self.database.write, turns.close, turn, answer, now=self.now())[1]
        self.do(self.database.write, turns.finish, turn, answer, now=self.now())
        self.held[replica][turn.id] = self._reload(turn)
        return None

    def _deliver(self, turn):
        if not self.do(self.database.read, deliveries.standing, turn).parts:
            answer = self.do(self.database.read, outcomes.answered, turn.id)
            self.do(self.database.write, deliveries.checkpoint, turn, 0, "id", sent_at=self.now())
            self.sent.setdefault(turn.id, []).append(answer.parts[0]["text"])
        return self.do(
            self.database.write, turns.settle, turn, status=Status.DONE, error=None, now=self.now()
        )

    def _reload(self, turn):
        def load(db):
            return turns.turn_from(db.execute(turns.sql.TURNS, {"ids": [turn.id]}).one())

        return self.do(self.database.read, load)

    def _owns(self, replica, turn):
        now = self._reload(turn)
        closed = self.do(self.database.read, outcomes.ended, turn.id) is not None
        return now.owner == replica and now.attempt == turn.attempt and not closed

    @rule(replica=st.sampled_from(REPLICAS), forgets=st.booleans())
    def die(self, replica, forgets):
        """A replica falls silent: dead, or only paused and still believing in its turns."""
        self.do(self.database.write, _silence, replica)
        if forgets:
            self.held[replica].clear()

    @rule(replica=st.sampled_from(REPLICAS))
    def recover(self, replica):
        """A replica shows that it lives, and takes over from those that don't."""
        self.do(self.database.write, leases.beat, replica)
        owned = self.do(self.database.read, leases.owned, replica)
        taken = self.do(
            self.database.write,
            leases.recover,
            replica,
            single=False,
            dead_ms=LONG,
            lost=owned - self.held[replica].keys(),
        )
        for turn in taken:
            self.held[replica][turn.id] = turn

    @rule(replica=st.sampled_from(REPLICAS))
    def leave(self, replica):
        """A replica stops in good order."""
        self.do(self.database.write, leases.release, replica)
        self.held[replica].clear()

    @precondition(lambda self: hasattr(self, "accepted"))
    @invariant()
    def nothing_is_lost_or_out_of_order(self):
        """What the database must look like between any two steps."""
        rows, opened, replaced = self.do(self.database.read, _look)
        stored = [row.dedupe_key for row in rows if row.role == "user"]
        assert sorted(stored) == sorted(self.accepted)
        assert len(opened) == len(set(opened))
        waiting = {row.session_id for row in rows if row.turn_id is None}
        assert waiting <= set(opened)
        for texts in self.sent.values():
            assert len(texts) == 1
        _answers_fit([row for row in rows if row.turn_id not in replaced])

    def teardown(self):
        """One replica that lives long enough answers all that was ever accepted."""
        if not hasattr(self, "accepted"):
            return
        for name in REPLICAS:
            self.do(self.database.write, _silence, name)
        self.held = {name: {} for name in REPLICAS}
        for _ in range(200):
            self.recover("a")
            if not self.held["a"]:
                break
            while self.held["a"]:
                self.work("a", direct=False, which=0)
        rows, opened, _ = self.do(self.database.read, _look)
        assert not opened
        answered = {row.turn_id for row in rows if row.role == "assistant"}
        assert {row.turn_id for row in rows} == answered
        self.nothing_is_lost_or_out_of_order()


def _furnish(db):
    """Live replicas, and sessions with two addresses each."""
    for name in REPLICAS:
        leases.beat(db, name)
    for session in range(3):
        session_id = turns.sql.NEW_SESSION.scalar(db, {"now": 0, "system": None, "person": None})
        for place in range(2):
            values = {"platform": "p", "account": "x", "conversation": f"s{session}-{place}"}
            db.execute(insert(addresses).values(session_id=session_id, direct=True, **values))


def _silence(db, replica):
    db.execute(delete(replicas).where(replicas.c.id == replica))


def _look(db):
    rows = db.execute(select(messages).order_by(messages.c.id)).all()
    opened = db.execute(
        select(turns_table.c.session_id).where(turns_table.c.closed_at.is_(None))
    ).scalars()
    replaced = db.execute(
        select(turns_table.c.id).where(turns_table.c.replaced_by.is_not(None))
    ).scalars()
    return rows, list(opened), set(replaced)


def _turns(db):
    """Every turn, with its session."""
    query = select(turns_table.c.session_id, turns_table.c.id).order_by(turns_table.c.id)
    return db.execute(query).all()


def _answers_fit(rows):
    """Each answer is to exactly the messages of its turn, and turns keep the messages' order."""
    by_turn, newest, places = {}, {}, {}
    for row in rows:
        if row.role == "user" and row.turn_id is not None:
            by_turn.setdefault(row.turn_id, []).append(row.content[0]["text"])
            assert places.setdefault(row.turn_id, row.address_id) == row.address_id
            assert newest.get(row.address_id, 0) <= row.turn_id
            newest[row.address_id] = row.turn_id
    for row in rows:
        if row.role == "assistant":
            assert row.content[0]["text"] == ",".join(by_turn[row.turn_id])


def run(url, *, examples):
    loop = asyncio.new_event_loop()
    opened = migrated(url)
    try:
        Engine.loop = loop
        Engine.database = loop.run_until_complete(opened.__aenter__())
        run_state_machine_as_test(
            Engine,
            settings=settings(
                max_examples=examples,
                stateful_step_count=40,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        loop.run_until_complete(opened.__aexit__(None, None, None))
        loop.close()


def test_on_sqlite_no_interleaving_loses_doubles_or_reorders():
    """Whatever dies between any two steps, each message is answered once and in order."""
    with tempfile.TemporaryDirectory() as folder:
        run(sqlite_url(Path(folder)), examples=40)


def test_on_postgresql_no_interleaving_loses_doubles_or_reorders(postgres):
    """Whatever dies between any two steps, each message is answered once and in order."""
    run(postgres, examples=20)
