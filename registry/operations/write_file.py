"""Write a file that the user asked for, without taking another one's place."""

from pathlib import Path

from registry.errors import InvalidArgument, StoreUnwritable


def write_new(path: Path, content: bytes) -> None:
    """Create `path` with `content`.

    Raises:
        InvalidArgument: Something is there already.
        StoreUnwritable: The folder cannot be written.
    """
    try:
        with path.open("xb") as out:
            out.write(content)
    except FileExistsError as error:
        raise InvalidArgument(
            str(path), "exists already; it was left as it is", "Choose another name."
        ) from error
    except OSError as error:
        raise StoreUnwritable(str(path), error.strerror or str(error)) from error
