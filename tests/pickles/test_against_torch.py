"""Every tensor that torch reads from a file, we read from it too, byte for byte."""

import collections
import sys
import types

import pytest

from registry.convert.torch_source import open_torch
from tests.pickles.views import content

torch = pytest.importorskip("torch", reason="torch is the oracle here: pip install '.[test]'")

DTYPES = {
    torch.float32: "F32",
    torch.float64: "F64",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.uint16: "U16",
    torch.uint32: "U32",
    torch.uint64: "U64",
    torch.bool: "BOOL",
    torch.complex64: "C64",
    torch.float8_e4m3fn: "F8_E4M3",
    torch.float8_e5m2: "F8_E5M2",
    torch.float8_e4m3fnuz: "F8_E4M3FNUZ",
    torch.float8_e5m2fnuz: "F8_E5M2FNUZ",
    torch.float8_e8m0fnu: "F8_E8M0",
}
WITH_STORAGES = {
    *(torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.bool, torch.complex64),
    *(torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8),
}
ZIP = [True, False]


def numbers(dtype, *shape):
    """Random bytes as numbers: every bit pattern is as good as another."""
    generator = torch.Generator().manual_seed(len(shape))
    size = torch.empty((), dtype=dtype).element_size()
    count = torch.Size(shape).numel()
    high = 2 if dtype is torch.bool else 256
    raw = torch.randint(0, high, (count * size,), dtype=torch.uint8, generator=generator)
    return (raw.bool() if dtype is torch.bool else raw.view(dtype)).reshape(shape)


def saved(tmp_path, value, *, zipped, **options):
    path = tmp_path / "model.pt"
    torch.save(value, path, _use_new_zipfile_serialization=zipped, **options)
    return path


def raw_bytes(tensor):
    tensor = tensor.detach().contiguous().reshape(-1)
    return bytes(tensor.view(torch.uint8).numpy()) if tensor.numel() else b""


def found_by_torch(value, path=()):
    """Every tensor, with the keys that lead to it."""
    if isinstance(value, torch.Tensor):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from found_by_torch(
                item, (*path, key if isinstance(key, (str, int)) else str(key))
            )
    elif isinstance(value, (list, tuple)):
        for place, item in enumerate(value):
            yield from found_by_torch(item, (*path, place))


def assert_same(path, *, weights_only=True, truth=None):
    """What we find in a file is what torch finds, byte for byte."""
    if truth is None:
        truth = torch.load(path, map_location="cpu", weights_only=weights_only)
    theirs = dict(found_by_torch(truth))
    tree = open_torch(path)

    assert [tensor.path for tensor in tree.tensors] == list(theirs)
    for tensor in tree.tensors:
        other = theirs[tensor.path]
        assert (tensor.dtype, tensor.shape) == (DTYPES[other.dtype], tuple(other.shape))
        assert content(path, tensor) == raw_bytes(other), tensor.path
    return tree


@pytest.mark.parametrize("zipped", ZIP)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_every_type_of_number(tmp_path, dtype, zipped):
    value = {"a": numbers(dtype, 3, 5), "b": numbers(dtype, 7)}

    path = saved(tmp_path, value, zipped=zipped)

    # torch writes its youngest types in the legacy format, but cannot read them from it.
    assert_same(path, truth=None if zipped or dtype in WITH_STORAGES else value)


VIEWS = {
    "transposed": lambda t: t.T,
    "every second": lambda t: t[::2, 1::3],
    "a row": lambda t: t[2],
    "a scalar": lambda t: t[1, 1],
    "expanded": lambda t: t[0].expand(4, 6),
    "expanded scalar": lambda t: t[0, 0].expand(2, 3),
    "a diagonal": lambda t: t.diagonal(),
    "turned round": lambda t: t.permute(1, 0)[1:],
    "nothing": lambda t: t[:0],
    "nothing of much": lambda t: t[:, :0],
    "overlapping windows": lambda t: t.unfold(1, 3, 1),
    "channels last": lambda t: t.reshape(1, 2, 3, 6).to(memory_format=torch.channels_last),
}


@pytest.mark.parametrize("zipped", ZIP)
@pytest.mark.parametrize("view", VIEWS)
def test_a_view_is_read_as_it_looks(tmp_path, view, zipped):
    whole = numbers(torch.float16, 6, 6)

    path = saved(tmp_path, {"whole": whole, "view": VIEWS[view](whole)}, zipped=zipped)

    assert_same(path)


@pytest.mark.parametrize("zipped", ZIP)
def test_tensors_that_share_a_storage_share_it_here_too(tmp_path, zipped):
    whole = numbers(torch.float32, 10)
    value = {"a": whole, "b": whole, "c": whole[2:5], "d": whole.view(2, 5)}

    tree = assert_same(saved(tmp_path, value, zipped=zipped))

    assert len({tensor.storage for tensor in tree.tensors}) == 1


