"""Use the store on a disk that is full. Run as a process, in a name space of its own.

unshare --user --map-root-user --mount python -m tests.store.full_disk FOLDER
"""

import contextlib
import subprocess
import sys
from pathlib import Path

import pytest

from registry.domain.install import LinkMethod
from registry.errors import NotEnoughSpace
from registry.store import links
from registry.store.blobs import Store
from tests.store.bytes_on_disk import make_fetched

BIG = b"0123456789abcdef" * 16384


def main(folder):
    tiny = folder / "tiny"
    tiny.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", tiny], check=True)
    blob = Store(folder / "home").adopt(make_fetched(folder / "x.part", BIG))

    copy_does_not_fit(blob, tiny)
    blob_does_not_fit(folder, tiny)
    record_does_not_fit(tiny)


def copy_does_not_fit(blob, tiny):
    place = tiny / "ui" / "ink.safetensors"
    with pytest.raises(NotEnoughSpace) as caught:
        links.link(blob, place, layout="ui", methods=(LinkMethod.HARDLINK, LinkMethod.COPY))

    assert caught.value.needed_bytes == len(BIG)
    assert caught.value.free_bytes <= 64 * 1024
    assert list(place.parent.iterdir()) == []
    assert links.link(blob, place, layout="ui").method is LinkMethod.SYMLINK
    place.unlink()


def blob_does_not_fit(folder, tiny):
    fetched = make_fetched(folder / "x.part", BIG)
    store = Store(tiny / "home")
    with pytest.raises(NotEnoughSpace) as caught:
        store.adopt(fetched)

    assert caught.value.needed_bytes == len(BIG)
    assert fetched.path.exists()
    assert list(store.list()) == []
    store.remove(fetched.hashes.sha256)


def record_does_not_fit(tiny):
    small = make_fetched(tiny / "small.part", b"small")
    with (tiny / "ballast").open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
        while ballast.write(b"0" * 4096):
            pass
    store = Store(tiny / "home")
    with pytest.raises(NotEnoughSpace):
        store.adopt(small)

    assert small.path.exists()
    assert list(store.list()) == []
    (tiny / "ballast").unlink()
    assert store.adopt(small).path.read_bytes() == b"small"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
