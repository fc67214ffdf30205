"""What a file's name tells about it; guesses are conservative. Decisions without I/O."""

import re
import unicodedata
from urllib.parse import unquote, urlsplit

from registry.domain.variant import FileFormat, Precision, Pruning, Variant

_LONGEST_NAME = 200
# A word of its own: "fp16" in "anything-v3-fp16-pruned", not the "int8" in "paint8x".
_PRECISIONS = {
    Precision.FP32: re.compile(r"(?<![a-z0-9])(fp32|float32|f32)(?![a-z0-9])"),
    Precision.BF16: re.compile(r"(?<![a-z0-9])(bf16|bfloat16)(?![a-z0-9])"),
    Precision.FP16: re.compile(r"(?<![a-z0-9])(fp16|float16|f16|half)(?![a-z0-9])"),
    Precision.FP8: re.compile(r"(?<![a-z0-9])(fp8|float8|f8)(?![a-z0-9])"),
    Precision.NF4: re.compile(r"(?<![a-z0-9])(nf4)(?![a-z0-9])"),
    Precision.INT8: re.compile(r"(?<![a-z0-9])(int8)(?![a-z0-9])"),
    Precision.INT4: re.compile(r"(?<![a-z0-9])(int4)(?![a-z0-9])"),
}
_EMA_ONLY = re.compile(r"(?<![a-z0-9])(ema[-_.]?only|emaonly)(?![a-z0-9])")
_PRUNED = re.compile(r"(?<![a-z0-9])pruned(?![a-z0-9])")
_INPAINTING = re.compile(r"(?<![a-z])inpaint(ing)?(?![a-z])")


def variant_of(name: str) -> Variant:
    """Guess format, precision and pruning from a file name.

    Example:
        >>> str(variant_of("v1-5-pruned-emaonly-fp16.safetensors"))
        'safetensors fp16 ema-only'
        >>> str(variant_of("paint8x.ckpt"))
        'pickle'
    """
    plain = name.lower()
    told = [precision for precision, word in _PRECISIONS.items() if word.search(plain)]
    pruning = None
    if _EMA_ONLY.search(plain):
        pruning = Pruning.EMA_ONLY
    elif _PRUNED.search(plain):
        pruning = Pruning.PRUNED
    # Two precisions in one name say nothing: which of them is it?
    precision = told[0] if len(told) == 1 else None
    return Variant(FileFormat.from_name(plain), precision, pruning)


def is_inpainting(name: str) -> bool:
    """Whether the name says that it is made for inpainting.

    Example:
        >>> is_inpainting("sd-v1-5-inpainting.ckpt"), is_inpainting("paint.ckpt")
        (True, False)
    """
    return _INPAINTING.search(name.lower()) is not None


def name_of_url(url: str) -> str:
    r"""The last part of an address as a harmless file name, ``download`` if there is none.

    Example:
        >>> name_of_url("https://example.com/a/My%20Model.safetensors?x=1")
        'My Model.safetensors'
        >>> name_of_url("https://example.com/..%2f..%5c.bashrc")
        'bashrc'
    """
    return harmless(unquote(urlsplit(url).path)) or "download"


def harmless(name: str) -> str:
    """The last part of a name, without anything that a file system or a terminal minds."""
    last = re.split(r"[/\\]", name.rstrip("/\\"))[-1]
    kept = "".join(
        char for char in last if unicodedata.category(char)[0] != "C" and char not in '<>:"|?*'
    )
    return kept.strip(" .")[-_LONGEST_NAME:].lstrip(" .")
