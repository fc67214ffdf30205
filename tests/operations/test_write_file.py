"""A file that the user asked for: all of it or none, and never in another one's place."""

import pytest

from registry.errors import InvalidArgument, StoreUnwritable
from registry.operations.write_file import write_new


def test_a_disk_that_ends_in_the_middle_leaves_no_half_file(tmp_path):
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(StoreUnwritable):
            write_new(tmp_path / "a.meta4", b"x" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert list(tmp_path.iterdir()) == []


def test_a_name_that_leads_nowhere_is_taken_as_well(tmp_path):
    link = tmp_path / "a.meta4"
    link.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(InvalidArgument, match="exists already"):
        write_new(link, b"x")

    assert not (tmp_path / "elsewhere").exists()


def test_a_folder_that_is_not_there_is_not_made(tmp_path):
    with pytest.raises(InvalidArgument, match="nowhere is no folder"):
        write_new(tmp_path / "nowhere" / "a.meta4", b"x")

    assert list(tmp_path.iterdir()) == []
