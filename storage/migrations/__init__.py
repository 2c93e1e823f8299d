"""The shape of the databases over time: two alembic histories, ``archive`` and ``state`` (see `env`)."""
