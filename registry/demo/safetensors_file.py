"""Write a safetensors file whose bytes depend on its content alone.

The library's own writer puts the metadata in a random order, so the hash would change from run to
run; a demonstration whose catalog is made from hashes wants the same file twice.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Weights = Mapping[str, NDArray[np.float32]] | Mapping[str, NDArray[np.float16]]

_DTYPES = {"float16": "F16", "float32": "F32"}
_ALIGNED_TO = 8


def write_safetensors(
    path: Path, weights: Weights, metadata: Mapping[str, str] | None = None
) -> None:
    """Write the weights in their order, without holding a second copy of them.

    Raises:
        OSError: The file cannot be written.
    """
    header: dict[str, object] = {}
    if metadata:
        header["__metadata__"] = dict(sorted(metadata.items()))
    at = 0
    for name, array in weights.items():
        header[name] = {
            "dtype": _DTYPES[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [at, at + array.nbytes],
        }
        at += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNED_TO)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for array in weights.values():
            # The format is little-endian on every machine.
            file.write(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes())
