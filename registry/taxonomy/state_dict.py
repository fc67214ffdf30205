"""A torch file's tree as the flat index of other formats: one set of eyes suffices for all."""

from math import prod

from registry.domain.tensors import Key, Plain, StoredTensor, StoredTree, TensorIndex, TensorInfo

# What trainers wrap around the weights; the names inside are those that everybody knows.
_WRAPPERS = frozenset({"state_dict", "params_ema", "params", "model_state_dict"})
_WIDTHS = {"BOOL": 1, "U8": 1, "I8": 1, "I16": 2, "F16": 2, "BF16": 2, "I32": 4, "F32": 4}
_WIDEST = 8
_MOST_TEXTS = 1000
_LONGEST_TEXT = 64 * 1024


def index_of(tree: StoredTree) -> TensorIndex:
    """Names as safetensors would have them, and the plain values beside the tensors as texts."""
    texts = (
        (_name(path), text)
        for path, value in tree.values.items()
        if (text := _text(value)) is not None
    )
    metadata = dict(list(texts)[:_MOST_TEXTS])
    return TensorIndex(tuple(_info(tensor) for tensor in tree.tensors), metadata)


def _info(tensor: StoredTensor) -> TensorInfo:
    """A view counts as many bytes as it has values, wherever they lie in the storage."""
    width = _WIDTHS.get(tensor.dtype, 1 if tensor.dtype.startswith("F8") else _WIDEST)
    begin = tensor.storage[0] + tensor.offset * width
    end = begin + prod(tensor.shape) * width
    return TensorInfo(_name(tensor.path), tensor.dtype, tensor.shape, begin, end)


def _name(path: tuple[Key, ...]) -> str:
    inner = path[1:] if len(path) > 1 and path[0] in _WRAPPERS else path
    return ".".join(map(str, inner))


def _text(value: Plain) -> str | None:
    if value is None or isinstance(value, bytes):
        return None
    return str(value)[:_LONGEST_TEXT]
