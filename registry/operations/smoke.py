"""Does this model make a picture? Look at the weights first, then paint with them, and keep both.

A pickle is converted by the confined, inert reader into a file that is gone afterwards; nothing in
it is run. What cannot be tested here is said to be so, and is no pass.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from registry.domain.install import Install
from registry.domain.progress import Progress
from registry.domain.smoke import Reason, SmokeResult, SmokeRun, SmokeTask
from registry.domain.variant import FileFormat
from registry.errors import (
    ConversionError,
    FormatError,
    InvalidArgument,
    StoreError,
    UnreadableFile,
    UnsafeFile,
)
from registry.formats.readable import readable
from registry.formats.safetensors import read_index
from registry.formats.sniff import sniff_file
from registry.operations.rooms import Rooms
from registry.smoke.judge import compare
from registry.smoke.run import has_extra, how_to_add, run_smoke
from registry.smoke.untestable import CannotTry
from registry.smoke.weights import check_keys, check_weights
from registry.store.disk import make_folder
from registry.taxonomy.identify import Identity, identify
from registry.taxonomy.lookup import UNKNOWN

_OTHER_MODELS = frozenset({FileFormat.GGUF, FileFormat.ONNX})
_ON_A_BASE = frozenset({"lora", "lycoris", "embedding", "hypernetwork", "controlnet"})


@dataclass(frozen=True, slots=True)
class Subject:
    """What is to be tried.

    Attributes:
        key: As `SmokeRun` has it.
        name: As people call it.
        path: Where its bytes are.
        model_type: Slug, as it is known; `unknown` or `other` where only the content can tell.
        clip_skip: What its author recommends.
        prediction: What its network predicts, where that is known.
    """

    key: str
    name: str
    path: Path
    model_type: str = UNKNOWN
    clip_skip: int | None = None
    prediction: str | None = None


@dataclass(frozen=True, slots=True)
class Manner:
    """How to try it.

    Attributes:
        base: The checkpoint that adapters are tried on; None takes one that is installed.
        device: ``auto``, ``cuda``, ``mps`` or ``cpu``.
        seed: Of the noise.
        memory_limit_bytes: More may not be taken; None is what is free.
        environment: What the process that paints may know of ours.
    """

    base: Path | None = None
    device: str = "auto"
    seed: int = 1
    memory_limit_bytes: int | None = None
    environment: Mapping[str, str] | None = None


def subject_of(install: Install, rooms: Rooms) -> Subject:
    """An installed model, with what the catalog knows about using it."""
    model = rooms.catalog.models.find(install.slug) if install.slug else None
    skip = model.clip_skip if model is not None else None
    return Subject(
        key=f"sha256:{install.sha256}",
        name=install.slug or install.file_name,
        path=rooms.store.path_of(install.sha256),
        model_type=install.model_type,
        clip_skip=skip.value if skip is not None else None,
        prediction=model.prediction_type if model is not None else None,
    )


def subject_at(path: Path) -> Subject:
    """A file of the user's.

    Raises:
        InvalidArgument: There is no such file.
    """
    if not path.is_file():
        raise InvalidArgument(str(path), "is no file", "Name a file of weights, or a model.")
    return Subject(str(path.absolute()), path.name, path)


def due(subjects: Iterable[Subject], rooms: Rooms, *, after: timedelta) -> tuple[Subject, ...]:
    """Those that were never tried, or not for so long, or could not be on this machine then."""
    now = rooms.clock()
    found = []
    for subject in subjects:
        last = rooms.catalog.smokes.last(subject.key)
        if last is None or now - last.at >= after or _may_be_tried_now(last):
            found.append(subject)
    return tuple(found)


def _may_be_tried_now(last: SmokeRun) -> bool:
    codes = {reason.code for reason in last.result.reasons}
    return bool(codes & _OF_THE_MACHINE) or ("no-extra" in codes and has_extra())


_OF_THE_MACHINE = frozenset(
    {"no-base", "bad-base", "no-device", "too-little-memory", "cannot-read", "cannot-write"}
)


def smoke(
    subjects: Sequence[Subject], rooms: Rooms, progress: Progress, manner: Manner
) -> tuple[SmokeRun, ...]:
    """Try models one after the other; each run is recorded as soon as it has ended.

    Raises:
        StoreUnwritable: There is no room for pictures in the home.
    """
    place = rooms.home / "smoke"
    make_folder(place, durable=False)
    _clear(place, rooms)
    runs = []
    for subject in subjects:
        run = _try(subject, rooms, progress, manner)
        rooms.catalog.smokes.add(run)
        runs.append(run)
    return tuple(runs)


def _clear(place: Path, rooms: Rooms) -> None:
    """Remove the folders of trials that were killed: none takes a day."""
    for left in place.glob(f"{_TRIAL}*"):
        begun = datetime.fromtimestamp(left.stat().st_mtime, UTC)
        if rooms.clock() - begun > _LONGEST_TRIAL:
            shutil.rmtree(left, ignore_errors=True)


_TRIAL, _LONGEST_TRIAL = ".trial-", timedelta(days=1)


def _try(subject: Subject, rooms: Rooms, progress: Progress, manner: Manner) -> SmokeRun:
    # Not in the system's folder: a pickle of 4 GB is converted there, and that may be memory.
    with tempfile.TemporaryDirectory(prefix=_TRIAL, dir=rooms.home / "smoke") as folder:
        try:
            result = _result(subject, rooms, progress, manner, Path(folder))
        except CannotTry as error:
            result = SmokeResult("untestable", (error.reason,))
        except (FormatError, UnsafeFile, ConversionError) as error:
            result = SmokeResult("failed", (Reason(error.code, str(error)),))
        except StoreError as error:
            result = SmokeResult("untestable", (Reason("cannot-write", str(error)),))
        except OSError as error:
            message = f"{subject.path}: {error.strerror or error}"
            result = SmokeResult("untestable", (Reason("cannot-read", message),))
    run = SmokeRun(subject.key, subject.name, rooms.clock(), replace(result, seed=manner.seed))
    return replace(run, compared=_compared(run, rooms))


def _result(
    subject: Subject, rooms: Rooms, progress: Progress, manner: Manner, folder: Path
) -> SmokeResult:
    found = sniff_file(subject.path)
    if found.format in _OTHER_MODELS:
        raise CannotTry("format-not-testable", f"it is {found.what}, which is not read here")
    path = _as_safetensors(subject.path, subject.name, progress, folder)
    index = read_index(path)
    identity = identify(index)
    kind = identity.model_type if identity.model_type != UNKNOWN else subject.model_type
    progress.begin(f"looking at the weights of {subject.name}", path.stat().st_size)
    with readable(path) as source:
        reasons = (*check_keys(index, kind), *check_weights(source, index, kind, progress.advance))
    progress.end()
    if reasons:
        return SmokeResult("failed", reasons)
    if not has_extra():
        message = f"the weights look sound; to paint with them, run: {how_to_add()}"
        raise CannotTry("no-extra", message)
    chosen = base = None
    prediction = subject.prediction or identity.prediction
    if kind in _ON_A_BASE:
        chosen = _base(kind, identity, rooms, manner)
        base = _ready_base(chosen, progress, folder / "base")
        prediction = identify(read_index(base)).prediction
    task = SmokeTask(
        target=path,
        name=subject.name,
        model_type=kind,
        architecture=identity.architecture,
        picture=_picture(subject, rooms),
        device=manner.device,
        base=base,
        clip_skip=subject.clip_skip or identity.clip_skip,
        prediction=_plain(prediction),
        seed=manner.seed,
        memory_limit_bytes=manner.memory_limit_bytes,
    )

    def tell(stage: str) -> None:
        progress.say(f"{subject.name}: {stage}")

    result = run_smoke(task, tell, environment=manner.environment)
    return replace(result, base=str(chosen.absolute()) if chosen is not None else None)


def _ready_base(chosen: Path, progress: Progress, folder: Path) -> Path:
    """The base as a safetensors file that is whole, as far as its header tells."""
    folder.mkdir()
    try:
        base = _as_safetensors(chosen, chosen.name, progress, folder)
        gaps = check_keys(read_index(base), "checkpoint")
    except (FormatError, UnsafeFile, ConversionError) as error:
        raise CannotTry("bad-base", str(error)) from error
    if gaps:
        message = f"the base {chosen.name} is not whole: {gaps[0].message}"
        raise CannotTry("bad-base", message)
    return base


def _as_safetensors(path: Path, name: str, progress: Progress, folder: Path) -> Path:
    """The file itself, or what the inert reader makes of a pickle.

    Raises:
        FormatError: It is no file of weights.
        UnsafeFile: It is a pickle that holds code.
        ConversionError: It cannot be read without running it.
    """
    found = sniff_file(path)
    if found.format is FileFormat.SAFETENSORS:
        return _named(path, folder)
    if found.format is not FileFormat.PICKLE:
        raise UnreadableFile(str(path), f"it is {found.what}, which no smoke test can load")
    from registry.operations.convert_file import convert_file  # noqa: PLC0415 -- for pickles only

    progress.say(f"{name}: reading the pickle without running it")
    output = folder / f"{path.stem}.safetensors"
    convert_file(path, output, progress, durable=False)
    return output


def _named(path: Path, folder: Path) -> Path:
    """The file under a name with its suffix, which is all that diffusers goes by."""
    if path.suffix == ".safetensors":
        return path
    named = folder / f"{path.name}.safetensors"
    if not named.exists():
        try:
            named.symlink_to(path.absolute())
        except OSError:  # Windows lets few people do so
            os.link(path, named)
    return named


def _base(kind: str, identity: Identity, rooms: Rooms, manner: Manner) -> Path:
    """The checkpoint to try an adapter on: the one that was named, else one that is installed."""
    if manner.base is not None:
        return manner.base
    for install in reversed(rooms.catalog.installs.all()):
        if install.model_type != "checkpoint" or not rooms.store.has(install.sha256):
            continue
        path = rooms.store.path_of(install.sha256)
        try:
            seen = identify(read_index(path))
        except FormatError:
            continue
        if seen.architecture == identity.architecture and not seen.inpainting:
            return path
    message = (
        f"a {kind} is tried on a checkpoint of its architecture ({identity.architecture}), "
        "and none is installed: install one, or name a file by --base"
    )
    raise CannotTry("no-base", message)


def _picture(subject: Subject, rooms: Rooms) -> Path:
    digits = hashlib.sha256(subject.key.encode()).hexdigest()[:12]
    at = rooms.clock().strftime("%Y%m%d-%H%M%S")
    return rooms.home / "smoke" / f"{digits}-{at}.png"


def _plain(prediction: str | None) -> str | None:
    return "v_prediction" if prediction in {"v", "v_prediction", "v-prediction"} else prediction


def _compared(run: SmokeRun, rooms: Rooms) -> str | None:
    result = run.result
    if run.result.verdict != "passed" or result.device is None or result.picture_hash is None:
        return None
    before = rooms.catalog.smokes.last_good(run.key, result.device, result.seed or 0, result.base)
    if before is None or before.result.picture_hash is None:
        return None
    return compare(
        before.result.figures, before.result.picture_hash, result.figures, result.picture_hash
    )
