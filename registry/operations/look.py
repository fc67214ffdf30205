"""Look into one file, here or afar: what its bytes say, before anybody is contradicted."""

from dataclasses import dataclass
from pathlib import Path

from registry.domain.tensors import TensorIndex
from registry.domain.variant import FileFormat
from registry.errors import NotAModelFile, UnsafeFile
from registry.formats.contents import look_inside
from registry.formats.readable import Readable
from registry.formats.values import read_values
from registry.hubs.names import is_inpainting, variant_of
from registry.taxonomy.claims import Claim, Contradiction, claim_of_metadata, contradictions
from registry.taxonomy.identify import Identity, identify
from registry.taxonomy.lookup import UNKNOWN
from registry.taxonomy.prediction import telling_bias
from registry.taxonomy.state_dict import index_of

NOTHING_KNOWN = Identity(model_type=UNKNOWN, architecture=UNKNOWN)
"""What is said of a file without tensors that can be read."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen.

    Attributes:
        format: How the bytes are arranged.
        what: The same in words, with an article.
        index: The tensors; None where the format does not tell them, or where they are refused.
        identity: What the tensors are.
        reasons: What each conclusion rests on, and what could not be concluded, in sentences.
    """

    format: FileFormat
    what: str
    index: TensorIndex | None
    identity: Identity
    reasons: tuple[str, ...]


def look(source: Readable, *, path: Path | None) -> Seen:
    """Look into one file; its `path` where it is on this disk, which torch files need.

    Raises:
        MalformedHeader: It claims a format and breaks its rules.
        UnreadableFile: It cannot be read.
    """
    contents = look_inside(source, claimed=FileFormat.from_name(source.name))
    index, reasons = contents.index, [f"it is {contents.sniffed.what}"]
    if (pointer := contents.sniffed.pointer) is not None:
        reasons.append(f"it stands for {pointer.size_bytes:,} bytes with sha256 {pointer.sha256}")
    if contents.sniffed.format is FileFormat.PICKLE:
        if path is None:
            reasons.append("what is in a pickle is told when the file is here")
        else:
            index = _torch_index(path, reasons)
    identity = NOTHING_KNOWN
    if index is not None:
        identity = identify(index)
        bias = telling_bias(index)
        if identity.architecture == "sd2" and identity.prediction is None and bias is not None:
            identity = identify(index, bias=read_values(source, bias))
    return Seen(
        format=contents.sniffed.format,
        what=contents.sniffed.what,
        index=index,
        identity=identity,
        reasons=(*reasons, *identity.reasons),
    )


def own_contradictions(name: str, seen: Seen) -> tuple[Contradiction, ...]:
    """What the file's own name and metadata say and what is not so."""
    named = Claim("its name says", variant_of(name), inpainting=is_inpainting(name))
    claims = [named, claim_of_metadata(seen.index.metadata)] if seen.index is not None else [named]
    return tuple(
        wrong for claim in claims for wrong in contradictions(claim, seen.identity, seen.format)
    )


def _torch_index(path: Path, reasons: list[str]) -> TensorIndex | None:
    """The tensors of a torch file; None, and the reason, where it is refused."""
    from registry.convert.torch_source import open_torch  # noqa: PLC0415 -- for pickles only

    try:
        return index_of(open_torch(path, check_sums=False))
    except (NotAModelFile, UnsafeFile) as error:
        reasons.append(str(error))
        return None
