import pytest

from registry.domain.variant import FileFormat, Precision, Pruning, Variant
from registry.hubs.names import harmless, is_inpainting, name_of_url, variant_of

SAFE, PICKLE = FileFormat.SAFETENSORS, FileFormat.PICKLE


@pytest.mark.parametrize(
    ("name", "variant"),
    [
        ("anything-v3-fp16-pruned.safetensors", Variant(SAFE, Precision.FP16, Pruning.PRUNED)),
        ("v1-5-pruned-emaonly.ckpt", Variant(PICKLE, None, Pruning.EMA_ONLY)),
        ("sd-v1-4-full-ema.ckpt", Variant(PICKLE)),
        ("v2-1_768-ema-pruned.safetensors", Variant(SAFE, None, Pruning.PRUNED)),
        ("flux1-schnell-fp8.safetensors", Variant(SAFE, Precision.FP8)),
        ("model.fp16.bin", Variant(PICKLE, Precision.FP16)),
        ("fp16-to-fp32.safetensors", Variant(SAFE)),
        ("unpruned.ckpt", Variant(PICKLE)),
        ("halfling.pt", Variant(PICKLE)),
        ("README", Variant(FileFormat.OTHER)),
    ],
)
def test_a_name_tells_no_more_than_it_says(name, variant):
    assert variant_of(name) == variant


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("realisticVisionV30-inpainting.ckpt", True),
        ("sd-v1-5-inpaint.safetensors", True),
        ("paint.ckpt", False),
        ("winpaint.ckpt", False),
    ],
)
def test_inpainting_is_a_word_of_its_own(name, told):
    assert is_inpainting(name) is told


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://x.org/a/b.safetensors?token=1#frag", "b.safetensors"),
        ("https://x.org/", "download"),
        ("https://x.org", "download"),
        ("https://x.org/%2e%2e%2f%2e%2e%2fpasswd", "passwd"),
        ("https://x.org/a%00%1b%5b2Jb.pt", "a[2Jb.pt"),
        ("https://x.org/C%3A%5Cboot.ini", "boot.ini"),
        ("https://x.org/...", "download"),
    ],
)
def test_an_address_gives_a_name_that_hurts_nobody(url, name):
    assert name_of_url(url) == name


def test_a_name_longer_than_file_systems_take_keeps_its_end():
    assert harmless("a" * 500 + ".safetensors").endswith("aaa.safetensors")
    assert len(harmless("a" * 500 + ".safetensors")) == 200
