"""Alembic's environment, run by `storage.database.migrate`, which hands over the connection.

Two histories live beside this file, ``archive`` and ``state``, each with its own version table, so that they can
share one PostgreSQL or stand in two SQLite files. A migration is a file ``NNNN_words.py`` whose ``revision`` is
``"NNNN"`` and whose ``down_revision`` is the number before (None for the first); ``upgrade()`` uses ``alembic.op``.
"""

from __future__ import annotations

from alembic import context

attributes = context.config.attributes
context.configure(
    connection=attributes["connection"],
    version_table=attributes["version_table"],
    target_metadata=None,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
