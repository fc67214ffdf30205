"""What is in a file: its format in words, and the tensors where the format tells them.

Works on a file that lies on the disk as on one that is read by ranges from afar.
"""

from dataclasses import dataclass

from registry.domain.tensors import TensorIndex
from registry.domain.variant import FileFormat
from registry.formats.gguf import read_gguf
from registry.formats.readable import Readable
from registry.formats.safetensors import read_safetensors
from registry.formats.sniff import Sniffed, sniff_readable


@dataclass(frozen=True, slots=True)
class Contents:
    """What the bytes say.

    Attributes:
        sniffed: Format, and what it is in words.
        index: Its tensors; None where the format does not tell them without being run.
    """

    sniffed: Sniffed
    index: TensorIndex | None = None


def look_inside(source: Readable, *, claimed: FileFormat = FileFormat.OTHER) -> Contents:
    """Look at a file's begin and at its header; of the tensors nothing is read.

    Args:
        source: The file.
        claimed: What its name says; decides only what is wrong with bytes that say nothing.

    Raises:
        MalformedHeader: It claims a format and breaks its rules.
        UnreadableFile: It cannot be read.
    """
    sniffed = sniff_readable(source)
    if claimed is FileFormat.SAFETENSORS and sniffed.is_nothing_known:
        read_safetensors(source)  # says what is wrong with it, and where
    match sniffed.format:
        case FileFormat.SAFETENSORS:
            return Contents(sniffed, read_safetensors(source))
        case FileFormat.GGUF:
            return Contents(sniffed, read_gguf(source))
        case _:
            return Contents(sniffed)
