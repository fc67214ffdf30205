"""What one run leaves, the next one continues: across processes, sources, kills and lies."""

import contextlib
import hashlib
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from registry.domain.progress import Progress
from registry.errors import ConnectionLost, InUse
from registry.transfer.download import Expectation
from registry.transfer.journal import Journal
from registry.transfer.partial import Part
from tests.servers.model_server import Trouble
from tests.transfer.bench import download, some_bytes

MIB = 1024 * 1024
LARGE = some_bytes(24 * MIB)
PIECE = 4 * MIB


def leave_a_part(server, bench, *, known=True, cut_at=14 * MIB, **manners):
    """Fetch the first pieces of LARGE, then lose the server."""
    url = server.serve("model", LARGE, cut_at=cut_at, troubles=(Trouble(500, after=1),), **manners)
    with pytest.raises(ConnectionLost):
        bench.fetch(url, content=LARGE if known else None, attempts_without_progress=2)
    server.change("model", troubles=(), cut_at=None)
    server.requests.clear()
    return url, server.sent_bytes("model")


def test_a_second_run_fetches_only_what_is_missing(server, bench):
    url, sent = leave_a_part(server, bench)

    fetched = bench.fetch(url, content=LARGE)

    assert fetched.path.read_bytes() == LARGE
    assert fetched.fetched_bytes == len(LARGE) - 3 * PIECE
    assert server.sent_bytes("model") - sent == len(LARGE) - 3 * PIECE
    assert server.requests[0].headers["if-range"] == '"v1"'
    assert bench.heard.begun[-1] == ("model.safetensors", len(LARGE), 3 * PIECE)


def test_an_unknown_file_is_continued_by_its_strong_etag(server, bench):
    url, _ = leave_a_part(server, bench, known=False)

    fetched = bench.fetch(url)

    assert fetched.path.read_bytes() == LARGE
    assert fetched.fetched_bytes == len(LARGE) - 3 * PIECE


def test_another_source_continues_what_one_began_when_the_hash_is_known(
    server, other_server, bench
):
    leave_a_part(server, bench)
    other = other_server.serve("mirror", LARGE, etag='"another"')

    fetched = bench.fetch(other, content=LARGE)

    assert fetched.path.read_bytes() == LARGE
    assert other_server.sent_bytes("mirror") == len(LARGE) - 3 * PIECE
    assert "if-range" not in other_server.requests[0].headers


def test_another_source_begins_anew_when_nothing_proves_the_file(server, other_server, bench):
    leave_a_part(server, bench, known=False)
    other = other_server.serve("mirror", LARGE)

    fetched = bench.fetch(other)

    assert fetched.fetched_bytes == len(LARGE)


def test_a_file_that_changed_meanwhile_begins_anew_in_place(server, bench):
    url, _ = leave_a_part(server, bench, known=False)
    new = some_bytes(20 * MIB, seed=5)
    server.change("model", new, etag='"v2"')

    fetched = bench.fetch(url)

    assert fetched.path.read_bytes() == new
    assert len(server.requests) == 1, "the answer with the new file was used as it came"


def test_a_file_of_another_length_begins_anew(server, bench):
    url, _ = leave_a_part(server, bench)
    new = some_bytes(20 * MIB, seed=5)
    server.change("model", new)

    assert bench.fetch(url, content=new).path.read_bytes() == new


def test_a_range_behind_the_end_means_another_file(server, bench):
    url, _ = leave_a_part(server, bench, known=False)
    server.change("model", LARGE[: 5 * MIB])

    assert bench.fetch(url).path.read_bytes() == LARGE[: 5 * MIB]


def test_a_finished_part_needs_no_request(server, bench):
    url = server.serve("model", LARGE)
    bench.fetch(url, content=LARGE)
    server.requests.clear()

    fetched = bench.fetch(url, content=LARGE)

    assert server.requests == []
    assert fetched.fetched_bytes == 0
    assert fetched.hashes.sha256 == hashlib.sha256(LARGE).hexdigest()


def test_a_journal_holds_no_secret(server, bench):
    url = server.serve("model", LARGE, cut_at=14 * MIB, troubles=(Trouble(500, after=1),))
    secretive = url.replace("://", "://me:ours@") + "?token=in-the-url&X-Amz-Signature=cafe"

    with pytest.raises(ConnectionLost) as caught:
        bench.fetch(secretive, token="in-the-header", attempts_without_progress=2)

    told = (bench.folder / "part.journal").read_text() + str(caught.value) + repr(bench.heard.lines)
    assert not re.search("in-the|ours|cafe", told)


