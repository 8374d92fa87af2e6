"""Personas, what answers may cost, how much people may say, and who proves to be whom."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

BIG = sa.BigInteger()
ID = BIG.with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _personas()
    _money()
    _links()


def _personas() -> None:
    op.add_column("sessions", sa.Column("persona", sa.Text()))
    op.add_column("sessions", sa.Column("model", sa.Text()))
    op.add_column("turns", sa.Column("persona", sa.Text()))
    op.create_table(
        "findings",
        sa.Column("id", ID, nullable=False),
        sa.Column("turn_id", ID, nullable=False),
        sa.Column("persona", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_findings"),
        sa.ForeignKeyConstraint(["turn_id"], ["turns.id"], name="fk_findings_turn_id"),
        sa.UniqueConstraint("turn_id", "rule", name="uq_findings_turn_id_rule"),
    )


def _money() -> None:
    op.add_column("turns", sa.Column("price", sa.Text()))
    known = sa.text("person_id IS NOT NULL")
    op.create_index(
        "ix_turns_person_id",
        "turns",
        ["person_id", "id"],
        sqlite_where=known,
        postgresql_where=known,
    )
    op.create_table(
        "budgets",
        sa.Column("id", ID, nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("spent", BIG, nullable=False),
        sa.Column("reserved", BIG, nullable=False),
        sa.Column("warned_at", BIG),
        sa.PrimaryKeyConstraint("id", name="pk_budgets"),
        sa.UniqueConstraint("scope", "period", name="uq_budgets_scope_period"),
    )
    op.create_table(
        "reservations",
        sa.Column("id", ID, nullable=False),
        sa.Column("turn_id", ID, nullable=False),
        sa.Column("amount", BIG, nullable=False),
        sa.Column("budgets", sa.JSON(), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_reservations"),
        sa.UniqueConstraint("turn_id", name="uq_reservations_turn_id"),
    )
    op.create_table(
        "rates",
        sa.Column("id", ID, nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("span", sa.Text(), nullable=False),
        sa.Column("full_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_rates"),
        sa.UniqueConstraint("person_id", "span", name="uq_rates_person_id_span"),
    )


def _links() -> None:
    op.add_column("people", sa.Column("language", sa.Text()))
    op.add_column("people", sa.Column("merged_into", ID))
    op.create_table(
        "codes",
        sa.Column("id", ID, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("address_id", ID, nullable=False),
        sa.Column("turn_id", ID, nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("expires_at", BIG, nullable=False),
        sa.Column("used_at", BIG),
        sa.Column("used_by", ID),
        sa.Column("joins", sa.Boolean(create_constraint=False)),
        sa.PrimaryKeyConstraint("id", name="pk_codes"),
        sa.UniqueConstraint("digest", name="uq_codes_digest"),
    )
    op.create_index("ix_codes_person_id", "codes", ["person_id"])
    op.create_table(
        "links",
        sa.Column("id", ID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("other_id", ID),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("turn_id", ID),
        sa.Column("created_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_links"),
    )
    op.create_index("ix_links_person_id_created_at", "links", ["person_id", "created_at"])
    op.create_index("ix_links_turn_id", "links", ["turn_id"])
