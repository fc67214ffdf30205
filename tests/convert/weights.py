"""Files of weights as tests need them, and what is in one afterwards."""

import json
import struct

import numpy as np

from registry.convert.weight_file import WeightFile, row_major
from registry.domain.tensors import StoredTensor, StoredTree
from registry.domain.variant import FileFormat

KINDS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "U8": "u1"}


def write_file(path, tensors, metadata=None):
    """A safetensors file; `tensors` maps a name to an array, or to (dtype, array)."""
    header, bodies, at = {}, [], 0
    for name, value in tensors.items():
        dtype, array = value if isinstance(value, tuple) else (dtype_of(value), value)
        body = np.ascontiguousarray(array).tobytes()
        header[name] = {
            "dtype": dtype,
            "shape": list(array.shape),
            "data_offsets": [at, at + len(body)],
        }
        at += len(body)
        bodies.append(body)
    if metadata:
        header["__metadata__"] = metadata
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(bodies))
    return path


def dtype_of(array):
    return {"f8": "F64", "f4": "F32", "f2": "F16", "i8": "I64", "u1": "U8"}[array.dtype.str[1:]]


def read_file(path):
    """Metadata, and name to (dtype, array), read without any of our code."""
    raw = path.read_bytes()
    length = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8 : 8 + length])
    metadata = header.pop("__metadata__", {})
    found = {}
    for name, entry in header.items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        values = np.frombuffer(raw[begin:end], KINDS[entry["dtype"]]).reshape(entry["shape"])
        found[name] = (entry["dtype"], values)
    return metadata, found


def tensor(*path, shape=(2, 3), dtype="F32", at=0, **changes):
    """A stored tensor that is valid by default."""
    facts = {"strides": row_major(shape), "offset": 0, "storage": (at, at + 1024), **changes}
    return StoredTensor(path=path, dtype=dtype, shape=shape, **facts)


def weight_file(path, *tensors, values=None, metadata=None):
    return WeightFile(path, FileFormat.PICKLE, StoredTree(tensors, values or {}), metadata or {})
