"""What a file is, by its content and not by its name."""

from dataclasses import dataclass
from pathlib import Path

from registry.domain.tensors import TensorIndex
from registry.domain.variant import FileFormat
from registry.errors import NotAModelFile, UnsafeFile
from registry.formats.safetensors import read_index
from registry.formats.sniff import sniff_file


@dataclass(frozen=True, slots=True)
class Inspected:
    """What was found.

    Attributes:
        what: In words, with an article: ``a safetensors file``.
        index: Its tensors, where the format tells them.
    """

    format: FileFormat
    what: str
    index: TensorIndex | None = None


def inspect_file(path: Path, *, name: str, proven: bool) -> Inspected:
    """Look at a file that is to be installed. Nothing in it is run.

    Args:
        path: Where it lies now.
        name: What its publisher calls it.
        proven: It is the very file that was published; then what no model comes in is believed
            to be meant, except a broken header or a lie about safety.

    Raises:
        NotAModelFile: No model comes in this format.
        MalformedHeader: It breaks the rules of its format, or is cut.
        UnsafeFile: A pickle that calls itself safetensors.
    """
    claimed = FileFormat.from_name(name)
    sniffed = sniff_file(path)
    if claimed is FileFormat.SAFETENSORS and sniffed.format is FileFormat.PICKLE:
        raise UnsafeFile(name, "it calls itself safetensors, but it is a pickle")
    if claimed is FileFormat.SAFETENSORS or sniffed.format is FileFormat.SAFETENSORS:
        # Also for what does not look like one: the reader says what is wrong with it, and where.
        if not sniffed.may_be_model:
            raise NotAModelFile(name, sniffed.what)
        return Inspected(FileFormat.SAFETENSORS, sniffed.what, read_index(path))
    if claimed is FileFormat.CONFIG or proven:
        return Inspected(sniffed.format, sniffed.what)
    if not sniffed.may_be_model:
        raise NotAModelFile(name, sniffed.what)
    if sniffed.what.endswith("(zip)"):
        from registry.formats.torch_file import check_torch_zip  # noqa: PLC0415 -- brings zipfile

        check_torch_zip(path)
    return Inspected(sniffed.format, sniffed.what)
