"""Upscalers enlarge as the networks of their authors do, put together here once more."""

import importlib.util

import pytest

from tests.smoke import builds

if importlib.util.find_spec("torch") is None:
    pytest.skip("the extra `smoke` is not installed", allow_module_level=True)

import torch
from torch import nn

from registry.smoke.devices import Device
from registry.smoke.upscaler import Enlarger

WIDE, GROW = 16, 8


def layer(reads, gives, *after):
    return nn.Sequential(nn.Conv2d(reads, gives, 3, padding=1), *after)


class Dense(nn.Module):
    """The dense block of ESRGAN, and with `plus` the one of ESRGAN+ (its block.py)."""

    def __init__(self, plus):
        super().__init__()
        for number in range(4):
            made = layer(WIDE + number * GROW, GROW, nn.LeakyReLU(0.2))
            setattr(self, f"conv{number + 1}", made)
        self.conv5 = layer(WIDE + 4 * GROW, WIDE)
        self.conv1x1 = nn.Conv2d(WIDE, GROW, 1, bias=False) if plus else None

    def forward(self, x):
        x1 = self.conv1(x)
        x2 = self.conv2(torch.cat((x, x1), 1))
        if self.conv1x1 is not None:
            x2 = x2 + self.conv1x1(x)
        x3 = self.conv3(torch.cat((x, x1, x2), 1))
        x4 = self.conv4(torch.cat((x, x1, x2, x3), 1))
        if self.conv1x1 is not None:
            x4 = x4 + x2
        return 0.2 * self.conv5(torch.cat((x, x1, x2, x3, x4), 1)) + x


class Block(nn.Module):
    """Three dense blocks and a way around them."""

    def __init__(self, plus):
        super().__init__()
        self.RDB1, self.RDB2, self.RDB3 = (Dense(plus) for _ in range(3))

    def forward(self, x):
        return 0.2 * self.RDB3(self.RDB2(self.RDB1(x))) + x


class Around(nn.Module):
    """What is inside, and a way around it."""

    def __init__(self, *inside):
        super().__init__()
        self.sub = nn.Sequential(*inside)

    def forward(self, x):
        return x + self.sub(x)


class Network(nn.Module):
    """RRDBNet with the names of the first release."""

    def __init__(self, plus):
        super().__init__()
        around = Around(Block(plus), Block(plus), nn.Conv2d(WIDE, WIDE, 3, padding=1))
        twice = [
            each
            for _ in range(2)
            for each in (nn.Upsample(scale_factor=2), *layer(WIDE, WIDE, nn.LeakyReLU(0.2)))
        ]
        ends = (*layer(WIDE, WIDE, nn.LeakyReLU(0.2)), *layer(WIDE, 3))
        self.model = nn.Sequential(*layer(3, WIDE), around, *twice, *ends)

    def forward(self, x):
        return self.model(x)


@pytest.mark.parametrize("plus", [False, True])
def test_it_enlarges_as_the_authors_network_does(plus):
    network = Network(plus).eval()
    shapes = {name: tuple(each.shape) for name, each in network.state_dict().items()}
    made = {name: torch.from_numpy(each) for name, each in builds.weights(shapes).items()}
    network.load_state_dict(made)
    shown = torch.rand((1, 3, 16, 16), generator=torch.Generator().manual_seed(0))

    with torch.no_grad():
        found = Enlarger(made, Device("cpu", torch.float32))(shown)
        assert torch.allclose(found, network(shown), atol=1e-5)
    assert found.shape == (1, 3, 64, 64)
