"""Textual inversions: a few vectors that stand for a new word."""

from registry.taxonomy.evidence import Evidence
from registry.taxonomy.kind import ModelType


def _matches(evidence: Evidence) -> str | None:
    if not evidence.only_vectors:
        return None
    return f"it holds nothing but vectors for words ({next(iter(evidence.shapes))})"


TYPE = ModelType(
    name="embedding",
    title="Embedding",
    labels={
        "civitai": frozenset({"TextualInversion"}),
        "huggingface": frozenset({"textual_inversion"}),
        "air": frozenset({"embedding"}),
    },
    aliases=frozenset({"textual-inversion", "ti", "embed", "negative-embedding"}),
    matches=_matches,
    asked=30,
    extensions=(".safetensors", ".pt", ".bin", ".png", ".webp"),
)
