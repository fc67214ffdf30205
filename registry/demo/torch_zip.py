"""Write a `.ckpt` as torch does, without torch and without pickling an object.

A torch file is a zip: `data.pkl` describes the tensors, `data/0`, `data/1` … hold their bytes. The
pickle is put together opcode by opcode; its meaning is
``{"state_dict": {name: _rebuild_tensor_v2(storage, 0, shape, stride, False, OrderedDict()), …}}``
(torch/serialization.py, torch/_utils.py).
"""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Weights = Mapping[str, NDArray[np.float32] | NDArray[np.float16]]

_STORAGES = {"float16": "HalfStorage", "float32": "FloatStorage"}
_ALIGNED_TO = 64
_LOCAL_HEADER_BYTES = 30
_LONG_AGO = (1980, 1, 1, 0, 0, 0)

_PROTOCOL_2 = b"\x80\x02"
_EMPTY_DICT, _SET_ITEMS = b"}", b"u"
_MARK, _TUPLE, _EMPTY_TUPLE = b"(", b"t", b")"
_PERSISTENT_ID, _REDUCE = b"Q", b"R"
_FALSE = b"\x89"
_STOP = b"."


def write_checkpoint(path: Path, weights: Weights) -> None:
    """Write the weights under the key `state_dict`. The same weights give the same bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        _put(archive, "archive/data.pkl", _description(weights))
        _put(archive, "archive/byteorder", b"little")
        for number, array in enumerate(weights.values()):
            _put(archive, f"archive/data/{number}", array.tobytes())
        _put(archive, "archive/version", b"3\n")


def _put(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    """Add a member whose content begins at a multiple of 64, as torch wants it for mapping."""
    member = zipfile.ZipInfo(name, date_time=_LONG_AGO)
    begin = archive.start_dir + _LOCAL_HEADER_BYTES + len(name.encode()) + 4
    padding = -begin % _ALIGNED_TO
    member.extra = b"FB" + padding.to_bytes(2, "little") + b"Z" * padding
    archive.writestr(member, content)


def _description(weights: Weights) -> bytes:
    parts = [_PROTOCOL_2, _EMPTY_DICT, _MARK, _text("state_dict"), _EMPTY_DICT, _MARK]
    for number, (name, array) in enumerate(weights.items()):
        parts += [_text(name), _tensor(number, array)]
    parts += [_SET_ITEMS, _SET_ITEMS, _STOP]
    return b"".join(parts)


def _tensor(number: int, array: NDArray[np.float32] | NDArray[np.float16]) -> bytes:
    strides = tuple(step // array.itemsize for step in array.strides)
    storage = (
        _MARK,
        _text("storage"),
        _global("torch", _STORAGES[array.dtype.name]),
        _text(str(number)),
        _text("cpu"),
        _integer(array.size),
        _TUPLE,
        _PERSISTENT_ID,
    )
    hooks = (_global("collections", "OrderedDict"), _EMPTY_TUPLE, _REDUCE)
    arguments = (
        _MARK,
        *storage,
        _integer(0),
        _integers(array.shape),
        _integers(strides),
        _FALSE,
        *hooks,
        _TUPLE,
    )
    return b"".join((_global("torch._utils", "_rebuild_tensor_v2"), *arguments, _REDUCE))


def _global(module: str, name: str) -> bytes:
    return b"c" + module.encode() + b"\n" + name.encode() + b"\n"


def _text(text: str) -> bytes:
    encoded = text.encode()
    return b"X" + len(encoded).to_bytes(4, "little") + encoded


def _integer(number: int) -> bytes:
    return b"J" + number.to_bytes(4, "little", signed=True)


def _integers(numbers: tuple[int, ...]) -> bytes:
    return _MARK + b"".join(map(_integer, numbers)) + _TUPLE
