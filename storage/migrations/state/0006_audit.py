"""The audit trail: who did what, in a chain of hashes; the database itself refuses to change or remove a row."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

REFUSAL = "the audit trail is append-only"
SQLITE = (
    f"CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END",
    f"""CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
        WHEN OLD.id > (SELECT upto FROM audit_cut WHERE id = 1)
        BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END""",
)
POSTGRESQL = (
    f"""CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'DELETE' THEN
                IF OLD.id <= (SELECT upto FROM audit_cut WHERE id = 1) THEN RETURN OLD; END IF;
            END IF;
            RAISE EXCEPTION '{REFUSAL}';
        END $$""",
    "CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_refuse()",
    "CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()",
)


def upgrade() -> None:
    """Makes the table, what retention may remove, and the triggers that refuse everything else."""
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False, comment="place in the chain, from 1"),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False, comment="user, token, embed, anonymous, shell or system"),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("who_id", sa.BigInteger),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("agent", sa.Text, nullable=False),
        sa.Column("request", sa.Text, nullable=False),
        sa.Column("result", sa.Text, nullable=False, comment="ok, refused or failed"),
        sa.Column("count", sa.BigInteger, nullable=False, comment="how many times, when a flood is one row"),
        sa.Column("before", sa.Text, comment="JSON"),
        sa.Column("after", sa.Text, comment="JSON"),
        sa.Column("previous", sa.Text, nullable=False, comment="hash of the row before"),
        sa.Column("hash", sa.Text, nullable=False, comment="SHA-256 over previous and this row's canonical JSON"),
    )
    op.create_index("ix_audit_at", "audit", ["at"])
    op.create_index("ix_audit_who", "audit", ["who", "id"])
    op.create_index("ix_audit_action", "audit", ["action", "id"])
    op.create_index("ix_audit_result", "audit", ["result", "id"])
    cut = op.create_table(
        "audit_cut",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("upto", sa.BigInteger, nullable=False, comment="rows up to this one may be removed by retention"),
    )
    op.bulk_insert(cut, [{"id": 1, "upto": 0}])
    for statement in POSTGRESQL if op.get_bind().dialect.name == "postgresql" else SQLITE:
        op.execute(sa.text(statement))
