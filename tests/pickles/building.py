"""Torch files put together by hand: whatever pickle one likes, in either container."""

import io
import pickle
import pickletools
import struct
import zipfile

MAGIC = pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2)
PROTOCOL = pickle.dumps(1001, protocol=2)
SYSTEM = pickle.dumps({"protocol_version": 1001, "little_endian": True}, protocol=2)


def text(value):
    encoded = value.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(encoded)) + encoded


def number(value):
    return b"\x8a\x08" + value.to_bytes(8, "little", signed=True)


def name(module, what):
    return f"c{module}\n{what}\n".encode()


def numbers(values):
    return b"(" + b"".join(map(number, values)) + b"t"


def storage(key="0", kind="FloatStorage", count=4, module="torch"):
    """The persistent id of a storage."""
    inner = text("storage") + name(module, kind) + text(key) + text("cpu") + number(count)
    return b"(" + inner + b"tQ"


def tensor(kept=None, *, offset=0, shape=(4,), strides=(1,), more=b""):
    """The rebuilding of a tensor."""
    hooks = name("collections", "OrderedDict") + b")R"
    arguments = (kept or storage()) + number(offset) + numbers(shape) + numbers(strides)
    return (
        name("torch._utils", "_rebuild_tensor_v2")
        + b"("
        + arguments
        + b"\x89"
        + hooks
        + more
        + b"tR"
    )


def dictionary(**values):
    return b"}(" + b"".join(text(key) + value for key, value in values.items()) + b"u"


def pickled(body):
    return b"\x80\x02" + body + b"."


def zipped(body, storages=None, *, members=(), folder="archive", order=b"little"):
    """A torch zip around a pickle."""
    storages = {"0": bytes(16)} if storages is None else storages
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(f"{folder}/data.pkl", pickled(body))
        if order is not None:
            archive.writestr(f"{folder}/byteorder", order)
        for key, content in storages.items():
            archive.writestr(f"{folder}/data/{key}", content)
        for path, content in members:
            archive.writestr(path, content)
    return buffer.getvalue()


def legacy(body, storages=None, *, keys=None, system=SYSTEM, tail=b""):
    """A torch file of the legacy format around a pickle: key to (count, content)."""
    storages = {"0": (4, bytes(16))} if storages is None else storages
    keys = list(storages) if keys is None else keys
    parts = [MAGIC, PROTOCOL, system, pickled(body), pickle.dumps(keys, protocol=2)]
    parts += [struct.pack("<q", count) + content for count, content in storages.values()]
    return b"".join(parts) + tail


def place_of(content, opcode):
    """Where the first such operation stands in a pickle."""
    return next(at for found, _, at in pickletools.genops(content) if found.name == opcode)
