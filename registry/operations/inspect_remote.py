"""What is it that a reference leads to? Read its header by ranges, before anything is fetched."""

from dataclasses import replace

from registry.domain.hashes import Hashes
from registry.domain.model import Model, ModelFile
from registry.domain.source import Download, Source
from registry.errors import GoneFromHub, HubError, NoSuitableFile, TransferError, UnexpectedAnswer
from registry.formats.readable import Readable
from registry.operations.compare import claim_of
from registry.operations.inspect import (
    Inspection,
    hash_texts,
    inspect_file,
)
from registry.operations.look import look, own_contradictions
from registry.operations.plan_install import decide, present
from registry.operations.rooms import Rooms
from registry.resolve.explain import name_of
from registry.resolve.preference import Preference
from registry.taxonomy.claims import contradictions

_FIRST_BYTES = 16 * 1024


def inspect_reference(
    text: str, wish: Preference, rooms: Rooms, *, hashes: bool | None = None, deep: bool = False
) -> Inspection:
    """Inspect the file that an install of `text` would take.

    A stored file is read from the disk; any other is read where it lies, and only its header.

    Args:
        text: A reference in any form.
        wish: Which file is meant, and which one would be liked.
        rooms: The opened rooms.
        hashes: As `inspect_file`, for a stored file; others have those that their hub tells.
        deep: The same.

    Raises:
        NoSuitableFile: Every file was rejected.
        MalformedHeader: The file claims a format and breaks its rules.
        SdregError: As `find_model` does, or as no source gives it.
    """
    # Looking at a pickle is no risk: nothing of it is kept, and nothing is run.
    choice = decide(text, replace(wish, allow_pickle=True), rooms)
    if choice.chosen is None:
        sentences = tuple(f"{name_of(no.file)}: {no.because}" for no in choice.rejected)
        raise NoSuitableFile(text, sentences)
    model, file = choice.model, choice.chosen.file
    installed = present(file, model, rooms)
    if installed is not None:
        blob = rooms.store.blob(installed.sha256)
        lookup = rooms.catalog.models.by_hash
        found = inspect_file(blob.path, hashes=hashes, deep=deep, lookup=lookup)
        # What was made from a pickle has hashes of its own.
        told = {} if installed.derived_from else hash_texts(file.hashes)
        wrong = dict.fromkeys((*file.contradictions, *found.contradictions))
        return replace(found, hashes=told | found.hashes, contradictions=tuple(wrong))
    return _at_its_sources(model, file, rooms)


def _at_its_sources(model: Model, file: ModelFile, rooms: Rooms) -> Inspection:
    """Ask the sources in their order until one gives the header."""
    first: HubError | TransferError | None = None
    for source in file.sources:
        try:
            download = rooms.hub(source.hub).locate(source, file)
            return _at(source, download, model, file, rooms)
        except (HubError, TransferError) as error:
            first = first or error
    raise first or GoneFromHub("every hub", file.name, "no source of it is known")


def _at(
    source: Source, download: Download, model: Model, file: ModelFile, rooms: Rooms
) -> Inspection:
    distant = _distant(download, file, rooms)
    seen = look(distant, path=None)
    wrong = (
        *own_contradictions(file.name, seen),
        *contradictions(claim_of(model, file), seen.identity, seen.format),
    )
    told = Hashes.collect((*download.hashes, *file.hashes))
    return Inspection(
        path=str(source),
        format=seen.format,
        what=seen.what,
        size_bytes=distant.size_bytes,
        identity=seen.identity,
        tensors=len(seen.index.tensors) if seen.index is not None else None,
        metadata=seen.index.metadata if seen.index is not None else {},
        hashes=hash_texts(told),
        reasons=seen.reasons,
        contradictions=tuple(dict.fromkeys((*file.contradictions, *map(str, wrong)))),
    )


def _distant(download: Download, file: ModelFile, rooms: Rooms) -> Readable:
    """The file at the other end; what its first bytes hold is asked for once."""
    first = rooms.downloader.read_range(download, 0, _FIRST_BYTES)
    told = (first.size_bytes, download.size_bytes, file.size_bytes)
    size_bytes = next((size for size in told if size is not None), None)
    if size_bytes is None:
        raise UnexpectedAnswer(download.source.hub, "it does not tell how long the file is")

    def read(begin: int, end: int) -> bytes:
        held = first.content[begin:end]
        begin, end = begin + len(held), min(end, size_bytes)
        if begin >= end:
            return held
        more = rooms.downloader.read_range(download, begin, end, size_bytes=first.size_bytes)
        return held + more.content

    return Readable(file.name, size_bytes, read)
