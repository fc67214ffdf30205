"""What `import registry` promises."""

import subprocess
import sys

import pytest

import registry


def test_every_public_name_can_be_had_and_the_list_is_sorted():
    assert registry.__all__ == sorted(registry.__all__)
    assert all(getattr(registry, name) is not None for name in registry.__all__)
    assert dir(registry) == registry.__all__


def test_a_name_that_is_not_public_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'registry' has no attribute 'nonsense'"):
        registry.nonsense  # noqa: B018 -- the access is the test


def test_importing_the_package_loads_no_room():
    code = "import registry, sys; print(*[m for m in sys.modules if m.startswith('registry')])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert done.stdout.split() == ["registry"]
