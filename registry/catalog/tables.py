"""The tables of the catalog: the only place with columns.

SQLAlchemy Core; the object mapper is used nowhere. Times are ISO 8601 texts in UTC (`instants`),
sizes are bytes, hashes are lower-case hexadecimal. `position` counts from 0, best first. Whatever
a query looks for has its own column and index; nothing is hidden in JSON.

`migrations/` builds the same tables step by step; a test compares the two. The full-text table
belongs to SQLite alone and is made by the migrations (see `search`).
"""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _of(table: str, *, nullable: bool = False, name: str | None = None) -> Column[int]:
    """A column that refers to a row of another table."""
    column = name or f"{table.removesuffix('s')}_id"
    return Column(column, Integer, ForeignKey(f"{table}.id"), nullable=nullable)


# ── what is published ─────────────────────────────────────────────────────────────────────────────

models = Table(
    "models",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("slug", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False, index=True),  # naming.name_key(name)
    Column("type", Text, nullable=False),
    Column("base", Text),  # the text as given; model_bases answers queries
    Column("origin", Text, nullable=False),  # seed, user, or the name of a hub
    Column("author", Text),
    Column("author_source", Text),
    Column("homepage", Text),
    Column("native_resolution", Integer),
    Column("native_resolution_source", Text),
    Column("prediction_type", Text),
    Column("prediction_type_source", Text),
    Column("recommended_vae", Text),
    Column("recommended_vae_source", Text),
    Column("trigger_words_source", Text),
    Column("nsfw", Boolean),
    Column("status", Text),
    Column("in_article", Boolean, nullable=False),
    Column("confidence", Text),
    Column("gone_since", Text),
    Column("first_seen", Text, nullable=False),
    Index("ix_models_type_slug", "type", "slug"),
    Index("ix_models_origin", "origin"),
)

model_bases = Table(
    "model_bases",
    metadata,
    Column("architecture", Text, primary_key=True),
    Column("model_id", Integer, ForeignKey("models.id"), primary_key=True),
    Index("ix_model_bases_model_id", "model_id"),
)

