"""Rows 57 to 63: names that strangers chose, places that are not free, and other file systems."""

import contextlib
import os
import socket
import subprocess
import sys
import unicodedata

import pathvalidate
import pytest

from registry.api import Registry
from registry.demo.hub import EmbeddedHub, HostedFile
from registry.operations.plan_install import beside, human_name, places_for
from registry.settings import Settings
from tests.factories import make_file
from tests.faults.disks import Apart
from tests.faults.machine import MIB, ROOT, Machine, noise, sha256_of

SMALL = noise(MIB, seed=3)
PRECIOUS = b"somebody else's"


@pytest.fixture
def publish(tmp_path):
    """Installs files under the names that a publisher gave them, in this process."""
    (tmp_path / "comfy").mkdir()
    with contextlib.ExitStack() as stack:

        def install(*named):
            hosted = [
                HostedFile(content, name, civitai=(900 + n, 100 + n, 500 + n), type="LORA")
                for n, (name, content) in enumerate(named)
            ]
            hub = stack.enter_context(EmbeddedHub(hosted))
            registry = Registry(
                Settings(
                    home=tmp_path / "home",
                    civitai_url=hub.address,
                    hf_endpoint=hub.address,
                    uis=(("comfyui", tmp_path / "comfy"),),
                )
            )
            stack.callback(registry.catalog.close)
            install.registry = registry
            return [registry.install(f"civitai:{900 + n}").files[0] for n in range(len(named))]

        install.ui = tmp_path / "comfy" / "models" / "loras"
        install.library = tmp_path / "home" / "library" / "lora"
        install.root = tmp_path
        yield install


def everything(folder):
    return [path for path in folder.rglob("*") if not path.is_dir()]


@pytest.mark.parametrize("sign", ["字", "\N{GRINNING FACE}", "é", "x"])
def test_row_57_a_name_that_is_too_long_in_bytes_is_cut_and_keeps_its_suffix(publish, sign):
    first, second = publish(
        (f"{sign * 250}1.safetensors", noise(1000, 1)),
        (f"{sign * 250}2.safetensors", noise(1000, 2)),
    )

    names = {first.install.file_name, second.install.file_name}
    assert len(names) == 2, "two long names stay two"
    for name in names:
        assert len(name.encode()) <= 200
        assert name.endswith(".safetensors")
        assert (publish.ui / name).is_file()
        assert (publish.library / name).is_file()


HOSTILE = [
    r"C:\windows\x.safetensors",
    r"\\host\share\x.safetensors",
    "CON",
    "con.safetensors",
    "aux.safetensors",
    "COM¹.safetensors",
    "a.safetensors.",
    "a.safetensors ",
    "a:b.safetensors",
    "a:$DATA",
    "nul\0byte.safetensors",
    "two\nlines.safetensors",
    "\x1b[31mred.safetensors",
    "right\u202eto-left.safetensors",
    ".hidden.safetensors",
    "what?*|<>.safetensors",
    "~",
    "-rf",
    "%2e%2e%2fescape.safetensors",
]


def test_row_58_hostile_names_become_names_that_every_system_takes(publish):
    done = publish(*((name, noise(500, seed)) for seed, name in enumerate(HOSTILE)))

    for file in done:
        name = file.install.file_name
        assert pathvalidate.is_valid_filename(name, platform="universal"), name
        for link in file.install.links:
            assert link.path.parent in {publish.ui, publish.library}, link.path
            assert link.path.is_file()
    placed = {path.parent for path in everything(publish.root / "comfy")}
    assert placed == {publish.ui}, "nothing got out of its folder"


@pytest.mark.parametrize(
    "name", ["..", ".", "", "../../../etc/passwd", "/etc/passwd", "a/..", "//"]
)
def test_row_58_a_name_that_is_a_path_leads_nowhere(publish, name):
    publish(("x.safetensors", noise(500)))
    model = publish.registry.plan_install("civitai:900").model

    found = human_name(make_file(name=name), model)

    assert pathvalidate.is_valid_filename(found, platform="universal")
    for place in places_for("lora", found, publish.registry.rooms):
        assert place.path.parent in {publish.ui, publish.library}


