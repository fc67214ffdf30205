"""The values of one small tensor, without numpy: its import takes longer than all the rest."""

import struct

from registry.domain.tensors import TensorInfo
from registry.formats.readable import Readable

_FORMS = {"F64": "d", "F32": "f", "F16": "e"}


def read_values(source: Readable, tensor: TensorInfo) -> tuple[float, ...]:
    """Every value, in the order of the file; () for numbers that are none of the usual floats."""
    content = source.read(tensor.begin, tensor.end)
    if tensor.dtype == "BF16":
        # A bf16 is the upper half of an fp32.
        content = b"".join(b"\0\0" + content[at : at + 2] for at in range(0, len(content), 2))
    form = "f" if tensor.dtype == "BF16" else _FORMS.get(tensor.dtype)
    if form is None or len(content) % struct.calcsize(form):
        return ()
    return tuple(value for (value,) in struct.iter_unpack(f"<{form}", content))
