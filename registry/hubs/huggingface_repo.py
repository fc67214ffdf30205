"""What `huggingface_hub` tells about a repository, as plain values that can be trusted."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from registry.hubs.untrusted import obj, size, text, texts

if TYPE_CHECKING:
    from huggingface_hub import ModelInfo

_ADULT = "not-for-all-audiences"


@dataclass(frozen=True, slots=True)
class RepoFile:
    """One file of a repository, as far as the hub tells."""

    path: str
    size_bytes: int | None = None
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Repo:
    """What the hub says about a repository.

    Attributes:
        id: ``owner/repo``.
        commit: What the asked revision means now.
        library: What it is to be loaded with.
        tags: Every tag, and the names of the library's classes.
        base_models: Repositories it was made from.
        trigger_words: Its author's prompt for what it was trained on.
        gated: Its owner wants conditions to be accepted.
        disabled: The hub has switched it off.
    """

    id: str
    commit: str | None = None
    author: str | None = None
    library: str | None = None
    tags: tuple[str, ...] = ()
    base_models: tuple[str, ...] = ()
    licence: str | None = None
    trigger_words: tuple[str, ...] = ()
    gated: bool = False
    disabled: bool = False
    nsfw: bool | None = None
    files: tuple[RepoFile, ...] = ()


def repo_of(info: "ModelInfo") -> Repo:
    """Read what the library hands over; it checks no types, so every field is doubted.

    Raises:
        ValueError: It names no repository.
    """
    repo_id = text(info.id)
    if repo_id is None or repo_id.count("/") > 1:
        raise ValueError("no repository is named")
    card: dict[str, object] = dict(vars(info.card_data)) if info.card_data is not None else {}
    tags = texts(info.tags)
    diffusers = obj(obj(info.config).get("diffusers"))
    return Repo(
        id=repo_id,
        commit=text(info.sha),
        author=text(info.author),
        library=text(info.library_name),
        tags=(*texts(info.pipeline_tag), *tags, *texts(diffusers.get("_class_name"))),
        base_models=texts(card.get("base_model")),
        licence=_licence(card, tags),
        trigger_words=texts(card.get("instance_prompt")),
        gated=info.gated in {"auto", "manual", True},
        disabled=info.disabled is True,
        nsfw=True if _ADULT in tags else None,
        files=_files(info),
    )


def _licence(card: dict[str, object], tags: tuple[str, ...]) -> str | None:
    """The licence by its own name, where the hub's list has only "other" for it."""
    stated = next(iter(texts(card.get("license"))), None)
    if stated is None:
        stated = next((tag.partition(":")[2] for tag in tags if tag.startswith("license:")), None)
    if stated in {None, "other"}:
        return text(card.get("license_name")) or stated
    return stated


def _files(info: "ModelInfo") -> tuple[RepoFile, ...]:
    found = {}
    for sibling in info.siblings or ():
        path = text(sibling.rfilename)
        if path is None or any(part in {"", ".", ".."} for part in path.split("/")):
            continue
        lfs = sibling.lfs
        found[path] = RepoFile(
            path,
            size_bytes=size(lfs.size if lfs is not None else sibling.size),
            sha256=text(lfs.sha256) if lfs is not None else None,
        )
    return tuple(found.values())
