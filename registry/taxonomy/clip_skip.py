"""How each UI sets a CLIP skip, in sentences.

All values are in A1111's numbering: 1 takes the last layer of the text encoder, 2 the one before.
Sources: `CLIP_stop_at_last_layers` and `sdxl_clip_l_skip` of A1111's settings; ComfyUI's node
CLIPSetLastLayer; the slider of Fooocus (webui.py, 1 to 12, default 2) and of SD.Next (1 to 14);
InvokeAI's node CLIPSkip, which counts skipped layers; diffusers' `clip_skip`, which does so too,
and counts from the penultimate layer for SDXL. Where we have not seen what a UI does, it is left
out.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from registry.taxonomy.kind import ClipSkipRule
from registry.taxonomy.lookup import architecture_families, get_architecture

_SDXL_START = 2
_COMFYUI = "add the node CLIP Set Last Layer behind the checkpoint, stop_at_clip_layer = -{}"


@dataclass(frozen=True, slots=True)
class ClipSkipAdvice:
    """What a recommended CLIP skip means for one model.

    Attributes:
        value: The recommendation, in A1111's numbering.
        matters: Whether it differs from what every UI does by itself.
        meaning: One sentence.
        settings: Name of a layout, or ``diffusers``, to a sentence: how it is set there.
    """

    value: int
    matters: bool
    meaning: str
    settings: Mapping[str, str]


def advise_clip_skip(value: int, base: str) -> ClipSkipAdvice:
    """Say how to set a CLIP skip for a model of this base.

    Args:
        value: In A1111's numbering, 1 or more.
        base: Slug of an architecture, or several joined by ``+``: the first that we know decides.

    Raises:
        ValueError: `value` is less than 1.

    Example:
        >>> advise_clip_skip(2, "sd1").settings["comfyui"]
        'add the node CLIP Set Last Layer behind the checkpoint, stop_at_clip_layer = -2'
        >>> advise_clip_skip(2, "sdxl-pony").matters
        False
    """
    if value < 1:
        raise ValueError(f"a CLIP skip is 1 or more, not {value}")
    rule = _rule(base)
    if rule is None:
        return ClipSkipAdvice(
            value,
            matters=value > 1,
            meaning=f"CLIP skip {value}, as A1111 counts (1 = no skip)",
            settings=_settings(value, of_sdxl=False) if value > 1 else {},
        )
    if not rule.has_effect:
        meaning = f"CLIP skip has no effect here: {rule.because}"
        return ClipSkipAdvice(value, matters=False, meaning=meaning, settings={})
    if value <= rule.least:
        why = rule.because if rule.least > 1 else "1 means no skip"
        meaning = f"CLIP skip {value}: leave the setting as it is; {why}"
        return ClipSkipAdvice(value, matters=False, meaning=meaning, settings={})
    of_sdxl = rule.least == _SDXL_START
    capped = min(value, rule.most)
    cap = "" if capped == value else f" ({value} is more than its {rule.most} layers)"
    return ClipSkipAdvice(
        capped,
        matters=True,
        meaning=f"CLIP skip {capped}{cap}: stop {_layers(capped - 1)} early; {rule.because}",
        settings=_settings(capped, of_sdxl=of_sdxl),
    )


def _rule(base: str) -> ClipSkipRule | None:
    for name in architecture_families(base):
        if known := get_architecture(name):
            return known.clip_skip
    return None


def _layers(count: int) -> str:
    return "one layer" if count == 1 else f"{count} layers"


def _settings(value: int, *, of_sdxl: bool) -> dict[str, str]:
    if of_sdxl:
        return {
            "a1111": (
                f'Settings > Stable Diffusion > "Clip skip" = {value}, and tick "Clip skip SDXL": '
                "without it, the value is ignored"
            ),
            "comfyui": _COMFYUI.format(value),
            "fooocus": f'Advanced > Developer Debug Mode > "CLIP Skip" = {value}',
            "diffusers": f"pass clip_skip={value - 2} (it counts from the penultimate layer here)",
        }
    return {
        "a1111": f'Settings > Stable Diffusion > "Clip skip" = {value}',
        "comfyui": _COMFYUI.format(value),
        "sdnext": f'"CLIP skip" = {value}, beside "CFG scale"',
        "invokeai": f'Advanced > "CLIP Skip" = {value - 1} (it counts the skipped layers)',
        "diffusers": f"pass clip_skip={value - 1} (it counts the skipped layers)",
    }
