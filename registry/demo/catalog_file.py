"""The small models as a catalog file, in the format that `sdreg catalog add` takes."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from registry.demo.hub import HostedFile
from registry.demo.small_models import DemoModel


def write_catalog(path: Path, models: Iterable[DemoModel], hosted: Iterable[HostedFile]) -> Path:
    """Write a catalog file about `models`, which are published as `hosted`, in the same order."""
    entries: dict[str, dict[str, Any]] = {}
    for model, file in zip(models, hosted, strict=True):
        entry = entries.setdefault(model.slug, _model(model, file))
        entry["versions"][0]["files"].append(_file(model, file))
    document = {"schema": "sdreg.catalog/1", "revision": 1, "models": list(entries.values())}
    path.write_text(json.dumps(document, indent=1), encoding="utf-8")
    return path


def _model(model: DemoModel, file: HostedFile) -> dict[str, Any]:
    return {
        "slug": model.slug,
        "name": model.name,
        "type": model.type,
        "base": model.base,
        "author": "sdreg demo",
        "licence": "none: these weights are noise",
        "clip_skip": model.clip_skip,
        "clip_skip_source": "made up for the demo" if model.clip_skip else None,
        "trigger_words": list(model.trigger_words),
        "versions": [{"name": file.version_name, "files": []}],
    }


def _file(model: DemoModel, file: HostedFile) -> dict[str, Any]:
    assert file.civitai is not None
    assert file.huggingface is not None
    page, version, number = (str(part) for part in file.civitai)
    repository, inside = file.huggingface
    return {
        "name": model.file_name,
        "role": "vae" if model.type == "vae" else "weights",
        "format": model.format,
        "precision": model.precision,
        "pruning": model.pruning,
        "size_bytes": file.size_bytes,
        "hashes": {"sha256": file.hashes["SHA256"].lower()},
        "hub_file_id": number,
        "sources": [
            {"hub": "civitai", "model": page, "version": version, "file": number},
            {"hub": "huggingface", "model": repository, "file": inside},
        ],
    }
