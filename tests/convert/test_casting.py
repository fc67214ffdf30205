"""Numbers change their format as torch changes them: nearest, ties to even."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.convert.casting import cast, from_fp32, overflowed, to_fp32

F32 = np.array(
    (
        *(0.0, -0.0, 1.0, -1.5, 65504.0, 65519.99, 65520.0, -65520.0, 1e-8, 6e-8, 2**-25, 2**-24),
        *(3.4e38, 1 + 2**-11, 1 + 3 * 2**-11, 1 + 2**-8, 1 + 3 * 2**-8, np.inf, -np.inf),
    ),
    np.float32,
)
words = st.integers(0, 2**32 - 1)


def same_numbers(got, expected):
    """Equal bits, except that one NaN is as good as another."""
    got, expected = np.asarray(got), np.asarray(expected)
    nowhere = np.isnan(expected)
    assert np.array_equal(np.isnan(got), nowhere)
    assert np.array_equal(np.signbit(got[~nowhere]), np.signbit(expected[~nowhere]))
    assert np.array_equal(got[~nowhere], expected[~nowhere])


@given(st.lists(words, min_size=1, max_size=50))
def test_any_pattern_of_fp32_becomes_fp16_as_in_numpy(patterns):
    bits = np.array(patterns, np.uint32)

    with np.errstate(all="ignore"):
        expected = bits.view(np.float32).astype(np.float16)

    same_numbers(cast(bits, "F32", "F16").view(np.float16), expected)


@given(st.lists(words, min_size=1, max_size=50))
def test_any_pattern_of_fp32_becomes_the_nearest_bf16(patterns):
    bits = np.array(patterns, np.uint32)
    exact = bits.view(np.float32).astype(np.float64)

    got = to_fp32(cast(bits, "F32", "BF16"), "BF16").astype(np.float64)

    assert np.array_equal(np.isnan(got), np.isnan(exact))
    finite = np.isfinite(exact) & np.isfinite(got)
    bits = np.where(finite, bits, np.uint32(0))
    exact = np.where(finite, exact, 0.0)
    down = (bits & np.uint32(0xFFFF0000)).view(np.float32).astype(np.float64)
    # Its neighbours with sixteen bits: the one towards zero, and the one after that.
    step = abs(np.spacing(down.astype(np.float32)).astype(np.float64)) * 2**16
    nearest = np.minimum(abs(exact - down), abs(down + np.copysign(step, exact) - exact))
    assert np.all(abs(got - exact)[finite] <= nearest[finite])


def test_a_tie_goes_to_the_even_neighbour():
    ties = np.array([1 + 2**-8, 1 + 3 * 2**-8], np.float32)

    assert to_fp32(from_fp32(ties, "BF16"), "BF16").tolist() == [1.0, 1 + 4 * 2**-8]


@pytest.mark.parametrize("kind", ["F16", "BF16"])
def test_every_half_number_survives_the_way_through_fp32(kind):
    every = np.arange(2**16, dtype=np.uint16)

    back = cast(cast(every, kind, "F32"), "F32", kind)

    wide = to_fp32(every, kind)
    same_numbers(to_fp32(back, kind), wide)
    assert np.array_equal(back[~np.isnan(wide)], every[~np.isnan(wide)])


def test_a_nan_never_becomes_infinite():
    nans = np.array([0x7F80_0001, 0xFFFF_FFFF, 0x7FFF_FFFF, 0xFF80_0001], np.uint32)

    assert np.isnan(to_fp32(cast(nans, "F32", "BF16"), "BF16")).all()


@pytest.mark.parametrize(
    ("numbers", "target", "lost"),
    [
        ([65520.0, -1e30, 1.0], "F16", 2),
        ([np.inf, -np.inf, np.nan], "F16", 0),
        ([65504.0], "F16", 0),
        ([3.4e38], "BF16", 1),
        ([1e38], "BF16", 0),
    ],
)
def test_finite_numbers_that_become_infinite_are_counted(numbers, target, lost):
    before = np.array(numbers, np.float32).view(np.uint32)

    assert overflowed(before, "F32", cast(before, "F32", target), target) == lost


def test_fp64_beyond_fp32_is_counted_too():
    before = np.array([1e300, 1.0]).view(np.uint64)

    assert overflowed(before, "F64", cast(before, "F64", "F32"), "F32") == 1


@pytest.mark.parametrize("source", ["F64", "F32", "F16", "BF16"])
@pytest.mark.parametrize("target", ["F32", "F16", "BF16"])
def test_torch_casts_alike(source, target):
    torch = pytest.importorskip("torch", reason="torch is the oracle here: pip install '.[test]'")
    kinds = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}
    words = {"F64": torch.int64, "F32": torch.int32, "F16": torch.int16, "BF16": torch.int16}
    random = torch.randn(100_000, generator=torch.Generator().manual_seed(4)) * 300
    given_ = torch.cat([random.double(), torch.from_numpy(F32).double() * (1 + 1e-9)])
    numbers = given_.to(getattr(torch, kinds[source]))
    bits = numbers.view(words[source]).numpy().view(f"u{numbers.element_size()}")

    got = cast(bits, source, target)

    expected = numbers.to(getattr(torch, kinds[target])).view(words[target]).numpy()
    assert np.array_equal(got, expected.view(got.dtype))
