"""The tables. A change here needs a migration; a test compares the two.

::

    stocks ── bodies            the last snapshot of each stock, and its document as it came
    members                     which stock is in which channel, as last read
    channel_looks, alert_looks  how far each channel listing and each archive search has come
    first_looks                 when, and after which change, a watch began to look at a target
    seen_alerts, pending_reads  archive alerts already met; stocks still to be read because of one
    light_curves                what the archive measured of each stock, as far as it was asked for
    band_references             the magnitude that brightening and fading are reckoned from, per watch and band
    matches                     what the catalogs hold at a stock's position, and when they are asked again
    cone_looks ── cone_members  how far the search of each watched position has come, and what was found there
    changes ── decisions        what differed, and what each watch made of it
    events ── deliveries        what is told, and its way to each receiver
    watches, services           how the last look of each went
    notices                     everything else that must not happen without a trace
"""

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime; stored without a zone where the database knows none."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC; a naive time is a programming error."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone reached the database")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Back to an aware UTC time."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# SQLite numbers rows by itself only for the type INTEGER, which holds 64 bits there.
RowNumber = BigInteger().with_variant(Integer(), "sqlite")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

stocks = Table(
    "stocks",
    metadata,
    Column("survey", String(16), primary_key=True),
    Column("stock_id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", String(64), nullable=False),
    Column("ra_deg", Float),
    Column("dec_deg", Float),
    Column("channels_known", Boolean, nullable=False),
    Column("created", JSON, nullable=False),
    Column("updated", JSON, nullable=False),
    Column("journal", JSON(none_as_null=True)),
    Column("digest", String(64), nullable=False),
    Column("counter", Integer, nullable=False, server_default="0"),
    Column("changed_at", UtcDateTime, nullable=False),
    Column("misses", Integer, nullable=False, server_default="0"),
    Column("missed_at", UtcDateTime),
    Column("gone_at", UtcDateTime),
    Column("epoch", Integer, nullable=False, server_default="0"),
    Index("ix_stocks_name", "name"),
)

bodies = Table(
    "bodies",
    metadata,
    Column("survey", String(16), primary_key=True),
    Column("stock_id", BigInteger, primary_key=True, autoincrement=False),
    Column("body", LargeBinary, nullable=False),
)

members = Table(
    "members",
    metadata,
    Column("channel", String(255), primary_key=True),
    Column("survey", String(16), primary_key=True),
    Column("stock_id", BigInteger, primary_key=True, autoincrement=False),
    Index("ix_members_stock", "survey", "stock_id"),
)

channel_looks = Table(
    "channel_looks",
    metadata,
    Column("channel", String(255), primary_key=True),
    Column("looked_at", UtcDateTime, nullable=False),
    Column("looked_wide_at", UtcDateTime, nullable=False),
    Column("complete", Boolean, nullable=False),
    Column("epoch", Integer, nullable=False, server_default="0"),
)

alert_looks = Table(
    "alert_looks",
    metadata,
    Column("search", String(64), primary_key=True),
    Column("looked_at", UtcDateTime, nullable=False),
    Column("looked_wide_at", UtcDateTime, nullable=False),
)

first_looks = Table(
    "first_looks",
    metadata,
    Column("watch", String(255), primary_key=True),
    Column("target", String(300), primary_key=True),
    Column("looked_at", UtcDateTime, nullable=False),
    Column("after_change", RowNumber, nullable=False),
)

