"""A whole SD 1.5 in full size, from the file to the picture.

    FULL_SIZE=1 pytest tests/smoke/test_full_size.py -s

It writes 2 GB twice, and prints what the trial took; docs/benchmarks.md keeps the figures.
"""

import importlib.util
import math
import os
from collections.abc import Mapping

import numpy as np
import pytest

from registry.api import Registry
from registry.demo.safetensors_file import write_safetensors
from registry.demo.torch_zip import write_checkpoint
from registry.settings import Settings
from registry.smoke import layout
from registry.smoke.build import SD1

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not os.environ.get("FULL_SIZE"),  # noqa: TID251 -- gigabytes only by hand
        reason="FULL_SIZE is not set",
    ),
    pytest.mark.skipif(
        importlib.util.find_spec("diffusers") is None, reason="the extra `smoke` is not installed"
    ),
]


class MadeUp(Mapping):
    """Weights in fp16 that exist only while somebody looks at them."""

    def __init__(self) -> None:
        self._shapes = layout.checkpoint(SD1)
        self._drawn = np.random.default_rng(0).standard_normal(1 << 20, dtype=np.float32)

    def __getitem__(self, name):
        shape = self._shapes[name]
        if name.endswith("bias"):
            return np.zeros(shape, np.float16)
        if len(shape) == 1:
            return np.ones(shape, np.float16)
        spread = 0.3 if "embedding" in name else 0.7 / math.sqrt(math.prod(shape[1:]))
        begin = sum(name.encode()) % 1000
        return np.resize((self._drawn[begin:] * spread).astype(np.float16), shape)

    def __iter__(self):
        return iter(self._shapes)

    def __len__(self) -> int:
        return len(self._shapes)


@pytest.mark.parametrize(
    ("name", "write"), [("a.safetensors", write_safetensors), ("a.ckpt", write_checkpoint)]
)
def test_a_whole_sd_1_5_paints_in_8_gb(tmp_path, name, write):
    path = tmp_path / name
    write(path, MadeUp())
    (run,) = Registry(Settings(home=tmp_path / "home")).smoke([str(path)], device="cpu")
    path.unlink()

    print(name, run.result.seconds, f"{run.result.peak_memory_bytes / 1e9:.2f} GB")  # noqa: T201
    assert (run.result.verdict, run.result.reasons) == ("passed", ())
    assert run.result.peak_memory_bytes <= 8e9
