"""What a file of weights holds, without the weights."""

from dataclasses import dataclass, field

Key = str | int
Plain = str | int | float | bool | bytes | None


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


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """One tensor of a torch file: a view into a storage, which may serve several tensors.

    Attributes:
        path: The keys that lead to it from the outermost value:
            ``("state_dict", "model.diffusion_model.out.2.weight")``.
        dtype: As safetensors spells it: ``F32``, ``BF16``, ``I64``.
        shape: Its sides.
        strides: How many elements lie between neighbours, for each side.
        offset: Its first element, counted in elements from the begin of the storage.
        storage: The storage's bytes in the file, as (begin, end) from the start of the file.
    """

    path: tuple[Key, ...]
    dtype: str
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int
    storage: tuple[int, int]


@dataclass(frozen=True, slots=True)
class StoredTree:
    """What a torch file holds: its tensors, and the plain values that stand beside them.

    Attributes:
        tensors: In the order in which the file names them.
        values: Numbers, texts and so on, each under the keys that lead to it.
    """

    tensors: tuple[StoredTensor, ...]
    values: dict[tuple[Key, ...], Plain] = field(default_factory=dict)
