"""What a run that died left behind is finished or dropped by the next one."""

import threading
from dataclasses import replace

from registry.domain.install import Placement
from registry.domain.progress import Progress
from registry.operations.recover import recover
from tests.factories import make_install


def intended(registry, rooms, **changes):
    """An install that got as far as its intent."""
    (done,) = registry.install("civitai:901").files
    record = replace(done.install, **changes)
    registry.catalog.installs.remove(done.install.id)
    for link in done.install.links:
        link.path.unlink()
    places = [Placement(link.layout, link.path) for link in done.install.links]
    rooms.catalog.installs.intend(record, places)
    return record


def test_an_intent_whose_bytes_are_stored_is_completed_with_its_links(registry, rooms):
    record = intended(registry, rooms)

    assert [each.outcome for each in recover(rooms)] == ["finished"]

    (install,) = registry.installed()
    assert install.file_name == record.file_name
    assert {link.layout for link in install.links} == {"library", "comfyui"}
    assert all(link.path.is_file() for link in install.links)
    assert rooms.catalog.installs.pending() == ()


def test_an_intent_without_bytes_is_dropped(rooms):
    rooms.catalog.installs.intend(make_install(links=()), ())

    assert [each.outcome for each in recover(rooms)] == ["dropped"]
    assert rooms.catalog.installs.pending() == ()
    assert rooms.catalog.installs.all() == ()


def test_an_intent_that_somebody_is_working_on_is_left_alone(registry, rooms):
    record = intended(registry, rooms)
    held, done = threading.Event(), threading.Event()

    def work():
        with rooms.downloader.claim(record.sha256, Progress()):
            held.set()
            done.wait(timeout=30)

    worker = threading.Thread(target=work)
    worker.start()
    held.wait(timeout=30)
    try:
        (left,) = recover(rooms)
        assert (left.outcome, left.because is None) == ("left", False)
        assert len(rooms.catalog.installs.pending()) == 1
    finally:
        done.set()
        worker.join()
    recover(rooms)
    assert rooms.catalog.installs.pending() == ()