model_pages = Table(
    "model_pages",
    metadata,
    Column("model_id", Integer, ForeignKey("models.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("url", Text, nullable=False),
)

hub_models = Table(
    "hub_models",
    metadata,
    Column("model_id", Integer, ForeignKey("models.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("hub", Text, nullable=False),
    Column("hub_model_id", Text, nullable=False),
    Index("ix_hub_models_hub_hub_model_id", "hub", "hub_model_id"),
)

permissions = Table(
    "permissions",
    metadata,
    Column("model_id", Integer, ForeignKey("models.id"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

licences = Table(
    "licences",
    metadata,
    Column("model_id", Integer, ForeignKey("models.id"), primary_key=True),
    Column("name", Text, nullable=False),
    Column("source", Text),
    Index("ix_licences_name", "name"),
)

clip_skips = Table(
    "clip_skips",
    metadata,
    Column("model_id", Integer, ForeignKey("models.id"), primary_key=True),
    Column("value", Integer),  # A1111's numbering; null where only evidence is known
    Column("learned_from", Text),
    Column("note", Text),
    Column("author_text", Text),
    Column("evidence_source", Text),
)

clip_skip_counts = Table(
    "clip_skip_counts",
    metadata,
    Column("model_id", Integer, ForeignKey("clip_skips.model_id"), primary_key=True),
    Column("setting", Text, primary_key=True),  # as the pictures said it: "2", "1(absent)"
    Column("images", Integer, nullable=False),
)

versions = Table(
    "versions",
    metadata,
    Column("id", Integer, primary_key=True),
    _of("models"),
    Column("position", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("hub_version_id", Text),
    Column("base_model", Text),
    Column("confidence", Text),
    Column("source", Text),
    Column("gone_since", Text),
    Index("ix_versions_model_id_position", "model_id", "position"),
    Index("ix_versions_hub_version_id", "hub_version_id"),
)

trigger_words = Table(
    "trigger_words",
    metadata,
    Column("id", Integer, primary_key=True),
    _of("models"),
    _of("versions", nullable=True),  # null: of the model as a whole
    Column("position", Integer, nullable=False),
    Column("word", Text, nullable=False),
    Index("ix_trigger_words_model_id", "model_id"),
    Index("ix_trigger_words_version_id", "version_id"),
    Index("ix_trigger_words_word", "word"),
)

files = Table(
    "files",
    metadata,
    Column("id", Integer, primary_key=True),
    _of("versions"),
    Column("position", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False, index=True),
    Column("role", Text, nullable=False),
    Column("format", Text, nullable=False),
    Column("precision", Text),
    Column("precision_basis", Text),  # how it is known: null = stated, size = inferred, header
    Column("pruning", Text),
    Column("detail", Text),
    Column("inpainting", Boolean, nullable=False),
    Column("size_bytes", Integer),
    Column("size_confidence", Text),
    Column("size_unverified_bytes", Integer),  # never used for checks
    Column("is_primary", Boolean, nullable=False),
    Column("hub_file_id", Text),
    Column("gated", Boolean),  # null: not known
    Column("gated_reason", Text),
    Column("needs_token", Boolean),
    Column("needs_token_reason", Text),
    Column("confidence", Text),
    Column("gone_since", Text),
    CheckConstraint("size_bytes >= 0", name="size_not_negative"),
    Index("ix_files_version_id_position", "version_id", "position"),
    Index("ix_files_hub_file_id", "hub_file_id"),
)

file_aliases = Table(
    "file_aliases",
    metadata,
    Column("file_id", Integer, ForeignKey("files.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False, index=True),
)

hashes = Table(
    "hashes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("digits", Text, nullable=False),
    UniqueConstraint("kind", "digits"),
)

file_hashes = Table(
    "file_hashes",
    metadata,
    Column("file_id", Integer, ForeignKey("files.id"), primary_key=True),
    Column("hash_id", Integer, ForeignKey("hashes.id"), primary_key=True),
    Column("confidence", Text),
    Index("ix_file_hashes_hash_id", "hash_id"),
)

sources = Table(
    "sources",
    metadata,
    Column("id", Integer, primary_key=True),
    _of("files"),
    Column("position", Integer, nullable=False),
    Column("hub", Text, nullable=False),
    Column("model", Text),
    Column("version", Text),
    Column("file", Text),
    Column("url", Text),
    Column("confidence", Text),
    Column("gone_since", Text),
    Index("ix_sources_file_id_position", "file_id", "position"),
    Index("ix_sources_hub_model", "hub", "model"),
    Index("ix_sources_hub_version", "hub", "version"),
    Index("ix_sources_hub_file", "hub", "file"),
    Index("ix_sources_url", "url"),
)

notes = Table(
    "notes",
    metadata,
    Column("id", Integer, primary_key=True),
    _of("models", nullable=True),
    _of("versions", nullable=True),
    _of("files", nullable=True),
    Column("kind", Text, nullable=False),  # note; prompt: how to prompt it; contradiction
    Column("text", Text, nullable=False),
    CheckConstraint(
        "(model_id IS NOT NULL) + (version_id IS NOT NULL) + (file_id IS NOT NULL) = 1",
        name="one_owner",
    ),
    Index("ix_notes_model_id", "model_id"),
    Index("ix_notes_version_id", "version_id"),
    Index("ix_notes_file_id", "file_id"),
)

# ── where it was seen ─────────────────────────────────────────────────────────────────────────────

evidence = Table(
    "evidence",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    Column("what", Text),  # null: only the key is known
    Column("repo", Text),
    Column("commit", Text),
    Column("page", Text),
    Column("as_of", Text),
)

sightings = Table(
    "sightings",
    metadata,
    Column("id", Integer, primary_key=True),
    _of("files"),
    _of("sources", nullable=True),  # set where the fact is that this source holds the file
    Column("fact", Text, nullable=False),  # sha256, autov2, size, another-size, source
    Column("value", Text),  # what was seen, where it is not what the file's row says
    _of("evidence", name="evidence_id"),
    Index("ix_sightings_file_id", "file_id"),
)

hub_snapshots = Table(
    "hub_snapshots",  # append-only: what a hub said, when
    metadata,
    Column("id", Integer, primary_key=True),
    Column("hub", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("fetched_at", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("digest", Text, nullable=False),
    Column("body", Text),  # null: the same as an earlier snapshot with this digest
    Index("ix_hub_snapshots_hub_reference_fetched_at", "hub", "reference", "fetched_at"),
    Index("ix_hub_snapshots_digest", "digest"),
)

# ── what is on this disk ──────────────────────────────────────────────────────────────────────────

blobs = Table(
    "blobs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("sha256", Text, nullable=False, unique=True),
    Column("blake3", Text),
    Column("path", Text, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("source", Text),
    Column("adopted_at", Text, nullable=False),
    Column("verified_at", Text, index=True),
)

installs = Table(
    "installs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("state", Text, nullable=False),  # intended, complete
    Column("reference", Text, nullable=False),
    Column("slug", Text, index=True),
    Column("model_type", Text, nullable=False),
    Column("file_name", Text, nullable=False),
    _of("files", nullable=True),
    Column("sha256", Text, nullable=False),  # empty while it is intended and not known
    _of("blobs", nullable=True),
    Column("size_bytes", Integer, nullable=False),
    Column("source", Text, nullable=False),
    Column("proven", Boolean, nullable=False),
    Column("intended_at", Text, nullable=False),
    Column("installed_at", Text, nullable=False),
    Column("derived_from", Text),  # SHA-256 of the file that the blob was converted from
    CheckConstraint("state <> 'complete' OR blob_id IS NOT NULL", name="complete_has_blob"),
    Index("ix_installs_state", "state"),
    Index("ix_installs_sha256", "sha256"),
)

placements = Table(
    "placements",  # where an intended install means to put its links
    metadata,
    Column("install_id", Integer, ForeignKey("installs.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("layout", Text, nullable=False),
    Column("path", Text, nullable=False),
)

links = Table(
    "links",
    metadata,
    Column("id", Integer, primary_key=True),
    _of("installs"),
    Column("layout", Text, nullable=False),
    Column("path", Text, nullable=False, unique=True),
    Column("sha256", Text, nullable=False),
    Column("method", Text, nullable=False),
    Index("ix_links_install_id", "install_id"),
)

# ── what was checked, and what is to be done ──────────────────────────────────────────────────────

audit_runs = Table(
    "audit_runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("began_at", Text, nullable=False),
    Column("finished_at", Text),
    # What an older sdreg did not write down is null.
    Column("scope", Text),
    Column("trigger", Text),
    Column("deep", Integer),
    Column("checked", Integer),
    Column("read_bytes", Integer),
    Column("found", Integer),
    Column("remaining", Integer),
    Column("seconds", Float),
    Column("ending", Text),
)

findings = Table(
    "findings",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", Integer, ForeignKey("audit_runs.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("found_at", Text, nullable=False),
    Column("settled_at", Text),
    Index("ix_findings_sha256_path", "sha256", "path"),
    Index("ix_findings_run_id", "run_id"),
)

finding_pieces = Table(
    "finding_pieces",
    metadata,
    Column("finding_id", Integer, ForeignKey("findings.id"), primary_key=True),
    Column("piece", Integer, primary_key=True),
)

# ── what is promised, and what came instead ───────────────────────────────────────────────────────

disputes = Table(
    "disputes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("file_name", Text, nullable=False),
    Column("promised", Text, nullable=False),  # kind:digits
    Column("seen_sha256", Text, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("cause", Text, nullable=False),  # wrong-hash, replaced
    Column("seen_at", Text, nullable=False),
    Column("kept_at", Text),  # path in the quarantine
    Column("accepted_at", Text),  # null: the user did not accept it
    UniqueConstraint("promised", "seen_sha256"),
    Index("ix_disputes_seen_sha256", "seen_sha256"),
)

dispute_sources = Table(
    "dispute_sources",
    metadata,
    Column("dispute_id", Integer, ForeignKey("disputes.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("source", Text, nullable=False),
)

# ── whether a model makes a picture ───────────────────────────────────────────────────────────────

smoke_runs = Table(
    "smoke_runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", Text, nullable=False),  # sha256:digits, else the path of a file of the user's
    Column("target", Text, nullable=False),
    Column("ran_at", Text, nullable=False),
    Column("verdict", Text, nullable=False),  # passed, failed, untestable
    Column("reasons", Text, nullable=False),  # JSON, as are the next two, and the versions
    Column("seconds", Text, nullable=False),
    Column("figures", Text, nullable=False),
    Column("device", Text),
    Column("dtype", Text),
    Column("steps", Integer),
    Column("width", Integer),
    Column("height", Integer),
    Column("seed", Integer),
    Column("peak_memory_bytes", Integer),
    Column("picture", Text),
    Column("picture_hash", Text),
    Column("compared", Text),  # same, close, changed
    Column("versions", Text, nullable=False),
    Column("base", Text),  # path of the checkpoint that an adapter was tried on
    Index("ix_smoke_runs_key", "key"),
)

# ── what else is to be done, and what we know of ourselves ────────────────────────────────────────

jobs = Table(
    "jobs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("message", Text),
    Column("created_at", Text, nullable=False),
    Column("started_at", Text),
    Column("finished_at", Text),
    Index("ix_jobs_state", "state"),
)

catalog_meta = Table(
    "catalog_meta",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