@pytest.mark.parametrize("name", ["x.a:b", "x.y\nz", "x.a ", "x." + "y" * 400, "x.\\host"])
def test_row_58_a_companion_has_a_suffix_of_strangers_too(publish, name):
    (done,) = publish(("x.safetensors", noise(500)))
    plan = publish.registry.plan_install("civitai:900")

    found = beside(plan.steps[0], make_file(name=name), plan.model, publish.registry.rooms)

    assert done.install.file_name == "x.safetensors"
    assert pathvalidate.is_valid_filename(found.file_name, platform="universal")
    assert {place.path.name for place in found.places} == {found.file_name}
    assert {place.path.parent for place in found.places} == {publish.ui, publish.library}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ink.safetensors", "ink.SafeTensors"),
        (unicodedata.normalize("NFC", "café.safetensors"), "CAFÉ.safetensors"),
    ],
    ids=["case", "case with accents"],
)
def test_row_59_names_that_some_system_takes_for_one_lie_side_by_side(publish, one, other):
    first, second = publish((one, noise(1000, 1)), (other, noise(1000, 2)))

    for file, content in ((first, noise(1000, 1)), (second, noise(1000, 2))):
        for link in file.install.links:
            assert link.path.read_bytes() == content
    folded = [path.name.casefold() for path in publish.ui.iterdir()]
    assert len(folded) == len(set(folded)) == 2


def test_row_59_an_accent_that_is_spelt_in_two_ways_is_one_name(publish):
    publish.ui.mkdir(parents=True)
    theirs = publish.ui / unicodedata.normalize("NFD", "café.safetensors")
    theirs.write_bytes(PRECIOUS)

    (done,) = publish((unicodedata.normalize("NFC", "café.safetensors"), SMALL))

    assert theirs.read_bytes() == PRECIOUS
    (ours,) = (link.path for link in done.install.links if link.layout == "comfyui")
    assert ours.name == f"café-{sha256_of(SMALL)[:8]}.safetensors"


def make_socket(path):
    with socket.socket(socket.AF_UNIX) as made, contextlib.chdir(path.parent):
        made.bind(path.name)


OCCUPANTS = {
    "a folder": lambda path: path.mkdir(),
    "a FIFO": os.mkfifo,
    "a socket": make_socket,
    "a link to nowhere": lambda path: path.symlink_to("nowhere"),
    "a link to itself": lambda path: path.symlink_to(path),
    "a link to a file": lambda path: path.symlink_to("/etc/passwd"),
    "a link to a device": lambda path: path.symlink_to("/dev/zero"),
}


@pytest.mark.parametrize("make", OCCUPANTS.values(), ids=OCCUPANTS)
def test_row_60_what_is_no_file_at_a_place_stays_and_ours_lies_beside_it(publish, make):
    lie_beside(publish, make)


@pytest.mark.parametrize("content", [b"", PRECIOUS, noise(MIB, seed=5)])
def test_row_61_another_file_at_a_place_stays_and_ours_lies_beside_it(publish, content):
    place = lie_beside(publish, lambda path: path.write_bytes(content))

    assert place.read_bytes() == content


def lie_beside(publish, make):
    """Install a file whose place is taken; gives the place."""
    publish.ui.mkdir(parents=True)
    place = publish.ui / "ink.safetensors"
    make(place)
    before = place.lstat()

    (done,) = publish(("ink.safetensors", SMALL))

    after = place.lstat()
    assert (after.st_ino, after.st_size, after.st_mode, after.st_mtime_ns) == (
        before.st_ino,
        before.st_size,
        before.st_mode,
        before.st_mtime_ns,
    )
    (ours,) = (link.path for link in done.install.links if link.layout == "comfyui")
    assert ours == publish.ui / f"ink-{sha256_of(SMALL)[:8]}.safetensors"
    assert ours.read_bytes() == SMALL
    return place


@pytest.mark.parametrize(
    "make", [os.mkfifo, lambda path: path.symlink_to("/etc/passwd"), lambda path: path.mkdir()]
)
@pytest.mark.parametrize("suffix", ["part", "journal"])
def test_row_60_what_lies_where_our_own_files_belong_is_not_followed(machine, make, suffix):
    partial = machine.home / "partial"
    partial.mkdir(exist_ok=True)
    place = partial / f"{sha256_of(SMALL)}.{suffix}"
    make(place)
    before = place.lstat()

    ended = machine.run(*machine.wanting(SMALL))

    assert ended.code in {0, 6}
    assert ended.code == 0 or " cannot be used: " in ended.err
    assert ended.code == 0 or place.lstat().st_ino == before.st_ino
    machine.look(*([SMALL] if ended.code == 0 else []), finished=False)


