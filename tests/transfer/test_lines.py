"""One clock for all requests: who is late is told, who is in time is not."""

import threading
import time

from registry.transfer.lines import Deadline, Lines

ORIGIN = ("http", "example.org", 80)
HEAD = "http11.receive_response_headers"


def test_a_deadline_that_passes_is_told():
    deadline = Deadline(Lines(1), ORIGIN, 0.02)

    deadline(f"{HEAD}.started")

    assert deadline.passed.wait(5)


def test_one_that_is_kept_is_not_told():
    lines = Lines(1)
    kept, late = Deadline(lines, ORIGIN, 0.02), Deadline(lines, ORIGIN, 0.1)

    kept(f"{HEAD}.started")
    late(f"{HEAD}.started")
    kept(f"{HEAD}.complete")

    assert late.passed.wait(5)
    assert not kept.passed.is_set()


def test_a_shorter_one_that_begins_later_is_told_first():
    lines = Lines(1)
    patient, hurried = Deadline(lines, ORIGIN, 60.0), Deadline(lines, ORIGIN, 0.02)

    patient(f"{HEAD}.started")
    time.sleep(0.05)
    hurried(f"{HEAD}.started")

    assert hurried.passed.wait(5)
    assert not patient.passed.is_set()
    patient(f"{HEAD}.complete")


def test_many_requests_have_one_clock():
    lines = Lines(1)
    deadlines = [Deadline(lines, ORIGIN, 0.2) for _ in range(20)]
    before = set(threading.enumerate())

    for deadline in deadlines:
        deadline(f"{HEAD}.started")

    assert len(set(threading.enumerate()) - before) == 1
    assert all(deadline.passed.wait(5) for deadline in deadlines)
