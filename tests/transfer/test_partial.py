"""The part file and its journal; what disks do to them stands in tests/faults."""

import contextlib
import os
import shutil

import pytest

from registry.domain.source import Source
from registry.transfer.journal import Journal, lasting_name
from registry.transfer.partial import Part

MIB = 1024 * 1024


@pytest.fixture
def part(tmp_path):
    with contextlib.closing(Part(tmp_path, "part", durable=True)) as opened:
        yield opened


def test_room_that_a_part_already_has_is_not_needed_again(part, monkeypatch):
    part.prepare(8 * MIB)
    monkeypatch.setattr(
        shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 10**9, MIB)
    )

    part.prepare(8 * MIB + 1000)


def test_a_journal_is_replaced_only_after_the_bytes_it_names_are_synced(part, monkeypatch):
    events = []
    for name in ("fdatasync", "fsync", "replace", "rename"):
        real = getattr(os, name)

        def note(*args, _name=name, _real=real, **more):
            events.append(_name)
            return _real(*args, **more)

        monkeypatch.setattr(os, name, note)

    part.save(Journal("civitai:66", "m", 10, pieces={0: "ab" * 32}))

    assert events == ["fdatasync", "fsync", "replace", "fsync"]
    assert part.journal().pieces == {0: "ab" * 32}


def test_a_journal_knows_how_much_is_done():
    journal = Journal("s", "m", 9 * MIB, pieces={0: "ab" * 32, 2: "cd" * 32})

    assert journal.done_bytes == 5 * MIB
    assert Journal.from_text(journal.to_text()) == journal


@pytest.mark.parametrize(
    "wrong",
    [
        {"size_bytes": 0},
        {"pieces": {3: "ab" * 32}},
        {"pieces": {-1: "ab" * 32}},
        {"pieces": {0: "xy" * 32}},
        {"pieces": {0: "ab"}},
        {"piece_bytes": 7},
    ],
)
def test_a_journal_that_contradicts_itself_is_none(wrong):
    text = Journal(**{"source": "s", "file_name": "m", "size_bytes": 9 * MIB, **wrong}).to_text()

    assert Journal.from_text(text) is None


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://a.example/x.bin", "https://a.example/x.bin"),
        ("https://u:p@a.example:8/x?sig=1#f", "https://a.example:8/x?…"),
        ("https://[::1/x?sig=1", "https://[::1/x"),
    ],
)
def test_a_lasting_name_has_no_secrets(url, name):
    assert lasting_name(Source("direct", url=url)) == name
