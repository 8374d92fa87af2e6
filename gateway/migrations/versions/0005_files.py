"""What people send besides words."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BIG = sa.BigInteger()
ID = BIG.with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "files",
        sa.Column("id", ID, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("message_id", ID),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("size", BIG),
        sa.Column("source", sa.JSON()),
        sa.Column("content", sa.LargeBinary()),
        sa.Column("fault", sa.Text()),
        sa.Column("created_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_files"),
        sa.UniqueConstraint("key", name="uq_files_key"),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name="fk_files_message_id"),
    )
    op.create_index("ix_files_message_id", "files", ["message_id"])
    op.create_index("ix_files_platform_account", "files", ["platform", "account"])
    unsent = sa.text("message_id IS NULL")
    op.create_index(
        "ix_files_unsent",
        "files",
        ["created_at"],
        sqlite_where=unsent,
        postgresql_where=unsent,
    )
