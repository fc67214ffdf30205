"""A folder in the form of diffusers: `model_index.json`, and a folder for each part of the model.

A part has a `config.json` and its weights in one file, or in several that an index names. An index
may name files of its own folder only. Nothing but JSON and headers is read.
"""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from registry.domain.tensors import TensorIndex, TensorInfo
from registry.errors import MalformedHeader, NotAModelFile, UnreadableFile
from registry.formats.safetensors import read_index

MODEL_INDEX = "model_index.json"
MAX_CONFIG_BYTES = 1024 * 1024
MAX_INDEX_BYTES = 32 * 1024 * 1024
MAX_SHARDS = 1000
MAX_PARTS = 64
_CONFIGS = ("config.json", "scheduler_config.json")
_SHARDED = ".safetensors.index.json"
# A part may lie there in several precisions; the plain one is what loads without being asked for.
_WEIGHTS = ("diffusion_pytorch_model.safetensors", "model.safetensors")
_PART_NAME = re.compile(r"[A-Za-z0-9][\w.\-]*", re.ASCII)
_SHARD_NAME = re.compile(r"[^/\\:\x00-\x1f]+\.safetensors")


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a model: its network and what is written about it.

    Attributes:
        name: Name of its folder, empty for the folder itself.
        class_name: Which class of diffusers or transformers loads it, None if nothing says so.
        config: The plain values of its configuration.
        index: Its tensors, None if it holds no weights that are told without running code.
        files: The files that its weights lie in.
    """

    name: str
    class_name: str | None
    config: dict[str, object] = field(default_factory=dict)
    index: TensorIndex | None = None
    files: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class DiffusersFolder:
    """A whole model, or one part of one.

    Attributes:
        pipeline: Name of the pipeline that loads it, None for a single part.
        parts: Its parts, in the order of the index.
        size_bytes: Length of all files with weights together.
    """

    pipeline: str | None
    parts: tuple[Part, ...]
    size_bytes: int


def read_folder(folder: Path) -> DiffusersFolder:
    """Read what a folder holds.

    Raises:
        NotAModelFile: It is no folder of diffusers.
        MalformedHeader: An index or a header breaks a rule, or names what it may not name.
        UnreadableFile: Something in it cannot be read.
    """
    if (folder / MODEL_INDEX).is_file():
        index = _read_json(folder / MODEL_INDEX, MAX_CONFIG_BYTES)
        pipeline = index.get("_class_name")
        parts = tuple(
            _part(folder / name, name, class_name)
            for name, class_name in _named_parts(index, folder)
        )
        found = DiffusersFolder(pipeline if isinstance(pipeline, str) else None, parts, 0)
    else:
        part = _part(folder, "", None)
        if part.class_name is None and part.index is None:
            raise NotAModelFile(str(folder), f"a folder without {MODEL_INDEX} and without weights")
        found = DiffusersFolder(None, (part,), 0)
    sizes = (_size(file) for part in found.parts for file in part.files)
    return DiffusersFolder(found.pipeline, found.parts, sum(sizes))


def _named_parts(index: dict[str, object], folder: Path) -> list[tuple[str, str | None]]:
    """The parts that `model_index.json` names, which must be plain names."""
    found: list[tuple[str, str | None]] = []
    for name, value in index.items():
        # A part stands there as [library, class]; [null, null] is one that was left out.
        if not isinstance(value, list) or len(value) != 2 or value[1] is None:  # noqa: PLR2004 - a pair
            continue
        if not _PART_NAME.fullmatch(name):
            because = f"it names a part {name[:60]!a}, which is no plain name"
            raise MalformedHeader(str(folder / MODEL_INDEX), because)
        found.append((name, value[1] if isinstance(value[1], str) else None))
    if len(found) > MAX_PARTS:
        raise MalformedHeader(str(folder / MODEL_INDEX), f"it names {len(found):,} parts")
    return found


def _part(folder: Path, name: str, class_name: str | None) -> Part:
    config = next(
        (_read_json(folder / c, MAX_CONFIG_BYTES) for c in _CONFIGS if (folder / c).is_file()), {}
    )
    told = config.get("_class_name")
    if class_name is None and isinstance(told, str):
        class_name = told
    index, files = _weights(folder)
    return Part(name, class_name, config, index, files)


def _weights(folder: Path) -> tuple[TensorIndex | None, tuple[Path, ...]]:
    if not folder.is_dir():
        return None, ()
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError as error:
        raise UnreadableFile(str(folder), error.strerror or str(error)) from error
    sharded = next((name for name in names if name.endswith(_SHARDED)), None)
    for name in _WEIGHTS:
        if name in names:
            return read_index(folder / name), (folder / name,)
    if sharded is not None:
        return _shards(folder / sharded)
    alone = next((name for name in names if name.endswith(".safetensors")), None)
    return (read_index(folder / alone), (folder / alone,)) if alone else (None, ())


def _shards(path: Path) -> tuple[TensorIndex, tuple[Path, ...]]:
    """The tensors of every file that an index of shards names.

    The places are those in their own files.
    """
    entries = _read_json(path, MAX_INDEX_BYTES).get("weight_map")
    if not isinstance(entries, dict):
        raise MalformedHeader(str(path), "it has no weight_map")
    for tensor, file in entries.items():
        if not isinstance(file, str) or not _SHARD_NAME.fullmatch(file):
            because = f"it puts {tensor[:60]!a} into {str(file)[:60]!a}"
            raise MalformedHeader(str(path), f"{because}, which is no file of its folder")
    files = sorted(set(map(str, entries.values())))
    if len(files) > MAX_SHARDS:
        raise MalformedHeader(str(path), f"it names {len(files):,} files")
    tensors: list[TensorInfo] = []
    metadata: dict[str, str] = {}
    for file in files:
        index = read_index(path.parent / file)
        metadata = {**index.metadata, **metadata}
        for tensor in index.tensors:
            if entries.get(tensor.name) != file:
                because = f"{file} holds {tensor.name[:60]!a}, which it does not say"
                raise MalformedHeader(str(path), because)
        tensors += index.tensors
    if len(tensors) < len(entries):
        missing = next(iter(entries.keys() - {tensor.name for tensor in tensors}))
        because = f"no file holds {missing[:60]!a}, which it promises"
        raise MalformedHeader(str(path), because)
    return TensorIndex(tuple(tensors), metadata), tuple(path.parent / file for file in files)


def _read_json(path: Path, most_bytes: int) -> dict[str, object]:
    name = str(path)
    try:
        with path.open("rb") as file:
            content = file.read(most_bytes + 1)
    except OSError as error:
        raise UnreadableFile(name, error.strerror or str(error)) from error
    if len(content) > most_bytes:
        raise MalformedHeader(name, f"it is longer than {most_bytes:,} bytes")
    try:
        value = json.loads(content.decode("utf-8"), object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise MalformedHeader(name, f"it is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise MalformedHeader(name, "it is no JSON object")
    return value


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name comes twice")
    return found


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise UnreadableFile(str(path), error.strerror or str(error)) from error
