"""The archive's tables as the code uses them; their DDL is in `storage/migrations/archive`."""

from __future__ import annotations

import sqlalchemy as sa

_META = sa.MetaData()
_NUMBER = sa.Float

series = sa.Table(
    "series", _META,
    sa.Column("id", sa.Integer, primary_key=True), sa.Column("server_id", sa.Integer), sa.Column("name", sa.Text),
    sa.Column("labels", sa.Text), sa.Column("unit", sa.Text), sa.Column("kind", sa.Text),
    sa.Column("help", sa.Text), sa.Column("every", sa.Float),
)
events = sa.Table(
    "events", _META,
    sa.Column("id", sa.Integer, primary_key=True), sa.Column("server_id", sa.Integer), sa.Column("at", sa.Float),
    sa.Column("kind", sa.Text), sa.Column("severity", sa.Text), sa.Column("params", sa.Text),
)
servers = sa.Table(
    "servers", _META,
    sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.String(100)),
    sa.Column("hostname", sa.String(255)), sa.Column("ip_address", sa.String(45)),
    sa.Column("os_type", sa.String(50)), sa.Column("created_at", sa.TIMESTAMP), sa.Column("last_seen", sa.TIMESTAMP),
    sa.Column("is_active", sa.Boolean),
)
PERCENT_COLUMNS = ("cpu_percent", "ram_percent", "disk_percent")
"""DECIMAL(5,2)."""
SIZE_COLUMNS = (
    "ram_used_mb", "ram_total_mb", "disk_used_gb", "disk_total_gb", "network_sent_mb", "network_recv_mb",
)
"""DECIMAL(10,2)."""
metrics = sa.Table(
    "metrics", _META,
    sa.Column("id", sa.Integer, primary_key=True), sa.Column("server_id", sa.Integer),
    *(sa.Column(name, _NUMBER) for name in (*PERCENT_COLUMNS, *SIZE_COLUMNS)),
    sa.Column("recorded_at", sa.TIMESTAMP),
)

_IDS: sa.BindParameter[int] = sa.bindparam("ids", expanding=True)
READ_PAGES = sa.text(
    "SELECT series_id, start, blob FROM pages WHERE series_id IN :ids AND tier = :tier AND start >= :first "
    "AND start < :last ORDER BY series_id, start"
).bindparams(_IDS)
WRITE_PAGE = sa.text(
    "INSERT INTO pages (series_id, tier, start, blob) VALUES (:series_id, :tier, :start, :blob) "
    "ON CONFLICT (series_id, tier, start) DO UPDATE SET blob = excluded.blob"
)
WRITE_WATERMARK = sa.text(
    "INSERT INTO watermark (server_id, tier, at) VALUES (:server_id, :tier, :at) "
    "ON CONFLICT (server_id, tier) DO UPDATE SET at = excluded.at"
)
READ_WATERMARKS = sa.text("SELECT tier, at FROM watermark WHERE server_id = :server_id")
OLDEST_PAGE = sa.text(
    "SELECT min(start) FROM pages WHERE tier = :tier AND series_id IN (SELECT id FROM series WHERE server_id = :server)"
)
PRUNE_PAGES = sa.text("DELETE FROM pages WHERE series_id = :series_id AND tier = :tier AND start < :before")
PRUNE_SERIES = sa.text(
    "DELETE FROM series WHERE server_id = :server_id "
    "AND NOT EXISTS (SELECT 1 FROM pages WHERE pages.series_id = series.id)"
)
