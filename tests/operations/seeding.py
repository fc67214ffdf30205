"""Models of the user's own catalog, for tests."""

import json


def add_model(registry, tmp_path, slug, files):
    """A model of the user's catalog with these rows of files."""
    model = {"slug": slug, "name": slug, "type": "lora", "base": "sd1"}
    document = {"schema": "sdreg.catalog/1", "revision": 1}
    document["models"] = [{**model, "versions": [{"name": "v1", "files": files}]}]
    path = tmp_path / f"{slug}.json"
    path.write_text(json.dumps(document))
    registry.catalog_add(path)


def row(hosted, **changes):
    return {
        "name": hosted.name,
        "role": "weights",
        "format": "safetensors",
        "size_bytes": hosted.size_bytes,
        "hashes": {"sha256": hosted.hashes["SHA256"].lower()},
        "sources": [{"hub": "civitai", "model": "901", "version": "902", "file": "903"}],
        **changes,
    }
