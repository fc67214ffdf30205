"""What torch can use here is asked of a process of its own."""

import sys
from importlib.util import find_spec

import pytest

from registry.settings import harmless_environment
from registry.smoke.machine import Machine, TorchBroken, ask_torch

HIP = """
__version__ = "9.9+rocm"
class cuda:
    is_available = staticmethod(lambda: True)
    device_count = staticmethod(lambda: 2)
    get_device_name = staticmethod(lambda at: f"Card {at}\\x1b[31m")
class version:
    hip = "7"
print("a library that prints")
"""


@pytest.fixture
def torch_is(tmp_path, monkeypatch):
    """Lay another torch before the one that is installed."""

    def lay(source):
        package = tmp_path / "torch"
        package.mkdir()
        package.joinpath("__init__.py").write_text(source)
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(sys.modules, "torch", raising=False)  # else that one is found

    return lay


def test_what_torch_says_comes_back_and_torch_is_not_loaded_here(torch_is):
    torch_is(HIP)
    loaded = sys.modules.get("torch")

    told = ask_torch(harmless_environment())

    assert told == Machine("9.9+rocm", "rocm", ("Card 0[31m", "Card 1[31m"))
    assert sys.modules.get("torch") is loaded


def test_a_torch_that_cannot_be_loaded_is_told_with_its_reason(torch_is):
    torch_is("raise ImportError('libcudart.so.99: no such file')")

    with pytest.raises(TorchBroken, match=r"libcudart\.so\.99"):
        ask_torch(harmless_environment())


def test_a_torch_that_hangs_is_not_waited_for(torch_is):
    torch_is("import threading; threading.Event().wait()")

    with pytest.raises(TorchBroken, match="does not answer within"):
        ask_torch(harmless_environment(), timeout_s=0.5)


@pytest.mark.skipif(find_spec("torch") is not None, reason="torch is installed")
def test_no_torch_is_none():
    assert ask_torch(harmless_environment()) is None


@pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")
def test_the_real_torch_names_its_device():
    assert ask_torch(harmless_environment()).kind in {"cuda", "rocm", "mps", "cpu"}
