"""Make catalog.seed.json from the researched facts.

    python scripts/build_seed.py FACTS.json [OUT.json]

The same facts always give the same bytes. What is null there stays null; words of the publishers
are translated into our own (role, format, precision, pruning) only where they say so, and are kept
beside them in `detail`. A test runs this again and compares.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SCHEMA = "sdreg.catalog/1"
REVISION = 1  # raise it with every change of the facts: catalogs take in higher revisions only

Facts = dict[str, Any]

FORMATS = {
    "safetensors": "safetensors",
    "ckpt": "pickle",
    "pt": "pickle",
    "pth": "pickle",
    "bin": "pickle",
    "yaml": "config",
    "diffusers-folder": "diffusers",
}
PRUNINGS = ("ema-only", "pruned", "full")  # the first that begins the publisher's words


def main(arguments: list[str]) -> None:
    """Read the facts, write the seed."""
    facts = Path(arguments[0])
    default = Path(__file__).resolve().parent.parent / "catalog.seed.json"
    target = Path(arguments[1]) if len(arguments) > 1 else default
    target.write_text(build(json.loads(facts.read_text("utf-8"))), "utf-8", newline="\n")
    print(f"{target} written")


def build(facts: Facts) -> str:
    """The text of the seed."""
    known_ids = dict(_file_ids(facts["models"]))
    document = {
        "schema": SCHEMA,
        "revision": REVISION,
        "evidence": {key: dict(sorted(what.items())) for key, what in facts["sources"].items()},
        "models": [
            _model(model, known_ids) for model in sorted(facts["models"], key=lambda m: m["slug"])
        ],
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _file_ids(models: list[Facts]) -> Iterator[tuple[tuple[int, str], int]]:
    """Civitai's file ids by version and SHA-256: they name the same file wherever it is listed."""
    for model in models:
        for version in model["versions"]:
            for file in version["files"]:
                if file["civitai_file_id"] and file["sha256"]:
                    yield (version["civitai_version_id"], file["sha256"]), file["civitai_file_id"]


# ── models and versions ───────────────────────────────────────────────────────────────────────────


def _model(model: Facts, known_ids: dict[tuple[int, str], int]) -> Facts:
    evidence = model.get("clip_skip_evidence")
    return _told(
        {
            "slug": model["slug"],
            "name": model["name"],
            "type": model["type"],
            "base": model["base"],
            "author": model["author"],
            "author_source": model["author_source"],
            "licence": model["licence"],
            "licence_source": model["licence_source"],
            "permissions": {
                name: value if isinstance(value, str) else json.dumps(value)
                for name, value in (model.get("civitai_permissions") or {}).items()
            },
            "homepage": model["homepage"],
            "pages": model["model_pages"],
            "hub_models": _hub_models(model),
            "clip_skip": model["clip_skip"],
            "clip_skip_source": model["clip_skip_source"],
            "clip_skip_note": model["clip_skip_note"],
            "clip_skip_evidence": _told(
                {
                    "images": evidence["images_with_params"],
                    "author_text": evidence["author_text"],
                    "source": evidence["source"],
                }
            )
            if evidence
            else None,
            "trigger_words": model["trigger_words"],
            "trigger_words_source": model["trigger_words_source"],
            "prompt_notes": model["prompt_notes"],
            "native_resolution": model["native_resolution"],
            "native_resolution_source": model["native_resolution_source"],
            "prediction_type": model["prediction_type"],
            "prediction_type_source": model["prediction_source"],
            "recommended_vae": model["recommended_vae"],
            "recommended_vae_source": model["recommended_vae_source"],
            "nsfw": model["nsfw"],
            "in_article": model["in_article"],
            "status": model["status"],
            "note": model["note"],
            "confidence": model["confidence"],
            "versions": [
                _version(model, version, known_ids)
                for version in _best_first(model["slug"], model["versions"])
            ],
        }
    )


_PAGE = re.compile(
    r"https://(?:civitai\.com/models/(\d+)"
    r"|huggingface\.co/((?!datasets/|spaces/|docs/|papers/)[^/]+/[^/?#]+)).*"
)


def _hub_models(model: Facts) -> list[str]:
    """The model's pages at the hubs as ids: the one that the facts name first, then the others."""
    ids = [f"civitai:{model['civitai_model_id']}"] if model["civitai_model_id"] else []
    for page in [model["homepage"], *model["model_pages"]]:
        found = _PAGE.fullmatch(page or "")
        if found:
            ids.append(f"civitai:{found[1]}" if found[1] else f"huggingface:{found[2]}")
    return list(dict.fromkeys(ids))


# The versions of these are different works of one author, not releases: the first named is meant.
_NOT_RELEASES = frozenset({"moxin", "epi-noiseoffset"})
# Files that stand with a model and are another one.
_ANOTHER_MODEL = frozenset({("waifu-diffusion-1-4", "wd-1-5-beta2-fp32.safetensors")})


def _best_first(slug: str, versions: list[Facts]) -> list[Facts]:
    """Versions with an id of Civitai newest first, in the places such versions hold."""
    if slug in _NOT_RELEASES:
        return versions
    newest = iter(
        sorted(
            (version for version in versions if version["civitai_version_id"]),
            key=lambda version: -version["civitai_version_id"],
        )
    )
    return [next(newest) if version["civitai_version_id"] else version for version in versions]


