"""Sessions, their addresses, turns, messages, deliveries and replicas."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG = sa.BigInteger()
ID = BIG.with_variant(sa.Integer(), "sqlite")


def _partial(where: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(where), "postgresql_where": sa.text(where)}


def upgrade() -> None:
    _sessions()
    _turns()
    _messages()
    _deliveries()
    op.create_table(
        "replicas",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("beat_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_replicas"),
    )
    if op.get_bind().dialect.name == "postgresql":
        # Each turn leaves a dead entry in the index of open turns: keep that small.
        op.execute("ALTER TABLE turns SET (autovacuum_vacuum_scale_factor = 0.01)")
        op.execute("ALTER TABLE turns SET (fillfactor = 85)")
        op.execute("ALTER TABLE sessions SET (fillfactor = 85)")


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", ID, nullable=False),
        sa.Column("history_from", ID, nullable=False),
        sa.Column("window_from", ID, nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("updated_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
    )
    op.create_table(
        "addresses",
        sa.Column("id", ID, nullable=False),
        sa.Column("session_id", ID, nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("conversation", sa.Text(), nullable=False),
        sa.Column("direct", sa.Boolean(create_constraint=False), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_addresses"),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], name="fk_addresses_session_id"),
        sa.UniqueConstraint(
            "platform",
            "account",
            "conversation",
            name="uq_addresses_platform_account_conversation",
        ),
    )
    op.create_index("ix_addresses_session_id", "addresses", ["session_id"])


def _turns() -> None:
    op.create_table(
        "turns",
        sa.Column("id", ID, nullable=False),
        sa.Column("session_id", ID, nullable=False),
        sa.Column("address_id", ID, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text()),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("blame", sa.Integer(), nullable=False),
        sa.Column("started_at", BIG, nullable=False),
        sa.Column("answered_at", BIG),
        sa.Column("closed_at", BIG),
        sa.Column("model", sa.Text()),
        sa.Column("stop_reason", sa.Text()),
        sa.Column("input_tokens", BIG),
        sa.Column("output_tokens", BIG),
        sa.Column("cache_read_tokens", BIG),
        sa.Column("cache_write_tokens", BIG),
        sa.Column("cost", BIG),
        sa.Column("error", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_turns"),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], name="fk_turns_session_id"),
        sa.ForeignKeyConstraint(["address_id"], ["addresses.id"], name="fk_turns_address_id"),
        sa.CheckConstraint(
            "status IN ('running', 'answered', 'done', 'failed', 'cancelled')",
            name=op.f("ck_turns_status"),
        ),
    )
    op.create_index(
        "uq_turns_open", "turns", ["session_id"], unique=True, **_partial("closed_at IS NULL")
    )
    op.create_index("ix_turns_session_id", "turns", ["session_id", "id"])


def _messages() -> None:
    op.create_table(
        "messages",
        sa.Column("id", ID, nullable=False),
        sa.Column("session_id", ID, nullable=False),
        sa.Column("turn_id", ID),
        sa.Column("address_id", ID, nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("dedupe_key", sa.Text()),
        sa.Column("created_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_messages"),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], name="fk_messages_session_id"),
        sa.ForeignKeyConstraint(["turn_id"], ["turns.id"], name="fk_messages_turn_id"),
        sa.ForeignKeyConstraint(["address_id"], ["addresses.id"], name="fk_messages_address_id"),
        sa.CheckConstraint("role IN ('user', 'assistant')", name=op.f("ck_messages_role")),
    )
    op.create_index(
        "ix_messages_session_id_turn_id_id", "messages", ["session_id", "turn_id", "id"]
    )
    op.create_index(
        "uq_messages_dedupe_key",
        "messages",
        ["dedupe_key"],
        unique=True,
        **_partial("dedupe_key IS NOT NULL"),
    )
    op.create_index(
        "uq_messages_answer", "messages", ["turn_id"], unique=True, **_partial("role = 'assistant'")
    )


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", ID, nullable=False),
        sa.Column("turn_id", ID, nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("sent_at", BIG),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
        sa.ForeignKeyConstraint(["turn_id"], ["turns.id"], name="fk_deliveries_turn_id"),
        sa.UniqueConstraint("turn_id", "part", name="uq_deliveries_turn_id_part"),
    )
