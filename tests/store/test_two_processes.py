import subprocess
import sys

from registry.store.blobs import Store
from tests.store.racing import FILES, content


def test_processes_that_adopt_and_link_the_same_files_end_with_one_of_each(tmp_path, project_root):
    home = tmp_path / "home"
    racers = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.store.racing", str(home), name],
            cwd=project_root,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in ("one", "two", "three")
    ]
    assert [racer.stdout.readline() for racer in racers] == ["ready\n"] * 3
    for racer in racers:
        racer.stdin.close()
        racer.stdin = None
    errors = [racer.communicate(timeout=60)[1] for racer in racers]

    assert errors == ["", "", ""]
    store = Store(home)
    blobs = [store.blob(sha256) for sha256 in store.list()]
    assert sorted(blob.path.read_bytes() for blob in blobs) == [content(n) for n in range(FILES)]
    assert all(store.pieces(blob.sha256) is not None for blob in blobs)
    assert list((home / "partial").iterdir()) == []
    assert list(store.quarantined()) == []
    for folder in (home / "ui").iterdir():
        assert len(list(folder.iterdir())) == FILES
    for shelf in (home / "blobs" / "sha256").iterdir():
        assert all(len(path.stem) == 64 for path in shelf.iterdir()), "litter beside the blobs"
