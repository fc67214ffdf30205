"""Say what an install would do, before anything is done."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from registry import layouts
from registry.domain.hashes import Hash, Hashes
from registry.domain.install import Install, Placement
from registry.domain.model import Model, ModelFile
from registry.errors import AmbiguousReference, HashMismatch, InvalidArgument, NoSuitableFile
from registry.operations.convert_at_install import installed_name
from registry.operations.find_model import Found, find_model
from registry.operations.rooms import Rooms
from registry.resolve.candidate import Candidate, Choice
from registry.resolve.choose import choose
from registry.resolve.companions import companions
from registry.resolve.explain import name_of, why_chosen
from registry.resolve.preference import Preference
from registry.resolve.sift import answers_to_file, answers_to_version
from registry.store.paths import safe_name
from registry.store.space import free_bytes
from registry.taxonomy.lookup import get_model_type

# Repositories of one model each call their file the same; the model's own name says more.
_NAMES_THAT_SAY_NOTHING = frozenset(
    {"diffusion_pytorch_model", "pytorch_lora_weights", "pytorch_model", "model"}
)
UNKNOWN_TYPE = "other"


@dataclass(frozen=True, slots=True)
class Step:
    """One file of the plan.

    Attributes:
        candidate: The file and its version.
        file_name: What it will be called in the folders.
        places: Where it will be linked; empty while its type is not known.
        present: The record of an earlier install of the same bytes.
    """

    candidate: Candidate
    file_name: str
    places: tuple[Placement, ...]
    present: Install | None = None


@dataclass(frozen=True, slots=True)
class InstallPlan:
    """What will happen, in order.

    Attributes:
        reference: What the user asked for.
        choice: Which file and why; behind the first stand the next best.
        model_type: Decides the folders; ``other`` may be corrected by the file's content.
        steps: The chosen file first, then what must come along.
        needed_bytes: Still to be fetched; None if a size is not known beforehand.
        free_bytes: On the disk of the home.
        why: Sentences about the chosen file.
        absent: UIs whose folder is not there, in sentences; nothing is linked into them.
        accept_disputed: SHA-256 of other bytes than the promised ones that the user accepts.
        keep_pickle: Whether a pickle is stored as it is instead of being converted.
    """

    reference: str
    choice: Choice
    model_type: str
    steps: tuple[Step, ...]
    needed_bytes: int | None
    free_bytes: int
    why: tuple[str, ...]
    absent: tuple[str, ...]
    accept_disputed: Hash | None = None
    keep_pickle: bool = False

    @property
    def model(self) -> Model:
        """The model that is installed."""
        return self.choice.model


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms something is installed.

    Attributes:
        sha256: Expected hash of the file, for what no catalog knows.
        accept_disputed: SHA-256 of other bytes that are accepted where the promise is disputed.
        model_type: Type to file it under; None leaves that to what is known of the model.
        keep_pickle: Store and link a pickle as it is.
    """

    sha256: Hash | None = None
    accept_disputed: Hash | None = None
    model_type: str | None = None
    keep_pickle: bool = False

    @classmethod
    def read(
        cls,
        *,
        sha256: str | None = None,
        accept_disputed: str | None = None,
        model_type: str | None = None,
        keep_pickle: bool = False,
    ) -> Self:
        """The terms, with hashes as the user typed them.

        Raises:
            InvalidArgument: One of them is no SHA-256.
        """
        return cls(
            _hash_given("--sha256", sha256),
            _hash_given("--accept-disputed", accept_disputed),
            model_type,
            keep_pickle,
        )


def decide(text: str, wish: Preference, rooms: Rooms) -> Choice:
    """Find the model and choose its file.

    Raises:
        AmbiguousReference: `wish.file` answers to several files.
        InvalidArgument: `wish.version` names no version of the model.
        UsageError, HubError: As `find_model` does.
    """
    return _choice(find_model(text, wish, rooms))


def _choice(found: Found, sha256: Hash | None = None) -> Choice:
    model = found.model
    _refuse_unknown_version(model, found.wish)
    if found.wish.file is not None:
        _refuse_twins(found.reference, model, found.wish)
    if sha256 is None:
        return choose(model, found.wish)
    return _expecting(sha256, model, found.wish)


def _expecting(sha256: Hash, model: Model, wish: Preference) -> Choice:
    """The choice of the file that the user knows the hash of.

    Raises:
        HashMismatch: The file has another hash for all that is known.
    """
    if any(file.hashes.sha256 == sha256.digits for _, file in model.files):
        return choose(model, replace(wish, file=sha256.digits))
    # The user's own hash vouches for whatever is chosen, a pickle too.
    choice = choose(model, replace(wish, allow_pickle=True))
    if choice.chosen is None:
        return choice
    version, file = choice.chosen.version, choice.chosen.file
    if file.hashes.sha256 is not None:
        got = f"sha256:{file.hashes.sha256} (known beforehand; nothing was fetched)"
        raise HashMismatch(
            file.name, str(sha256), got, str(file.sources[0] if file.sources else model.slug)
        )
    expected = replace(file, hashes=Hashes.collect((sha256, *file.hashes)))
    return replace(choice, ranked=(Candidate(version, expected),))


def plan_install(text: str, wish: Preference, terms: Terms, rooms: Rooms) -> InstallPlan:
    """Plan the install of what `text` refers to. Changes nothing but the catalog's knowledge.

    Args:
        text: A reference in any form.
        wish: What the user would like.
        terms: On what terms.
        rooms: The opened rooms.

    Raises:
        NoSuitableFile: Every file was rejected.
        SdregError: As `decide` does.
    """
    return plan_found(find_model(text, wish, rooms), terms, rooms)


