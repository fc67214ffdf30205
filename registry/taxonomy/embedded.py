"""What a file's metadata recommend: a CLIP skip, and the words that it was trained on.

Keys of ModelSpec (`modelspec.*`) and of kohya's trainer (`ss_*`); values are texts, often with JSON
inside. They are strangers' words: bounded, and never more than a recommendation.
"""

import json
from collections.abc import Mapping
from itertools import chain

from registry.taxonomy.evidence import Say

_MOST_WORDS = 20
_LONGEST_WORD = 200
_LONGEST_JSON = 16 * 1024 * 1024
_LAYERS = range(1, 25)  # the deepest text encoder of ours has 24

Counts = dict[str, dict[str, int]]
"""Name of a folder of training pictures to how often each tag stands under them."""


def embedded_clip_skip(metadata: Mapping[str, str], say: Say) -> int | None:
    """The CLIP skip in A1111's numbering; ModelSpec's encoder_layer counts the same way."""
    for key in ("modelspec.encoder_layer", "ss_clip_skip"):
        told = metadata.get(key, "").strip()
        if told.isascii() and told.isdecimal() and len(told) <= 2 and int(told) in _LAYERS:  # noqa: PLR2004 - digits
            say(f"CLIP skip {int(told)}: {key} of its metadata says so")
            return int(told)
    return None


def embedded_trigger_words(metadata: Mapping[str, str], say: Say) -> tuple[str, ...]:
    """The words that its maker names, else those that stand under every training picture."""
    for key in ("modelspec.trigger_phrase", "ss_trigger_words"):
        if words := _words(_texts(metadata.get(key, ""))):
            say(f"trigger words: {key} of its metadata names them")
            return words
    counts = _tag_counts(metadata)
    pictures = _picture_counts(metadata)
    words = _words([*chain.from_iterable(_always(counts[f], pictures.get(f)) for f in counts)])
    if words:
        where = "under every picture" if set(counts) <= set(pictures) else "most often"
        say(f"trigger words: they stand {where} that it was trained on (ss_tag_frequency)")
    return words


def _always(tags: Mapping[str, int], pictures: int | None) -> list[str]:
    """Tags that every picture of one folder has; where nobody counted those, the most frequent."""
    most = max(tags.values(), default=0)
    if most <= 0 or (pictures is not None and most < pictures):
        return []
    return [tag for tag, count in tags.items() if count >= most]


def _texts(told: str) -> list[str]:
    """A list of words, written as JSON or with commas between them."""
    listed = _json(told) if told.lstrip().startswith("[") else None
    if isinstance(listed, list):
        return [word for word in listed if isinstance(word, str)]
    return told[: _MOST_WORDS * _LONGEST_WORD].split(",")


def _words(found: list[str]) -> tuple[str, ...]:
    plain = (" ".join(word.split()) for word in found)
    return tuple(dict.fromkeys(w for w in plain if 0 < len(w) <= _LONGEST_WORD))[:_MOST_WORDS]


def _tag_counts(metadata: Mapping[str, str]) -> Counts:
    folders = _json(metadata.get("ss_tag_frequency", ""))
    if not isinstance(folders, dict):
        return {}
    return {
        folder: {tag.strip(): count for tag, count in tags.items() if type(count) is int}
        for folder, tags in folders.items()
        if isinstance(tags, dict)
    }


def _picture_counts(metadata: Mapping[str, str]) -> dict[str, int]:
    folders = _json(metadata.get("ss_dataset_dirs", ""))
    if not isinstance(folders, dict):
        return {}
    return {
        folder: about["img_count"]
        for folder, about in folders.items()
        if isinstance(about, dict) and type(about.get("img_count")) is int
    }


def _json(told: str) -> object:
    """What a text holds as JSON; None for what holds none, or too much."""
    if not told or len(told) > _LONGEST_JSON:
        return None
    try:
        value: object = json.loads(told)
    except (ValueError, RecursionError):
        return None
    return value
