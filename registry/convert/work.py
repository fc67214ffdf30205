"""The two tasks of this room, in plain values: for a child that is confined, or for right here.

Everything that they need is imported at the top: a confined child imports nothing later.
"""

import encodings.cp437
import encodings.utf_8_sig  # noqa: F401 -- as above, for what may be a text
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from registry.convert.blend import Method, Recipe, plan_merge
from registry.convert.checksums import check_sums
from registry.convert.mixing import outputs_of
from registry.convert.output import Output
from registry.convert.places import Places, open_places
from registry.convert.plan import Wish, plan
from registry.convert.rewrite import Metadata, outputs_for, write_and_compare
from registry.convert.texts import Model, embedded, lineage, merge_texts
from registry.convert.torch_source import open_torch
from registry.convert.weight_file import WeightFile, check_views, from_index
from registry.domain.variant import FileFormat, Precision
from registry.errors import CannotConvert
from registry.formats.safetensors import read_index
from registry.formats.sniff import sniff_file
from registry.store.space import require_space
from registry.store.trouble import disk_errors

Say = Callable[[Any], None]
_TELL_EVERY_BYTES = 16 * 1024 * 1024


def convert(facts: dict[str, Any], say: Say) -> dict[str, Any]:
    """Write a converted file and prove it.

    Args:
        facts: `source` and perhaps `vae` (paths), `hashes` of them (a list of
            SHA-256, or the descriptor of a pipe that tells them later), `wish` (the fields of
            `Wish`), `output` (a descriptor, or the path of an
            empty file) and `path` (what it will be called).
        say: Hears how many bytes were done.

    Returns:
        The fields of `operations.convert_file.Converted`, but for the names of files.

    Raises:
        CannotConvert: The wish and the file do not fit each other.
        ConversionDiffers: What was written is not what was read.
        SdregError: A file cannot be read, or holds what the policy for pickles forbids.
    """
    paths = [Path(facts["source"]), *([Path(facts["vae"])] if facts.get("vae") else [])]
    files = [open_weights(path) for path in paths]
    wish = _wish(facts["wish"])
    planned = plan(files[0], wish, vae=files[1] if len(files) > 1 else None)
    says = Metadata(
        len(files),
        lambda sha256s: {**planned.texts, **lineage(sha256s)},
        partial(_hashes, facts["hashes"]),
    )
    with _opened(paths) as places:
        for number, file in enumerate(files):
            used = {t.tensor.storage for t in planned.tensors if t.file == number}
            check_sums(file, places[number], used)
        outputs = outputs_for(planned, places)
        written = _written(facts, outputs, says, say)
    return {
        **written,
        "tensors": len(outputs),
        **{
            key: [asdict(each) for each in getattr(planned, key)]
            for key in ("renamed", "dropped", "replaced", "duplicated")
        },
        "left_metadata": list(planned.left_texts),
        "notes": list(planned.notes),
    }


