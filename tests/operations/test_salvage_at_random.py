"""Damage, deaths and lies of one source at random: as long as another is good, the file arrives."""

import hashlib
import os
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry.domain.hashes import Hashes
from registry.domain.progress import Progress
from registry.domain.reference import UrlRef
from registry.domain.source import Source
from registry.operations.obtain import obtain
from registry.transfer.download import Downloader, TransferOptions
from tests.factories import make_file
from tests.servers.model_server import ModelServer, Trouble
from tests.servers.unreliable import Unreliable
from tests.transfer.bench import some_bytes

KIB, MIB = 1024, 1024 * 1024
CONTENT = some_bytes(17 * MIB)
QUICK = TransferOptions(first_wait_s=0.001, longest_wait_s=0.01, stall_timeout_s=1.0, durable=False)

flips = st.dictionaries(
    st.integers(0, len(CONTENT) - 1),
    st.sampled_from([None, frozenset({1}), frozenset({2})]),
    max_size=4,
)
manners = st.fixed_dictionaries(
    {},
    optional={
        "ranges": st.booleans(),
        "etag": st.sampled_from([None, '"v1"', 'W/"v1"', lambda count: f'"v{count // 3}"']),
        "body_shift": st.sampled_from([0, 5]),
        "begin_shift": st.sampled_from([0, 1]),
        "total_said": st.sampled_from(["*", 12345]),
        "cut_at": st.integers(0, len(CONTENT)),
        "drop_every": st.sampled_from([900 * KIB, 5 * MIB]),
        "chunked": st.booleans(),
        "troubles": st.builds(
            Trouble, status=st.sampled_from([403, 404, 429, 500]), after=st.integers(0, 4)
        ).map(lambda trouble: (trouble,)),
    },
)
RUNS = int(os.environ.get("SDREG_FAULT_RUNS", "12"))  # noqa: TID251 -- more runs by hand


@settings(max_examples=RUNS, suppress_health_check=list(HealthCheck))
@given(bad=manners, damage=flips, alike=st.booleans(), bad_first=st.booleans())
def test_the_right_bytes_arrive_as_long_as_one_source_has_them(
    rooms, bad, damage, alike, bad_first
):
    with ModelServer() as one, ModelServer() as two:
        urls = [
            one.serve("model", Unreliable(CONTENT, damage, alike=alike), **bad),
            two.serve("model", CONTENT),
        ]
        for url in urls:
            rooms.hubs["direct"].find(UrlRef(url))
        ordered = urls if bad_first else urls[::-1]
        file = make_file(
            name="model.bin",
            size_bytes=len(CONTENT),
            hashes=Hashes.of(f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"),
            sources=tuple(Source("direct", url=url) for url in ordered),
        )
        downloader = Downloader(QUICK, rooms.home / "partial")

        obtained = obtain(file, replace(rooms, downloader=downloader), Progress())

        assert obtained.proven
        assert obtained.fetched.path.read_bytes() == CONTENT
        assert obtained.fetched.hashes.sha256 == file.hashes.sha256
        obtained.fetched.path.unlink()
        downloader.close()
        assert two.sent_bytes("model") <= 3 * len(CONTENT)
        for path in rooms.store.quarantined():
            path.unlink()
