"""What is this? A file, a folder, or something at a hub: format, type, architecture, and why.

Of a file only its header is read, wherever it lies; hashes and the deep check read all of it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from registry.domain.hashes import Hash, Hashes, HashKind
from registry.domain.model import Model, ModelFile, ModelVersion
from registry.domain.progress import Progress
from registry.domain.tensors import TensorIndex
from registry.domain.variant import FileFormat
from registry.errors import CatalogError, StoreError
from registry.formats import file_hashes
from registry.formats.diffusers_folder import DiffusersFolder, Part, read_folder
from registry.formats.file_hashes import FileHashes, quick_autov1
from registry.formats.readable import Readable, readable
from registry.formats.safetensors import LENGTH_BYTES
from registry.operations.compare import claim_of
from registry.operations.look import NOTHING_KNOWN, Seen, look, own_contradictions
from registry.taxonomy.claims import Contradiction, contradictions
from registry.taxonomy.identify import Identity, identify, identify_parts

SMALL_FILE_BYTES = 64 * 1024 * 1024
"""Files up to this length are hashed without being asked: it takes no time to notice."""

_AUTOV3_DIGITS = 12
# SHA-256 of nothing: ai-toolkit wrote it as the hash of every LoRA.
_HASH_OF_NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

Lookup = Callable[[Hash], tuple[tuple[Model, ModelVersion, ModelFile], ...]]
"""Asks a catalog which of its files have this hash."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found.

    Attributes:
        path: Where it lies: a path, or a place at a hub.
        format: How its bytes are arranged.
        what: The same in words, with an article.
        size_bytes: Its length; of a folder, that of all weights.
        identity: Type, architecture, precision and so on, with reasons.
        tensors: How many it holds; None where the format does not tell.
        metadata: The texts that came with them, as they are.
        hashes: Name of a kind to digits: measured on a file of ours, told by the hub for others.
        reasons: What each conclusion rests on, and what could not be concluded, in sentences.
        contradictions: What its name, its metadata or its hub say and what is not so.
        not_numbers: Tensors with values that are no numbers; None if nobody looked.
    """

    path: str
    format: FileFormat
    what: str
    size_bytes: int
    identity: Identity = NOTHING_KNOWN
    tensors: int | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()
    contradictions: tuple[str, ...] = ()
    not_numbers: tuple[str, ...] | None = None


def inspect_file(
    path: Path,
    *,
    hashes: bool | None = None,
    deep: bool = False,
    lookup: Lookup | None = None,
    progress: Progress | None = None,
) -> Inspection:
    """Inspect a file or a folder of diffusers on this disk. Nothing in it is run.

    Args:
        path: Where it lies.
        hashes: Whether to read all of it for its hashes; None does so for files up to
            `SMALL_FILE_BYTES`.
        deep: Whether to look at every weight for values that are no numbers.
        lookup: Asks a catalog what was said about these bytes.
        progress: Hears about every byte that is hashed.

    Raises:
        MalformedHeader: It claims a format and breaks its rules.
        NotAModelFile: A folder that holds no model in the form of diffusers.
        UnreadableFile: It cannot be opened or read.
    """
    if path.is_dir():
        return _inspect_folder(path)
    with readable(path) as source:
        seen = look(source, path=path)
        wanted = source.size_bytes <= SMALL_FILE_BYTES if hashes is None else hashes
        quick = quick_autov1(source.read, source.size_bytes)
        bad = _bad_tensors(source, seen) if deep else None
        header_end = LENGTH_BYTES + int.from_bytes(source.read(0, LENGTH_BYTES), "little")
        size_bytes = source.size_bytes
    tensors_begin = header_end if seen.format is FileFormat.SAFETENSORS else None
    measured = FileHashes(Hashes((quick,) if quick else ()))
    if wanted:
        told = progress if size_bytes > SMALL_FILE_BYTES else None
        measured = file_hashes.hash_file(path, tensors_begin=tensors_begin, progress=told)
    wrong = [*own_contradictions(path.name, seen), *_wrong_hash(seen, measured)]
    reasons = [*seen.reasons]
    sentences = [str(each) for each in wrong]
    try:
        sentences += _told_by(lookup, measured.hashes, seen)
    except (CatalogError, StoreError) as error:
        reasons.append(f"the catalog could not be asked what was said about it: {error}")
    return Inspection(
        path=str(path),
        format=seen.format,
        what=seen.what,
        size_bytes=size_bytes,
        identity=seen.identity,
        tensors=len(seen.index.tensors) if seen.index is not None else None,
        metadata=seen.index.metadata if seen.index is not None else {},
        hashes=hash_texts(measured.hashes, addnet=measured.addnet),
        reasons=tuple(reasons),
        contradictions=tuple(dict.fromkeys(sentences)),
        not_numbers=bad,
    )


def hash_file(path: Path, progress: Progress | None = None) -> Hashes:
    """Read a whole file and measure every kind of hash that it has.

    The AutoV3 has all 64 digits: of a safetensors file it is the hash that LoRAs are known by in
    pictures ("addnet").

    Raises:
        UnreadableFile: It cannot be opened or read.
    """
    return file_hashes.hash_file(path, progress=progress).hashes


def hash_texts(hashes: Hashes, *, addnet: str | None = None) -> dict[str, str]:
    """Hashes by the names of their kinds; the AutoV3 with the twelve digits that people know."""
    found = {item.kind.value: item.digits for item in hashes}
    if HashKind.AUTOV3.value in found:
        found[HashKind.AUTOV3.value] = found[HashKind.AUTOV3.value][:_AUTOV3_DIGITS]
    return found | ({"addnet": addnet} if addnet is not None else {})


def _bad_tensors(source: Readable, seen: Seen) -> tuple[str, ...] | None:
    if seen.index is None or seen.format is not FileFormat.SAFETENSORS:
        return None
    from registry.formats.not_numbers import not_numbers  # noqa: PLC0415 - numpy is slow to load

    return tuple(f"{bad.tensor}: {bad.count:,}" for bad in not_numbers(source, seen.index))


def _wrong_hash(seen: Seen, measured: FileHashes) -> list[Contradiction]:
    """Whether the tensors are still those that the metadata were written for."""
    if seen.index is None or measured.addnet is None:
        return []
    found = []
    for key in ("sshs_model_hash", "modelspec.hash_sha256"):
        told = seen.index.metadata.get(key, "").strip().casefold().removeprefix("0x")
        if told and told not in {measured.addnet, _HASH_OF_NOTHING}:
            by = f"{key} of its metadata says"
            short = (told[:_AUTOV3_DIGITS], measured.addnet[:_AUTOV3_DIGITS])
            found.append(Contradiction("hash", by, *short))
    return found


def _told_by(lookup: Lookup | None, hashes: Hashes, seen: Seen) -> list[str]:
    """What a catalog was told about these very bytes and what is not so."""
    sha256 = hashes.get(HashKind.SHA256)
    if lookup is None or sha256 is None:
        return []
    found: list[str] = []
    for model, _, file in lookup(sha256):
        found += file.contradictions
        wrong = contradictions(claim_of(model, file), seen.identity, seen.format)
        found += [str(each) for each in wrong]
    return found


# ── folders ───────────────────────────────────────────────────────────────────────────────────────


def _inspect_folder(path: Path) -> Inspection:
    folder = read_folder(path)
    identity = _identity_of(folder)
    indices = [part.index for part in folder.parts if part.index is not None]
    metadata = {key: text for index in reversed(indices) for key, text in index.metadata.items()}
    return Inspection(
        path=str(path),
        format=FileFormat.DIFFUSERS,
        what=_what(folder),
        size_bytes=folder.size_bytes,
        identity=identity,
        tensors=sum(len(index.tensors) for index in indices),
        metadata=metadata,
        reasons=(f"it is {_what(folder)}", *identity.reasons),
    )


def _what(folder: DiffusersFolder) -> str:
    if folder.pipeline is not None:
        return f"a folder of diffusers ({folder.pipeline})"
    (part,) = folder.parts
    return f"a part of a model in the form of diffusers ({part.class_name or 'class not told'})"


def _identity_of(folder: DiffusersFolder) -> Identity:
    def index(*names: str) -> TensorIndex | None:
        found = (part.index for part in folder.parts if part.name in names)
        return next((each for each in found if each is not None), None)

    if folder.pipeline is None:
        (part,) = folder.parts
        return identify(part.index) if part.index is not None else NOTHING_KNOWN
    return identify_parts(
        folder.pipeline,
        painting=index("unet", "transformer"),
        has_vae=any(part.name == "vae" and part.index is not None for part in folder.parts),
        prediction=_scheduled(folder.parts),
    )


def _scheduled(parts: tuple[Part, ...]) -> str | None:
    """The prediction that the scheduler is set to."""
    told = (part.config.get("prediction_type") for part in parts if part.name == "scheduler")
    return next((word for word in told if isinstance(word, str)), None)
