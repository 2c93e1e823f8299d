"""Tables of the accounts, in the ``state`` database. Times are epoch seconds; secrets are kept as SHA-256 only.

Row numbers are never used twice (``sqlite_autoincrement``): an access token names its session by its number.
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

users = sa.Table(
    "users", metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("login", sa.Text, nullable=False, unique=True, comment="the name, case folded"),
    sa.Column("password", sa.Text, nullable=False, comment="argon2id"),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("language", sa.Text, nullable=False, server_default=""),
    sa.Column("theme", sa.Text, nullable=False, server_default=""),
    sa.Column("timezone", sa.Text, nullable=False, server_default=""),
    sa.Column("disabled", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("created", sa.Double, nullable=False),
    sa.Column("last_login", sa.Double),
    sa.Column("source", sa.Text, nullable=False, server_default="local", comment="local, oidc or header"),
    sa.Column("subject", sa.Text, nullable=False, server_default="", index=True, comment="issuer and sub of OpenID"),
    sa.Column("must_change", sa.Boolean, nullable=False, server_default=sa.false(), comment="the password, at once"),
    sa.Column("totp", sa.Text, nullable=False, server_default="", comment="key of the second factor, encrypted"),
    sa.Column("totp_new", sa.Text, nullable=False, server_default="", comment="one that is not confirmed yet"),
    sa.Column("totp_used", sa.BigInteger, comment="time step of the last code taken"),
    sqlite_autoincrement=True,
)

login_sessions = sa.Table(
    "login_sessions", metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("secret", sa.Text, nullable=False, unique=True, comment="SHA-256 of what the cookie holds"),
    sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("kind", sa.Text, nullable=False, comment="browser or api"),
    sa.Column("created", sa.Double, nullable=False),
    sa.Column("last_seen", sa.Double, nullable=False),
    sa.Column("expires", sa.Double, nullable=False, index=True),
    sa.Column("remember", sa.Boolean, nullable=False),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("user_agent", sa.Text, nullable=False),
    sa.Column("method", sa.Text, nullable=False, server_default="password", comment="password, oidc or header"),
    sqlite_autoincrement=True,
)

refresh_tokens = sa.Table(
    "refresh_tokens", metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("secret", sa.Text, nullable=False, unique=True, comment="SHA-256 of the token"),
    sa.Column(
        "session_id", sa.Integer, sa.ForeignKey("login_sessions.id", ondelete="CASCADE"), nullable=False, index=True
    ),
    sa.Column("created", sa.Double, nullable=False),
    sa.Column("used", sa.Double, comment="a used token that comes again was stolen"),
    sqlite_autoincrement=True,
)

api_tokens = sa.Table(
    "api_tokens", metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("secret", sa.Text, nullable=False, unique=True, comment="SHA-256 of the token"),
    sa.Column("permissions", sa.Text, nullable=False, comment="separated by spaces"),
    sa.Column("created", sa.Double, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("expires", sa.Double),
    sa.Column("last_used", sa.Double),
    sa.Column("revoked", sa.Double),
    sa.Column("owner_id", sa.Integer, nullable=False, server_default="0", comment="row of users; 0 for nobody's"),
    sqlite_autoincrement=True,
)
sa.Index(
    "ix_api_tokens_name", api_tokens.c.owner_id, api_tokens.c.name, unique=True,
    sqlite_where=api_tokens.c.revoked.is_(None), postgresql_where=api_tokens.c.revoked.is_(None),
)
"""A name may be used again by its owner once its token is revoked."""

recovery_codes = sa.Table(
    "recovery_codes", metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("secret", sa.Text, nullable=False, comment="SHA-256; a used one is removed"),
    sqlite_autoincrement=True,
)

lockouts = sa.Table(
    "lockouts", metadata,
    sa.Column("key", sa.Text, primary_key=True, comment="digest of the name that was tried, somebody's or not"),
    sa.Column("failed", sa.Integer, nullable=False),
    sa.Column("last", sa.Double, nullable=False, index=True),
    sa.Column("until", sa.Double, nullable=False, comment="no attempt counts before"),
)

embeds = sa.Table(
    "embeds", metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("target", sa.Text, nullable=False, comment="JSON: page or chart, window or zoom, theme"),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("site", sa.Text, nullable=False, comment="origin that may frame it; * for any"),
    sa.Column("created", sa.Double, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("owner_id", sa.Integer, nullable=False, comment="row of users; minus that of api_tokens"),
    sa.Column("expires", sa.Double, nullable=False),
    sa.Column("revoked", sa.Double),
    sa.Column("revoked_by", sa.Text),
    sa.Column("last_used", sa.Double),
    sa.Column("uses", sa.Integer, nullable=False, server_default="0"),
    sa.Column("refused", sa.Integer, nullable=False, server_default="0", comment="requests for what it does not give"),
    sqlite_autoincrement=True,
)
