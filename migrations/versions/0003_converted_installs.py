"""Converted installs: the SHA-256 of the file that an installed one was made from."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("installs", sa.Column("derived_from", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("installs", "derived_from")
