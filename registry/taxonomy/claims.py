"""What somebody said a file is, held against what it is. Pure.

Only what cannot both be true is a contradiction: a hub that says "Pony" does not contradict a
header that says SDXL, and a file that nobody can identify contradicts nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from registry.domain.variant import FileFormat, Pruning, Variant
from registry.taxonomy.identify import Identity, claimed_architecture
from registry.taxonomy.lookup import (
    ANY,
    OTHER,
    UNKNOWN,
    architecture_families,
    find_model_type,
    get_architecture,
    model_types,
)
from registry.taxonomy.prediction import plain_prediction

# Types that hubs and people call by one name.
_ONE_FAMILY = frozenset({"lora", "lycoris"})


@dataclass(frozen=True, slots=True)
class Claim:
    """What is said about a file; None is not said.

    Attributes:
        by: Who says so, as it begins a sentence: ``published as``, ``its name says``.
        model_type: Slug of a type.
        base: Slug of an architecture, or several joined by ``+``.
        inpainting: True if it is said to be made for that; silence is no claim.
    """

    by: str
    variant: Variant = field(default_factory=lambda: Variant(FileFormat.OTHER))
    model_type: str | None = None
    base: str | None = None
    inpainting: bool = False
    prediction: str | None = None


@dataclass(frozen=True, slots=True)
class Contradiction:
    """One thing that was said and is not so.

    Attributes:
        about: ``format``, ``type``, ``base``, ``precision``, ``pruning``, ``inpainting`` or
            ``prediction``.
        by: Who said it.
        said: What was said.
        found: What the file is.
    """

    about: str
    by: str
    said: str
    found: str

    def __str__(self) -> str:
        return f"{self.by} {self.said}, but its content is {self.found}"


def claim_of_metadata(metadata: Mapping[str, str]) -> Claim:
    """What a file's own metadata say it is."""
    base = claimed_architecture(metadata)
    _, _, kind = metadata.get("modelspec.architecture", "").partition("/")
    return Claim(
        by="its metadata say",
        model_type=find_model_type(kind) if kind else None,
        base=base[0] if base else None,
    )


def contradictions(claim: Claim, found: Identity, form: FileFormat) -> tuple[Contradiction, ...]:
    """Everything in `claim` that the file itself shows to be wrong.

    Args:
        claim: What was said.
        found: What the tensors are.
        form: The format that the bytes are in.
    """
    pairs = (
        ("format", _format(claim, form)),
        ("type", _type(claim, found)),
        ("base", _base(claim, found)),
        ("precision", _differing(claim.variant.precision, found.precision)),
        ("pruning", _pruning(claim, found)),
        ("inpainting", _inpainting(claim, found)),
        (
            "prediction",
            _differing(plain_prediction(claim.prediction), plain_prediction(found.prediction)),
        ),
    )
    return tuple(Contradiction(about, claim.by, *pair) for about, pair in pairs if pair)


_Pair = tuple[str, str] | None


def _differing(said: str | None, is_so: str | None) -> _Pair:
    return (said, is_so) if said and is_so and said != is_so else None


def _format(claim: Claim, form: FileFormat) -> _Pair:
    said = claim.variant.format
    return None if FileFormat.OTHER in {said, form} else _differing(said, form)


def _type(claim: Claim, found: Identity) -> _Pair:
    said, is_so = claim.model_type, found.model_type
    if (
        said not in model_types()
        or said == OTHER
        or is_so == UNKNOWN
        or {said, is_so} <= _ONE_FAMILY
    ):
        return None
    return _differing(said, is_so)


def _base(claim: Claim, found: Identity) -> _Pair:
    if claim.base is None or found.architecture == UNKNOWN:
        return None
    said = [part.strip() for part in claim.base.split("+")]
    if ANY in said or not all(get_architecture(part) for part in said):
        return None
    # Pony is an SDXL, and SDXL may turn out to be its refiner: either way they are one family.
    ours = {*architecture_families(claim.base)}
    if found.architecture in ours or ours & {*architecture_families(found.architecture)}:
        return None
    return claim.base, found.architecture


def _pruning(claim: Claim, found: Identity) -> _Pair:
    said, is_so = claim.variant.pruning, found.pruning
    # Averaged weights under the trained ones' names look like any single copy.
    if {said, is_so} == {Pruning.EMA_ONLY, Pruning.PRUNED}:
        return None
    return _differing(said, is_so)


def _inpainting(claim: Claim, found: Identity) -> _Pair:
    if found.inpainting and not claim.inpainting and claim.model_type is not None:
        return "a normal model", "one for inpainting"
    reads_no_mask = found.model_type in {"checkpoint", "diffusion-model"} and not found.inpainting
    if claim.inpainting and reads_no_mask:
        return "a model for inpainting", "one that reads no mask"
    return None
