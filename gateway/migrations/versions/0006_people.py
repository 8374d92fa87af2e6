"""Who is who, on every platform."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BIG = sa.BigInteger()
ID = BIG.with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "people",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.Text()),
        sa.Column("created_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_people"),
    )
    op.create_table(
        "identities",
        sa.Column("id", ID, nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text()),
        sa.Column("created_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_identities"),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_identities_person_id"),
        sa.UniqueConstraint(
            "platform", "account", "external_id", name="uq_identities_platform_account_external_id"
        ),
    )
    op.create_index("ix_identities_person_id", "identities", ["person_id"])
    for table in ("sessions", "turns", "messages"):
        op.add_column(table, sa.Column("person_id", ID))
    known = sa.text("person_id IS NOT NULL")
    op.create_index(
        "ix_sessions_person_id",
        "sessions",
        ["person_id"],
        sqlite_where=known,
        postgresql_where=known,
    )