@pytest.mark.parametrize("zipped", ZIP)
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_protocol(tmp_path, protocol, zipped):
    value = {"state_dict": collections.OrderedDict(a=numbers(torch.float32, 2, 2)), "step": 7}

    path = saved(tmp_path, value, zipped=zipped, pickle_protocol=protocol)

    tree = assert_same(path, weights_only=protocol < 3)
    assert tree.values[("step",)] == 7


@pytest.mark.parametrize("zipped", ZIP)
def test_parameters_modules_states_and_nests(tmp_path, zipped):
    linear = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    odd = torch.nn.Parameter(numbers(torch.float32, 2))
    odd.note = "an attribute"
    value = {
        "state_dict": linear.state_dict(),
        "optimizer": torch.optim.Adam(linear.parameters()).state_dict(),
        "parameter": torch.nn.Parameter(numbers(torch.float32, 3, 3), requires_grad=False),
        "with an attribute": odd,
        "buffer": torch.nn.Buffer(numbers(torch.float32, 2)),
        "nest": {
            "a": [numbers(torch.int8, 2), (numbers(torch.bool, 3), {5: numbers(torch.int16)})]
        },
        "empty": {},
        "zero": torch.empty(0),
        "zeros": torch.empty(3, 0, 2, dtype=torch.float16),
    }

    assert_same(saved(tmp_path, value, zipped=zipped))


@pytest.mark.parametrize("zipped", ZIP)
def test_a_tensor_alone_and_a_list_of_them(tmp_path, zipped):
    assert_same(saved(tmp_path, numbers(torch.float32, 2), zipped=zipped))
    assert_same(saved(tmp_path, [numbers(torch.float32, 2), numbers(torch.int8, 1)], zipped=zipped))


@pytest.mark.parametrize("zipped", ZIP)
def test_nothing_at_all(tmp_path, zipped):
    assert_same(saved(tmp_path, {}, zipped=zipped))


@pytest.mark.parametrize("zipped", ZIP)
def test_plain_values_are_kept_beside_the_tensors(tmp_path, zipped):
    value = {
        "step": 1364,
        "rate": 0.5,
        "name": "bad-hands",
        "bytes": b"\x00\xff",
        "flag": True,
        "none": None,
        "dtype": torch.float16,
        "size": torch.Size([1, 2]),
        "device": torch.device("cpu"),
        "version": torch.__version__,
        "set": {3},
    }

    tree = open_torch(saved(tmp_path, value, zipped=zipped))

    assert tree.values == {
        ("step",): 1364,
        ("rate",): 0.5,
        ("name",): "bad-hands",
        ("bytes",): b"\x00\xff",
        ("flag",): True,
        ("none",): None,
        ("dtype",): "torch.float16",
        ("size", 0): 1,
        ("size", 1): 2,
        ("device",): "torch.device",
        ("device", "arguments", 0): "cpu",
        ("version",): torch.__version__,
        ("set", 0): 3,
    }


@pytest.fixture
def lightning(monkeypatch):
    """A module of that name, as far as a pickle needs it."""
    name = "pytorch_lightning.callbacks.model_checkpoint"
    parts = name.split(".")
    for depth in range(1, len(parts) + 1):
        monkeypatch.setitem(
            sys.modules, ".".join(parts[:depth]), types.ModuleType(parts[depth - 1])
        )
    kind = type("ModelCheckpoint", (), {"__module__": name})
    sys.modules[name].ModelCheckpoint = kind
    return kind


@pytest.mark.parametrize("zipped", ZIP)
def test_a_lightning_checkpoint_gives_its_tensors_and_names_its_callbacks(
    tmp_path, lightning, zipped
):
    callback = lightning()
    callback.best_model_score = numbers(torch.float32)
    callback.monitor = "val/loss"
    value = {
        "epoch": 3,
        "global_step": 470000,
        "pytorch-lightning_version": "1.4.2",
        "callbacks": {lightning: {"monitor": "val/loss", "best": numbers(torch.float32)}},
        "instances": [callback],
        "state_dict": {"model.a": numbers(torch.float32, 4, 4)},
    }
    path = saved(tmp_path, value, zipped=zipped)
    sys.modules.pop(lightning.__module__)

    tree = open_torch(path)

    name = f"{lightning.__module__}.ModelCheckpoint"
    assert [tensor.path for tensor in tree.tensors] == [
        ("callbacks", name, "best"),
        ("instances", 0, "best_model_score"),
        ("state_dict", "model.a"),
    ]
    assert tree.values[("callbacks", name, "monitor")] == "val/loss"
    assert tree.values[("instances", 0)] == name
    assert content(path, tree.tensors[2]) == raw_bytes(value["state_dict"]["model.a"])


@pytest.mark.real
@pytest.mark.parametrize(
    "name",
    [
        "embeddings/EasyNegative.pt",
        "embeddings/bad-hands-5.pt",
        "embeddings/badhandv4.pt",
        "torch/dncnn_25.pth",
        "torch/vae-approx.pt",
    ],
)
def test_real_files(real_files, name):
    assert_same(real_files / name)
