"""Hypernetworks do what A1111 makes of the same file."""

import importlib.util
import itertools

import numpy as np
import pytest

from registry.demo.safetensors_file import write_safetensors
from tests.smoke import builds

if importlib.util.find_spec("torch") is None:
    pytest.skip("the extra `smoke` is not installed", allow_module_level=True)

import torch
from torch import nn

from registry.smoke.steering import Hypernetwork

pytestmark = pytest.mark.filterwarnings("default")
WIDTH = 32
KINDS = {"linear": nn.Identity, "relu": nn.ReLU, "swish": nn.Hardswish, "tanh": nn.Tanh}


def as_a1111_builds_it(structure, activation, *, normed, activates_output):
    """The layers of its `HypernetworkModule` (modules/hypernetworks/hypernetwork.py)."""
    layers = []
    for number, (reads, gives) in enumerate(itertools.pairwise(structure)):
        layers.append(nn.Linear(reads * WIDTH, gives * WIDTH))
        is_last = number + 2 == len(structure)
        if activation != "linear" and (activates_output or not is_last):
            layers.append(KINDS[activation]())
        if normed:
            layers.append(nn.LayerNorm(gives * WIDTH))
    return nn.Sequential(*layers)


def filled(network, seed):
    shapes = {name: tuple(each.shape) for name, each in network.state_dict().items()}
    made = builds.weights(shapes, seed)
    network.load_state_dict({name: torch.from_numpy(each) for name, each in made.items()})
    return made


class Attention(nn.Module):
    """What a hypernetwork steps in front of."""

    def __init__(self):
        super().__init__()
        self.to_k, self.to_v = (nn.Linear(WIDTH, WIDTH, bias=False) for _ in "kv")


def changed(path, reads):
    """What keys and values read, with the file's networks in front of them."""
    attention, seen = Attention(), []
    assert Hypernetwork(path).attach(attention) == 2
    for part in (attention.to_k, attention.to_v):
        part.register_forward_pre_hook(lambda _, told: seen.append(told[0]))
        part(reads)
    return seen


@pytest.mark.parametrize("activates_output", [True, False, None])
@pytest.mark.parametrize("normed", [True, False])
@pytest.mark.parametrize(
    ("structure", "activation"),
    [((1, 2, 1), "linear"), ((1, 2, 1), "relu"), ((1, 2, 2, 1), "swish"), ((1, 1), "tanh")],
)
def test_it_changes_what_a1111_changes(tmp_path, structure, activation, normed, activates_output):
    # A file that does not say so is from before the choice: A1111 takes it as true.
    activated = activates_output is not False
    sides = [
        as_a1111_builds_it(structure, activation, normed=normed, activates_output=activated)
        for _ in "kv"
    ]
    made = {
        f"{WIDTH}.{side}.linear.{name}": each
        for side, network in enumerate(sides)
        for name, each in filled(network, side).items()
    }
    words = {"activation_func": activation}
    if activates_output is not None:
        words["activate_output"] = str(activates_output).lower()
    path = tmp_path / "a.safetensors"
    write_safetensors(path, made, words)
    reads = torch.randn((2, 5, WIDTH), generator=torch.Generator().manual_seed(0))

    with torch.no_grad():
        for found, network in zip(changed(path, reads), sides, strict=True):
            assert torch.allclose(found, reads + network(reads), atol=1e-6)


def test_the_layer_names_of_the_first_ones_mean_the_same(tmp_path):
    network = as_a1111_builds_it((1, 2, 1), "linear", normed=False, activates_output=True)
    made = filled(network, 3)
    names = {"linear.0": "linear1", "linear.1": "linear2"}
    old, new = {}, {}
    for side in (0, 1):
        for (layer, first), kind in itertools.product(names.items(), ("weight", "bias")):
            array = made[f"{layer.removeprefix('linear.')}.{kind}"]
            new[f"{WIDTH}.{side}.{layer}.{kind}"] = old[f"{WIDTH}.{side}.{first}.{kind}"] = array
    reads = torch.from_numpy(np.linspace(-1, 1, WIDTH, dtype=np.float32))[None]

    with torch.no_grad():
        seen = [
            changed(builds.write(tmp_path / f"{n}.safetensors", each), reads)[0]
            for n, each in enumerate((old, new))
        ]
    assert torch.allclose(*seen, atol=1e-6)
    assert not torch.allclose(seen[0], reads, atol=1e-2)