def test_unfinished_downloads_are_listed_and_can_be_dropped(server, bench):
    leave_a_part(server, bench)
    downloader = bench.downloader()

    (one,) = downloader.unfinished()
    assert (one.key, one.size_bytes, one.done_bytes) == ("part", len(LARGE), 3 * PIECE)
    assert one.file_name == "model.safetensors"

    downloader.discard("part")
    assert downloader.unfinished() == ()
    assert not (bench.folder / "part.part").exists()


@pytest.mark.parametrize("key", ["", "../x", "a/b", ".hidden", "a b", "x" * 200])
def test_a_key_that_could_be_a_path_is_a_mistake(bench, key):
    with pytest.raises(ValueError, match="cannot name a part"):
        bench.downloader().discard(key)


CHILD = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tests.transfer.bench import Bench, Heard
class Loud(Heard):
    def say(self, message):
        print(message, flush=True)
bench = Bench(Path(sys.argv[2]))
bench.heard = Loud()
from registry.domain.hashes import Hashes
print("begins", flush=True)
fetched = bench.fetch(sys.argv[1], hashes=Hashes.of("sha256:" + sys.argv[3]), durable=True)
print("done", fetched.fetched_bytes, flush=True)
"""


def child(url, folder):
    digest = hashlib.sha256(LARGE).hexdigest()
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, url, str(folder), digest],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_second_process_finds_the_finished_part(server, bench):
    url = server.serve("model", LARGE, rate=30 * MIB)
    with child(url, bench.folder) as first, child(url, bench.folder) as second:
        told = [first.stdout.read(), second.stdout.read()]

    counts = sorted(int(re.search(r"done (\d+)", text)[1]) for text in told)
    assert counts == [0, len(LARGE)]


def test_a_wait_for_another_process_has_an_end(bench):
    downloader = bench.downloader(lock_wait_s=0.0)
    held, release = threading.Event(), threading.Event()

    def hold():
        with bench.downloader().claim("part", Progress()):
            held.set()
            release.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(10)
    try:
        with pytest.raises(InUse):
            downloader.discard("part")
    finally:
        release.set()
        holder.join()


def test_a_claim_within_a_claim_keeps_others_out_until_the_outer_one_ends(bench):
    downloader, other = bench.downloader(), bench.downloader(lock_wait_s=0.0)

    def is_free():
        with ThreadPoolExecutor(1) as elsewhere:
            error = elsewhere.submit(other.discard, "part").exception()
        assert error is None or isinstance(error, InUse)
        return error is None

    with downloader.claim("part", bench.heard):
        with downloader.claim("part", bench.heard):
            assert not is_free()
        assert not is_free()
    assert is_free()


def test_a_short_file_that_breaks_off_goes_on_where_it_broke(server, bench):
    content = LARGE[:300_000]
    url = server.serve("model", content, cut_at=100_000, cuts=1)

    fetched = bench.fetch(url, content=content)

    assert fetched.path.read_bytes() == content
    assert fetched.fetched_bytes == len(content)
    assert server.requests[1].range == (100_000, 299_999)


def test_a_part_that_was_taken_away_is_fetched_again(server, bench):
    url = server.serve("model", LARGE)
    bench.fetch(url, content=LARGE).path.unlink()

    assert bench.fetch(url, content=LARGE).path.read_bytes() == LARGE


def test_nothing_is_left_when_the_part_was_taken_away(server, bench):
    url = server.serve("model", LARGE)
    downloader = bench.downloader()

    with downloader.claim("part", bench.heard):
        bench.fetch(url, content=LARGE, key="other")
        taken = downloader.fetch(
            download(url),
            Expectation(len(LARGE)),
            key="part",
            relocate=None,
            progress=bench.heard,
        )
        taken.path.rename(bench.folder / "taken")

    names = sorted(path.name for path in bench.folder.glob("[!.]*"))
    assert names == ["other.journal", "other.lock", "other.part", "taken"]


def test_many_threads_that_want_one_file_fetch_it_once(server, bench):
    url = server.serve("model", LARGE)
    counts = []

    def want():
        counts.append(bench.fetch(url, content=LARGE).fetched_bytes)

    threads = [threading.Thread(target=want) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(counts) == [0, 0, 0, len(LARGE)]


def test_a_journal_of_another_time_is_left_alone(tmp_path):
    with contextlib.closing(Part(tmp_path, "part", durable=True)) as part:
        part.save(Journal("civitai:66", "m", 10))
        text = (tmp_path / "part.journal").read_text().replace('"version": 1', '"version": 9')
        (tmp_path / "part.journal").write_text(text)

        assert part.journal() is None
