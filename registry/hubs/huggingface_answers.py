"""Repositories of Hugging Face in our words: decisions without I/O.

A repository is one model with one version, the commit. It says nothing about what its files are
for: their place and name do.
"""

from dataclasses import dataclass

from registry.domain.hashes import Hash, Hashes, HashKind
from registry.domain.model import FileRole, Model, ModelFile, ModelVersion
from registry.domain.source import Source
from registry.domain.variant import FileFormat, Variant
from registry.hubs import names
from registry.hubs.huggingface_repo import Repo, RepoFile
from registry.taxonomy.lookup import architecture_from_label, model_type_from_label

NAME = "huggingface"
DEFAULT_REVISION = "main"

_WEIGHTS = frozenset({FileFormat.SAFETENSORS, FileFormat.PICKLE, FileFormat.GGUF, FileFormat.ONNX})
_FOLDERS = (
    (("unet", "transformer", "diffusion_models", "prior"), FileRole.DIFFUSION_MODEL),
    (
        ("safety_checker", "feature_extractor", "image_encoder", "tokenizer", "scheduler"),
        FileRole.OTHER,
    ),
)
_TRAINING = ("optimizer", "training_args", "random_states", "scheduler.bin", "trainer_state")


def model_of(repo: Repo, site: str, *, revision: str | None, path: str | None) -> Model:
    """A repository as a model with one version.

    Args:
        repo: What the hub says.
        site: Address of the web site, for the page.
        revision: What was asked for; None is the default.
        path: The only file or folder that was asked for, None for all.
    """
    page = f"{site}/{repo.id}"
    shape = _Shape.of(repo)
    files = tuple(
        _file(file, repo, shape, revision=revision, alone=path is not None)
        for file in repo.files
        if (_is_at(file.path, path) if path is not None else _is_of_interest(file.path))
    )
    base_model = ", ".join(repo.base_models) or None
    version = ModelVersion(
        name=revision or DEFAULT_REVISION,
        files=tuple(sorted(files, key=lambda file: file.role is not FileRole.WEIGHTS)),
        hub_version_id=repo.commit,
        base_model=base_model,
        trigger_words=repo.trigger_words,
    )
    return Model(
        slug=repo.id.replace("/", "--").lower(),
        name=repo.id.rpartition("/")[2],
        type=_type(repo),
        base=_base(repo),
        versions=(version,),
        origin=NAME,
        author=repo.author or repo.id.partition("/")[0],
        homepage=page,
        pages=(page,),
        hub_model_ids=(f"{NAME}:{repo.id}",),
        licence=repo.licence,
        licence_source="its page at Hugging Face" if repo.licence else None,
        trigger_words=repo.trigger_words,
        nsfw=repo.nsfw,
    )


@dataclass(frozen=True, slots=True)
class _Shape:
    """How a repository is laid out.

    Attributes:
        is_pipeline: It is a folder of parts for diffusers, which belong together.
        has_top_weights: Weights lie at the top; what lies deeper is then something else.
        has_top_model: Not all of those are VAEs by name.
    """

    is_pipeline: bool
    has_top_weights: bool
    has_top_model: bool

    @classmethod
    def of(cls, repo: Repo) -> "_Shape":
        paths = [file.path for file in repo.files]
        top = [path.lower() for path in paths if "/" not in path]
        weights = [name for name in top if FileFormat.from_name(name) in _WEIGHTS]
        return cls(
            is_pipeline="model_index.json" in top,
            has_top_weights=bool(weights),
            has_top_model=not all(_is_named_vae(name) for name in weights),
        )


def _file(
    file: RepoFile, repo: Repo, shape: _Shape, *, revision: str | None, alone: bool
) -> ModelFile:
    name = file.path.rpartition("/")[2]
    role = _role(file.path, shape)
    guessed = names.variant_of(name)
    if shape.is_pipeline and not alone and role is FileRole.DIFFUSION_MODEL:
        # A part of a folder that diffusers reads as a whole: nothing to install alone.
        guessed = Variant(FileFormat.DIFFUSERS, guessed.precision, guessed.pruning)
    return ModelFile(
        name=name,
        role=role,
        variant=guessed,
        size_bytes=file.size_bytes,
        hashes=hashes_of(file.sha256),
        sources=(Source(NAME, model=repo.id, version=revision, file=file.path),),
        hub_file_id=file.path,
        # Whoever names a repository for inpainting asks for just that.
        inpainting=names.is_inpainting(file.path) and not names.is_inpainting(repo.id),
        gated="its owner gives it only to those who accept the conditions" if repo.gated else None,
    )


def hashes_of(sha256: str | None) -> Hashes:
    """The hash of a large file, if this is one; git's own hashes of small files are none."""
    try:
        return Hashes((Hash(HashKind.SHA256, sha256),)) if sha256 else Hashes()
    except ValueError:
        return Hashes()


def _role(path: str, shape: _Shape) -> FileRole:
    *folders, name = path.lower().split("/")
    kind = FileFormat.from_name(name)
    if kind is FileFormat.ZIP:
        return FileRole.ARCHIVE
    if name.startswith(_TRAINING):
        return FileRole.TRAINING_DATA
    if kind is FileFormat.CONFIG:
        return FileRole.WORKFLOW if "workflow" in path.lower() else FileRole.CONFIG
    if kind not in _WEIGHTS:
        return FileRole.OTHER
    if folders:
        stated = (_role_of_folder(folder) for folder in reversed(folders))
        fallback = FileRole.OTHER if shape.has_top_weights else FileRole.WEIGHTS
        return next((role for role in stated if role is not None), fallback)
    return FileRole.VAE if shape.has_top_model and _is_named_vae(name) else FileRole.WEIGHTS


def _role_of_folder(folder: str) -> FileRole | None:
    if folder.startswith(("text_encoder", "clip")):
        return FileRole.TEXT_ENCODER
    if folder.startswith("vae"):
        return FileRole.VAE
    return next((role for known, role in _FOLDERS if folder in known), None)


def _is_named_vae(name: str) -> bool:
    """``Anything-V3.0.vae.pt`` lies beside the model that it belongs to."""
    return ".vae." in name


def is_about_pictures(repo: Repo) -> bool:
    """Whether a repository that a search found may be for Stable Diffusion at all."""
    return repo.library in {None, "diffusers"} or _type(repo) != "other"


def _is_at(path: str, wanted: str) -> bool:
    return path == wanted or path.startswith(f"{wanted}/")


def _is_of_interest(path: str) -> bool:
    """Everything but what every repository has for itself."""
    name = path.rpartition("/")[2].lower()
    return not name.startswith(".") and FileFormat.from_name(name) is not FileFormat.OTHER


def _type(repo: Repo) -> str:
    """What the tags say; a word for an addition tells more than one for a picture model."""
    told = [model_type_from_label(NAME, word) for word in _words(repo.tags)]
    told = [slug for slug in told if slug != "other"]
    return next((slug for slug in told if slug != "checkpoint"), told[0] if told else "other")


def _base(repo: Repo) -> str | None:
    for word in (repo.id, *repo.base_models, *_words(repo.tags)):
        slug = architecture_from_label(NAME, word)
        if slug != "unknown":
            return slug
    return None


def _words(tags: tuple[str, ...]) -> tuple[str, ...]:
    """Tags, and what stands behind their colons: ``diffusers:StableDiffusionXLPipeline``."""
    return tuple(
        word for tag in tags for word in dict.fromkeys((tag, tag.rpartition(":")[2])) if word
    )
