"""The words in a picture, as A1111 writes and reads them."""

from pathlib import Path

import pytest

from registry.domain.smoke import SmokeTask
from registry.smoke.infotext import Painted, infotext, painted_by

STORED = Path("blobs/ab") / ("0123456789" + "ab" * 27)
END = "CFG scale: 5, Seed: 1, Size: 64x64"


@pytest.mark.parametrize(
    ("asked", "prompt", "model"),
    [
        (("a.ckpt", "a.ckpt", "checkpoint", None), "a cat", "Model: a"),
        ((STORED, "v3.5", "checkpoint", None), "a cat", "Model hash: 0123456789, Model: v3.5"),
        (("i.pt", "i.pt", "lora", Path("b.ckpt")), "a cat <lora:i:1>", "Model: b"),
        ((STORED, "i<k", "lycoris", STORED), "a cat <lora:i_k:1>", "Model hash: 0123456789"),
        (("h.pt", "h.pt", "hypernetwork", Path("b")), "a cat <hypernet:h:1>", "Model: b"),
    ],
)
def test_the_model_is_the_checkpoint(asked, prompt, model):
    target, name, kind, base = asked
    task = SmokeTask(Path(target), name, kind, "sd1", Path("x.png"), base=base)
    painted = painted_by(task, "a cat", steps=2, guidance=5.0, size=(64, 64))

    assert infotext(painted) == f"{prompt}\nSteps: 2, Sampler: Euler, {END}, {model}"


def test_names_with_signs_are_quoted():
    words = infotext(Painted("a cat", 2, 5.0, 1, (64, 64), 'a, "b": c', clip_skip=1))

    assert words == f"a cat\nSteps: 2, Sampler: Euler, {END}, " + r'Model: "a, \"b\": c"'
