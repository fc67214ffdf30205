"""Faults on top of each other, with kills in between: right bytes, or an error of ours.

    FAULT_RUNS=500 pytest tests/faults/test_faults_together.py

One example is the life of one install: a few runs of `sdreg install`, each a process of its own,
each against a hub and a mirror with other faults, some killed midway. The last run meets servers
that behave, and must succeed.
"""

import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.faults.household import (
    AT_CIVITAI,
    AT_HUGGINGFACE,
    CIVITAI,
    HUGGINGFACE,
    KIB,
    MIB,
    QUICK,
    TOKEN,
    Household,
    no_token_at,
    weights,
)
from tests.faults.life import CRASHED, REFUSED, Life
from tests.servers.model_server import ModelServer, Trouble

RUNS = int(os.environ.get("FAULT_RUNS", "12"))  # noqa: TID251 -- more runs by hand
CONTENTS = {size: weights(size, seed=size) for size in (2, 70 * KIB, 5 * MIB, 17 * MIB)}
HASTY = QUICK | {
    "stall_timeout_s": 0.6,
    "first_wait_s": 0.001,
    "longest_wait_s": 0.01,
    "attempts_without_progress": 3,
}

troubles = st.lists(
    st.builds(
        Trouble,
        status=st.sampled_from([401, 403, 404, 410, 416, 429, 500, 503]),
        body=st.sampled_from([b"", b"<html><title>no</title>", b'{"error":"no"}']),
        headers=st.sampled_from([{}, {"Retry-After": "0"}, {"Retry-After": "9999"}]),
        after=st.integers(0, 3),
        times=st.integers(1, 2),
    ),
    max_size=2,
).map(tuple)

faults = {
    "etag": st.sampled_from([None, '"v1"', 'W/"v1"', '"v2"', lambda count: f'"v{count // 4}"']),
    "ranges": st.booleans(),
    "if_range": st.booleans(),
    "content": st.sampled_from([b"<html><title>no</title>", b"", b"\0" * MIB]),
    "total_said": st.sampled_from(["*", 12345, 10**18]),
    "begin_shift": st.sampled_from([0, 1]),
    "body_shift": st.sampled_from([0, 5]),
    "flip_at": st.integers(0, 17 * MIB),
    "length_said": st.sampled_from(["", 0, -1, 1000, 10**18]),
    "more": st.sampled_from([b"", b"more"]),
    "cut_at": st.integers(0, 17 * MIB),
    "cuts": st.integers(1, 3),
    "drop_every": st.sampled_from([60 * KIB, MIB, 5 * MIB]),
    "reset": st.booleans(),
    "stall_at": st.integers(0, 17 * MIB),
    "stalls": st.just(1),
    "chunked": st.booleans(),
    "encode": st.booleans(),
    "multipart": st.booleans(),
    "http10": st.booleans(),
    "content_type": st.sampled_from(["text/html", "application/json", "x/y"]),
    "raw": st.sampled_from([b"", b"\0\xff", b"HTTP/1.1 200 OK\r\nX: " + b"x" * MIB]),
    "headers": st.sampled_from(
        [{"Content-Encoding": "br"}, {"Content-Disposition": 'attachment; filename="../x"'}]
    ),
}
# Few at once: with all of them nothing ever begins.
manners = st.lists(st.sampled_from(sorted(faults)), max_size=4, unique=True).flatmap(
    lambda names: st.fixed_dictionaries({name: faults[name] for name in names})
)
script = st.lists(manners, min_size=1, max_size=4)
run = st.fixed_dictionaries(
    {
        "hub": script,
        "troubles": troubles,
        "mirror": st.none() | script,
        "redirects": st.booleans(),
        "swapped": st.booleans(),
        "kill_at": st.none() | st.floats(0, 1.2),
    }
)


@pytest.fixture(scope="module")
def homes(template, tmp_path_factory):
    """A home for each length, that knows where the model can be had."""
    made = {}
    for size, content in CONTENTS.items():
        house = Household(tmp_path_factory.mktemp("known"), template)
        house.knows(content, CIVITAI, HUGGINGFACE)
        made[size] = house.home
    return made


@settings(max_examples=RUNS, suppress_health_check=list(HealthCheck))
@given(size=st.sampled_from(sorted(CONTENTS)), runs=st.lists(run, min_size=1, max_size=3))
def test_the_right_bytes_or_an_error_of_ours(homes, size, runs):
    content = CONTENTS[size]
    with TemporaryDirectory() as folder:
        house = Household(Path(folder), homes[size])
        house.promise(content)
        for step in runs:
            code = live(house, content, step)
            assert code in {0, REFUSED} or (code < 0 and step["kill_at"] is not None)
            house.look_back()
        assert live(house, content, WELL) == 0, (house.home / "refused.txt").read_text()
        house.look_back()
        (blob,) = {path for path in house.final_files() if "blobs" in path.parts}
        assert blob.read_bytes() == content
        assert not list((house.home / "partial").glob("*.part")), "nothing unfinished is left"


WELL = {
    "hub": [{}],
    "troubles": (),
    "mirror": None,
    "redirects": False,
    "swapped": False,
    "kill_at": None,
}


def live(house, content, step):
    """One run against servers with these faults; says how the process ended."""
    at = None if step["kill_at"] is None else int(step["kill_at"] * len(content)) + 1
    life = Life(at)
    with (
        ModelServer(sent=life.hears()) as hub,
        ModelServer(sent=life.hears()) as storage,
        ModelServer(sent=life.hears()) as mirror,
    ):
        served = content[::-1] if step["swapped"] else content
        there = {"script": step["hub"], "troubles": step["troubles"]}
        if step["redirects"]:
            signed = storage.serve("signed", served, **there)
            hub.serve(AT_CIVITAI, b"", redirect=f"{signed}?X-Amz-Signature=cafe")
        else:
            hub.serve(AT_CIVITAI, served, **there)
        if step["mirror"] is not None:
            mirror.serve(AT_HUGGINGFACE, content, script=step["mirror"])
        known = {
            "civitai": hub.address,
            "huggingface": mirror.address,
            "token": TOKEN,
            "ui": str(house.ui),
        }
        code = life.live(house.home, known, HASTY)
        no_token_at([storage, mirror])
    assert code != CRASHED, "an error that is not ours; it stands on stderr"
    told = house.home / "refused.txt"
    assert not told.exists() or TOKEN not in told.read_text()
    return code


def test_the_leftovers_of_a_killed_life_are_those_of_a_part(homes):
    size = 17 * MIB
    with TemporaryDirectory() as folder:
        house = Household(Path(folder), homes[size])
        house.promise(CONTENTS[size])

        code = live(house, CONTENTS[size], WELL | {"kill_at": 0.7})

        assert code < 0
        assert house.final_files() == []
        left = {path.suffix for path in (house.home / "partial").glob("[!.]*")}
        assert left <= {".part", ".journal", ".lock", ".tmp"}
        shutil.rmtree(house.home)
