"""A UI's folders, and where one file belongs in them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from types import MappingProxyType

_NOTHING: Mapping[str, str] = MappingProxyType({})
_NO_NAMES: Mapping[str, tuple[tuple[str, str], ...]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders of one UI.

    Every folder is relative to the UI's root, with forward slashes.

    Attributes:
        name: Short name, as settings and links write it.
        title: What people call it.
        markers: Paths that all lie in the root of this UI and not all in another's.
        folders: Slug of a model type to its folder.
        by_name: Slug of a model type to (pattern, folder): a file whose name fits the pattern, in
            lower case, goes there instead. The first that fits decides.
        no_use: Slug of a model type to why this UI has no place for it. A type that comes with a
            folder for this UI needs no line in either.
        otherwise: Folder for types that nobody has told us about; None to leave them out.
    """

    name: str
    title: str
    markers: tuple[str, ...] = ()
    folders: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    by_name: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=lambda: _NO_NAMES)
    no_use: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    otherwise: str | None = None

    def folder_for(
        self, model_type: str, file_name: str, *, type_folders: Mapping[str, str] = _NOTHING
    ) -> str | None:
        """The folder of one file, or None if this UI has no use for it.

        The layout's own row wins, then the folder that the type brings along for this UI.
        """
        for pattern, folder in self.by_name.get(model_type, ()):
            if fnmatchcase(file_name.lower(), pattern):
                return folder
        own = self.folders.get(model_type)
        if own is not None or model_type in self.no_use:
            return own
        return type_folders.get(self.name, self.otherwise)


def place(
    layout: Layout,
    root: Path,
    model_type: str,
    file_name: str,
    *,
    type_folders: Mapping[str, str] = _NOTHING,
) -> Path | None:
    """Where a file belongs below `root`, or None if the UI has no use for its type.

    Args:
        layout: The UI.
        root: Its folder.
        model_type: Slug of the file's type.
        file_name: A name that was made safe already: one part, no separators.
        type_folders: Layout name to folder, as the type brings them along.

    Raises:
        ValueError: The name or the folder would lead out of `root`.
    """
    folder = layout.folder_for(model_type, file_name, type_folders=type_folders)
    if folder is None:
        return None
    inner = PurePosixPath(folder)
    if not folder or inner.is_absolute() or ".." in inner.parts or set(folder) & set("\\:\0"):
        raise ValueError(f"{folder!r} is not a folder inside {layout.title}")
    if file_name in {"", ".", ".."} or set(file_name) & set("/\\:\0"):
        raise ValueError(f"{file_name!r} is not a safe file name")
    return root.joinpath(*inner.parts, file_name)