def merge(facts: dict[str, Any], say: Say) -> dict[str, Any]:
    """Write a merged file and prove it.

    Args:
        facts: `sources` (each with `path`, `name`, `autov1`), `recipe` (the fields of
            `Recipe`); `hashes`, `output` and `path` as for `convert`.
        say: Hears how many bytes were done.

    Returns:
        The fields of `operations.merge_files.Merged`, but for the names of files.

    Raises:
        CannotMerge: The models do not fit each other.
        ConversionDiffers: What was written is not what was read.
        SdregError: A file cannot be read, or holds what the policy for pickles forbids.
    """
    paths = [Path(source["path"]) for source in facts["sources"]]
    files = [open_weights(path) for path in paths]
    recipe = Recipe(
        Method(facts["recipe"]["method"]),
        float(facts["recipe"]["multiplier"]),
        _precision(facts["recipe"].get("precision")),
    )
    planned = plan_merge(files, recipe)
    told = {
        "interp_method": recipe.method.shown,
        "multiplier": recipe.multiplier,
        "save_as_half": recipe.precision is Precision.FP16,
        "custom_name": Path(facts["path"]).stem,
    }

    def texts(sha256s: Sequence[str]) -> dict[str, str]:
        models = [
            Model(source["name"], sha256, source["autov1"], _texts_of(file))
            for source, sha256, file in zip(facts["sources"], sha256s, files, strict=True)
        ]
        return merge_texts(models, told, inpainting=planned.inpainting, editing=planned.editing)

    says = Metadata(len(files), texts, partial(_hashes, facts["hashes"]))
    with _opened(paths) as places:
        for number, file in enumerate(files):
            used = {m.parts[number].storage for m in planned.mixes if number < len(m.parts)}
            check_sums(file, places[number], used)
        outputs = outputs_of(planned.mixes, recipe, places)
        written = _written(facts, outputs, says, say)
    return {
        **written,
        "tensors": len(outputs),
        "merged": planned.merged,
        "kept": list(planned.kept),
        "dropped": list(planned.dropped),
        "renamed": [asdict(each) for each in planned.renamed],
        "inpainting": planned.inpainting,
    }


def open_weights(path: Path) -> WeightFile:
    """Find the tensors of a file, by its content and not by its name.

    Raises:
        CannotConvert: Its views reach out of it, or are far more than it holds.
        SdregError: It is no file of weights, is damaged, or is a pickle that is refused.
    """
    if sniff_file(path).format is FileFormat.SAFETENSORS:
        found = from_index(path, read_index(path))
    else:
        found = WeightFile(path, FileFormat.PICKLE, open_torch(path, check_sums=False), {})
    check_views(found.tree, file_bytes=path.stat().st_size, name=path.name)
    return found


def _written(
    facts: dict[str, Any],
    outputs: Sequence[Output],
    says: Metadata,
    say: Say,
) -> dict[str, Any]:
    tally = _Tally(say)
    total_bytes = sum(output.size_bytes for output in outputs)
    say({"total_bytes": 2 * total_bytes})
    path = Path(facts["path"])
    with disk_errors(path, needed_bytes=total_bytes), _for_output(facts["output"]) as out:
        require_space(path.parent, total_bytes)
        written = write_and_compare(outputs, says, Places(out, path.name), tell=tally.add)
    tally.end()
    return asdict(written)


def _hashes(told: int | list[str]) -> list[str]:
    """The hashes of the inputs: they are known, or come through a pipe when they are."""
    if isinstance(told, list):
        return told
    content = b""
    while chunk := os.read(told, 4096):
        content += chunk
    if not content:
        raise CannotConvert("a source", "it could not be read to its end")
    return content.decode().split()


def _for_output(place: int | str) -> BinaryIO:
    """Open what will be the output; a descriptor stays open for whoever gave it."""
    return open(place, "r+b", buffering=0, closefd=isinstance(place, str))


class _Tally:
    """Counts bytes from several threads and tells of them now and then."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._lock = threading.Lock()
        self._untold_bytes = 0

    def add(self, count: int) -> None:
        with self._lock:
            self._untold_bytes += count
            if self._untold_bytes >= _TELL_EVERY_BYTES:
                self.end()

    def end(self) -> None:
        self._say({"done_bytes": self._untold_bytes})
        self._untold_bytes = 0


@contextmanager
def _opened(paths: Sequence[Path]) -> Iterator[list[Places]]:
    with ExitStack() as stack:
        places = [open_places(path) for path in paths]
        for place in places:
            stack.enter_context(place.file)
        yield places


def _wish(fields: dict[str, Any]) -> Wish:
    return Wish(_precision(fields["precision"]), fields["prune"], fields["take_averages"])


def _precision(name: str | None) -> Precision | None:
    return Precision(name) if name is not None else None


def _texts_of(file: WeightFile) -> dict[str, str]:
    return {**embedded(file.tree.values)[0], **file.metadata}
