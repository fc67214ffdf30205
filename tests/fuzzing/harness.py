"""What one hostile input is put through, and the sound ones that hostile ones are made from.

`scripts/fuzz` runs it with coverage to guide it, the tests run a slice of it with hypothesis.
"""

import json
import math
import pickle
import struct

from registry.convert.torch_source import look_into
from registry.errors import FormatError
from registry.formats.safetensors import LENGTH_BYTES, header_bytes, parse_header
from registry.pickles.policy import ALLOWED, ELEMENT_BYTES
from tests.pickles.building import (
    dictionary,
    legacy,
    name,
    number,
    numbers,
    pickled,
    storage,
    tensor,
    text,
    zipped,
)

STREAM, PICKLE_IN_ZIP, PICKLE_IN_LEGACY = range(3)


def try_safetensors(content):
    """Read a header as a file of this content would have it, and believe what comes back."""
    first, rest = content[:LENGTH_BYTES], content[LENGTH_BYTES:]
    try:
        length = header_bytes(first, size_bytes=len(content), name="fuzz")
        index = parse_header(rest[:length], size_bytes=len(content), name="fuzz")
    except FormatError:
        return False
    for found in index.tensors:
        assert LENGTH_BYTES + length <= found.begin <= found.end <= len(content)
        found.name.encode()
    return True


def try_torch(content, path):
    """Judge a file, and believe the tensors of a clean one.

    The first byte says what the others are: a file, or a pickle that is put into a sound container,
    so that a checksum does not end every try.
    """
    kind, content = (content[0] % 3 if content else STREAM), content[1:]
    if kind == PICKLE_IN_ZIP:
        content = zipped(content)
    elif kind == PICKLE_IN_LEGACY:
        content = legacy(content)
    path.write_bytes(content)
    reading = look_into(path)
    assert (reading.verdict.word == "clean") == (not reading.verdict.reasons)
    assert all(reason.sentence for reason in reading.verdict.reasons)
    if reading.tree is None:
        return False
    assert not reading.verdict.reasons
    for found in reading.tree.tensors:
        begin, end = found.storage
        assert 0 <= begin <= end <= len(content)
        if math.prod(found.shape):
            pairs = zip(found.shape, found.strides, strict=True)
            last = found.offset + sum((side - 1) * step for side, step in pairs)
            assert 0 <= found.offset <= last
            assert (last + 1) * ELEMENT_BYTES[found.dtype] <= end - begin
    return True


def safetensors_seeds():
    """Small files that are sound, or nearly."""
    headers = [
        {},
        {"__metadata__": {"format": "pt"}},
        {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}},
        {
            "__metadata__": {"a": "b", "é": "\u202e"},
            "x": {"dtype": "BF16", "shape": [1, 2, 1], "data_offsets": [0, 4]},
            "y": {"dtype": "F4", "shape": [4], "data_offsets": [4, 6]},
            "z": {"dtype": "I64", "shape": [0, 9], "data_offsets": [6, 6]},
            "w": {"dtype": "NEW", "shape": [], "data_offsets": [6, 7]},
        },
    ]
    for header in headers:
        encoded = json.dumps(header, ensure_ascii=False).encode()
        ends = [entry["data_offsets"][1] for entry in header.values() if "dtype" in entry]
        yield struct.pack("<Q", len(encoded)) + encoded + bytes(max(ends, default=0))


def torch_seeds():
    """Small files of every container, and pickles with a taste of everything."""
    two = dictionary(a=tensor(), b=tensor(shape=(2, 2), strides=(2, 1)))
    parameter = name("torch._utils", "_rebuild_parameter") + b"(" + tensor() + b"\x88Nt" + b"R"
    young = (
        name("torch._utils", "_rebuild_tensor_v3")
        + b"("
        + storage(kind="UntypedStorage", count=16, module="torch.storage")
        + number(0)
        + numbers((8,))
        + numbers((1,))
        + b"\x89N"
        + name("torch", "uint16")
        + b"tR"
    )
    shell = name("argparse", "Namespace") + b")\x81}" + text("a") + b"K\x01sb"
    scalar = name("numpy.core.multiarray", "scalar") + name("numpy", "dtype") + text("f8")
    scalar += b"\x89\x88\x87R" + name("_codecs", "encode") + text("12345678") + text("latin1")
    scalar += b"\x86R\x86R"
    bodies = [two, parameter, young, shell, scalar, b"(" + tensor() * 3 + b"l", b"(K\x01(K\x02ldt"]
    for body in bodies:
        yield bytes([PICKLE_IN_ZIP]) + body
        yield bytes([PICKLE_IN_LEGACY]) + body
        yield bytes([STREAM]) + legacy(body)
        yield bytes([STREAM]) + zipped(body)
        yield bytes([STREAM]) + pickled(body)
    for protocol in range(6):
        value = {"a": [1, 2.5, "x", b"y", None, True, (1, 2), {3}, frozenset({4}), 1 << 70, print]}
        yield bytes([STREAM]) + pickle.dumps(value, protocol=protocol)


def words():
    """What is worth writing into an input: names, numbers and operations."""
    found = [full.rpartition(".") for full in sorted(ALLOWED)] + [("os", ".", "system")]
    yield from (name(module, what) for module, _, what in found)
    yield from (struct.pack("<Q", value) for value in (0, 1, 2**31, 2**32, 2**63, 2**64 - 1))
    yield from (number(value) for value in (0, 1, -1, 2**48, 2**62))
    yield from (bytes([code]) for code in b"(.0123FIJKLMNPQRSTUVX]abcdeghijlopqrstu)}G")
    yield from (bytes([code]) for code in range(0x80, 0x99))
    yield from (storage(), tensor(), b'"dtype":"F32"', b'"shape":[', b'"data_offsets":[', b"\\u")
