"""Answers anew, a session's own system prompt, feedback, and visitors whose tokens were renewed."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BIG = sa.BigInteger()
ID = BIG.with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("sessions", sa.Column("system", sa.Text()))
    op.add_column("sessions", sa.Column("erased_at", BIG))
    op.add_column("turns", sa.Column("replaced_by", ID))
    listed = sa.text("conversation NOT LIKE '~%'")
    op.create_index(
        "ix_addresses_listed",
        "addresses",
        ["platform", "account", "id"],
        sqlite_where=listed,
        postgresql_where=listed,
    )
    _feedback()
    _visitors()


def _feedback() -> None:
    op.create_table(
        "feedback",
        sa.Column("id", ID, nullable=False),
        sa.Column("message_id", ID, nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.Column("comment", sa.Text()),
        sa.Column("created_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_feedback"),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name="fk_feedback_message_id"),
        sa.UniqueConstraint("message_id", name="uq_feedback_message_id"),
        sa.CheckConstraint("value IN (-1, 1)", name=op.f("ck_feedback_value")),
    )


def _visitors() -> None:
    op.create_table(
        "visitors",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("rotated_at", BIG),
        sa.Column("retired_at", BIG),
        sa.PrimaryKeyConstraint("id", name="pk_visitors"),
    )
