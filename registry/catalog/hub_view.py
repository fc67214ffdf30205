"""One of our models as one hub sees it. Pure.

Our models and those of a hub are not the same sets: ours may span several of theirs (Anything V3 is
civitai:66 and a part of civitai:9409), and one of theirs may be several of ours (civitai:38784 is
thirteen ControlNets).
"""

from dataclasses import replace

from registry.domain.model import Model, ModelFile, ModelVersion
from registry.domain.reference import HubRef
from registry.domain.source import Source


def narrowed(model: Model, ref: HubRef) -> Model | None:
    """The model with only what `ref` names of it; None if that is nothing."""
    versions = [version for version in (_narrowed(v, ref) for v in model.versions) if version]
    return replace(model, versions=tuple(versions)) if versions else None


def closeness(model: Model, ref: HubRef) -> tuple[bool, int]:
    """Sort key of several models that `ref` may mean; smaller is closer.

    1. it holds the version as its own, not only a file that is also offered there;
    2. the hub's model is its first page there, not a later one.
    """
    own = ref.version is not None and any(
        version.hub_version_id == ref.version for version in model.versions
    )
    pages = [text for text in model.hub_model_ids if text.startswith(f"{ref.hub}:")]
    page = f"{ref.hub}:{ref.model}"
    return not own, pages.index(page) if page in pages else len(pages) + 100


def _narrowed(version: ModelVersion, ref: HubRef) -> ModelVersion | None:
    if ref.hub == "civitai" and ref.file is None and _is_version(version, ref):
        return version
    files = tuple(file for file in version.files if _holds(version, file, ref))
    return replace(version, files=files) if files else None


def _is_version(version: ModelVersion, ref: HubRef) -> bool:
    """Whether this is the version, or one of the model, that `ref` names at Civitai."""
    if version.hub_version_id is None or ref.version not in {None, version.hub_version_id}:
        return False
    models = {
        source.model
        for file in version.files
        for source in file.sources
        if source.hub == ref.hub and source.version == version.hub_version_id
    }
    # Where no source says which model the version is of, its id alone decides.
    stated = models - {None}
    return ref.model in stated if ref.model and stated else ref.version is not None


def _holds(version: ModelVersion, file: ModelFile, ref: HubRef) -> bool:
    if any(_leads_there(source, ref) for source in file.sources):
        return True
    return (
        ref.hub == "civitai"
        and ref.file is not None
        and file.hub_file_id == ref.file
        and (ref.model is None or _is_version(version, replace(ref, file=None)))
    )


def _leads_there(source: Source, ref: HubRef) -> bool:
    if source.hub != ref.hub or (ref.file is not None and source.file != ref.file):
        return False
    if source.hub == "huggingface":
        return source.model == ref.model and ref.version in {None, source.version or "main"}
    return ref.model in {None, source.model} and ref.version in {None, source.version}
