"""Values that are valid by default; a test names only the one thing it is about.

make_file(role=FileRole.VAE)
make_model(slug="ghost", versions=(make_version(files=()),))
"""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from registry.domain.hashes import Hash, Hashes, HashKind
from registry.domain.install import Blob, Install, Link, LinkMethod
from registry.domain.model import ClipSkip, FileRole, Model, ModelFile, ModelVersion
from registry.domain.source import Source
from registry.domain.variant import FileFormat, Precision, Pruning, Variant

_DIGITS = {
    HashKind.SHA256: 64,
    HashKind.BLAKE3: 64,
    HashKind.AUTOV1: 8,
    HashKind.AUTOV2: 10,
    HashKind.AUTOV3: 12,
    HashKind.CRC32: 8,
}


def make_hash(kind=HashKind.SHA256, of="some bytes"):
    """A hash whose digits follow from `of`; the AutoV2 is the beginning of the SHA-256."""
    family = "sha256" if kind in {HashKind.SHA256, HashKind.AUTOV2} else kind
    digits = hashlib.sha256(f"{family} of {of}".encode()).hexdigest()
    return Hash(kind, digits[: _DIGITS[kind]])


def make_hashes(*kinds, of="some bytes"):
    """Hashes of one file; a SHA-256 where nothing else is said."""
    return Hashes(tuple(make_hash(kind, of=of) for kind in kinds or (HashKind.SHA256,)))


def make_source(**changes):
    """A file of Civitai."""
    return replace(Source("civitai", model="66", version="75", file="446"), **changes)


def make_variant(**changes):
    """The variant that most people want."""
    return replace(Variant(FileFormat.SAFETENSORS, Precision.FP16, Pruning.PRUNED), **changes)


def make_file(**changes):
    """Weights in safetensors, fp16, pruned, with a known size, hash and source."""
    name = changes.get("name", "anything-v3-fp16-pruned.safetensors")
    default = ModelFile(
        name=name,
        role=FileRole.WEIGHTS,
        variant=make_variant(),
        size_bytes=2_132_625_431,
        hashes=make_hashes(of=name),
        sources=(make_source(),),
        confidence="seen",
    )
    return replace(default, **changes)


def make_version(**changes):
    """A version with one file."""
    default = ModelVersion(
        name="V3.0", files=(make_file(),), hub_version_id="75", base_model="SD 1.5"
    )
    return replace(default, **changes)


def make_model(**changes):
    """A checkpoint with one version of one file."""
    default = Model(
        slug="anything-v3",
        name="Anything V3",
        type="checkpoint",
        base="sd1",
        versions=(make_version(),),
        hub_model_ids=("civitai:66",),
        clip_skip=ClipSkip(2, learned_from="the model's page"),
    )
    return replace(default, **changes)


def make_blob(**changes):
    """A blob under its hash in a store at /store."""
    sha256 = changes.get("sha256", make_hash().digits)
    default = Blob(sha256=sha256, path=Path("/store", sha256), size_bytes=2_132_625_431)
    return replace(default, **changes)


def make_link(**changes):
    """A hard link in the library."""
    default = Link(
        layout="library",
        path=Path("/library/checkpoint/Anything V3.safetensors"),
        sha256=make_hash().digits,
        method=LinkMethod.HARDLINK,
    )
    return replace(default, **changes)


def make_install(**changes):
    """An install of the default model's file, with one link."""
    sha256 = changes.get("sha256", make_hash().digits)
    default = Install(
        reference="anything-v3",
        slug="anything-v3",
        model_type="checkpoint",
        file_name="Anything V3.safetensors",
        file_id=None,
        sha256=sha256,
        size_bytes=2_132_625_431,
        source="civitai:66@75+446",
        proven=True,
        installed_at=datetime(2026, 11, 23, 12, 0, tzinfo=UTC),
        links=(make_link(sha256=sha256),),
    )
    return replace(default, **changes)
