"""In which variants one model is published: file format × precision × pruning."""

from dataclasses import dataclass
from enum import StrEnum


class FileFormat(StrEnum):
    """How the bytes are arranged. The suffix is a hint, the content decides."""

    SAFETENSORS = "safetensors"
    PICKLE = "pickle"  # .ckpt, .pt, .pth, .bin: may run code when it is opened carelessly
    GGUF = "gguf"
    ONNX = "onnx"
    DIFFUSERS = "diffusers"
    ZIP = "zip"
    CONFIG = "config"
    OTHER = "other"

    @classmethod
    def from_name(cls, file_name: str) -> "FileFormat":
        """Guess from the suffix of a file name.

        Example:
            >>> FileFormat.from_name("Anything.CKPT").value
            'pickle'
        """
        _, dot, suffix = file_name.lower().rpartition(".")
        return _BY_SUFFIX.get(suffix, cls.OTHER) if dot else cls.OTHER


_BY_SUFFIX = {
    "safetensors": FileFormat.SAFETENSORS,
    "sft": FileFormat.SAFETENSORS,
    "ckpt": FileFormat.PICKLE,
    "pt": FileFormat.PICKLE,
    "pth": FileFormat.PICKLE,
    "bin": FileFormat.PICKLE,
    "gguf": FileFormat.GGUF,
    "onnx": FileFormat.ONNX,
    "zip": FileFormat.ZIP,
    "7z": FileFormat.ZIP,
    "rar": FileFormat.ZIP,
    "gz": FileFormat.ZIP,
    "tar": FileFormat.ZIP,
    "yaml": FileFormat.CONFIG,
    "yml": FileFormat.CONFIG,
    "json": FileFormat.CONFIG,
    "txt": FileFormat.CONFIG,
}


class Precision(StrEnum):
    """Number format of the weights."""

    FP32 = "fp32"
    FP16 = "fp16"
    BF16 = "bf16"
    FP8 = "fp8"
    INT8 = "int8"
    INT4 = "int4"
    NF4 = "nf4"


class Pruning(StrEnum):
    """Which copies of the weights are inside."""

    FULL = "full"  # training state or both weight sets
    PRUNED = "pruned"
    EMA_ONLY = "ema-only"


@dataclass(frozen=True, slots=True)
class Variant:
    """Format, precision and pruning of one file; None means not known."""

    format: FileFormat
    precision: Precision | None = None
    pruning: Pruning | None = None

    def __str__(self) -> str:
        parts = (self.format, self.precision, self.pruning)
        return " ".join(part for part in parts if part)
