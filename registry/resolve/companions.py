"""What must come along with a chosen file, and what its author recommends beside it."""

from registry.domain.model import FileRole, ModelFile, ModelVersion


def companions(version: ModelVersion, chosen: ModelFile) -> tuple[ModelFile, ...]:
    """Files that the chosen one does not work without: its configuration of the same name.

    A UI looks for ``model.yaml`` beside ``model.ckpt``; without it an SD 2 or v-prediction
    checkpoint loads as the wrong architecture.
    """
    stem = _stem(chosen.name)
    return tuple(
        file
        for file in version.files
        if file.role is FileRole.CONFIG and file.sources and _stem(file.name) == stem
    )


def _stem(file_name: str) -> str:
    return file_name.rpartition(".")[0].casefold()