def _version(model: Facts, version: Facts, known_ids: dict[tuple[int, str], int]) -> Facts:
    return _told(
        {
            "name": version["name"],
            "hub_version_id": _text(version["civitai_version_id"]),
            "base_model": version["civitai_base_model"],
            "trigger_words": version["trained_words"],
            "source": version["source"],
            "note": version.get("note"),
            "confidence": version["confidence"],
            "files": [_file(model, version, file, known_ids) for file in version["files"]],
        }
    )


# ── files ─────────────────────────────────────────────────────────────────────────────────────────


def _file(
    model: Facts, version: Facts, file: Facts, known_ids: dict[tuple[int, str], int]
) -> Facts:
    return _told(
        {
            "name": file["filename"],
            "aliases": file["aliases"],
            "role": _role(model, file),
            "format": FORMATS[file["format"]],
            "precision": file["precision"],
            "precision_basis": file["precision_basis"],
            "pruning": _pruning(file),
            "detail": _detail(file),
            "inpainting": "inpainting" in (file["variant"] or ""),
            "size_bytes": file["bytes"],
            "size_confidence": file["bytes_confidence"],
            "size_seen_in": file["bytes_sources"],
            "size_unverified_bytes": file.get("bytes_unverified", file.get("bytes_approx")),
            "other_sizes_seen": file.get("bytes_conflict") or {},
            "hashes": _told(
                {
                    kind: file[kind].lower() if file[kind] else None
                    for kind in ("sha256", "blake3", "autov1", "autov2", "autov3", "crc32")
                }
            ),
            "sha256_confidence": file["sha256_confidence"],
            "sha256_seen_in": file["sha256_sources"],
            "autov2_seen_in": file.get("autov2_sources") or [],
            "sources": [
                _source(model, version, file, source, known_ids) for source in file["sources"]
            ],
            "hub_file_id": _text(file["civitai_file_id"]),
            "is_primary": bool(file.get("primary")),
            "gated": file["gated"],
            "needs_token": file["needs_token"],
            "note": file["note"],
            "confidence": file["confidence"],
        }
    )


def _role(model: Facts, file: Facts) -> str:
    words = {(file["variant"] or "").lower(), (file.get("civitai_file_type") or "").lower()}
    if file["format"] == "yaml":
        return "config"
    if (model["slug"], file["filename"]) in _ANOTHER_MODEL:
        return "other"
    for word, role in (
        ("vae", "vae"),
        ("negative", "negative"),
        ("diffusion model only", "diffusion-model"),
        ("checkpoint", "other"),  # a whole checkpoint beside the LoRA that the row is about
    ):
        if word in words:
            return role
    return "weights"


def _pruning(file: Facts) -> str | None:
    if file.get("civitai_file_type") == "Pruned Model":
        return "pruned"
    words = file["variant"] or ""
    if words == "ema-pruned":
        return "pruned"
    return next((pruning for pruning in PRUNINGS if words.startswith(pruning)), None)


def _detail(file: Facts) -> str | None:
    """The publisher's own words: the facts' variant, the hub's file type and metadata."""
    metadata = file.get("civitai_metadata") or {}
    told = [file["variant"], file.get("civitai_file_type")]
    told += [f"{key} {metadata[key]}" for key in ("fp", "size", "format") if metadata.get(key)]
    return "; ".join(dict.fromkeys(word for word in told if word)) or None


# ── sources ───────────────────────────────────────────────────────────────────────────────────────


def _source(
    model: Facts,
    version: Facts,
    file: Facts,
    source: Facts,
    known_ids: dict[tuple[int, str], int],
) -> Facts:
    match source["kind"]:
        case "civitai":
            place = _at_civitai(model, version, file, source, known_ids)
        case "huggingface":
            place = _at_huggingface(source)
        case _:
            place = {"hub": "direct", "url": source["url"]}
    return _told({**place, "seen_in": source["seen_in"]})


def _at_civitai(
    model: Facts,
    version: Facts,
    file: Facts,
    source: Facts,
    known_ids: dict[tuple[int, str], int],
) -> Facts:
    own = source["version_id"] == version["civitai_version_id"]
    number = known_ids.get((source["version_id"], file["sha256"]))
    if own and file["civitai_file_id"]:
        number = file["civitai_file_id"]
    return {
        "hub": "civitai",
        # A source of the version's own id is of the model's own id, though it may not repeat it.
        "model": _text(source["model_id"] or (model["civitai_model_id"] if own else None)),
        "version": _text(source["version_id"]),
        "file": _text(number),
        # Without the file's id only the address tells which of the version's files it is.
        "url": source["url"] if number is None and "?" in source["url"] else None,
    }


def _at_huggingface(source: Facts) -> Facts:
    revision = source["revision"] or "main"
    address = f"https://huggingface.co/{source['repo']}/resolve/{revision}/{source['path']}"
    return {
        "hub": "huggingface",
        "model": source["repo"],
        "version": source["revision"],
        "file": source["path"],
        "url": None if source["url"] == address else source["url"],
    }


# ── small words ───────────────────────────────────────────────────────────────────────────────────


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)


_WORTH_SAYING_NO = {"gated", "nsfw"}  # here False was seen, elsewhere it is what silence means


def _told(facts: Facts) -> Facts:
    """Leave out what is not known or empty: the schema's defaults."""
    return {
        key: value
        for key, value in facts.items()
        if value not in (None, [], {}) and (value is not False or key in _WORTH_SAYING_NO)
    }


if __name__ == "__main__":
    main(sys.argv[1:])
