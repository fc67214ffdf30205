"""Disputed hashes: what was promised, what several reads agreed on, and who accepted that."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "disputes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("promised", sa.Text(), nullable=False),
        sa.Column("seen_sha256", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.Text(), nullable=False),
        sa.Column("kept_at", sa.Text(), nullable=True),
        sa.Column("accepted_at", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disputes")),
        sa.UniqueConstraint(
            "promised", "seen_sha256", name=op.f("uq_disputes_promised_seen_sha256")
        ),
    )
    op.create_index("ix_disputes_seen_sha256", "disputes", ["seen_sha256"], unique=False)
    op.create_table(
        "dispute_sources",
        sa.Column("dispute_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dispute_id"], ["disputes.id"], name=op.f("fk_dispute_sources_dispute_id_disputes")
        ),
        sa.PrimaryKeyConstraint("dispute_id", "position", name=op.f("pk_dispute_sources")),
    )


def downgrade() -> None:
    op.drop_table("dispute_sources")
    op.drop_table("disputes")
