"""Which kinds of models exist.

A model type or an architecture is one file in `model_types/` or `architectures/`; nothing else
knows their list. Names are slugs, not an enum: an unknown one lives on as it is.
"""

from registry.taxonomy.clip_skip import ClipSkipAdvice, advise_clip_skip
from registry.taxonomy.identify import Identity, identify
from registry.taxonomy.kind import Architecture, ClipSkipRule, ModelType
from registry.taxonomy.lookup import (
    architecture_families,
    architecture_from_label,
    architectures,
    find_architecture,
    find_model_type,
    get_architecture,
    get_model_type,
    model_type_from_label,
    model_types,
)

__all__ = [
    "Architecture",
    "ClipSkipAdvice",
    "ClipSkipRule",
    "Identity",
    "ModelType",
    "advise_clip_skip",
    "architecture_families",
    "architecture_from_label",
    "architectures",
    "find_architecture",
    "find_model_type",
    "get_architecture",
    "get_model_type",
    "identify",
    "model_type_from_label",
    "model_types",
]
