"""The archive's first shape: rollup pages, events, and the servers and metrics tables open to any SQL tool."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_PERCENT = sa.Numeric(5, 2)
_SIZE = sa.Numeric(10, 2)


def upgrade() -> None:
    """Makes all tables. In PostgreSQL `metrics` is partitioned by day, or a hypertable where TimescaleDB is."""
    postgresql = op.get_bind().dialect.name == "postgresql"
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "series",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("server_id", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("labels", sa.Text, nullable=False),
        sa.Column("unit", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("help", sa.Text, nullable=False),
        sa.Column("every", sa.Float, nullable=False),
        sa.UniqueConstraint("server_id", "name", "labels"),
    )
    # Clustered by its key in SQLite: the pages of a window lie side by side.
    op.create_table(
        "pages",
        sa.Column("series_id", sa.Integer, primary_key=True),
        sa.Column("tier", sa.Integer, primary_key=True),
        sa.Column("start", sa.BigInteger, primary_key=True),
        sa.Column("blob", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    if postgresql:
        op.execute("ALTER TABLE pages ALTER COLUMN blob SET STORAGE EXTERNAL")  # compressed already
    op.create_table(
        "watermark",
        sa.Column("server_id", sa.Integer, primary_key=True),
        sa.Column("tier", sa.Integer, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "events",
        sa.Column("id", big, primary_key=True),
        sa.Column("server_id", sa.Integer, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("params", sa.Text, nullable=False),
    )
    op.create_index("idx_events_server_at", "events", ["server_id", "at"])
    op.create_table(
        "servers",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(100)),
        sa.Column("hostname", sa.String(255)),
        sa.Column("ip_address", sa.String(45)),
        sa.Column("os_type", sa.String(50)),
        sa.Column("created_at", sa.TIMESTAMP),
        sa.Column("last_seen", sa.TIMESTAMP),
        sa.Column("is_active", sa.Boolean),
    )
    hypertable = postgresql and op.get_bind().scalar(
        sa.text("SELECT count(*) FROM pg_extension WHERE extname = 'timescaledb'")
    )
    # A partitioned table's key must hold the column it is partitioned by.
    op.create_table(
        "metrics",
        sa.Column("id", big, primary_key=True, autoincrement=True),
        sa.Column("server_id", sa.Integer, sa.ForeignKey("servers.id")),
        sa.Column("cpu_percent", _PERCENT),
        sa.Column("ram_percent", _PERCENT),
        sa.Column("ram_used_mb", _SIZE),
        sa.Column("ram_total_mb", _SIZE),
        sa.Column("disk_percent", _PERCENT),
        sa.Column("disk_used_gb", _SIZE),
        sa.Column("disk_total_gb", _SIZE),
        sa.Column("network_sent_mb", _SIZE),
        sa.Column("network_recv_mb", _SIZE),
        sa.Column("recorded_at", sa.TIMESTAMP, primary_key=postgresql, nullable=False),
        postgresql_partition_by="RANGE (recorded_at)" if postgresql and not hypertable else None,
    )
    if hypertable:
        op.execute("SELECT create_hypertable('metrics', 'recorded_at', chunk_time_interval => INTERVAL '1 day')")
    op.create_index("idx_metrics_server_id", "metrics", ["server_id"])
    op.create_index("idx_metrics_recorded_at", "metrics", ["recorded_at"])
    op.create_index("idx_metrics_server_time", "metrics", ["server_id", "recorded_at"])
