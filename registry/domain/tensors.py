"""What a file of weights holds, without the weights."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """One tensor: name, dtype as the file spells it (``F16``), shape, and its bytes in the file.

    Attributes:
        begin: Offset of its first byte from the start of the file.
        end: Offset behind its last byte.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class TensorIndex:
    """Every tensor of a file and the texts that came with them."""

    tensors: tuple[TensorInfo, ...]
    metadata: dict[str, str] = field(default_factory=dict)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name to shape."""
        return {tensor.name: tensor.shape for tensor in self.tensors}