SWAP = """
import os, sys
from pathlib import Path
from registry.domain.install import Blob, LinkMethod
from registry.errors import StoreError
from registry.store import links

stored, folder, elsewhere, method = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4]
swapped = False

def swap(event, args):
    # At the last moment: the folder was looked at, and the link is about to be made in it.
    global swapped
    named = any(isinstance(arg, (str, os.PathLike)) and "ink" in str(arg) for arg in args)
    if event in ("os.link", "os.symlink") and named and not swapped:
        swapped = True
        folder.rename(folder.with_name("moved"))
        folder.symlink_to(elsewhere)

sys.addaudithook(swap)
blob = Blob(stored.name, stored, stored.stat().st_size)
try:
    links.link(blob, folder / "ink.safetensors", layout="ui", methods=(LinkMethod(method),))
except StoreError as error:
    print(error)
assert swapped
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it is only noticed afterwards")
@pytest.mark.parametrize("method", ["hardlink", "symlink", "copy"])
def test_row_60_a_folder_that_is_swapped_for_a_link_meanwhile_is_not_followed(
    machine, tmp_path, method
):
    assert machine.run(*machine.wanting(SMALL)).code == 0
    folder, elsewhere = tmp_path / "ui" / "loras", tmp_path / "elsewhere"
    folder.mkdir(parents=True)
    elsewhere.mkdir()

    ended = subprocess.run(
        [sys.executable, "-c", SWAP, machine.blobs()[0], folder, elsewhere, method],
        env=machine.environment,
        capture_output=True,
        text=True,
        check=True,
    )

    assert "another folder took the place of its own" in ended.stdout
    assert list(elsewhere.iterdir()) == []
    assert list((tmp_path / "ui" / "moved").iterdir()) == []


@pytest.mark.parametrize("length", [len(SMALL) // 2, 40, 8, 3])
def test_row_62_a_file_that_another_tool_left_half_written_is_named_as_such(publish, length):
    publish.ui.mkdir(parents=True)
    half = publish.ui / "ink.safetensors"
    half.write_bytes(SMALL[:length])

    (done,) = publish(("ink.safetensors", SMALL))

    assert half.read_bytes() == SMALL[:length]
    (note,) = (note for note in done.notes if "ink.safetensors" in note)
    assert str(half) in note
    assert "it was left as it is" in note
    assert f"ink-{sha256_of(SMALL)[:8]}.safetensors" in note


@pytest.mark.parametrize("folder", ["partial", "blobs", "library"])
def test_row_63_a_part_of_the_home_may_lie_on_another_disk(machine, folder):
    other = machine.home / folder
    other.mkdir(exist_ok=True)
    with Apart() as apart:
        apart.small(other, "size=40m")
        words = machine.wanting(SMALL)

        done = machine(*words, before=apart.enter)["files"][0]
        again = machine(*words, before=apart.enter)["files"][0]
        verified = machine("verify", before=apart.enter)

        inside = Machine(apart.seen(machine.folder), machine.server, machine.filled)
        assert done["proven"]
        assert again["status"] == "already-installed"
        assert verified["findings"] == []
        assert [path.read_bytes() for path in inside.blobs()] == [SMALL]
        assert inside.unfinished() == []
        assert not list(inside.home.rglob(".sdreg-*"))


def test_row_63_a_ui_on_another_disk_gets_links_that_work(machine):
    with Apart() as apart:
        apart.small(machine.uis["comfyui"], "size=1m")

        done = machine(*machine.wanting(SMALL), before=apart.enter)["files"][0]

        methods = {link["layout"]: link["method"] for link in done["links"]}
        assert methods["comfyui"] == "symlink"
        assert methods["library"] in {"hardlink", "reflink"}


def test_row_63_a_copy_to_another_disk_that_comes_out_wrong_is_not_kept(machine, tmp_path):
    """The proof of a part that moves between disks is the hash of what was written."""
    with Apart() as apart:
        partial = machine.home / "partial"
        partial.mkdir(exist_ok=True)
        apart.small(partial, "size=40m")
        code = (
            "import sys, os\n"
            "sys.path.insert(0, sys.argv[1])\n"
            "from pathlib import Path\n"
            "from registry.errors import BlobDamaged\n"
            "from registry.store.blobs import Store\n"
            "from tests.store.bytes_on_disk import make_fetched\n"
            "home = Path(sys.argv[2])\n"
            "fetched = make_fetched(home / 'partial' / 'x.part')\n"
            "with fetched.path.open('r+b') as part:\n"
            "    part.write(b'rot')\n"
            "try:\n"
            "    Store(home).adopt(fetched)\n"
            "except BlobDamaged as error:\n"
            "    print(error)\n"
        )
        ended = subprocess.run(
            [*apart.enter, sys.executable, "-c", code, str(ROOT), str(machine.home)],
            env=machine.environment,
            capture_output=True,
            text=True,
            check=True,
        )

        assert "it changed since it was hashed" in ended.stdout
        inside = Machine(apart.seen(machine.folder), machine.server, machine.filled)
        assert inside.blobs() == []
