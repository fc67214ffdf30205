"""Write small GGUF files, right and wrong ones."""

import struct

TYPES = {"F32": (0, 1, 4), "F16": (1, 1, 2), "Q4_K": (12, 256, 144), "Q8_0": (8, 32, 34)}


def text(value):
    content = value.encode()
    return struct.pack("<Q", len(content)) + content


def value(item):
    match item:
        case bool():
            return struct.pack("<IB", 7, item)
        case int():
            return struct.pack("<Iq", 11, item)
        case float():
            return struct.pack("<Id", 12, item)
        case str():
            return struct.pack("<I", 8) + text(item)
        case list():
            inner = b"".join(value(each)[4:] for each in item)
            kind = value(item[0])[:4] if item else struct.pack("<I", 8)
            return struct.pack("<I", 9) + kind + struct.pack("<Q", len(item)) + inner
    raise TypeError(item)


def gguf(tensors, metadata=None, *, version=3, counts=None, alignment=32, short=0):
    """A file of these tensors, each (dtype, shape) with the innermost side last."""
    pairs = {"general.architecture": "sd1"} if metadata is None else metadata
    head = b"GGUF" + struct.pack("<I", version)
    head += struct.pack("<QQ", *(counts or (len(tensors), len(pairs))))
    for key, item in pairs.items():
        head += text(key) + value(item)
    at = 0
    for name, (dtype, shape) in tensors.items():
        number, block, width = TYPES.get(dtype, (dtype, 1, 0))
        head += text(name) + struct.pack("<I", len(shape))
        head += b"".join(struct.pack("<Q", side) for side in reversed(shape))
        head += struct.pack("<IQ", number, at)
        count = 1
        for side in shape:
            count *= side
        at += -(-(-(-count // block) * width) // alignment) * alignment
    head += bytes(-len(head) % alignment)
    return head + bytes(max(at - short, 0))
