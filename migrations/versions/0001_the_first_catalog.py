"""The first catalog: models, files, hashes, sources; installs; audits; full-text search."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _published()
    _files()
    _seen()
    _on_disk()
    _work()
    op.execute(SEARCH)


def downgrade() -> None:
    op.execute("DROP TABLE model_search")
    for table in reversed(TABLES):
        op.drop_table(table)


# The weights of the columns are given with each query; the prefix indexes serve one to three
# letters, longer ones are found by range.
SEARCH = """
CREATE VIRTUAL TABLE model_search USING fts5(
    slug, name, words, author, type, base, files, notes,
    tokenize = "unicode61 remove_diacritics 2",
    prefix = '1 2 3'
)
"""
TABLES = (
    "models",
    "model_bases",
    "model_pages",
    "hub_models",
    "permissions",
    "licences",
    "clip_skips",
    "clip_skip_counts",
    "versions",
    "trigger_words",
    "files",
    "file_aliases",
    "hashes",
    "file_hashes",
    "sources",
    "notes",
    "evidence",
    "sightings",
    "hub_snapshots",
    "blobs",
    "installs",
    "placements",
    "links",
    "audit_runs",
    "findings",
    "finding_pieces",
    "jobs",
    "catalog_meta",
)


def _published() -> None:
    """What is published: models, versions, files, and what they carry."""
    op.create_table(
        "models",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("base", sa.Text(), nullable=True),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=True),
        sa.Column("author_source", sa.Text(), nullable=True),
        sa.Column("homepage", sa.Text(), nullable=True),
        sa.Column("native_resolution", sa.Integer(), nullable=True),
        sa.Column("native_resolution_source", sa.Text(), nullable=True),
        sa.Column("prediction_type", sa.Text(), nullable=True),
        sa.Column("prediction_type_source", sa.Text(), nullable=True),
        sa.Column("recommended_vae", sa.Text(), nullable=True),
        sa.Column("recommended_vae_source", sa.Text(), nullable=True),
        sa.Column("trigger_words_source", sa.Text(), nullable=True),
        sa.Column("nsfw", sa.Boolean(), nullable=True),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("in_article", sa.Boolean(), nullable=False),
        sa.Column("confidence", sa.Text(), nullable=True),
        sa.Column("gone_since", sa.Text(), nullable=True),
        sa.Column("first_seen", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_models")),
        sa.UniqueConstraint("slug", name=op.f("uq_models_slug")),
    )
    op.create_index(op.f("ix_models_name_key"), "models", ["name_key"], unique=False)
    op.create_index("ix_models_origin", "models", ["origin"], unique=False)
    op.create_index("ix_models_type_slug", "models", ["type", "slug"], unique=False)
    op.create_table(
        "model_bases",
        sa.Column("architecture", sa.Text(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_id"], ["models.id"], name=op.f("fk_model_bases_model_id_models")
        ),
        sa.PrimaryKeyConstraint("architecture", "model_id", name=op.f("pk_model_bases")),
    )
    op.create_index("ix_model_bases_model_id", "model_bases", ["model_id"], unique=False)
    op.create_table(
        "model_pages",
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_id"], ["models.id"], name=op.f("fk_model_pages_model_id_models")
        ),
        sa.PrimaryKeyConstraint("model_id", "position", name=op.f("pk_model_pages")),
    )
    op.create_table(
        "hub_models",
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("hub", sa.Text(), nullable=False),
        sa.Column("hub_model_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_id"], ["models.id"], name=op.f("fk_hub_models_model_id_models")
        ),
        sa.PrimaryKeyConstraint("model_id", "position", name=op.f("pk_hub_models")),
    )
    op.create_index(
        "ix_hub_models_hub_hub_model_id", "hub_models", ["hub", "hub_model_id"], unique=False
    )
    op.create_table(
        "permissions",
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_id"], ["models.id"], name=op.f("fk_permissions_model_id_models")
        ),
        sa.PrimaryKeyConstraint("model_id", "name", name=op.f("pk_permissions")),
    )
    op.create_table(
        "licences",
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["model_id"], ["models.id"], name=op.f("fk_licences_model_id_models")
        ),
        sa.PrimaryKeyConstraint("model_id", name=op.f("pk_licences")),
    )
    op.create_index("ix_licences_name", "licences", ["name"], unique=False)
    op.create_table(
        "clip_skips",
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("value", sa.Integer(), nullable=True),
        sa.Column("learned_from", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("author_text", sa.Text(), nullable=True),
        sa.Column("evidence_source", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["model_id"], ["models.id"], name=op.f("fk_clip_skips_model_id_models")
        ),
        sa.PrimaryKeyConstraint("model_id", name=op.f("pk_clip_skips")),
    )
    op.create_table(
        "clip_skip_counts",
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("setting", sa.Text(), nullable=False),
        sa.Column("images", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_id"],
            ["clip_skips.model_id"],
            name=op.f("fk_clip_skip_counts_model_id_clip_skips"),
        ),
        sa.PrimaryKeyConstraint("model_id", "setting", name=op.f("pk_clip_skip_counts")),
    )
    op.create_table(
        "versions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("hub_version_id", sa.Text(), nullable=True),
        sa.Column("base_model", sa.Text(), nullable=True),
        sa.Column("confidence", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("gone_since", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["model_id"], ["models.id"], name=op.f("fk_versions_model_id_models")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_versions")),
    )
    op.create_index("ix_versions_hub_version_id", "versions", ["hub_version_id"], unique=False)
    op.create_index(
        "ix_versions_model_id_position", "versions", ["model_id", "position"], unique=False
    )
    op.create_table(
        "trigger_words",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("word", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_id"], ["models.id"], name=op.f("fk_trigger_words_model_id_models")
        ),
        sa.ForeignKeyConstraint(
            ["version_id"], ["versions.id"], name=op.f("fk_trigger_words_version_id_versions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trigger_words")),
    )
    op.create_index("ix_trigger_words_model_id", "trigger_words", ["model_id"], unique=False)
    op.create_index("ix_trigger_words_version_id", "trigger_words", ["version_id"], unique=False)
    op.create_index("ix_trigger_words_word", "trigger_words", ["word"], unique=False)


def _files() -> None:
    """Their files, hashes and sources."""
    op.create_table(
        "files",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("precision", sa.Text(), nullable=True),
        sa.Column("precision_basis", sa.Text(), nullable=True),
        sa.Column("pruning", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("inpainting", sa.Boolean(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=True),
        sa.Column("size_confidence", sa.Text(), nullable=True),
        sa.Column("size_unverified_bytes", sa.Integer(), nullable=True),
        sa.Column("is_primary", sa.Boolean(), nullable=False),
        sa.Column("hub_file_id", sa.Text(), nullable=True),
        sa.Column("gated", sa.Boolean(), nullable=True),
        sa.Column("gated_reason", sa.Text(), nullable=True),
        sa.Column("needs_token", sa.Boolean(), nullable=True),
        sa.Column("needs_token_reason", sa.Text(), nullable=True),
        sa.Column("confidence", sa.Text(), nullable=True),
        sa.Column("gone_since", sa.Text(), nullable=True),
        sa.CheckConstraint("size_bytes >= 0", name=op.f("ck_files_size_not_negative")),
        sa.ForeignKeyConstraint(
            ["version_id"], ["versions.id"], name=op.f("fk_files_version_id_versions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_files")),
    )
    op.create_index("ix_files_hub_file_id", "files", ["hub_file_id"], unique=False)
    op.create_index(op.f("ix_files_name_key"), "files", ["name_key"], unique=False)
    op.create_index(
        "ix_files_version_id_position", "files", ["version_id", "position"], unique=False
    )
    op.create_table(
        "file_aliases",
        sa.Column("file_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["file_id"], ["files.id"], name=op.f("fk_file_aliases_file_id_files")
        ),
        sa.PrimaryKeyConstraint("file_id", "position", name=op.f("pk_file_aliases")),
    )
    op.create_index(op.f("ix_file_aliases_name_key"), "file_aliases", ["name_key"], unique=False)
    op.create_table(
        "hashes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("digits", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hashes")),
        sa.UniqueConstraint("kind", "digits", name=op.f("uq_hashes_kind_digits")),
    )
    op.create_table(
        "file_hashes",
        sa.Column("file_id", sa.Integer(), nullable=False),
        sa.Column("hash_id", sa.Integer(), nullable=False),
        sa.Column("confidence", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["file_id"], ["files.id"], name=op.f("fk_file_hashes_file_id_files")
        ),
        sa.ForeignKeyConstraint(
            ["hash_id"], ["hashes.id"], name=op.f("fk_file_hashes_hash_id_hashes")
        ),
        sa.PrimaryKeyConstraint("file_id", "hash_id", name=op.f("pk_file_hashes")),
    )
    op.create_index("ix_file_hashes_hash_id", "file_hashes", ["hash_id"], unique=False)
    op.create_table(
        "sources",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("file_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("hub", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("version", sa.Text(), nullable=True),
        sa.Column("file", sa.Text(), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("confidence", sa.Text(), nullable=True),
        sa.Column("gone_since", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name=op.f("fk_sources_file_id_files")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sources")),
    )
    op.create_index("ix_sources_file_id_position", "sources", ["file_id", "position"], unique=False)
    op.create_index("ix_sources_hub_file", "sources", ["hub", "file"], unique=False)
    op.create_index("ix_sources_hub_model", "sources", ["hub", "model"], unique=False)
    op.create_index("ix_sources_hub_version", "sources", ["hub", "version"], unique=False)
    op.create_index("ix_sources_url", "sources", ["url"], unique=False)
    op.create_table(
        "notes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=True),
        sa.Column("version_id", sa.Integer(), nullable=True),
        sa.Column("file_id", sa.Integer(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(model_id IS NOT NULL) + (version_id IS NOT NULL) + (file_id IS NOT NULL) = 1",
            name=op.f("ck_notes_one_owner"),
        ),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name=op.f("fk_notes_file_id_files")),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name=op.f("fk_notes_model_id_models")),
        sa.ForeignKeyConstraint(
            ["version_id"], ["versions.id"], name=op.f("fk_notes_version_id_versions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notes")),
    )
    op.create_index("ix_notes_file_id", "notes", ["file_id"], unique=False)
    op.create_index("ix_notes_model_id", "notes", ["model_id"], unique=False)
    op.create_index("ix_notes_version_id", "notes", ["version_id"], unique=False)


def _seen() -> None:
    """Where it was seen."""
    op.create_table(
        "evidence",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=True),
        sa.Column("repo", sa.Text(), nullable=True),
        sa.Column("commit", sa.Text(), nullable=True),
        sa.Column("page", sa.Text(), nullable=True),
        sa.Column("as_of", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence")),
        sa.UniqueConstraint("key", name=op.f("uq_evidence_key")),
    )
    op.create_table(
        "sightings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("file_id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=True),
        sa.Column("fact", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("evidence_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["evidence_id"], ["evidence.id"], name=op.f("fk_sightings_evidence_id_evidence")
        ),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name=op.f("fk_sightings_file_id_files")),
        sa.ForeignKeyConstraint(
            ["source_id"], ["sources.id"], name=op.f("fk_sightings_source_id_sources")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sightings")),
    )
    op.create_index("ix_sightings_file_id", "sightings", ["file_id"], unique=False)
    op.create_table(
        "hub_snapshots",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("hub", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("fetched_at", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hub_snapshots")),
    )
    op.create_index("ix_hub_snapshots_digest", "hub_snapshots", ["digest"], unique=False)
    op.create_index(
        "ix_hub_snapshots_hub_reference_fetched_at",
        "hub_snapshots",
        ["hub", "reference", "fetched_at"],
        unique=False,
    )


def _on_disk() -> None:
    """What is on this disk."""
    op.create_table(
        "blobs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("blake3", sa.Text(), nullable=True),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("adopted_at", sa.Text(), nullable=False),
        sa.Column("verified_at", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blobs")),
        sa.UniqueConstraint("sha256", name=op.f("uq_blobs_sha256")),
    )
    op.create_index(op.f("ix_blobs_verified_at"), "blobs", ["verified_at"], unique=False)
    op.create_table(
        "installs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=True),
        sa.Column("model_type", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("file_id", sa.Integer(), nullable=True),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("blob_id", sa.Integer(), nullable=True),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("proven", sa.Boolean(), nullable=False),
        sa.Column("intended_at", sa.Text(), nullable=False),
        sa.Column("installed_at", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state <> 'complete' OR blob_id IS NOT NULL", name=op.f("ck_installs_complete_has_blob")
        ),
        sa.ForeignKeyConstraint(["blob_id"], ["blobs.id"], name=op.f("fk_installs_blob_id_blobs")),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name=op.f("fk_installs_file_id_files")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installs")),
    )
    op.create_index("ix_installs_sha256", "installs", ["sha256"], unique=False)
    op.create_index(op.f("ix_installs_slug"), "installs", ["slug"], unique=False)
    op.create_index("ix_installs_state", "installs", ["state"], unique=False)
    op.create_table(
        "placements",
        sa.Column("install_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("layout", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["install_id"], ["installs.id"], name=op.f("fk_placements_install_id_installs")
        ),
        sa.PrimaryKeyConstraint("install_id", "position", name=op.f("pk_placements")),
    )
    op.create_table(
        "links",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("install_id", sa.Integer(), nullable=False),
        sa.Column("layout", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["install_id"], ["installs.id"], name=op.f("fk_links_install_id_installs")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_links")),
        sa.UniqueConstraint("path", name=op.f("uq_links_path")),
    )
    op.create_index("ix_links_install_id", "links", ["install_id"], unique=False)


def _work() -> None:
    """What was checked, and what is to be done."""
    op.create_table(
        "audit_runs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("began_at", sa.Text(), nullable=False),
        sa.Column("finished_at", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_runs")),
    )
    op.create_table(
        "findings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("found_at", sa.Text(), nullable=False),
        sa.Column("settled_at", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["run_id"], ["audit_runs.id"], name=op.f("fk_findings_run_id_audit_runs")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_findings")),
    )
    op.create_index("ix_findings_run_id", "findings", ["run_id"], unique=False)
    op.create_index("ix_findings_sha256_path", "findings", ["sha256", "path"], unique=False)
    op.create_table(
        "finding_pieces",
        sa.Column("finding_id", sa.Integer(), nullable=False),
        sa.Column("piece", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["finding_id"], ["findings.id"], name=op.f("fk_finding_pieces_finding_id_findings")
        ),
        sa.PrimaryKeyConstraint("finding_id", "piece", name=op.f("pk_finding_pieces")),
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.Column("started_at", sa.Text(), nullable=True),
        sa.Column("finished_at", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
    )
    op.create_index("ix_jobs_state", "jobs", ["state"], unique=False)
    op.create_table(
        "catalog_meta",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_catalog_meta")),
    )
