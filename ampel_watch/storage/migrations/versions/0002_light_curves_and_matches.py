"""Light curves, references of brightness, catalog matches and watched positions; changes that wait for them.

Frozen: a later change of the tables is a migration of its own.
"""

import sqlalchemy as sa
from alembic import op

from ampel_watch.storage.schema import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables and columns."""
    op.add_column("changes", sa.Column("tries", sa.Integer(), server_default="0", nullable=False))
    op.add_column("changes", sa.Column("retry_at", UtcDateTime(), nullable=True))
    op.add_column("decisions", sa.Column("values", sa.JSON(none_as_null=True), nullable=True))
    op.create_table(
        "light_curves",
        *_stock(),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("baseline_at", UtcDateTime(), nullable=False),
        sa.Column("looked_at", UtcDateTime(), nullable=True),
        sa.Column("followed_at", UtcDateTime(), nullable=True),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.Column("points", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("survey", "stock_id", name=op.f("pk_light_curves")),
    )
    op.create_table(
        "band_references",
        sa.Column("watch", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        *_stock(),
        sa.Column("band", sa.String(length=8), nullable=False),
        sa.Column("state", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("watch", "kind", "survey", "stock_id", "band", name=op.f("pk_band_references")),
    )
    op.create_index("ix_band_references_stock", "band_references", ["survey", "stock_id"])
    op.create_table(
        "matches",
        *_stock(),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("ra_deg", sa.Float(), nullable=True),
        sa.Column("dec_deg", sa.Float(), nullable=True),
        sa.Column("looked_at", UtcDateTime(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("found", sa.JSON(), nullable=False),
        sa.Column("classes", sa.JSON(), nullable=False),
        sa.Column("questions", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("survey", "stock_id", name=op.f("pk_matches")),
    )
    op.create_index("ix_matches_due_at", "matches", ["due_at"])
    op.create_table(
        "cone_looks",
        sa.Column("cone", sa.String(length=64), nullable=False),
        sa.Column("looked_at", UtcDateTime(), nullable=False),
        sa.Column("looked_wide_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("cone", name=op.f("pk_cone_looks")),
    )
    op.create_table(
        "cone_members",
        sa.Column("cone", sa.String(length=64), nullable=False),
        *_stock(),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("found_at", UtcDateTime(), nullable=False),
        sa.Column("at_first_look", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("cone", "survey", "stock_id", name=op.f("pk_cone_members")),
    )
    op.create_index("ix_cone_members_stock", "cone_members", ["survey", "stock_id"])


def _stock() -> tuple[sa.Column[str], sa.Column[int]]:
    return (
        sa.Column("survey", sa.String(length=16), nullable=False),
        sa.Column("stock_id", sa.BigInteger(), autoincrement=False, nullable=False),
    )
