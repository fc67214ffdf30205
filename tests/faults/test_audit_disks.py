"""Audits of disks that refuse, as real processes."""

import pytest

from registry.domain.progress import Progress
from tests.faults.household import weights
from tests.faults.machine import MIB, noise, under
from tests.faults.test_disk_every_step import can_trace, traced
from tests.faults.under import is_known

CONTENT, OTHER = noise(9 * MIB), noise(9 * MIB, seed=2)


@pytest.fixture
def filled(machine):
    """Two files of three pieces."""
    assert machine.run(*machine.wanting(CONTENT)).code == 0
    assert machine.run(*machine.wanting(OTHER, "other.safetensors")).code == 0
    return machine


@pytest.mark.skipif(not is_known(), reason="its system calls are not known")
def test_row_52_a_disk_that_refuses_every_piece_is_unreadable_and_nothing_is_lost(filled):
    told = filled("audit", "run", expect=1, before=under("preadv2=EIO"))

    assert told["checked"] == 2
    assert {finding["kind"] for finding in told["findings"]} == {"unreadable"}
    assert {tuple(finding["pieces"]) for finding in told["findings"]} == {(0, 1, 2)}

    # Not even the repaired file could be read then, to prove it.
    assert filled("repair", expect=1, before=under("preadv2=EIO"))["repaired"] == []
    assert len(filled("repair")["repaired"]) == 0
    assert filled("audit", "run")["findings"] == []
    filled.look(CONTENT, OTHER, finished=True)


@pytest.mark.skipif(not can_trace(), reason="strace is not here or may not trace")
def test_row_52_one_file_that_the_disk_refuses_is_named_and_the_other_is_read(filled):
    bad, _good = filled.blobs()
    names = [path for path in (bad, *filled.finals()) if path.samefile(bad)]
    refusing = list(traced("preadv2,read", inject="error=EIO"))
    for name in names:
        refusing += ["-P", str(name)]

    told = filled("audit", "run", expect=1, before=refusing)

    (finding,) = told["findings"]
    assert len(names) == 4
    assert (finding["kind"], finding["path"]) == ("unreadable", str(bad))
    assert finding["pieces"] == [0, 1, 2]
    assert "Input/output error" in finding["message"]
    assert told["checked"] == 2

    mended = filled("repair", before=refusing)
    (repaired,) = mended["repaired"]
    assert repaired["path"] == str(bad)
    assert repaired["bytes_fetched"] == len(bad.read_bytes())
    assert filled("audit", "run")["findings"] == []


def test_row_79_a_model_that_is_removed_while_it_is_audited_is_not_missing(house, server):
    content = weights(MIB)
    url = server.serve("noise.safetensors", content)
    done = house.installs(url, content)
    registry = house.registry()

    class Remover(Progress):
        def begin(self, what, total_bytes, done_bytes=0):
            registry.remove(done.install.sha256)

    report = registry.audit(progress=Remover())

    assert (report.findings, report.run.checked, report.run.remaining) == ((), 0, 0)


def test_row_79_a_link_that_is_removed_while_it_is_audited_is_not_missing(house, server):
    content = weights(MIB)
    done = house.installs(server.serve("noise.safetensors", content), content)
    registry = house.registry()
    gone = done.install.links[0].path
    gone.unlink()

    class Linker(Progress):
        made = False

        def begin(self, what, total_bytes, done_bytes=0):
            if not self.made:
                self.made = True
                registry.catalog.installs.remove_link(gone)

    report = registry.audit(progress=Linker())

    assert report.findings == ()
