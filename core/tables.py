"""The schema: one table a noun. Times are milliseconds since 1970, UTC; costs nano-dollars."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

# SQLite gives out row ids for INTEGER keys only; everywhere else an id has 64 bits.
Id = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Id, primary_key=True),
    # The first turn that belongs to the conversation as its people see it (reset, time to live).
    Column("history_from", Id, nullable=False),
    # The first turn that the model is shown; never before history_from.
    Column("window_from", Id, nullable=False),
    # What stands for the turns between the two.
    Column("summary", Text),
    # Who answers in it, and by which model, if somebody chose.
    Column("persona", Text),
    Column("model", Text),
    # What whoever opened it told the model, beyond the gateway's own system prompt.
    Column("system", Text),
    # Whose it is, if they speak to us alone and we know them.
    Column("person_id", Id),
    # Since when it is nobody's, and nothing can be said in it any more.
    Column("erased_at", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    # When its last turn closed. Every turn writes it, so it must stay out of every index.
    Column("updated_at", BigInteger, nullable=False),
)

Index(
    "ix_sessions_person_id",
    sessions.c.person_id,
    sqlite_where=sessions.c.person_id.is_not(None),
    postgresql_where=sessions.c.person_id.is_not(None),
)

addresses = Table(
    "addresses",
    metadata,
    Column("id", Id, primary_key=True),
    Column("session_id", Id, ForeignKey("sessions.id"), nullable=False),
    Column("platform", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("conversation", Text, nullable=False),
    Column("direct", Boolean(create_constraint=False), nullable=False),
    UniqueConstraint("platform", "account", "conversation"),
    Index(None, "session_id"),
)

# An account's conversations, the newest first; not those that are one question alone, of which a
# program may have a million.
Index(
    "ix_addresses_listed",
    addresses.c.platform,
    addresses.c.account,
    addresses.c.id,
    sqlite_where=text("conversation NOT LIKE '~%'"),
    postgresql_where=text("conversation NOT LIKE '~%'"),
)

turns = Table(
    "turns",
    metadata,
    Column("id", Id, primary_key=True),
    Column("session_id", Id, ForeignKey("sessions.id"), nullable=False),
    Column("address_id", Id, ForeignKey("addresses.id"), nullable=False),
    Column("status", Text, nullable=False),
    # The replica that works on it; NULL is free for any.
    Column("owner", Text),
    # The fence: whoever takes the turn over counts it up, and older writers find nothing.
    Column("attempt", Integer, nullable=False),
    # How much it is suspected of breaking whoever works on it.
    Column("blame", Integer, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("answered_at", BigInteger),
    Column("closed_at", BigInteger),
    Column("model", Text),
    Column("stop_reason", Text),
    Column("input_tokens", BigInteger),
    Column("output_tokens", BigInteger),
    Column("cache_read_tokens", BigInteger),
    Column("cache_write_tokens", BigInteger),
    Column("cost", BigInteger),
    Column("error", Text),
    # Who asked, the first of several.
    Column("person_id", Id),
    # Who answered.
    Column("persona", Text),
    # What its tokens cost when they were counted.
    Column("price", Text),
    # The turn that answers the same anew; what was replaced is shown to nobody any more.
    Column("replaced_by", Id),
    CheckConstraint(
        "status IN ('running', 'answered', 'done', 'failed', 'cancelled')", name="status"
    ),
)

# One open turn a session: the lease on the session, and what recovery scans.
Index(
    "uq_turns_open",
    turns.c.session_id,
    unique=True,
    sqlite_where=turns.c.closed_at.is_(None),
    postgresql_where=turns.c.closed_at.is_(None),
)
Index("ix_turns_session_id", turns.c.session_id, turns.c.id)
# What a person has spent, without a look at everybody's turns.
Index(
    "ix_turns_person_id",
    turns.c.person_id,
    turns.c.id,
    sqlite_where=turns.c.person_id.is_not(None),
    postgresql_where=turns.c.person_id.is_not(None),
)

messages = Table(
    "messages",
    metadata,
    Column("id", Id, primary_key=True),
    Column("session_id", Id, ForeignKey("sessions.id"), nullable=False),
    # NULL while the message waits for the open turn of its session to close.
    Column("turn_id", Id, ForeignKey("turns.id")),
    Column("address_id", Id, ForeignKey("addresses.id"), nullable=False),
    Column("role", Text, nullable=False),
    Column("content", JSON, nullable=False),
    # The message's identity on its platform; NULL for answers.
    Column("dedupe_key", Text),
    Column("created_at", BigInteger, nullable=False),
    # Who said it; NULL for answers.
    Column("person_id", Id),
    CheckConstraint("role IN ('user', 'assistant')", name="role"),
    # By turn, then by message: the order of the conversation. NULLs are the waiting ones.
    Index(None, "session_id", "turn_id", "id"),
)

Index(
    "uq_messages_dedupe_key",
    messages.c.dedupe_key,
    unique=True,
    sqlite_where=messages.c.dedupe_key.is_not(None),
    postgresql_where=messages.c.dedupe_key.is_not(None),
)
# Belt and braces: the fence already keeps a second answer out.
Index(
    "uq_messages_answer",
    messages.c.turn_id,
    unique=True,
    sqlite_where=messages.c.role == "assistant",
    postgresql_where=messages.c.role == "assistant",
)

# What people send besides words. It comes with a message that names it by its key.
files = Table(
    "files",
    metadata,
    Column("id", Id, primary_key=True),
    Column("key", Text, nullable=False),
    # NULL until it is sent: it was uploaded for a message to come.
    Column("message_id", Id, ForeignKey("messages.id")),
    Column("platform", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("name", Text, nullable=False),
    # What its sender calls it; once the content is there, what it is.
    Column("type", Text, nullable=False),
    Column("size", BigInteger),
    # Where its platform's adapter finds it; NULL for an upload.
    Column("source", JSON(none_as_null=True)),
    Column("content", LargeBinary),
    # Why there is no content, and never will be.
    Column("fault", Text),
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("key"),
    Index(None, "message_id"),
    Index(None, "platform", "account"),
)
Index(
    "ix_files_unsent",
    files.c.created_at,
    sqlite_where=files.c.message_id.is_(None),
    postgresql_where=files.c.message_id.is_(None),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Id, primary_key=True),
    Column("turn_id", Id, ForeignKey("turns.id"), nullable=False),
    Column("part", Integer, nullable=False),
    # The platform's id of the part; a part that was begun but not completed has it too.
    Column("external_id", Text, nullable=False),
    Column("sent_at", BigInteger),
    UniqueConstraint("turn_id", "part"),
    # Whose part it is that a platform reports about.
    Index(None, "external_id"),
)

feedback = Table(
    "feedback",
    metadata,
    Column("id", Id, primary_key=True),
    Column("message_id", Id, ForeignKey("messages.id"), nullable=False),
    Column("value", Integer, nullable=False),
    Column("comment", Text),
    Column("created_at", BigInteger, nullable=False),
    CheckConstraint("value IN (-1, 1)", name="value"),
    UniqueConstraint("message_id"),
)

people = Table(
    "people",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Text),
    # The language that they chose or that their platform told last, such as de.
    Column("language", Text),
    # Who they turned out to be. Nobody is ever deleted: their id must not be another's one day.
    Column("merged_into", Id),
    Column("created_at", BigInteger, nullable=False),
)

# What people are called on each platform.
identities = Table(
    "identities",
    metadata,
    Column("id", Id, primary_key=True),
    Column("person_id", Id, ForeignKey("people.id"), nullable=False),
    Column("platform", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("external_id", Text, nullable=False),
    Column("name", Text),
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("platform", "account", "external_id"),
    Index(None, "person_id"),
)

# One-time codes by which people prove that two of them are one; their digests alone.
codes = Table(
    "codes",
    metadata,
    Column("id", Id, primary_key=True),
    Column("digest", Text, nullable=False),
    # Whose it is, where it was asked for, and in which turn.
    Column("person_id", Id, nullable=False),
    Column("address_id", Id, nullable=False),
    Column("turn_id", Id, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("used_at", BigInteger),
    # The turn that used it.
    Column("used_by", Id),
    # True until the conversations at both ends are one; NULL if they are to stay apart.
    Column("joins", Boolean(create_constraint=False)),
    UniqueConstraint("digest"),
    Index(None, "person_id"),
)

# Who proved to be whom, undid it, or tried to: for the record, and against guessing.
links = Table(
    "links",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("person_id", Id, nullable=False),
    Column("other_id", Id),
    Column("platform", Text, nullable=False),
    # The turn that did it: taken up again, it does nothing twice.
    Column("turn_id", Id),
    Column("created_at", BigInteger, nullable=False),
    Index(None, "person_id", "created_at"),
    Index(None, "turn_id"),
)

# How much was spent of each budget, and is set aside for answers that are being given.
budgets = Table(
    "budgets",
    metadata,
    Column("id", Id, primary_key=True),
    # Whose it is, such as person:7, platform:slack or all.
    Column("scope", Text, nullable=False),
    # A day (2026-11-21) or a month (2026-11), UTC.
    Column("period", Text, nullable=False),
    Column("spent", BigInteger, nullable=False),
    Column("reserved", BigInteger, nullable=False),
    Column("warned_at", BigInteger),
    UniqueConstraint("scope", "period"),
)

# What is set aside for a turn, until it is known what it cost.
reservations = Table(
    "reservations",
    metadata,
    Column("id", Id, primary_key=True),
    Column("turn_id", Id, nullable=False),
    Column("amount", BigInteger, nullable=False),
    # The scopes and periods of the budgets that it is set aside of.
    Column("budgets", JSON, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("turn_id"),
)

# When each person's allowance of messages will be whole again, for each span of time, such as
# 20/60 for that many in so many seconds. In microseconds: there may be several in a millisecond.
rates = Table(
    "rates",
    metadata,
    Column("id", Id, primary_key=True),
    Column("person_id", Id, nullable=False),
    Column("span", Text, nullable=False),
    Column("full_at", BigInteger, nullable=False),
    UniqueConstraint("person_id", "span"),
)

# Where an answer was not as its persona promises.
findings = Table(
    "findings",
    metadata,
    Column("id", Id, primary_key=True),
    Column("turn_id", Id, ForeignKey("turns.id"), nullable=False),
    Column("persona", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("turn_id", "rule"),
)

# Anonymous people who began a conversation, or whose tokens were renewed or given up.
visitors = Table(
    "visitors",
    metadata,
    Column("id", Text, primary_key=True),
    # Tokens of the epoch before last are dead; those of the last one die soon after it.
    Column("epoch", Integer, nullable=False),
    Column("rotated_at", BigInteger),
    Column("retired_at", BigInteger),
)

replicas = Table(
    "replicas",
    metadata,
    Column("id", Text, primary_key=True),
    # By the database's clock, never by the replica's.
    Column("beat_at", BigInteger, nullable=False),
)

# Where a platform's app is installed, and may speak.
installations = Table(
    "installations",
    metadata,
    Column("id", Id, primary_key=True),
    Column("platform", Text, nullable=False),
    Column("app", Text, nullable=False),
    # '' for an account that belongs to none.
    Column("enterprise", Text, nullable=False),
    # '' for all accounts of the enterprise.
    Column("account", Text, nullable=False),
    Column("name", Text, nullable=False),
    # What the adapter wants to know besides; nothing secret.
    Column("details", JSON, nullable=False),
    # Its tokens, encrypted by the adapter; empty when they were revoked.
    Column("secret", LargeBinary, nullable=False),
    Column("key_id", Text, nullable=False),
    # Counts the secrets it has had: what a renewal made of an older one is not stored.
    Column("version", Integer, nullable=False),
    # NULL for a secret that never ends.
    Column("expires_at", BigInteger),
    # A renewal that failed is not tried again before.
    Column("renew_after", BigInteger),
    # Until then one replica alone renews the secret.
    Column("claimed_until", BigInteger),
    Column("revoked_at", BigInteger),
    # When it was installed; again, if it was installed again.
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    UniqueConstraint("platform", "app", "enterprise", "account"),
    Index(None, "platform", "account"),
)

# Who writes to us on a platform that restricts when we may write back.
contacts = Table(
    "contacts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("platform", Text, nullable=False),
    # Which of our own addresses they write to.
    Column("account", Text, nullable=False),
    # The name that they were first known by; their conversation is called so.
    Column("person", Text, nullable=False),
    # When they last wrote; NULL if they never did.
    Column("heard_at", BigInteger),
    # Since when the platform takes nothing for them but templates, until they write again.
    Column("shut_at", BigInteger),
    # When they were told that something waits for them, since they last wrote.
    Column("announced_at", BigInteger),
    # Since when they want to hear nothing from us.
    Column("opted_out_at", BigInteger),
    UniqueConstraint("platform", "account", "person"),
)

# The names that a contact is known by: people change numbers, and numbers hide behind names.
aliases = Table(
    "aliases",
    metadata,
    Column("id", Id, primary_key=True),
    Column("contact_id", Id, ForeignKey("contacts.id"), nullable=False),
    Column("platform", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("alias", Text, nullable=False),
    UniqueConstraint("platform", "account", "alias"),
    Index(None, "contact_id"),
)

# What a platform says became of what it took. It may say so before it tells the sender the id.
reports = Table(
    "reports",
    metadata,
    Column("id", Id, primary_key=True),
    Column("platform", Text, nullable=False),
    Column("external_id", Text, nullable=False),
    Column("status", Text, nullable=False),
    # How far that is; a report of less comes too late.
    Column("rank", Integer, nullable=False),
    Column("error_code", Text),
    Column("updated_at", BigInteger, nullable=False),
    UniqueConstraint("platform", "external_id"),
)

# Answers that may only go out once their person writes again.
owed = Table(
    "owed",
    metadata,
    Column("id", Id, primary_key=True),
    Column("turn_id", Id, ForeignKey("turns.id"), nullable=False),
    Column("address_id", Id, ForeignKey("addresses.id"), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("turn_id"),
    Index(None, "address_id"),
)
