import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.domain.variant import FileFormat, Precision, Pruning, Variant

NAMES = [
    ("model.safetensors", "safetensors"),
    ("MODEL.SFT", "safetensors"),
    ("anything.v3.CKPT", "pickle"),
    ("EasyNegative.pt", "pickle"),
    ("x.pth", "pickle"),
    ("pytorch_model.bin", "pickle"),
    ("flux-Q4_0.gguf", "gguf"),
    ("model.onnx", "onnx"),
    ("models.tar.gz", "zip"),
    ("pack.7z", "zip"),
    ("v1-inference.yaml", "config"),
    ("model.safetensors.index.json", "config"),
    ("preview.png", "other"),
    ("model.safetensors.part", "other"),
    ("safetensors", "other"),
    ("bin", "other"),
    (".", "other"),
    ("", "other"),
]


@pytest.mark.parametrize(("name", "file_format"), NAMES)
def test_the_suffix_hints_at_the_format(name, file_format):
    assert FileFormat.from_name(name) == file_format


@given(st.text())
def test_any_name_has_some_format(name):
    assert FileFormat.from_name(name) in FileFormat


@pytest.mark.parametrize(
    ("variant", "text"),
    [
        (Variant(FileFormat.SAFETENSORS), "safetensors"),
        (Variant(FileFormat.PICKLE, Precision.FP32, Pruning.EMA_ONLY), "pickle fp32 ema-only"),
        (Variant(FileFormat.PICKLE, pruning=Pruning.FULL), "pickle full"),
    ],
)
def test_a_variant_prints_what_is_known_of_it(variant, text):
    assert str(variant) == text
