"""Do one deed of the store again and again, killed one step later each time. Run as a process.

    python -m tests.store.killed DEED FOLDER

After every kill the invariants must hold, and doing the deed again must finish it. Prints how many
steps the deed has. The kill comes from an audit hook, so what runs is the real code on a real disk.
"""

import hashlib
import itertools
import os
import shutil
import signal
import sys
from pathlib import Path

from registry.domain.install import LinkMethod
from registry.store import links
from registry.store.blobs import Store
from tests.store.bytes_on_disk import SHA256, WEIGHTS, make_fetched, piece_map

STEPS = {
    "open",
    "os.chmod",
    "os.link",
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.symlink",
    "fcntl.ioctl",
}
ROTTEN = b"rot" + WEIGHTS[3:]


class World:
    """One store, one UI, and a file of the user's beside our link."""

    def __init__(self, folder):
        self.folder = folder
        self.store = Store(folder / "home")
        self.part = folder / "home" / "partial" / "x.part"
        self.place = folder / "ui" / "models" / "ink.safetensors"
        self.users = folder / "ui" / "models" / "mine.safetensors"

    def begin(self):
        self.users.parent.mkdir(parents=True)
        self.users.write_bytes(b"the user's own")

    def stored(self):
        return self.store.adopt(make_fetched(self.part))


class Adopt(World):
    def begin(self):
        super().begin()
        make_fetched(self.part)

    def do(self):
        # What the transfer room does: if the part is gone the deed was done, or it comes again.
        if not self.part.exists() and self.store.has(SHA256):
            return
        self.store.adopt(make_fetched(self.part), facts={"slug": "ink"})

    def done(self):
        return self.store.has(SHA256) and not self.part.exists()


class AdoptOverDamage(Adopt):
    def begin(self):
        super().begin()
        self.stored().path.chmod(0o644)
        self.store.path_of(SHA256).write_bytes(WEIGHTS[:50])
        make_fetched(self.part)

    damage_is_known = True


class AdoptCopy(World):
    def begin(self):
        super().begin()
        self.users.write_bytes(WEIGHTS)

    def do(self):
        self.store.adopt_copy(self.users)

    def done(self):
        return self.store.has(SHA256) and self.users.read_bytes() == WEIGHTS


class Repair(World):
    damage_is_known = True

    def begin(self):
        super().begin()
        blob = self.stored()
        self.link = links.link(blob, self.place, layout="ui", methods=(LinkMethod.HARDLINK,))
        blob.path.chmod(0o644)
        blob.path.write_bytes(ROTTEN)

    def do(self):
        if self.store.path_of(SHA256).read_bytes() != WEIGHTS:
            self.store.replace_damaged(make_fetched(self.part))
        if links.check(self.link, self.store.path_of(SHA256)) != "ok":
            links.remake(self.link, self.store.blob(SHA256), self.store.is_quarantined)

    def done(self):
        aside = [path.read_bytes() for path in self.store.quarantined()]
        return self.place.samefile(self.store.path_of(SHA256)) and ROTTEN in aside


class Quarantine(World):
    def begin(self):
        super().begin()
        make_fetched(self.part)

    def do(self):
        if self.part.exists():
            self.store.quarantine(self.part, "it is not what it should be")

    def done(self):
        return [p.read_bytes() for p in self.store.quarantined()] == [WEIGHTS]


class LinkBy(World):
    method = LinkMethod.HARDLINK

    def begin(self):
        super().begin()
        self.stored()

    def do(self):
        links.link(self.store.blob(SHA256), self.place, layout="ui", methods=(self.method,))

    def done(self):
        names = {path.name for path in self.place.parent.iterdir()}
        return names == {"ink.safetensors", "mine.safetensors"}


class LinkBySymlink(LinkBy):
    method = LinkMethod.SYMLINK


class LinkByCopy(LinkBy):
    method = LinkMethod.COPY


class Remove(World):
    may_lose = True

    def begin(self):
        super().begin()
        self.link = links.link(self.stored(), self.place, layout="ui")

    def do(self):
        links.unlink(self.link, self.store.path_of(SHA256))
        self.store.remove(SHA256)

    def done(self):
        return not self.store.has(SHA256) and not self.place.exists()


DEEDS = {
    "adopt": Adopt,
    "adopt-over-damage": AdoptOverDamage,
    "adopt-copy": AdoptCopy,
    "repair": Repair,
    "quarantine": Quarantine,
    "hardlink": LinkBy,
    "symlink": LinkBySymlink,
    "copy": LinkByCopy,
    "remove": Remove,
}


def main(deed, folder):
    for step in itertools.count():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        world = DEEDS[deed](folder)
        world.begin()
        killed = do_and_die(world, step)
        look(world, finished=not killed)
        world.do()
        look(world, finished=True)
        if not killed:
            return step
    raise AssertionError("there is always one step more")


def do_and_die(world, step):
    child = os.fork()
    if child == 0:
        die_before(step, world.folder)
        world.do()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0
    return False


def die_before(step, folder):
    left = step

    def hook(event, args):
        nonlocal left
        if event not in STEPS or (event != "fcntl.ioctl" and not is_below(folder, args[0])):
            return
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

    sys.addaudithook(hook)


def is_below(folder, path):
    text = str(path)
    return text.startswith((str(folder), "/proc/self/fd"))


def look(world, *, finished):
    store = world.store
    for path in (store.root / "blobs").rglob("*"):
        if path.is_file() and len(path.name) == 64:
            whole = hashlib.sha256(path.read_bytes()).hexdigest() == path.name
            assert whole or (not finished and getattr(world, "damage_is_known", False)), path
            assert store.record(path.name) is not None, "a blob without its piece map"
    pieces = store.pieces(SHA256)
    assert pieces is None or pieces.size_bytes == piece_map(WEIGHTS).size_bytes
    for path in world.place.parent.iterdir():
        if path == world.users:
            assert path.read_bytes() in {b"the user's own", WEIGHTS}
        elif path == world.place:
            rotten = getattr(world, "damage_is_known", False) and not finished
            assert path.read_bytes() == WEIGHTS or rotten
        else:
            raise AssertionError(f"{path} is litter in the folder of a UI")
    for path in store.quarantined():
        assert path.with_name(f"{path.name}.why.txt").exists()
    if not getattr(world, "may_lose", False) and not isinstance(world, Repair):
        everywhere = (p.read_bytes() for p in world.folder.rglob("*") if p.is_file())
        assert WEIGHTS in everywhere, "the bytes are lost"
    if finished:
        assert world.done()


if __name__ == "__main__":
    sys.stdout.write(str(main(sys.argv[1], Path(sys.argv[2]))))
