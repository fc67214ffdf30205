"""The metadata of an output: what the source said, what still holds of it, and where it is from.

Pure. Safetensors metadata are texts; what is none is written as JSON.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from registry.domain.tensors import Key, Plain

LINEAGE = "derived_from"
"""The SHA-256 of what an output was made from: ``sha256:…``, several joined by commas."""

# They speak of the bytes of the tensors, which a conversion changes or puts into another order.
_STALE = frozenset({"modelspec.hash_sha256", "sshs_model_hash", "sshs_legacy_hash"})
_OURS = frozenset({"format", LINEAGE, "__metadata__"})
_TRAINING = frozenset(
    {"optimizer_states", "optimizer", "optimizers", "lr_schedulers", "lr_scheduler", "callbacks"}
    | {"loops", "scaler", "amp_scaling_state", "hyper_parameters", "hparams_name"}
)
_LONGEST_TEXT = 4096
_ROLES = ("primary_model_hash", "secondary_model_hash", "tertiary_model_hash")
_NO_CONFIG = 3  # the fourth of A1111's choices: copy no YAML file


@dataclass(frozen=True, slots=True)
class Model:
    """What a merge tells of one of its models: how it is found again.

    Attributes:
        name: Of its file.
        autov1: A1111's old hash.
        metadata: Of its header.
    """

    name: str
    sha256: str
    autov1: str
    metadata: Mapping[str, str]


def carried(metadata: Mapping[str, str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """What of a source's metadata still holds, and the keys of what does not."""
    kept = {key: text for key, text in metadata.items() if key not in _STALE}
    return kept, tuple(sorted(_STALE & metadata.keys()))


def embedded(values: Mapping[tuple[Key, ...], Plain]) -> tuple[dict[str, str], tuple[str, ...]]:
    """The plain values of a torch file as texts, and the keys of what is left out.

    A number beside the weights can matter: `global_step` tells two SD 2 models apart, and
    `layer_structure` how a hypernetwork is built.
    """
    grouped: dict[Key, list[tuple[tuple[Key, ...], Plain]]] = {}
    for path, value in values.items():
        inner = path[1:] if path[:1] == ("state_dict",) else path
        if inner:
            grouped.setdefault(inner[0], []).append((inner[1:], value))
    texts: dict[str, str] = {}
    left: list[str] = []
    for key, items in grouped.items():
        name = str(key)
        text = None if name in _OURS | _TRAINING else _text(items)
        if text is None or name in texts or not _can_be_written(name + text):
            left.append(name)
        else:
            texts[name] = text
    return texts, tuple(left)


def lineage(sha256s: Iterable[str]) -> dict[str, str]:
    """The texts that every output gets."""
    return {"format": "pt", LINEAGE: ", ".join(f"sha256:{digits}" for digits in sha256s)}


def _text(items: list[tuple[tuple[Key, ...], Plain]]) -> str | None:
    """A value, a list of values or a dictionary of values as one text; None if it is too long."""
    if any(isinstance(value, bytes) for _, value in items):
        return None
    if any(len(path) > 1 for path, _ in items):
        return None
    nested: Any
    if items[0][0] == ():
        nested = items[0][1]
    elif [path[0] for path, _ in items] == list(range(len(items))):
        nested = [value for _, value in items]
    else:
        nested = {str(path[0]): value for path, value in items if path}
    if nested is None:
        return None
    text = nested if isinstance(nested, str) else json.dumps(nested)
    return text if len(text) <= _LONGEST_TEXT else None


def _can_be_written(text: str) -> bool:
    return not any("\ud800" <= sign <= "\udfff" for sign in text)


def merge_texts(
    models: Sequence[Model], recipe: Mapping[str, object], *, inpainting: bool, editing: bool
) -> dict[str, str]:
    """What A1111 writes into a merged checkpoint, and what its page shows of it.

    Fields of several models meet; where they differ, the first model's stay.

    Args:
        models: What is merged, in order.
        recipe: `interp_method`, `multiplier`, `save_as_half`, `custom_name`.
        inpainting: Whether the result is for inpainting.
        editing: Whether the result edits pictures.
    """
    texts: dict[str, str] = {}
    for model in reversed(models):
        texts.update(carried(model.metadata)[0])
    hashes = [model.sha256 for model in models] + [None] * (len(_ROLES) - len(models))
    told = {
        "type": "sdreg",
        **dict(zip(_ROLES, hashes, strict=True)),
        **recipe,
        "config_source": _NO_CONFIG,
        "bake_in_vae": "None",
        "discard_weights": "",
        "is_inpainting": inpainting,
        "is_instruct_pix2pix": editing,
    }
    ancestors: dict[str, object] = {}
    for model in models:
        ancestors[model.sha256] = {
            "name": model.name,
            "legacy_hash": model.autov1,
            "sd_merge_recipe": _decoded(model.metadata.get("sd_merge_recipe")),
        }
        older = _decoded(model.metadata.get("sd_merge_models"))
        ancestors.update(older if isinstance(older, dict) else {})
    return {
        **texts,
        "sd_merge_recipe": json.dumps(told),
        "sd_merge_models": json.dumps(ancestors),
        **lineage(model.sha256 for model in models),
    }


def _decoded(text: str | None) -> object:
    """A JSON object that stands in a text; None for what is none."""
    if text is None or not text.startswith("{"):
        return None
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
