"""The first schema.

Frozen: a later change of the tables is a migration of its own.
"""

import sqlalchemy as sa
from alembic import op

from ampel_watch.storage.schema import RowNumber, UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create every table."""
    op.create_table(
        "alert_looks",
        sa.Column("search", sa.String(length=64), nullable=False),
        sa.Column("looked_at", UtcDateTime(), nullable=False),
        sa.Column("looked_wide_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("search", name=op.f("pk_alert_looks")),
    )
    op.create_table(
        "bodies",
        sa.Column("survey", sa.String(length=16), nullable=False),
        sa.Column("stock_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("survey", "stock_id", name=op.f("pk_bodies")),
    )
    op.create_table(
        "changes",
        sa.Column("seq", RowNumber, nullable=False),
        sa.Column("survey", sa.String(length=16), nullable=False),
        sa.Column("stock_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("counter", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=255), nullable=True),
        sa.Column("channels", sa.JSON(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("after", sa.JSON(), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.Column("unseen_since", UtcDateTime(), nullable=True),
        sa.Column("entered_at", UtcDateTime(), nullable=True),
        sa.Column("only_watch", sa.String(length=255), nullable=True),
        sa.Column("evaluated_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_changes")),
        sa.UniqueConstraint("survey", "stock_id", "counter", name=op.f("uq_changes_survey_stock_id_counter")),
    )
    op.create_index(
        "ix_changes_waiting",
        "changes",
        ["seq"],
        unique=False,
        sqlite_where=sa.text("evaluated_at IS NULL"),
        postgresql_where=sa.text("evaluated_at IS NULL"),
    )
    op.create_table(
        "channel_looks",
        sa.Column("channel", sa.String(length=255), nullable=False),
        sa.Column("looked_at", UtcDateTime(), nullable=False),
        sa.Column("looked_wide_at", UtcDateTime(), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("epoch", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("channel", name=op.f("pk_channel_looks")),
    )
    op.create_table(
        "events",
        sa.Column("seq", RowNumber, nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("watch", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("survey", sa.String(length=16), nullable=False),
        sa.Column("stock_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_events")),
        sa.UniqueConstraint("id", name=op.f("uq_events_id")),
    )
    op.create_index("ix_events_made_at", "events", ["made_at"], unique=False)
    op.create_index("ix_events_stock", "events", ["survey", "stock_id"], unique=False)
    op.create_table(
        "first_looks",
        sa.Column("watch", sa.String(length=255), nullable=False),
        sa.Column("target", sa.String(length=300), nullable=False),
        sa.Column("looked_at", UtcDateTime(), nullable=False),
        sa.Column("after_change", RowNumber, nullable=False),
        sa.PrimaryKeyConstraint("watch", "target", name=op.f("pk_first_looks")),
    )
    op.create_table(
        "members",
        sa.Column("channel", sa.String(length=255), nullable=False),
        sa.Column("survey", sa.String(length=16), nullable=False),
        sa.Column("stock_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("channel", "survey", "stock_id", name=op.f("pk_members")),
    )
    op.create_index("ix_members_stock", "members", ["survey", "stock_id"], unique=False)
    op.create_table(
        "notices",
        sa.Column("seq", RowNumber, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("what", sa.String(length=32), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_notices")),
    )
    op.create_table(
        "pending_reads",
        sa.Column("survey", sa.String(length=16), nullable=False),
        sa.Column("stock_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("alert_at", UtcDateTime(), nullable=False),
        sa.Column("ra_deg", sa.Float(), nullable=True),
        sa.Column("dec_deg", sa.Float(), nullable=True),
        sa.Column("found_at", UtcDateTime(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("survey", "stock_id", name=op.f("pk_pending_reads")),
    )
    op.create_index("ix_pending_reads_due_at", "pending_reads", ["due_at"], unique=False)
    op.create_table(
        "seen_alerts",
        sa.Column("search", sa.String(length=64), nullable=False),
        sa.Column("candid", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("search", "candid", name=op.f("pk_seen_alerts")),
    )
    op.create_index("ix_seen_alerts_seen_at", "seen_alerts", ["seen_at"], unique=False)
    op.create_table(
        "services",
        sa.Column("name", sa.String(length=16), nullable=False),
        sa.Column("succeeded_at", UtcDateTime(), nullable=True),
        sa.Column("failing_since", UtcDateTime(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("listing", sa.String(length=16), nullable=True),
        sa.Column("refreshed_to", sa.String(length=64), nullable=True),
        sa.Column("identity", sa.String(length=64), nullable=True),
        sa.Column("epoch", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_services")),
    )
    op.create_table(
        "stocks",
        sa.Column("survey", sa.String(length=16), nullable=False),
        sa.Column("stock_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("ra_deg", sa.Float(), nullable=True),
        sa.Column("dec_deg", sa.Float(), nullable=True),
        sa.Column("channels_known", sa.Boolean(), nullable=False),
        sa.Column("created", sa.JSON(), nullable=False),
        sa.Column("updated", sa.JSON(), nullable=False),
        sa.Column("journal", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("counter", sa.Integer(), server_default="0", nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("misses", sa.Integer(), server_default="0", nullable=False),
        sa.Column("missed_at", UtcDateTime(), nullable=True),
        sa.Column("gone_at", UtcDateTime(), nullable=True),
        sa.Column("epoch", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("survey", "stock_id", name=op.f("pk_stocks")),
    )
    op.create_index("ix_stocks_name", "stocks", ["name"], unique=False)
    op.create_table(
        "watches",
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("next_due_at", UtcDateTime(), nullable=True),
        sa.Column("looked_at", UtcDateTime(), nullable=True),
        sa.Column("succeeded_at", UtcDateTime(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_watches")),
    )
    op.create_table(
        "decisions",
        sa.Column("change_seq", RowNumber, nullable=False),
        sa.Column("watch", sa.String(length=255), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("event_id", sa.String(length=64), nullable=True),
        sa.Column("decided_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["change_seq"], ["changes.seq"], name=op.f("fk_decisions_change_seq")),
        sa.PrimaryKeyConstraint("change_seq", "watch", name=op.f("pk_decisions")),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("event_seq", RowNumber, nullable=False),
        sa.Column("receiver", sa.String(length=255), nullable=False),
        sa.Column("survey", sa.String(length=16), nullable=False),
        sa.Column("stock_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("first_try_at", UtcDateTime(), nullable=True),
        sa.Column("next_try_at", UtcDateTime(), nullable=False),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("status", sa.String(length=64), nullable=True),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["event_seq"], ["events.seq"], name=op.f("fk_deliveries_event_seq")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
    )
    op.create_index("ix_deliveries_event_seq", "deliveries", ["event_seq"], unique=False)
    op.create_index(
        "ix_deliveries_on_their_way",
        "deliveries",
        ["receiver", "survey", "stock_id", "event_seq"],
        unique=False,
        sqlite_where=sa.text("state IN ('waiting', 'sending')"),
        postgresql_where=sa.text("state IN ('waiting', 'sending')"),
    )
