"""Find a type or an architecture: by slug, by a hub's word, by what a person typed.

The descriptors are collected at the first question and kept.
"""

from collections.abc import Mapping
from functools import cache

from registry.discovery import collect
from registry.taxonomy import architectures as architecture_files
from registry.taxonomy import model_types as model_type_files
from registry.taxonomy.kind import Architecture, ModelType

OTHER = "other"
UNKNOWN = "unknown"
ANY = "any"


@cache
def _model_types() -> dict[str, ModelType]:
    found: list[ModelType] = list(collect(model_type_files, "TYPE").values())
    return {kind.name: kind for kind in found}


@cache
def _architectures() -> dict[str, Architecture]:
    found: list[Architecture] = list(collect(architecture_files, "ARCHITECTURE").values())
    return {architecture.name: architecture for architecture in found}


def model_types() -> dict[str, ModelType]:
    """Every model type by slug."""
    return dict(_model_types())


def architectures() -> dict[str, Architecture]:
    """Every architecture by slug."""
    return dict(_architectures())


def get_model_type(name: str) -> ModelType:
    """The type with this slug; `other` for a slug that nobody describes any more."""
    return _model_types().get(name, _model_types()[OTHER])


def get_architecture(name: str) -> Architecture | None:
    """The architecture with this slug, or None: a catalog may hold slugs of tomorrow."""
    return _architectures().get(name)


def model_type_from_label(hub: str, label: str) -> str:
    """Slug for the word that a hub uses, `other` for a word that we do not know.

    Example:
        >>> model_type_from_label("civitai", "TextualInversion")
        'embedding'
        >>> model_type_from_label("civitai", "Hologram")
        'other'
    """
    return _type_labels(hub).get(_plain(label), OTHER)


def architecture_from_label(hub: str, label: str) -> str:
    """Slug for the base model that a hub names, `unknown` for one that we do not know.

    Example:
        >>> architecture_from_label("civitai", "SD 1.5"), architecture_from_label("civitai", "Pony")
        ('sd1', 'sdxl-pony')
    """
    return _architecture_labels(hub).get(_plain(label), UNKNOWN)


def find_model_type(text: str) -> str | None:
    """Slug for what a person typed: a slug, a title, a plural, a hub's word.

    Example:
        >>> [find_model_type(text) for text in ("LoRAs", "textual inversion", "ti", "car")]
        ['lora', 'embedding', 'embedding', None]
    """
    wanted = _plain(text)
    return _type_words().get(wanted) or _type_words().get(wanted.removesuffix("s"))


def find_architecture(text: str) -> str | None:
    """Slug for what a person typed; `any` is the base of models that fit every architecture.

    Example:
        >>> [find_architecture(text) for text in ("SD 1.5", "sd15", "xl", "pony", "betamax")]
        ['sd1', 'sd1', 'sdxl', 'sdxl-pony', None]
    """
    wanted = _plain(text)
    return ANY if wanted == ANY else _architecture_words().get(wanted)


def architecture_families(base: str) -> tuple[str, ...]:
    """Every architecture under which a model of this base is listed, the nearest first.

    Args:
        base: A slug, or several joined by ``+``.

    Example:
        >>> architecture_families("sdxl-pony"), architecture_families("sd1+sdxl")
        (('sdxl-pony', 'sdxl'), ('sd1', 'sdxl'))
    """
    found: dict[str, None] = {}
    for part in base.split("+"):
        slug: str | None = part.strip()
        while slug and slug not in found:
            found[slug] = None
            known = get_architecture(slug)
            slug = known.parent if known else None
    return tuple(found)


def _plain(text: str) -> str:
    return "".join(sign for sign in text.casefold() if sign.isalnum())


@cache
def _type_labels(hub: str) -> dict[str, str]:
    return _by_label({kind.name: kind.labels for kind in _model_types().values()}, hub)


@cache
def _architecture_labels(hub: str) -> dict[str, str]:
    return _by_label({each.name: each.labels for each in _architectures().values()}, hub)


def _by_label(labels: Mapping[str, Mapping[str, frozenset[str]]], hub: str) -> dict[str, str]:
    return {_plain(word): slug for slug, hubs in labels.items() for word in hubs.get(hub, ())}


@cache
def _type_words() -> dict[str, str]:
    return _words({k.name: (k.title, k.aliases, k.labels) for k in _model_types().values()})


@cache
def _architecture_words() -> dict[str, str]:
    return _words({a.name: (a.title, a.aliases, a.labels) for a in _architectures().values()})


_Spoken = tuple[str, frozenset[str], Mapping[str, frozenset[str]]]


def _words(spoken: Mapping[str, _Spoken]) -> dict[str, str]:
    """Every word to its slug; a slug beats an alias, an alias beats a hub's word."""
    found: dict[str, str] = {_plain(slug): slug for slug in spoken}
    for slug, (title, aliases, _) in spoken.items():
        for word in (title, *sorted(aliases)):
            found.setdefault(_plain(word), slug)
    for slug, (_, _, labels) in spoken.items():
        for words in labels.values():
            for word in sorted(words):
                found.setdefault(_plain(word), slug)
    return found