def plan_found(found: Found, terms: Terms, rooms: Rooms) -> InstallPlan:
    """Plan the install of a model that was found.

    Raises:
        SdregError: As `plan_install` does.
    """
    choice = _choice(found, terms.sha256)
    if choice.chosen is None:
        sentences = tuple(f"{name_of(no.file)}: {no.because}" for no in choice.rejected)
        raise NoSuitableFile(found.reference, sentences)
    kind = terms.model_type or choice.model.type
    first = step_for(choice.chosen, choice.model, kind, rooms, keep_pickle=terms.keep_pickle)
    others = companions(choice.chosen.version, choice.chosen.file)
    steps = (
        first,
        *(beside(first, file, choice.model, rooms) for file in others),
    )
    missing = [step.candidate.file.size_bytes for step in steps if step.present is None]
    known = [size for size in missing if size is not None]
    return InstallPlan(
        reference=found.reference,
        choice=choice,
        model_type=kind,
        steps=steps,
        needed_bytes=sum(known) if len(known) == len(missing) else None,
        free_bytes=free_bytes(rooms.home),
        why=why_chosen(choice.chosen, kind),
        absent=tuple(
            f"{target.layout.name}: {target.root} is not there; run `sdreg link` when it is"
            for target in rooms.targets
            if not target.is_there
        ),
        accept_disputed=terms.accept_disputed,
        keep_pickle=terms.keep_pickle,
    )


def step_for(
    candidate: Candidate, model: Model, model_type: str, rooms: Rooms, *, keep_pickle: bool
) -> Step:
    """The step that brings in one candidate."""
    name = human_name(candidate.file, model)
    file_name = installed_name(name, candidate.file, keep_pickle=keep_pickle)
    return Step(
        candidate=candidate,
        file_name=file_name,
        places=places_for(model_type, file_name, rooms),
        present=present(candidate.file, model, rooms, keep_pickle=keep_pickle),
    )


def places_for(model_type: str, file_name: str, rooms: Rooms) -> tuple[Placement, ...]:
    """Where a file of this type is linked; a UI that is absent or has no use for it is left out."""
    brings = get_model_type(model_type).folders
    found = []
    for target in rooms.targets:
        if not target.is_there:
            continue
        path = layouts.place(target.layout, target.root, model_type, file_name, type_folders=brings)
        if path is not None:
            found.append(Placement(target.layout.name, path))
    return tuple(found)


def human_name(file: ModelFile, model: Model) -> str:
    """The publisher's file name, or the model's where that says nothing; safe on any platform."""
    base = file.name.rpartition("/")[2]
    stem, dot, suffix = base.rpartition(".")
    if stem.casefold() in _NAMES_THAT_SAY_NOTHING:
        base = f"{model.slug}{dot}{suffix}"
    return safe_name(base)


def beside(first: Step, file: ModelFile, model: Model, rooms: Rooms) -> Step:
    """The step of a companion: it lies beside its model, under the model's name."""
    name = safe_name(Path(first.file_name).stem + Path(file.name).suffix)
    return Step(
        candidate=Candidate(first.candidate.version, file),
        file_name=name,
        places=tuple(replace(p, path=p.path.with_name(name)) for p in first.places),
        present=present(file, model, rooms),
    )


def present(
    file: ModelFile, model: Model, rooms: Rooms, *, keep_pickle: bool = False
) -> Install | None:
    """The record of this file of this model, if its bytes, or what they became, are stored.

    The same bytes under another model are that model's: each has a record and links of its own.
    """
    wanted = {file.hashes.sha256, *_accepted_instead_of(file, rooms)}
    for install in rooms.catalog.installs.of_model(model.slug):
        stored = {install.sha256, *(() if keep_pickle else (install.derived_from,))} - {None}
        same_bytes = not wanted.isdisjoint(stored)
        same_row = file.id is not None and file.id == install.file_id
        it_is = same_bytes or (same_row and file.hashes.sha256 is None)
        if it_is and rooms.store.has(install.sha256):
            return install
    return None


def _accepted_instead_of(file: ModelFile, rooms: Rooms) -> Iterator[str]:
    """Hashes of other bytes that the user accepted in place of the promised ones."""
    for known in file.hashes:
        for dispute in rooms.catalog.disputes.about(known):
            if dispute.accepted_at is not None:
                yield dispute.seen.digits


def _hash_given(option: str, sha256: str | None) -> Hash | None:
    if sha256 is None:
        return None
    try:
        return Hash.parse(f"sha256:{sha256.removeprefix('sha256:')}")
    except ValueError as error:
        raise InvalidArgument(
            option, f"is not a SHA-256: {error}", "It has 64 hexadecimal digits."
        ) from error


def _refuse_unknown_version(model: Model, wish: Preference) -> None:
    if wish.version is None or not model.versions:
        return
    if not any(answers_to_version(version, wish.version) for version in model.versions):
        names = ", ".join(
            f"{version.name} ({version.hub_version_id})" if version.hub_version_id else version.name
            for version in model.versions
        )
        because = f"names no version of {model.slug}"
        raise InvalidArgument(f"--version {wish.version}", because, f"It may be {names}.")


def _refuse_twins(text: str, model: Model, wish: Preference) -> None:
    hits = [file for _, file in model.files if answers_to_file(file, wish.file or "")]
    different = {file.hashes.sha256 or f"row {file.id}" for file in hits}
    if len(different) > 1:
        raise AmbiguousReference(
            f"{text} --file {wish.file}", tuple(f"--file {_telling_id(file)}" for file in hits)
        )


def _telling_id(file: ModelFile) -> str:
    return file.hub_file_id or (file.hashes.sha256 or str(file.id))[:10]
