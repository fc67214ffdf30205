"""Small catalog files for tests: valid by default, override one thing."""

import json
from hashlib import sha256
from typing import Any


def digits(text: str) -> str:
    """A SHA-256 that stands for `text`."""
    return sha256(str(text).encode()).hexdigest()


def a_file(name: str = "toy.safetensors", **changes: Any) -> dict[str, Any]:
    """A file with a hash, a size and one source."""
    file = {
        "name": name,
        "role": "weights",
        "format": "safetensors",
        "size_bytes": 1000,
        "hashes": {"sha256": digits(name)},
        "sources": [{"hub": "huggingface", "model": "owner/toy", "file": name}],
    }
    return {**file, **changes}


def a_version(name: str = "v1", **changes: Any) -> dict[str, Any]:
    """A version with one file."""
    return {"name": name, "files": [a_file()], **changes}


def a_model(slug: str = "toy", **changes: Any) -> dict[str, Any]:
    """A model with one version."""
    model = {"slug": slug, "name": slug.title(), "type": "checkpoint", "base": "sd1"}
    return {**model, "versions": [a_version()], **changes}


def a_document(*models: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A catalog file."""
    return {"schema": "sdreg.catalog/1", "revision": 1, "models": list(models), **changes}


def as_bytes(document: object) -> bytes:
    """A document as it lies in a file."""
    return json.dumps(document, ensure_ascii=False).encode()
