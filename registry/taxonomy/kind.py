"""The two descriptors: what a model is, and what it is made for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from registry.taxonomy.evidence import Evidence

_NOTHING: Mapping[str, str] = MappingProxyType({})
_NO_LABELS: Mapping[str, frozenset[str]] = MappingProxyType({})

Sign = Callable[[Evidence], str | None]
"""Look at a file's tensors; return the telling sign in words, or None."""


def no_sign(_: Evidence) -> str | None:
    """Never recognise anything: for kinds that only a hub or a person can name."""
    return None


@dataclass(frozen=True, slots=True)
class ModelType:
    """One kind of model, such as a LoRA.

    Attributes:
        name: Slug, as the catalog stores it.
        title: What people call one of it.
        labels: Name of a hub to the words that this hub uses for it.
        aliases: Other words that a person may type.
        matches: The telling sign in a file's tensors, or None.
        asked: Types with a smaller number are asked first. The order is part of the knowledge: a
            LoRA names the same blocks as a checkpoint does.
        folders: Layout name to folder, for layouts that have no row of their own for this type.
        extensions: Suffixes that its files have, best first.
    """

    name: str
    title: str
    labels: Mapping[str, frozenset[str]] = field(default_factory=lambda: _NO_LABELS)
    aliases: frozenset[str] = frozenset()
    matches: Sign = no_sign
    asked: int = 50
    folders: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    extensions: tuple[str, ...] = (".safetensors", ".pt", ".ckpt", ".bin")


@dataclass(frozen=True, slots=True)
class ClipSkipRule:
    """What a CLIP skip does to this architecture, in A1111's numbering (1 = no skip).

    Attributes:
        least: The smallest value that makes a difference to its predecessor is `least` + 1: all
            values up to `least` give the same picture.
        most: The largest value that the text encoder has layers for; equal to `least` where
            the setting has no effect at all.
        because: Why, as one sentence.
    """

    least: int
    most: int
    because: str

    @property
    def has_effect(self) -> bool:
        """Whether any value changes the picture."""
        return self.most > self.least


@dataclass(frozen=True, slots=True)
class Architecture:
    """What a model is made for: which network, and in which lineage.

    Attributes:
        name: Slug, as the catalog stores it.
        title: What people call it.
        clip_skip: What a CLIP skip does to it.
        native_resolution: Pixels of one side that it was trained for, None if it varies.
        parent: Slug of the architecture whose network it shares: ``sdxl-pony`` has ``sdxl``.
        labels: Name of a hub to the words that this hub uses for it.
        aliases: Other words that a person may type.
        signature: The telling sign in a file's tensors, or None. Lineages of one network cannot
            be told apart by their tensors and have no signature.
        prediction: What the network predicts, where the architecture leaves no choice.
    """

    name: str
    title: str
    clip_skip: ClipSkipRule
    native_resolution: int | None = None
    parent: str | None = None
    labels: Mapping[str, frozenset[str]] = field(default_factory=lambda: _NO_LABELS)
    aliases: frozenset[str] = frozenset()
    signature: Sign = no_sign
    prediction: str | None = None
