"""Faults on top of each other: the right bytes, or an error of ours; never anything else."""

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry.errors import SdregError
from tests.servers.model_server import ModelServer, Trouble
from tests.transfer.bench import Bench, some_bytes

KIB, MIB = 1024, 1024 * 1024
CONTENTS = {size: some_bytes(size, seed=size) for size in (1, 70 * KIB, 5 * MIB, 17 * MIB)}

troubles = st.lists(
    st.builds(
        Trouble,
        status=st.sampled_from([401, 403, 404, 410, 416, 429, 500, 503]),
        body=st.sampled_from([b"", b"<html><title>no</title>", b'{"error":"no"}']),
        headers=st.sampled_from([{}, {"Retry-After": "0"}]),
        after=st.integers(0, 5),
        times=st.integers(1, 2),
    ),
    max_size=2,
).map(tuple)

manners = st.fixed_dictionaries(
    {},
    optional={
        "etag": st.sampled_from([None, '"v1"', 'W/"v1"', lambda count: f'"v{count // 4}"']),
        "ranges": st.booleans(),
        "if_range": st.booleans(),
        "total_said": st.sampled_from(["*", 12345]),
        "begin_shift": st.sampled_from([0, 1]),
        "body_shift": st.sampled_from([0, 5]),
        "length_said": st.sampled_from(["", 0, -1, 1000, 10**18]),
        "more": st.sampled_from([b"", b"more"]),
        "cut_at": st.integers(0, 17 * MIB),
        "cuts": st.integers(1, 3),
        "drop_every": st.sampled_from([60 * KIB, MIB, 5 * MIB]),
        "reset": st.booleans(),
        "chunked": st.booleans(),
        "encode": st.booleans(),
        "multipart": st.booleans(),
        "http10": st.booleans(),
        "content_type": st.sampled_from(["text/html", "application/json", "x/y"]),
        "troubles": troubles,
    },
)

RUNS = int(os.environ.get("SDREG_FAULT_RUNS", "25"))  # noqa: TID251 -- more runs by hand


@settings(max_examples=RUNS, suppress_health_check=list(HealthCheck))
@given(first=manners, second=manners, size=st.sampled_from(sorted(CONTENTS)), swap=st.booleans())
def test_the_right_bytes_or_an_error_of_ours(first, second, size, swap):
    content = CONTENTS[size]
    with tempfile.TemporaryDirectory() as folder, ModelServer() as server:
        bench = Bench(Path(folder) / "parts")
        bench.options |= {"stall_timeout_s": 1.0, "first_wait_s": 0.001, "longest_wait_s": 0.01}
        for way in (first, second, {}):
            url = server.serve("model", content[::-1] if swap and way is first else content, **way)
            with contextlib.suppress(SdregError) if way else contextlib.nullcontext():
                fetched = bench.fetch(url, content=content, hub="civitai")
                measured = hashlib.sha256(fetched.path.read_bytes()).hexdigest()
                assert measured == fetched.hashes.sha256
        bench.close()
        assert fetched.hashes.sha256 == hashlib.sha256(content).hexdigest()
