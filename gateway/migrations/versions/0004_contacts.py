"""Who may be written to and when, what became of what was sent, and what is owed to whom."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BIG = sa.BigInteger()
ID = BIG.with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _contacts()
    _reports()
    _owed()
    op.create_index("ix_deliveries_external_id", "deliveries", ["external_id"])


def _contacts() -> None:
    op.create_table(
        "contacts",
        sa.Column("id", ID, nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("heard_at", BIG),
        sa.Column("shut_at", BIG),
        sa.Column("announced_at", BIG),
        sa.Column("opted_out_at", BIG),
        sa.PrimaryKeyConstraint("id", name="pk_contacts"),
        sa.UniqueConstraint(
            "platform", "account", "person", name="uq_contacts_platform_account_person"
        ),
    )
    op.create_table(
        "aliases",
        sa.Column("id", ID, nullable=False),
        sa.Column("contact_id", ID, nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("alias", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_aliases"),
        sa.UniqueConstraint(
            "platform", "account", "alias", name="uq_aliases_platform_account_alias"
        ),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name="fk_aliases_contact_id"),
    )
    op.create_index("ix_aliases_contact_id", "aliases", ["contact_id"])


def _reports() -> None:
    op.create_table(
        "reports",
        sa.Column("id", ID, nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("error_code", sa.Text()),
        sa.Column("updated_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_reports"),
        sa.UniqueConstraint("platform", "external_id", name="uq_reports_platform_external_id"),
    )


def _owed() -> None:
    op.create_table(
        "owed",
        sa.Column("id", ID, nullable=False),
        sa.Column("turn_id", ID, nullable=False),
        sa.Column("address_id", ID, nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_owed"),
        sa.UniqueConstraint("turn_id", name="uq_owed_turn_id"),
        sa.ForeignKeyConstraint(["turn_id"], ["turns.id"], name="fk_owed_turn_id"),
        sa.ForeignKeyConstraint(["address_id"], ["addresses.id"], name="fk_owed_address_id"),
    )
    op.create_index("ix_owed_address_id", "owed", ["address_id"])