seen_alerts = Table(
    "seen_alerts",
    metadata,
    Column("search", String(64), primary_key=True),
    Column("candid", BigInteger, primary_key=True, autoincrement=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Index("ix_seen_alerts_seen_at", "seen_at"),
)

pending_reads = Table(
    "pending_reads",
    metadata,
    Column("survey", String(16), primary_key=True),
    Column("stock_id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", String(64), nullable=False),
    Column("alert_at", UtcDateTime, nullable=False),
    Column("ra_deg", Float),
    Column("dec_deg", Float),
    Column("found_at", UtcDateTime, nullable=False),
    Column("step", Integer, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Index("ix_pending_reads_due_at", "due_at"),
)

light_curves = Table(
    "light_curves",
    metadata,
    Column("survey", String(16), primary_key=True),
    Column("stock_id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", String(64), nullable=False),
    Column("baseline_at", UtcDateTime, nullable=False),
    Column("looked_at", UtcDateTime),
    Column("followed_at", UtcDateTime),
    Column("whole", Boolean, nullable=False),
    Column("points", LargeBinary),
)

band_references = Table(
    "band_references",
    metadata,
    Column("watch", String(255), primary_key=True),
    Column("kind", String(32), primary_key=True),
    Column("survey", String(16), primary_key=True),
    Column("stock_id", BigInteger, primary_key=True, autoincrement=False),
    Column("band", String(8), primary_key=True),
    Column("state", JSON, nullable=False),
    Index("ix_band_references_stock", "survey", "stock_id"),
)

matches = Table(
    "matches",
    metadata,
    Column("survey", String(16), primary_key=True),
    Column("stock_id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", String(64), nullable=False),
    Column("ra_deg", Float),
    Column("dec_deg", Float),
    Column("looked_at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("found", JSON, nullable=False),
    Column("classes", JSON, nullable=False),
    Column("questions", JSON, nullable=False),
    Index("ix_matches_due_at", "due_at"),
)

cone_looks = Table(
    "cone_looks",
    metadata,
    Column("cone", String(64), primary_key=True),
    Column("looked_at", UtcDateTime, nullable=False),
    Column("looked_wide_at", UtcDateTime, nullable=False),
)

cone_members = Table(
    "cone_members",
    metadata,
    Column("cone", String(64), primary_key=True),
    Column("survey", String(16), primary_key=True),
    Column("stock_id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", String(64), nullable=False),
    Column("found_at", UtcDateTime, nullable=False),
    Column("at_first_look", Boolean, nullable=False),
    Index("ix_cone_members_stock", "survey", "stock_id"),
)

changes = Table(
    "changes",
    metadata,
    Column("seq", RowNumber, primary_key=True),
    Column("survey", String(16), nullable=False),
    Column("stock_id", BigInteger, nullable=False),
    Column("name", String(64), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("counter", Integer, nullable=False),
    Column("channel", String(255)),
    Column("channels", JSON, nullable=False),
    Column("before", JSON, nullable=False),
    Column("after", JSON, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("unseen_since", UtcDateTime),
    Column("entered_at", UtcDateTime),
    Column("only_watch", String(255)),
    Column("evaluated_at", UtcDateTime),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("retry_at", UtcDateTime),
    UniqueConstraint("survey", "stock_id", "counter"),
    Index(
        "ix_changes_waiting",
        "seq",
        sqlite_where=text("evaluated_at IS NULL"),
        postgresql_where=text("evaluated_at IS NULL"),
    ),
)

decisions = Table(
    "decisions",
    metadata,
    Column("change_seq", RowNumber, ForeignKey("changes.seq"), primary_key=True),
    Column("watch", String(255), primary_key=True),
    Column("outcome", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("event_id", String(64)),
    Column("decided_at", UtcDateTime, nullable=False),
    Column("values", JSON(none_as_null=True)),
)

events = Table(
    "events",
    metadata,
    Column("seq", RowNumber, primary_key=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("watch", String(255), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("survey", String(16), nullable=False),
    Column("stock_id", BigInteger, nullable=False),
    Column("name", String(64), nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("body", Text, nullable=False),
    Index("ix_events_stock", "survey", "stock_id"),
    Index("ix_events_made_at", "made_at"),
)

_ON_ITS_WAY = text("state IN ('waiting', 'sending')")

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("event_seq", RowNumber, ForeignKey("events.seq"), nullable=False),
    Column("receiver", String(255), nullable=False),
    Column("survey", String(16), nullable=False),
    Column("stock_id", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("first_try_at", UtcDateTime),
    Column("next_try_at", UtcDateTime, nullable=False),
    Column("lease_until", UtcDateTime),
    Column("error", Text),
    Column("status", String(64)),
    Column("finished_at", UtcDateTime),
    Index(
        "ix_deliveries_on_their_way",
        "receiver",
        "survey",
        "stock_id",
        "event_seq",
        sqlite_where=_ON_ITS_WAY,
        postgresql_where=_ON_ITS_WAY,
    ),
    Index("ix_deliveries_event_seq", "event_seq"),
)

watches = Table(
    "watches",
    metadata,
    Column("name", String(255), primary_key=True),
    Column("next_due_at", UtcDateTime),
    Column("looked_at", UtcDateTime),
    Column("succeeded_at", UtcDateTime),
    Column("error", Text),
)

services = Table(
    "services",
    metadata,
    Column("name", String(16), primary_key=True),
    Column("succeeded_at", UtcDateTime),
    Column("failing_since", UtcDateTime),
    Column("error", Text),
    Column("listing", String(16)),
    Column("refreshed_to", String(64)),
    Column("identity", String(64)),
    Column("epoch", Integer, nullable=False, server_default="0"),
)

notices = Table(
    "notices",
    metadata,
    Column("seq", RowNumber, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("what", String(32), nullable=False),
    Column("text", Text, nullable=False),
)
