"""Audits: what was asked of a run and how it ended; kinds of findings by their new names."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_COLUMNS = (
    ("scope", sa.Text()),
    ("trigger", sa.Text()),
    ("deep", sa.Integer()),
    ("checked", sa.Integer()),
    ("read_bytes", sa.Integer()),
    ("found", sa.Integer()),
    ("remaining", sa.Integer()),
    ("seconds", sa.Float()),
    ("ending", sa.Text()),
)
_KINDS = (("damaged", "rot"), ("foreign", "foreign-file"))
_findings = sa.table("findings", sa.column("kind", sa.Text()))


def upgrade() -> None:
    for name, kind in _COLUMNS:
        op.add_column("audit_runs", sa.Column(name, kind, nullable=True))
    for old, new in _KINDS:
        op.execute(sa.update(_findings).where(_findings.c.kind == old).values(kind=new))


def downgrade() -> None:
    for old, new in _KINDS:
        op.execute(sa.update(_findings).where(_findings.c.kind == new).values(kind=old))
    for name, _ in reversed(_COLUMNS):
        op.drop_column("audit_runs", name)
